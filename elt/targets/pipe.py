"""The command `elt-target-duckdb`: importing singer-sdk takes a while."""

from __future__ import annotations

import sys

INTERRUPTED_EXIT_CODE = 130


def main() -> None:
    """Run the program. Ctrl-C before it has begun ends it, with nothing to say."""
    try:
        from elt.targets.singer_target import main as run_target  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)
    run_target()


if __name__ == "__main__":
    main()
