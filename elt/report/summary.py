"""How a run ended: a table of what ran, and below it what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TextIO, get_args

from rich.console import Group
from rich.padding import Padding
from rich.text import Text

from elt.events import AssetFinished, Status
from elt.report import clean, figures, marks, screen
from elt.report.alike import common_words, group_name, names, together
from elt.report.endings import left_out, run_ending
from elt.report.tables import Cell, Column, Styled, print_table
from elt.report.tally import StepTally, Tally

# A step with more assets than this shows only those that did not end as `done`.
ASSETS_SHOWN = 12
_NAMED = 3  # streams of those that are shown in one line
_ORDER = get_args(Status)
_TROUBLE = ("failed", "stopped", "warned")
# Told together, with the way out: one cause stands for all of them.
_NOT_DONE = {
    "skipped": "",
    "interrupted": "What was committed is kept; `elt retry` goes on from there",
}
_LEFT = ("failed", "stopped", "skipped", "interrupted")
_COLUMNS = (
    Column("what ran"),
    Column("status", status=True),
    Column("rows", right=True),
    Column("rejects", right=True),
    Column("time", right=True),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing to look at, and the command that shows `more`."""

    name: str
    status: str
    message: str
    hint: str = ""
    more: str = ""
    owner: str = ""


def print_summary(
    tally: Tally,
    stream: TextIO,
    *,
    hints: Mapping[str, str] | None = None,
    owners: Mapping[str, str] | None = None,
    width: int | None = None,
) -> None:
    """Write the table, what to look at, and a line that sums it up.

    Where something is left to do, a last line says how to go on.

    `hints` are the ways out, by asset, where they are not the step's own, and `owners`
    who looks after an asset.
    """
    rows = [row for step in tally.steps.values() for row in _step_rows(step)]
    stream.write("\n")
    print_table(_COLUMNS, rows, stream=stream, width=width)
    trouble = list(_trouble(tally, hints or {}, owners or {}))
    _print_trouble(trouble, stream, width)
    stream.write(
        f"\n{_last_line(tally, clean.encoding(stream))}\n{_way_on(tally, hints or {})}"
    )
    stream.flush()


def _step_rows(step: StepTally) -> Iterable[tuple[Cell, ...]]:
    results = list(step.results.values())
    if len(results) == 1:
        took = step.finished.seconds if step.finished else results[0].seconds
        yield _row(results[0].asset, replace(results[0], seconds=took))
        return
    if step.finished is None and not results:
        yield (Styled(step.id, "bold"), "skipped", None, None, None)
        return
    status = step.finished.status if step.finished else "interrupted"
    seconds = figures.duration(step.finished.seconds) if step.finished else None
    # The rows of models are not of one kind: their sum says nothing.
    rows = step.rows if step.id.startswith("tap:") else None
    yield (Styled(step.id, "bold"), status, rows, step.rejects or None, seconds)
    shown, summed = _split(results)
    groups = together(shown) if len(shown) > ASSETS_SHOWN else [[r] for r in shown]
    for group in groups:
        if len(group) == 1:
            yield _row(f"  {group[0].asset}", group[0])
        else:
            yield _summed_row(group, named=True)
    if summed:
        yield _summed_row(summed)


def _split(
    results: list[AssetFinished],
) -> tuple[list[AssetFinished], list[AssetFinished]]:
    """Part what gets a line of its own from what is only counted.

    A passing test is a count; so are good assets when there are very many.
    """
    tests = [r for r in results if r.status == "done" and r.asset.startswith("test:")]
    others = [r for r in results if r not in tests]
    if len(others) <= ASSETS_SHOWN:
        return others, tests
    return (
        [r for r in others if r.status != "done"],
        [r for r in results if r.status == "done"],
    )


def _summed_row(
    results: list[AssetFinished], *, named: bool = False
) -> tuple[Cell, ...]:
    kinds = Counter(r.asset.partition(":")[0] for r in results)
    what = ", ".join(figures.counted(n, kind) for kind, n in kinds.items())
    what += f": {names(results, most=_NAMED)}" if named else ""
    rows = [r.rows for r in results if r.rows is not None]
    # Streams of a tap are read in one go: nobody knows the time of each.
    took = sum(r.seconds for r in results if not r.asset.startswith("stream:"))
    seconds = figures.duration(took) if took else None
    return (f"  {what}", results[0].status, sum(rows) if rows else None, None, seconds)


def _row(name: str, result: AssetFinished) -> tuple[Cell, ...]:
    seconds = figures.duration(result.seconds) if result.seconds else None
    return (name, result.status, result.rows, result.rejects or None, seconds)


def _print_trouble(trouble: list[Trouble], stream: TextIO, width: int | None) -> None:
    if not trouble:
        return
    encoding = clean.encoding(stream)
    blocks: list[Text | Padding] = [Text("\nWhat to look at", style="bold")]
    for each in trouble:
        colour = marks.colour(each.status)
        head = Text(f"{marks.mark(each.status, encoding)} ", style=colour)
        head.append(f"{each.name} {each.status}", style="default")
        blocks.append(head)
        blocks.extend(Padding(line, (0, 0, 0, 2)) for line in _details(each))
    screen.show(Group(*blocks), stream, width)


def _details(trouble: Trouble) -> Iterable[Text]:
    for line in clean.plain(trouble.message).strip().splitlines():
        yield Text(line)
    if trouble.hint:
        yield Text(f"hint: {clean.one_line(trouble.hint)}")
    if trouble.owner:
        yield Text(f"owner: {clean.one_line(trouble.owner)}")
    if trouble.more:
        yield Text(trouble.more, style="dim")


def _trouble(
    tally: Tally, hints: Mapping[str, str], owners: Mapping[str, str]
) -> Iterable[Trouble]:
    found = [
        trouble
        for step in tally.steps.values()
        for trouble in _step_trouble(step, tally.run, hints, owners)
    ]
    yield from sorted(found, key=lambda trouble: _TROUBLE.index(trouble.status))
    for status, hint in _NOT_DONE.items():
        reasons = Counter(
            (r.message, hints.get(r.asset) or hint)
            for r in tally.results()
            if r.status == status
        )
        for (reason, way), number in reasons.items():
            yield Trouble(figures.counted(number, "asset"), status, reason, way)


def _step_trouble(
    step: StepTally, run: str, hints: Mapping[str, str], owners: Mapping[str, str]
) -> Iterable[Trouble]:
    logs = f"elt logs {run or 'last'} {step.id}"
    end = step.finished
    troubled = [r for r in step.results.values() if r.status in _TROUBLE]
    alike = {(r.status, r.message) for r in troubled}
    of_tests = any(r.asset.startswith("test:") for r in troubled)
    same_end = end is not None and alike == {(end.status, end.message)} and not of_tests
    if end is not None and end.message and len(troubled) > 1 and same_end:
        owner = _owner(troubled, owners)
        yield Trouble(step.id, end.status, end.message, end.hint, logs, owner)
        return
    for group in together(troubled):
        each = group[0]
        same = end is not None and end.message == each.message
        more = logs
        if each.rejects and each.asset.startswith("stream:"):
            more = f"elt rejects list --run {run or 'last'}"
        hint = hints.get(each.asset) or (end.hint if end is not None and same else "")
        owner = _owner(group, owners)
        message = common_words(group) or _rejects(each)
        yield Trouble(group_name(group), each.status, message, hint, more, owner)
    if not troubled and end is not None and end.status in _TROUBLE:
        yield Trouble(step.id, end.status, end.message, end.hint, logs)


def _owner(results: Iterable[AssetFinished], owners: Mapping[str, str]) -> str:
    of_all = dict.fromkeys(owners.get(each.asset, "") for each in results)
    return ", ".join(filter(None, of_all))


def _rejects(result: AssetFinished) -> str:
    return figures.counted(result.rejects, "reject") if result.rejects else ""


def _last_line(tally: Tally, encoding: str) -> str:
    counts = Counter(r.status for r in tally.results())
    parts = ", ".join(f"{counts[s]} {s}" for s in _ORDER if counts[s])
    skipped = left_out(tally.results())
    parts += f" ({skipped})" if skipped else ""
    status = tally.finished.status if tally.finished else "interrupted"
    seconds = tally.finished.seconds if tally.finished else 0.0
    took = f" in {figures.duration(seconds)}" if seconds else ""
    summed = f": {parts}" if parts else ""
    ended = run_ending(status, tally.results())
    return f"{marks.mark(status, encoding)} run {tally.run} {ended}{took}{summed}"


def _way_on(tally: Tally, hints: Mapping[str, str]) -> str:
    """Say how to do what is left; with the run's id, for who reads this in the morning.

    A later run would be the one that `elt retry` means without it. What was skipped and
    has a way out of its own is held back: a retry alone would skip it again.
    """
    left = Counter(r.status for r in tally.results() if r.status in _LEFT)
    if not left or not tally.run:
        return ""
    skipped = (r.asset for r in tally.results() if r.status == "skipped")
    is_held = any(hints.get(asset) for asset in skipped)
    is_bad = is_held or left.keys() & {"failed", "stopped"}
    mended = "when that is mended, " if is_bad else ""
    number = left.total()
    those = "the asset that is" if number == 1 else f"the {number:,} assets that are"
    retry = f"`elt retry {tally.run}`"
    return f"hint: {mended}{retry} does {those} left, and nothing twice\n"
