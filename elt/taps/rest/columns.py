"""The columns that streams declare, in words; others become columns by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Column = dict[str, Any]
_WORDS: Mapping[str, Column] = {
    "text": {"type": ["string", "null"]},
    "whole": {"type": ["integer", "null"]},
    "float": {"type": ["number", "null"]},
    "flag": {"type": ["boolean", "null"]},
    "moment": {"type": ["string", "null"], "format": "date-time"},
    "table": {"type": ["object", "null"]},
    "list": {"type": ["array", "null"]},
}


def columns(text: str, more: Mapping[str, Column] | None = None) -> dict[str, Column]:
    """Read `name: word` pairs; `more` are words of one's own.

    A word with `!` is of a key, which is never null.
    """
    known = {**_WORDS, **(more or {})}
    words = text.replace(":", "").split()
    return {
        name: _column(known[word.removesuffix("!")], is_key=word.endswith("!"))
        for name, word in zip(words[::2], words[1::2], strict=True)
    }


def _column(column: Column, *, is_key: bool) -> Column:
    return {**column, "type": column["type"][0]} if is_key else column
