"""The bytes of Singer messages on their way out of a tap."""

from __future__ import annotations

import sys


def write(content: bytes) -> None:
    """Write to stdout behind what was written to it as text."""
    buffer = getattr(sys.stdout, "buffer", None)
    if buffer is None:
        sys.stdout.write(content.decode())
        return
    sys.stdout.flush()
    buffer.write(content)
    buffer.flush()
