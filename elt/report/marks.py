"""How each status looks: a mark and a colour beside its word, never instead of it."""

from __future__ import annotations

# Read by people who see no colour, by screen readers and by grep: the word is
# always there, the mark is for the eye that runs down a column.
_MARKS = {
    "done": ("✓", "+"),
    "warned": ("!", "!"),
    "failed": ("✗", "x"),
    "crashed": ("✗", "x"),
    "stopped": ("■", "#"),
    "skipped": ("-", "-"),
    "planned": ("○", "o"),
    "interrupted": ("/", "/"),
    "running": ("▸", ">"),
}
_COLOURS = {
    "done": "green",
    "warned": "yellow",
    "failed": "red",
    "crashed": "red",
    "stopped": "magenta",
    "skipped": "bright_black",
    "planned": "cyan",
    "interrupted": "yellow",
}


# How the words begin for what is all there but some rejects; see `endings`.
DONE_WITH = "done with"


def mark(status: str, encoding: str = "utf-8") -> str:
    nice, ascii_only = _MARKS.get(_word(status), ("?", "?"))
    return nice if encoding.lower().startswith("utf") else ascii_only


def colour(status: str) -> str:
    return _COLOURS.get(_word(status), "default")


def _word(status: str) -> str:
    return "warned" if status.startswith(DONE_WITH) else status
