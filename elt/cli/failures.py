"""How a command that failed says so: once, in words, with the way out.

An unexpected exception is a bug of ours. Its traceback goes to a file, without the
project's secrets, and to the terminal only with `ELT_DEBUG=1`.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from elt.errors import ConfigError, ConfigErrors, EltError
from elt.report.folds import disarmed

if TYPE_CHECKING:
    from elt.project.secrets import Secrets

# What typer raises for wrong arguments; it brings its own copy of click along.
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
USAGE_EXIT_CODE = 2
UNEXPECTED_EXIT_CODE = 1


def report(error: EltError) -> int:
    """Print what failed, where, and the hint; give the exit code."""
    errors = error.errors if isinstance(error, ConfigErrors) else (error,)
    _write("\n\n".join(_message(each) for each in errors))
    return error.exit_code


def report_usage(error: Exception) -> int:
    """Print typer's complaint in our words."""
    show = getattr(error, "format_message", error.__str__)
    what = str(show()).strip()
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "elt"
    if type(error).__name__ == "NoArgsIsHelpError":
        _write(what)  # the help itself
        return USAGE_EXIT_CODE
    what, hint = _parted(what, command)
    _write(_message(ConfigError(_sentence(what), hint=hint)))
    return USAGE_EXIT_CODE


def _parted(what: str, command: str) -> tuple[str, str]:
    """Part typer's sentence into what is wrong and the way out."""
    found = re.search(r"\s*(?:Did you mean (.+?)\?|\(Possible options: (.+?)\))$", what)
    if found:
        return what[: found.start()], "Did you mean " + _quoted(found[1] or found[2])
    if "-C" in what or "--project" in what:
        return what, "`-C DIR` stands before the command: `elt -C DIR run`"
    return what, f"`{command} --help` shows what it takes"


def report_unexpected(error: BaseException, folder: Path | None) -> int:
    """Save the traceback of a bug, and say where it is."""
    trace = "".join(traceback.format_exception(error))
    root = _root(folder)
    scrubbed = _scrubbed(trace, root)
    if os.environ.get("ELT_DEBUG") == "1":
        _write(scrubbed.rstrip())
    path = _save(scrubbed, root)
    what = _scrubbed(f"{type(error).__name__}: {error}".splitlines()[0], root)
    bug = EltError(
        f"this should not have happened: {what}",
        where=f"the traceback is in {path}" if path else None,
        hint="It is a bug of elt; please report it with that file"
        if path
        else "It is a bug of elt; `ELT_DEBUG=1` shows where",
    )
    _write(_message(bug))
    return UNEXPECTED_EXIT_CODE


def _message(error: EltError) -> str:
    lines = [f"{_painted('error:', '1;31')} {error.what}"]
    if error.where:
        lines += [f"  {line}" for line in error.where.splitlines()]
    if error.hint:
        lines += ["", f"{_painted('hint:', '1;36')} {error.hint}"]
    return "\n".join(lines)


def _quoted(names: str) -> str:
    return ", ".join(f"`{name.strip(chr(39))}`" for name in names.split(", ")) + "?"


def _sentence(text: str) -> str:
    text = text.replace("Value error, ", "").rstrip(".")
    first, rest = text[:1].lower(), text[1:]
    return re.sub(r"'([^']+)'", r"`\1`", first + rest)


def _write(text: str) -> None:
    if os.environ.get("GITHUB_ACTIONS") == "true":
        # An error quotes what a tap said, and GitHub's runner obeys some lines.
        text = "\n".join(disarmed(line) for line in text.splitlines())
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _painted(text: str, colour: str, environ: Mapping[str, str] = os.environ) -> str:
    plain = environ.get("NO_COLOR") or environ.get("TERM") == "dumb"
    if plain or not sys.stderr.isatty():
        return text
    return f"\033[{colour}m{text}\033[0m"


def _root(folder: Path | None) -> Path | None:
    from elt.project.load import find_root

    try:
        return find_root(folder or Path.cwd())
    except (EltError, OSError):
        return None


def _scrubbed(text: str, root: Path | None) -> str:
    """Strike out every secret of the project that can be resolved now."""
    if root is None:
        return text
    try:
        return _secrets(root).scrub(text)
    except Exception:  # noqa: BLE001  a broken project must not hide the first error
        return text


def _secrets(root: Path) -> Secrets:
    from elt.project.load import load_project
    from elt.project.secrets import Secrets

    secrets = Secrets(root)
    file = load_project(root).file
    configs = [table.config for table in file.taps.values()]
    configs += [table.config for table in file.destinations.values()]
    for config in configs:
        with suppress(EltError):  # a secret that is missing is in no text either
            secrets.resolve(config, "")
    return secrets


def _save(text: str, root: Path | None) -> Path | None:
    if root is None:
        return None
    path = root / ".elt" / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.log"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(f"{sys.argv}\n\n{text}", encoding="utf-8")
    except OSError:
        return None
    return path
