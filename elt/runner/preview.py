"""The first records of a stream, read from its tap and loaded nowhere."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import msgspec

from elt.errors import ConfigError, EltError, Unavailable
from elt.events import Event, LogLine
from elt.project.nearest import did_you_mean
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.discovery import ask_for_catalog, config_of, program_of, selected_in
from elt.runner.loading import only
from elt.singer.about import fetch_about
from elt.singer.catalog import Stream, selected_streams
from elt.singer.diagnosis import Diagnosis, diagnose, last_said
from elt.singer.endings import ending_of
from elt.singer.messages import Message, decode, raw_json, read_chunks
from elt.singer.process import SAID, TapProcess, start_tap

_SILENCE_SECONDS = 120.0
_END_SECONDS = 60.0
_SIDE_BY_SIDE = 4
# With these a tap is tried, where it has such settings: who tries it waits for it.
_IMPATIENT = {"tries": 2, "timeout_seconds": 10, "longest_wait_seconds": 10}

Record = Mapping[str, str]  # a column's value as JSON text


@dataclass(frozen=True, slots=True)
class Preview:
    """The first records of a stream; `ended` tells that the tap had no more."""

    stream: Stream
    records: tuple[Record, ...] = ()
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What became of one try: of discovering (no stream), or of reading a stream.

    `was_tried` is False where the first streams failed for what is of all streams.
    """

    stream: str
    rows: int = 0
    error: EltError | None = None
    diagnosis: Diagnosis = field(default_factory=lambda: Diagnosis("unknown"))
    was_tried: bool = True


def known_tap(project: Project, tap: str) -> str:
    """Give the name again. Raises ConfigError, with the nearest one, for no tap."""
    if tap not in project.file.taps:
        raise ConfigError(
            f"there is no tap `{tap}`",
            where="elt.toml",
            hint=did_you_mean(tap, project.file.taps)
            or (None if project.file.taps else "Add one: `elt add tap NAME`"),
        )
    return tap


def chosen_streams(catalog: Mapping[str, Any], names: Sequence[str]) -> list[Stream]:
    """Give the selected streams of these ids or names; without any, all of them.

    Raises ConfigError for one that is not there, or is not selected.
    """
    selected = selected_streams(catalog)
    if not names:
        return selected
    every = {s["tap_stream_id"] for s in catalog.get("streams") or []}
    by_name = {name: s for s in selected for name in (s.name, s.id)}
    for name in names:
        if name not in by_name:
            there = name in every
            raise ConfigError(
                f"stream `{name}` is not selected" if there else f"no stream `{name}`",
                hint="Add it to `select`: `elt tap select TAP STREAM`"
                if there
                else did_you_mean(name, by_name.keys() | every),
            )
    return [by_name[name] for name in names]


def first_records(  # noqa: PLR0913  a stream of a tap of a project
    project: Project,
    tap: str,
    catalog: Mapping[str, Any],
    stream: Stream,
    *,
    secrets: Secrets,
    limit: int,
    on_line: Callable[[str], None] = lambda _: None,
    settings: Mapping[str, Any] | None = None,
) -> Preview:
    """Read a stream from its start until there are enough records, then stop the tap.

    `on_line` hears its stderr, without secrets; `settings` are laid over the tap's
    config. Raises the tap's error when it fails before.
    """
    records: list[Record] = []
    with (
        secrets.kept_out_of_errors(),
        start_tap(
            program_of(project, tap, secrets),
            {**config_of(project, tap, secrets, rows=True), **(settings or {})},
            catalog=only(catalog, {stream.id}),
            on_line=lambda text: on_line(secrets.scrub(text)),
        ) as process,
    ):
        messages = _messages(process)
        found = _records(messages, {stream.id, stream.name})
        records += itertools.islice(found, limit)
        if len(records) == limit:
            return Preview(stream, tuple(records))
        code = process.wait(_END_SECONDS)
        if code != 0:
            raise process.error(f"ended with exit code {code}")
    return Preview(stream, tuple(records), ended=True)


def probe(
    project: Project,
    tap: str,
    names: Sequence[str],
    secrets: Secrets,
    *,
    on_line: Callable[[str], None] = lambda _: None,
) -> Iterator[Probe]:
    """Try a tap: discover, then read one record of each stream, several at a time.

    A tap that comes with elt, or is made like those, is told to be impatient. When
    the first streams failed for what is of all streams, as where the source is away or
    does not know us, the others are not tried. `on_line` hears what the tap writes on
    stderr, without secrets.
    """

    def listen(event: Event) -> None:
        if isinstance(event, LogLine):
            on_line(secrets.scrub(event.text))

    try:
        settings = impatient(project, tap, secrets)
        known = ask_for_catalog(project, tap, secrets, listen=listen, settings=settings)
        catalog = selected_in(project, tap, known)
    except EltError as error:
        yield _failed("", error)
        return
    streams = chosen_streams(catalog, names)
    yield Probe("", rows=len(catalog.get("streams") or []))
    tried: list[Probe] = []

    def read_one(stream: Stream) -> Probe:
        try:
            seen = first_records(
                project,
                tap,
                catalog,
                stream,
                secrets=secrets,
                limit=1,
                on_line=on_line,
                settings=settings,
            )
        except EltError as error:
            return _failed(stream.id, error)
        return Probe(stream.id, rows=len(seen.records))

    def read(stream: Stream) -> Probe:
        if len(tried) >= _SIDE_BY_SIDE and all(map(_is_of_all_streams, tried)):
            return replace(tried[0], stream=stream.id, was_tried=False)
        tried.append(found := read_one(stream))
        return found

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        yield from pool.map(read, streams)


def impatient(project: Project, tap: str, secrets: Secrets) -> dict[str, Any]:
    """Give the settings with which a tap fails soon; none where it has no such."""
    if project.file.taps[tap].plugin is None:
        return {}  # of an unknown program nobody knows what else `--about` may do
    told = fetch_about(program_of(project, tap, secrets)).settings
    if "tries" not in (told.get("properties") or {}):
        return {}
    given = _IMPATIENT | config_of(project, tap, secrets)
    return {
        name: min(given[name], most) if _is_number(given[name]) else given[name]
        for name, most in _IMPATIENT.items()
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal)


def probe_exit_code(probes: Sequence[Probe]) -> int:
    """Give 0, 75 where only waiting helps, 2 where a person has to mend something."""
    failed = [probe for probe in probes if probe.error is not None]
    if not failed:
        return 0
    causes = {probe.diagnosis.cause for probe in failed}
    if all(_only_waiting_helps(probe) for probe in failed):
        return Unavailable.exit_code
    return EltError.exit_code if causes == {"unknown"} else ConfigError.exit_code


def _only_waiting_helps(probe: Probe) -> bool:
    known = probe.diagnosis.cause in {"network", "limit"}
    return known or isinstance(probe.error, Unavailable)


def _is_of_all_streams(probe: Probe) -> bool:
    known = probe.diagnosis.cause in {"credentials", "settings"}
    return probe.error is not None and (known or _only_waiting_helps(probe))


def _failed(stream: str, error: EltError) -> Probe:
    where = error.where or ""
    lines = [line.removeprefix("    ") for line in where.splitlines()]
    diagnosis = diagnose([error.what, *lines])
    if diagnosis.cause == "unknown" and isinstance(error, ConfigError):
        diagnosis = Diagnosis("settings", error.what)
    elif diagnosis.cause == "unknown":
        said = last_said(lines[1:]) if where.startswith(SAID) else error.what
        diagnosis = Diagnosis("unknown", said)
    return Probe(stream, error=error, diagnosis=diagnosis)


def _messages(process: TapProcess) -> Iterator[Message]:
    descriptor = process.stdout.fileno()
    for lines in read_chunks(descriptor, idle_timeout_seconds=_SILENCE_SECONDS):
        yield from map(decode, filter(bytes.strip, lines))


def _records(messages: Iterator[Message], names: set[str]) -> Iterator[Record]:
    for message in messages:
        if message.stream not in names:
            continue
        if message.type == "SCHEMA":
            _raise_where_unread(message)
        elif message.type == "RECORD":
            yield _fields(bytes(message.record))
        elif message.type == "BATCH":
            for uri in message.manifest or ():
                yield from map(_fields, _batch_lines(uri, message))


def _raise_where_unread(message: Message) -> None:
    """Raise what the tap tells of a stream that it skipped, or that failed."""
    ending = ending_of(message)
    if ending is None or ending.has_rows:
        return
    kind = Unavailable if ending.temporary else EltError
    raise kind(f"stream `{message.stream}` {ending.end}: {ending.why}")


def _fields(record: bytes) -> Record:
    try:
        fields = msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return {"(not an object)": record.decode("utf-8", "replace")}
    return {name: bytes(raw).decode("utf-8") for name, raw in fields.items()}


def _batch_lines(uri: str, message: Message) -> Iterator[bytes]:
    """Read a batch file: JSON lines as they are, anything else through DuckDB."""
    parsed = urlparse(uri)
    path = Path(unquote(parsed.path) if parsed.scheme else uri)
    encoding = raw_json(message.encoding) or {}
    if encoding.get("format") == "jsonl" and encoding.get("compression") != "zstd":
        with gzip.open(path) if _is_gzip(path) else path.open("rb") as lines:
            yield from lines
        return
    import duckdb

    reads = "read_json_objects" if encoding.get("format") == "jsonl" else "read_parquet"
    row = "json" if encoding.get("format") == "jsonl" else "to_json(r)"
    with suppress(OSError), duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT ({row})::VARCHAR FROM {reads}(?) AS r", [str(path)]
        )
        while one := found.fetchone():
            yield str(one[0]).encode()


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as start:
        return start.read(2) == b"\x1f\x8b"
