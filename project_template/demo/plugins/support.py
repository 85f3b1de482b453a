"""The help desk's tickets: a tap of your own in a few lines.

A function with `@stream` is a table, and this file is the tap `support`. It reads a
file that plays the help desk's API; with a real one, you would ask it for the tickets
that changed after `since`, and yield a page at a time just the same.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from elt import stream

PAGE = 100


@stream(key="id", cursor="updated_at")
def tickets(
    config: dict[str, Any], since: str | None
) -> Iterator[list[dict[str, Any]]]:
    """Every ticket, and again each time that it changes.

    `since` is the largest `updated_at` of earlier runs. Its own rows are read once
    more, because two tickets can change in the same second; the key makes them one.
    """
    lines = Path(config["path"]).read_text(encoding="utf-8").splitlines()
    changed = [
        ticket
        for ticket in map(json.loads, lines)
        if since is None or ticket["updated_at"] >= since
    ]
    for start in range(0, len(changed), PAGE):
        yield changed[start : start + PAGE]
