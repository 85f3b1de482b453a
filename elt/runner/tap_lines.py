"""What a tap writes on stderr, as events: what keeps us waiting is a warning."""

from __future__ import annotations

from elt.events import LogLine
from elt.singer.log_lines import said_of_a_wait, warned_of


def tap_line(step: str, tap: str, text: str, *, with_warnings: bool = False) -> LogLine:
    """Make the event of a line; views show warnings, and the run log all lines.

    What tells of a wait is a warning; `with_warnings`, so is what the tap calls one.
    """
    told = said_of_a_wait(text) or (warned_of(text) if with_warnings else "")
    if told:
        return LogLine(step=step, source=tap, level="warning", text=told)
    return LogLine(step=step, source=tap, level="info", text=text)
