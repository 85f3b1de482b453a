"""`python -m elt`, and the `elt` command itself."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from typing import NoReturn

try:
    from elt.cli.app import main as run_command_line
except KeyboardInterrupt:  # importing takes a moment, in which nothing has begun
    sys.exit(130)


def main() -> NoReturn:
    # dbt makes a million objects while it is imported and parses, and hardly any of
    # them is garbage: looking for it costs a tenth of a run (`benchmarks/run.py`).
    gc.set_threshold(100_000, 50, 1000)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has it ignored
            signal.signal(number, _leave)
    try:
        code = run_command_line(sys.argv[1:])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    # Taking dbt's modules down one by one costs 0.3 seconds and serves nobody.
    atexit._run_exitfuncs()  # noqa: SLF001  there is no public name for it
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _leave(number: int, _frame: object) -> None:
    """End what was started and delete files with secrets; a second signal kills."""
    signal.signal(number, signal.SIG_DFL)
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
