"""A run's result as Markdown, for the summary of a CI step: worst first, and capped."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple, get_args

from elt.events import Status
from elt.report import clean, figures, marks
from elt.report.endings import left_out
from elt.report.result import AssetResult, Result, StepResult
from elt.report.troubles import WORST_FIRST, Trouble, troubles

# GitHub refuses more than 1 MiB for a step, and nobody reads a tenth of that.
LIMIT_BYTES = 100_000
ROWS_SHOWN = 100
_MESSAGE_LETTERS = 2_000
# The last words, which say what was left out, have their place kept.
_RESERVED_BYTES = 300

_ORDER = (*WORST_FIRST, "skipped", "planned", "done")
_MARKUP = re.compile(r"[\\`*_\[\]<>|~@#&!]")


class _Row(NamedTuple):
    name: str
    status: str
    rows: int | None
    rejects: int
    seconds: float | None


def summary(result: Result, limit_bytes: int = LIMIT_BYTES) -> str:
    """Write the summary; what does not fit is only counted."""
    kept: list[str] = []
    size, left_out = _RESERVED_BYTES, 0
    for block in _blocks(result):
        size += len(block.encode()) + 2
        if size > limit_bytes:
            left_out += 1
        else:
            kept.append(block)
    if left_out:
        logs = f"elt logs {result.run or 'last'}"
        kept.append(f"There is more than fits here: <code>{_text(logs)}</code>")
    return "\n\n".join(kept) + "\n\n"


def _blocks(result: Result) -> Iterator[str]:
    name = f" <code>{_text(result.project)}</code>" if result.project else ""
    sign = marks.mark(result.status)
    yield f"## {sign} elt run{name}: {result.status}"
    yield _facts(result)
    found = troubles(result)
    yield from (_folded_trouble(each) for each in found[:ROWS_SHOWN])
    if len(found) > ROWS_SHOWN:
        yield f"+{len(found) - ROWS_SHOWN:,} more to look at"
    yield from _tables(result)


def _tables(result: Result) -> Iterator[str]:
    steps = [_row_of_step(step) for step in result.steps]
    if steps:
        yield _table("step", steps)
    assets = [_row_of_asset(asset) for asset in result.assets()]
    if assets:
        title = figures.counted(len(assets), "asset")
        yield _folded(title, _table("asset", assets))


def _facts(result: Result) -> str:
    counts = Counter(asset.status for asset in result.assets())
    parts = [f"{counts[s]:,} {s}" for s in get_args(Status) if counts[s]]
    parts += filter(None, [left_out(result.assets())])
    took = [f"in {figures.duration(result.seconds)}"] if result.seconds else []
    run = [f"run <code>{_text(result.run)}</code>"] if result.run else []
    environment = [f"environment <code>{_text(result.environment)}</code>"]
    code = [] if result.exit_code is None else [f"exit code {result.exit_code}"]
    message = [_text(result.message)] if result.message else []
    return "; ".join([*parts, *took, *run, *environment, *code, *message])


def _folded_trouble(trouble: Trouble) -> str:
    message = clean.plain(trouble.message).strip()
    first = message.partition("\n")[0][:200]
    sign = marks.mark(trouble.status)
    title = (
        f"{sign} <code>{_text(trouble.name)}</code> {trouble.status}: {_text(first)}"
    )
    told = html.escape(message[:_MESSAGE_LETTERS])
    place = ":".join(str(part) for part in (trouble.file, trouble.line) if part)
    parts = [f"<pre>{told}</pre>", f"<code>{_text(place)}</code>" if place else ""]
    parts.append(f"hint: {_text(trouble.hint)}" if trouble.hint else "")
    return _folded(title, "\n\n".join(filter(None, parts)))


def _folded(title: str, body: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n\n{body}\n\n</details>"


def _row_of_step(step: StepResult) -> _Row:
    rows = [a.rows for a in step.assets if a.rows is not None]
    # The rows of models are not of one kind: their sum says nothing.
    counted = sum(rows) if rows and step.kind != "dbt" else None
    rejects = sum(asset.rejects for asset in step.assets)
    return _Row(step.step, step.status or "skipped", counted, rejects, step.seconds)


def _row_of_asset(asset: AssetResult) -> _Row:
    return _Row(asset.asset, asset.status, asset.rows, asset.rejects, asset.seconds)


def _table(what: str, rows: Sequence[_Row]) -> str:
    in_order = sorted(rows, key=lambda row: _ORDER.index(row.status))
    lines = [f"| {what} | status | rows | rejects | time |", "|---|---|--:|--:|--:|"]
    lines += [_line(row) for row in in_order[:ROWS_SHOWN]]
    left_out = len(rows) - ROWS_SHOWN
    if left_out > 0:
        lines.append(f"| +{left_out:,} more | | | | |")
    return "\n".join(lines)


def _line(row: _Row) -> str:
    rows = "" if row.rows is None else figures.count(row.rows)
    rejects = figures.count(row.rejects) if row.rejects else ""
    took = figures.duration(row.seconds) if row.seconds else ""
    status = f"{marks.mark(row.status)} {row.status}"
    return (
        f"| <code>{_text(row.name)}</code> | {status} | {rows} | {rejects} | {took} |"
    )


def _text(text: str) -> str:
    """Write text so that Markdown and HTML take it as nothing but text."""
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", clean.one_line(text))
