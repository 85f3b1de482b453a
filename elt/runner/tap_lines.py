"""What a tap writes on stderr, as events: what keeps us waiting is a warning."""

from __future__ import annotations

from elt.events import LogLine
from elt.singer.log_lines import said_of_a_wait


def tap_line(step: str, tap: str, text: str) -> LogLine:
    """Make the event of a line; views show warnings, and the run log all lines."""
    if waits := said_of_a_wait(text):
        return LogLine(step=step, source=tap, level="warning", text=waits)
    return LogLine(step=step, source=tap, level="info", text=text)
