"""The name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 10


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Find the known name that looks most like this one, if any does."""
    known = {candidate.lower(): candidate for candidate in names}
    found = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return known[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """Ask about the nearest name, else list what there is; None for no names."""
    known = sorted(names)
    close = nearest(name, known)
    if close is not None:
        return f"Did you mean `{close}`?"
    return "There is " + some_of(known) if known else None


def which_of(names: Iterable[str]) -> str | None:
    """Ask which of a few that a word may mean; None for no names."""
    known = " or ".join(f"`{name}`" for name in sorted(names))
    return f"Did you mean {known}?" if known else None


def some_of(names: Iterable[str]) -> str:
    """List names, of many only the first and how many more there are."""
    known = list(names)
    if len(known) <= _MOST:
        return listed(known)
    return f"{listed(known[:_MOST])} and {len(known) - _MOST} more"


def listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
