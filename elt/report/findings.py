"""What `elt doctor` found, for people: a line each, and below it the way out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from elt.report.clean import encoding, one_line, plain
from elt.report.figures import counted
from elt.report.marks import mark
from elt.runner.upkeep.finding import Finding, Level

_SIGNS: dict[Level, str] = {
    "ok": "done",
    "note": "skipped",
    "warning": "warned",
    "problem": "failed",
}


def print_findings(findings: Iterable[Finding], stream: TextIO) -> None:
    """Write findings as they come, then how many of them ask for something."""
    written = encoding(stream)
    counts = {"problem": 0, "warning": 0}
    for found in findings:
        sign = mark(_SIGNS[found.level], written)
        level = "" if found.level == "ok" else f", {found.level}"
        stream.write(f"{sign} {found.area}{level}: {one_line(found.what)}\n")
        places = plain(found.where).splitlines()
        stream.writelines(f"    {place}\n" for place in places)
        if found.fix:
            stream.write(f"    fix: {one_line(found.fix)}\n")
        stream.flush()
        if found.level in counts:
            counts[found.level] += 1
    said = [counted(number, level) for level, number in counts.items() if number]
    stream.write(f"\n{', '.join(said) or 'All is well'}\n")
