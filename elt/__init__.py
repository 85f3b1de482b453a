"""elt: taps to a warehouse, through dbt, into syncs, as one run.

What plugins import stands here by name and is loaded when it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elt.reverse.destination import destination
    from elt.taps.streams import stream

__all__ = ["destination", "stream"]

_HOMES = {"destination": "elt.reverse.destination", "stream": "elt.taps.streams"}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'elt' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
