"""`python -m elt`, and the `elt` command itself."""

from __future__ import annotations

import sys

from elt.cli.app import main as run_command_line


def main() -> None:
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
