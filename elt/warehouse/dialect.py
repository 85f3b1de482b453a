"""SQL text that is equal on every engine: names and literals."""

from __future__ import annotations


def quote(name: str) -> str:
    """Write an identifier so that any name, reserved or odd, is taken as it is."""
    return '"' + name.replace('"', '""') + '"'


def relation(schema: str, table: str) -> str:
    return f"{quote(schema)}.{quote(table)}"


def literal(text: str) -> str:
    """Write a string literal, for the places where SQL takes no parameter."""
    return "'" + text.replace("'", "''") + "'"
