"""What `elt tap` prints: a tap's streams as a tree, records, and how tries went."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from elt.cli.options import note, say
from elt.errors import ConfigError, Unavailable

if TYPE_CHECKING:
    from elt.project.settings import Project
    from elt.report.catalog import ShownColumn, ShownStream
    from elt.runner.catalog_changes import CatalogChange
    from elt.runner.preview import Preview, Probe
    from elt.singer.catalog import Stream

# A catalog of more lines is shown without columns, unless they are asked for.
_FEW_LINES = 200
# Values are cut to the first of these lengths with which a table fits the screen.
_ROOMS = (60, 30, 20)


def shown(
    project: Project, name: str, catalog: Mapping[str, Any], streams: Sequence[str]
) -> list[ShownStream]:
    from elt.project.nearest import did_you_mean
    from elt.report.catalog import ShownStream
    from elt.singer.catalog import selected_streams

    selected = {stream.id: stream for stream in selected_streams(catalog)}
    shown = []
    for entry in catalog.get("streams") or []:
        id_ = entry["tap_stream_id"]
        if streams and not {id_, entry.get("stream")} & set(streams):
            continue
        stream = selected.get(id_)
        columns = _columns(entry, stream)
        how = _how(project, name, stream) if stream else ""
        shown.append(ShownStream(id_, stream is not None, how, len(columns), columns))
    if streams and not shown:
        known = {entry["tap_stream_id"] for entry in catalog.get("streams") or []}
        raise ConfigError(
            f"no stream `{streams[0]}`", hint=did_you_mean(streams[0], known)
        )
    return shown


def _columns(entry: Mapping[str, Any], stream: Stream | None) -> list[ShownColumn]:
    from elt.report.catalog import ShownColumn
    from elt.targets.columns import columns_of

    chosen = set(stream.columns) if stream else set()
    keys = stream.key_properties if stream else tuple(entry.get("key_properties") or ())
    return [
        ShownColumn(
            column.property,
            column.type,
            column.property in chosen,
            column.property in keys,
        )
        for column in columns_of(entry.get("schema") or {})
    ]


def _how(project: Project, name: str, stream: Stream) -> str:
    from elt.runner.discovery import stream_settings
    from elt.targets.writing.modes import decide

    mode = decide(
        key=stream.key_properties,
        replication_method=stream.replication_method,
        table=stream_settings(project, name, stream),
    )
    reads = (stream.replication_method or "").lower().replace("_", " ")
    if stream.replication_key:
        reads += f" by {stream.replication_key}"
    return f"{mode.name} ({mode.reason}){f', {reads}' if reads else ''}"


def print_tree(name: str, shown: Sequence[ShownStream], *, with_columns: bool) -> None:
    from dataclasses import replace

    from elt.report.catalog import print_catalog

    lines = sum(1 + len(each.columns) for each in shown)
    if not with_columns and lines > _FEW_LINES:
        shown = [replace(each, columns=()) for each in shown]
        note(f"{lines:,} lines with columns: `--columns`, or name a stream\n")
    print_catalog(name, shown)


def print_json_lines(seen: Preview) -> None:
    for record in seen.records:
        pairs = ", ".join(
            f"{json.dumps(name, ensure_ascii=False)}: {value}"
            for name, value in record.items()
        )
        head = json.dumps({"stream": seen.stream.id}, ensure_ascii=False)[:-1]
        say(f'{head}, "record": {{{pairs}}}}}')


def print_preview(seen: Preview) -> None:
    """Draw records as a table where they fit, else one below the other."""
    from elt.report.figures import counted
    from elt.report.tables import Column, print_table

    found = counted(len(seen.records), "record")
    end = ", all there are" if seen.ended else ""
    note(f"{seen.stream.id}: {found}{end}")
    names = list(dict.fromkeys(name for record in seen.records for name in record))
    values = [[_value(record.get(name)) for name in names] for record in seen.records]
    room = next((room for room in _ROOMS if _fits(names, values, room)), None)
    if room and values:
        rows = [[_cut(value, room) for value in row] for row in values]
        print_table([Column(name) for name in names], rows)
    for number, row in enumerate(() if room else values, 1):
        note(f"record {number}")
        columns = (Column("column", whole=True), Column("value", give_way=True))
        cells = [_cut(value, _ROOMS[0]) for value in row]
        print_table(columns, list(zip(names, cells, strict=True)))
    say()


def _fits(names: Sequence[str], rows: Sequence[Sequence[str]], room: int) -> bool:
    from elt.report import screen

    widest = (
        max([len(name), *(min(len(row[n]), room) for row in rows)])
        for n, name in enumerate(names)
    )
    return sum(widest) + 2 * len(names) <= screen.width(sys.stdout)


def _value(text: str | None) -> str:
    """Show a text without its quotes, anything else as JSON writes it."""
    if text is None:
        return ""
    shown: str = json.loads(text) if text.startswith('"') else text
    return shown


def _cut(value: str, room: int) -> str:
    return value if len(value) <= room else value[: room - 1] + "…"


def print_changes(changes: Sequence[CatalogChange]) -> None:
    from elt.report.tables import Column, print_table

    columns = (
        Column("what"),
        Column("change"),
        Column("at the next run", give_way=True),
    )
    marks = {"added": "+", "removed": "-", "changed": "~"}
    print_table(
        columns,
        [
            (
                f"{marks[c.kind]} {c.stream}{f'.{c.column}' if c.column else ''}",
                c.what,
                c.follows,
            )
            for c in changes
        ],
    )


def print_probe(probe: Probe) -> None:
    """Say of a try that did that it did."""
    from elt.report.clean import encoding
    from elt.report.figures import counted
    from elt.report.marks import mark

    what = counted(probe.rows, "stream") if not probe.stream else "a record was read"
    if probe.stream and not probe.rows:
        what = "reached, and it has no records"
    subject = probe.stream or "discovery"
    say(f"{mark('done', encoding(sys.stdout))} {subject}: {what}")


def print_failed_probes(name: str, probes: Sequence[Probe]) -> None:
    """Say why tries failed: what several streams have in common, once."""
    from elt.singer.diagnosis import of_no_stream

    groups: dict[tuple[str, str], list[Probe]] = {}
    for probe in probes:
        if probe.error is not None:
            words = of_no_stream(_line(probe))
            groups.setdefault((probe.diagnosis.cause, words), []).append(probe)
    for (_, words), alike in groups.items():
        _print_group(name, alike, words if len(alike) > 1 else _line(alike[0]))


def _print_group(name: str, probes: Sequence[Probe], words: str) -> None:
    from elt.report.clean import encoding, one_line
    from elt.report.marks import mark

    first, sign = probes[0], mark("failed", encoding(sys.stdout))
    assert first.error is not None  # noqa: S101  of those that failed
    streams = ", ".join(probe.stream for probe in probes) or "discovery"
    say(f"{sign} {streams}: {first.diagnosis.cause}")
    say(f"    {one_line(words)[:300]}")
    if untried := sum(not probe.was_tried for probe in probes):
        say(f"    {untried} of them were not tried: it was so for all before")
    say(f"    hint: {_remedy(name, first)}")


def _remedy(name: str, probe: Probe) -> str:
    if probe.error is not None and probe.error.hint:
        return probe.error.hint
    if probe.diagnosis.cause == "unknown" and isinstance(probe.error, Unavailable):
        return "The source may be well again soon: try it later"
    return probe.diagnosis.remedy.replace("NAME", name)


def _line(probe: Probe) -> str:
    assert probe.error is not None  # noqa: S101  of those that failed
    return probe.diagnosis.line or probe.error.what


def probe_document(name: str, probe: Probe) -> dict[str, Any]:
    error = probe.error
    return {
        "stream": probe.stream or None,
        "ok": error is None,
        "tried": probe.was_tried,
        "cause": None if error is None else probe.diagnosis.cause,
        "line": probe.diagnosis.line,
        "error": None if error is None else error.what,
        "where": None if error is None else error.where,
        "remedy": None if error is None else _remedy(name, probe),
    }
