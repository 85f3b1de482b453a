"""Parts of a load are read by DuckDB: on the fast road, or value by value.

What is read is text, checked and cast exactly; nothing here knows of tables.
"""
