"""The measured part of docs/benchmarks.md; what people wrote around it stays."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from curve import Curve, write_csv, write_picture
from results import Result

DOCS = Path(__file__).parents[1] / "docs"
BEGIN = "<!-- Written by benchmarks/run.py --write from here to the end mark. -->"
END = "<!-- The end of what benchmarks/run.py writes. -->"
_TOOLS = (
    "elt-toolkit",
    "duckdb",
    "dbt-core",
    "dbt-duckdb",
    "singer-sdk",
    "msgspec",
    "typer",
)
_NOT_YET = (
    "Not measurable yet, because the tap does not exist: a Postgres table of a million"
    " rows."
)


def machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    tools = ", ".join(f"{name} {version(name)}" for name in _TOOLS)
    system = f"{platform.system()} {platform.release()} ({platform.machine()})"
    return (
        f"{os.cpu_count()} cores, {memory_gb:.0f} GB of memory, {system},"
        f" Python {platform.python_version()}; {tools}"
    )


def line(name: str, result: Result) -> str:
    """Tell a result on one line of a terminal."""
    parts = [
        f"{name:<13} {result.verdict:<8} {result.work}",
        result.against and f"against {result.against}",
        result.ours and f"elt {result.ours}",
        result.ratio and f"= {result.ratio}",
        result.must and f"must be {result.must}",
        result.note,
    ]
    return " | ".join(part for part in parts if part)


def write(
    results: Mapping[str, Sequence[Result]],
    *,
    command: str,
    asked: str,
    curves: Sequence[Curve],
    left_out: Sequence[str],
    docs: Path = DOCS,
) -> None:
    """Put the results between the marks of the page, and the curves beside it."""
    page = docs / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    measured = _measured(results, command=command, asked=asked, left_out=left_out)
    if curves:
        write_csv(docs / "benchmarks-memory.csv", curves)
        write_picture(docs / "pictures" / "memory.svg", curves)
    page.write_text(f"{before}{BEGIN}\n\n{measured}\n{END}{after}", encoding="utf-8")


def _measured(
    results: Mapping[str, Sequence[Result]],
    *,
    command: str,
    asked: str,
    left_out: Sequence[str],
) -> str:
    peers = list(results.get("peers", ()))
    own = [one for name, found in results.items() if name != "peers" for one in found]
    parts = [
        f"Measured on {datetime.now(UTC):%Y-%m-%d} in one run: {machine()}.",
        f"    {command}",
        asked,
        _table(own),
    ]
    if peers:
        parts += ["### Against what else one could take", _table(peers)]
    if left_out:
        names = ", ".join(f"`{name}`" for name in left_out)
        parts.append(f"Not measured in this run: {names}.")
    parts.append(_NOT_YET)
    return "\n\n".join(parts) + "\n"


def _table(results: Sequence[Result]) -> str:
    lines = [
        "| work | against | elt | ratio | must be | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {result.work} | {result.against} | {_ours(result)} | {result.ratio} |"
        f" {result.must} | {_word(result)} |"
        for result in results
    ]
    return "\n".join(lines)


def _ours(result: Result) -> str:
    return "; ".join(filter(None, [result.ours, result.note])).replace("|", "/")


def _word(result: Result) -> str:
    return "" if result.verdict == "shown" else f"**{result.verdict}**"
