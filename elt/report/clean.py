"""Text that came from elsewhere, made safe to show on a screen."""

from __future__ import annotations

import re
from typing import TextIO

# Escape sequences that programs write to colour their own output, or worse.
_ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Take out escape sequences and control characters: data never steers a screen.

    Line ends and tabs stay.
    """
    return _CONTROL.sub("", _ESCAPE.sub("", text))


def one_line(text: str) -> str:
    return " ".join(plain(text).split())


def cell(text: str) -> str:
    """Keep a value on one line and its spaces as they are."""
    return plain(text).replace("\n", " ").replace("\t", " ")


def encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"
