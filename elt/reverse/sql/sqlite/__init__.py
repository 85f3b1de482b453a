"""Tables in SQLite: what a file says of a table, values, and statements."""
