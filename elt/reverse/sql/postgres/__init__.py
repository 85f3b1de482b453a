"""Tables in Postgres: what is asked of its catalog, and the statements of a batch."""
