"""What was deleted for good, as the law may ask, is told by nobody.

So all objects are read again from time to time, with a new version; what has an older
version then is gone (Singer's ACTIVATE_VERSION). Between sweeps records have the
version of the last one.
"""

from __future__ import annotations

from datetime import timedelta

from elt.taps.rest.marks import milliseconds, moment_of
from elt.taps.rest.reading import Reading

_SWEPT_AT, _VERSION = "swept_at", "version"


def begin_sweep(every: timedelta | None, reading: Reading) -> bool:
    """Set the version of this reading; say whether it is to read everything."""
    if every is None or reading.has_end:
        return False
    memory = reading.marks.memory()
    swept_at = moment_of(memory.get(_SWEPT_AT))
    if swept_at is not None and swept_at + every > reading.until:
        reading.version = memory.get(_VERSION)
        return False
    reading.version = milliseconds(reading.until)
    return True


def end_sweep(reading: Reading) -> None:
    memory = reading.marks.memory()
    memory[_SWEPT_AT] = reading.until.isoformat()
    memory[_VERSION] = reading.version
    reading.is_whole = True
