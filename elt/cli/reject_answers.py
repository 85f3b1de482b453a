"""How `elt rejects` shows rejects, and writes them to a file."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from elt.cli.options import note, say
from elt.errors import ConfigError
from elt.report import figures
from elt.report.figures import local

if TYPE_CHECKING:
    from elt.runner.rejected import Answer
    from elt.warehouse.rejects import Cause, Reject

_LONGEST = 60


def print_causes(causes: Sequence[Cause]) -> None:
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("tap", spare=True),
            Column("stream"),
            Column("column", optional=True),
            Column("reason", give_way=True),
            Column("rejects", right=True),
            Column("first", optional=True, spare=True),
            Column("last", whole=True),
            Column("id", right=True),
            Column("for example"),
        ),
        [
            (
                cause.tap,
                cause.stream,
                cause.column,
                _reason(cause),
                cause.rejects,
                local(cause.first),
                local(cause.last),
                cause.example_id,
                line(cause.example or ""),
            )
            for cause in causes
        ],
    )


def print_rejects(rejects: Sequence[Reject]) -> None:
    from elt.report.tables import Column, print_table

    print_table(
        (
            Column("id", right=True),
            Column("tap", spare=True),
            Column("stream"),
            Column("column", optional=True),
            Column("value"),
            Column("reason", give_way=True),
            Column("run", spare=True),
            Column("when", whole=True),
        ),
        [
            (
                reject.id,
                reject.tap,
                reject.stream,
                reject.column,
                line(reject.value or reject.record),
                _reason(reject),
                reject.run,
                local(reject.rejected_at),
            )
            for reject in rejects
        ],
    )


def print_answers(answers: Sequence[Answer]) -> None:
    for answer in answers:
        done = answer.retried
        say(f"{answer.tap}.{answer.stream}: {counted(answer.rejects)}")
        lines = [
            (answer.rejects if answer.held else 0, f"not tried: {answer.held}"),
            (done.loaded, "loaded"),
            (done.again, "let go: the same record, or a later one of its key"),
            (done.filtered, "let go: the stream's `filter` keeps them out"),
            *((number, f"stale: {why}") for why, number in done.stale.items()),
            *((number, f"still rejected: {why}") for why, number in done.kept.items()),
        ]
        for number, what in lines:
            if number:
                say(f"{number:>8,}  {what}")
    if any(answer.retried.stale for answer in answers):
        note("`elt rejects drop --reason stale` drops those that are stale")


def write_to(path: Path, rejects: Sequence[Reject]) -> None:
    """Write rejects to a new file, one a line, before they are gone."""
    try:
        with path.open("x", encoding="utf-8") as file:
            for reject in rejects:
                file.write(json.dumps(asdict(reject), default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise ConfigError(
            "the file is there already", where=str(path), hint="Choose a new name"
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the file cannot be written: {error.strerror}", where=str(path)
        ) from None


def _reason(one: Cause | Reject) -> str:
    return f"stale: {one.stale} ({one.reason})" if one.stale else one.reason


def line(text: str) -> str:
    from elt.report.clean import one_line

    short = one_line(text)
    return short if len(short) <= _LONGEST else short[: _LONGEST - 3] + "..."


def pretty(record: str) -> str:
    import msgspec

    try:
        return msgspec.json.format(record, indent=2)
    except (msgspec.DecodeError, UnicodeError):
        return record


def counted(number: int) -> str:
    return figures.counted(number, "reject")
