"""The result document as JUnit XML, which GitLab, Jenkins and GitHub's actions read.

A step is a suite and its assets are the cases: a step's own failure and that of its
assets are one thing, and would be counted twice. A step without assets is its own case.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from elt.errors import EltError
from elt.report import clean, figures
from elt.report.result import AssetResult, Failure, Result, StepResult

# XML 1.0 has no way to write these, not even escaped: section 2.2.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    suite: str
    name: str
    status: str
    seconds: float = 0.0
    message: str = ""
    hint: str = ""
    error: str = ""
    rejects: int = 0
    file: str | None = None


def write_junit(result: Result, path: Path) -> None:
    """Write the file. Raises EltError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(junit(result))
    except OSError as error:
        raise EltError(
            f"the JUnit file cannot be written: {error.strerror}",
            where=str(path),
            hint="Name another place: `--junit FILE`",
        ) from error


def junit(result: Result) -> bytes:
    suites = [(step.step, _cases(step)) for step in result.steps]
    if result.errors:
        suites.append(("elt", [_failed(each) for each in result.errors]))
    root = ET.Element("testsuites", _attributes(_flat(suites)))
    root.set("name", _text(f"elt run {result.run}".rstrip()))
    root.set("time", f"{result.seconds:.3f}")
    for name, cases in suites:
        suite = ET.SubElement(root, "testsuite", _attributes(cases))
        suite.set("name", _text(name))
        suite.set("time", f"{sum(case.seconds for case in cases):.3f}")
        if result.started_at:
            suite.set("timestamp", result.started_at.partition("+")[0])
        for case in cases:
            _add_case(suite, case)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _flat(suites: Sequence[tuple[str, Sequence[_Case]]]) -> list[_Case]:
    return [case for _, cases in suites for case in cases]


def _cases(step: StepResult) -> list[_Case]:
    if step.assets:
        return [_case(step, asset) for asset in step.assets]
    # A run that ended before a step left nothing of it but its place in the plan.
    return [
        _Case(
            suite=step.step,
            name=step.step,
            status=step.status or "skipped",
            seconds=step.seconds or 0.0,
            message=step.message or "the run ended before it",
            hint=step.hint,
            error=step.error,
        )
    ]


def _case(step: StepResult, asset: AssetResult) -> _Case:
    return _Case(
        suite=step.step,
        name=asset.asset,
        status=asset.status,
        # The time of a lone asset is that of its step, which also starts a process.
        seconds=(len(step.assets) == 1 and step.seconds) or asset.seconds,
        message=asset.message,
        hint=asset.hint or (step.hint if asset.message == step.message else ""),
        error=asset.error,
        rejects=asset.rejects,
        file=asset.file,
    )


def _failed(failure: Failure) -> _Case:
    return _Case(
        suite="elt",
        name=failure.where.partition("  ")[0] or "elt run",
        status="failed",
        message=f"{failure.message}\n{failure.where}".strip(),
        hint=failure.hint,
        error=failure.error,
    )


def _attributes(cases: Sequence[_Case]) -> dict[str, str]:
    elements = [_element(case.status) for case in cases]
    return {
        "tests": str(len(cases)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "skipped": str(elements.count("skipped")),
    }


def _element(status: str) -> str:
    """Say how JUnit tells a status; it has no word for what only warns."""
    match status:
        case "done" | "warned":
            return ""
        case "skipped" | "planned":
            return "skipped"
        case "interrupted":
            return "error"
        case _:  # failed, stopped
            return "failure"


def _add_case(suite: ET.Element, case: _Case) -> None:
    element = ET.SubElement(
        suite,
        "testcase",
        classname=_text(case.suite),
        name=_text(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.file:
        element.set("file", _text(case.file))
    told = _told(case)
    name = _element(case.status)
    if name:
        answer = ET.SubElement(element, name, message=_text(_head(case)))
        if name != "skipped":
            answer.set("type", _text(case.error or case.status))
        answer.text = _text(told)
    elif case.status == "warned":
        ET.SubElement(element, "system-out").text = _text(told)


def _head(case: _Case) -> str:
    first = case.message.strip().partition("\n")[0]
    return f"{case.status}: {first}" if first else case.status


def _told(case: _Case) -> str:
    lines = [_head(case), *case.message.strip().splitlines()[1:]]
    if case.rejects:
        lines.append(figures.counted(case.rejects, "reject"))
    if case.hint:
        lines.append(f"hint: {case.hint}")
    return "\n".join(lines)


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", clean.plain(text))
