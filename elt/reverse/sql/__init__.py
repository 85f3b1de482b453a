"""Syncs into tables: what the databases share, and a file of SQL for each of them.

A batch is one transaction; whoever writes a row first asks whether its key is there,
so that no row but the one with this key is ever changed.
"""
