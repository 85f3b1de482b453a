"""The lines of a file as they are, whatever bytes are in them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from elt.targets.reading.packing import unpacked

_BLANK = b" \t\r\n"


def lines_at(path: Path, compression: str, places: Collection[int]) -> dict[int, str]:
    """Give some lines by their place, counted from 1 among those that are not blank.

    Bytes that are no UTF-8 are shown as the replacement character.
    """
    wanted, found, place = set(places), dict[int, str](), 0
    with unpacked(path, compression) as file:
        for line in file:
            place += bool(line.strip(_BLANK))
            if place in wanted and place not in found:
                found[place] = line.rstrip(b"\r\n").decode("utf-8", "replace")
            if len(found) == len(wanted):
                break
    return found
