"""Runs the tap that an address names: `module:Class`, `module`, `file.py:Class`.

    python -m elt.taps.host elt.taps.files.tap:FilesTap --config config.json

A class is a singer-sdk Tap and gets its own command line; a module is a tap of
`@stream` functions. Nothing but the plugin's own code is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from elt.errors import ConfigError, EltError
from elt.singer.plugin_code import load_code
from elt.taps.functions import claimed_stdout, run_module


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tap of the first argument with the others."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0].startswith("-"):
        sys.stderr.write("usage: python -m elt.taps.host ADDRESS [tap's arguments]\n")
        return ConfigError.exit_code
    address, *rest = given
    try:
        found = load_code(address)
    except ConfigError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    if isinstance(found, ModuleType):
        return run_module(found, rest, claimed_stdout())
    return _run_class(found, address, rest)


def _run_class(found: object, address: str, arguments: Sequence[str]) -> int:
    command = getattr(found, "cli", None)
    if not callable(command):
        sys.stderr.write(f"error: `{address}` is not a singer-sdk Tap\n")
        return ConfigError.exit_code
    # The command reads sys.argv, and names itself by it in its messages.
    sys.argv = [str(getattr(found, "name", address)), *arguments]
    try:
        command()
    except EltError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
