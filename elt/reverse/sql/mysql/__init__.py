"""Tables in MySQL and MariaDB: what they say of a table, values, and statements."""
