"""A Singer tap made of the `@stream` functions in a file.

    python -m elt.taps.functions plugins/tickets.py --config config.json --discover

Nothing heavy is imported: a tap of a few functions starts in a tenth of a second.
Records are written a page at a time (a thousand, or what came in five seconds).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from elt.errors import ConfigError, EltError
from elt.singer.catalog import PATTERNS, Stream, column_selected, selected_streams
from elt.singer.plugin_code import import_file
from elt.taps.bookmark import Bookmark
from elt.taps.records import Columns, Out
from elt.taps.streams import Record, StreamFunction, streams_in

PAGE_RECORDS = 1000
PAGE_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tap of the file that the first argument names."""
    parser = argparse.ArgumentParser(prog="python -m elt.taps.functions")
    parser.add_argument("path", type=Path, help="file with @stream functions")
    options, rest = parser.parse_known_args(arguments)
    stdout = claimed_stdout()
    try:
        module = import_file(options.path)
    except ConfigError as error:
        return _failed(error)
    return run_module(module, rest, stdout)


def claimed_stdout() -> int:
    """Take stdout for messages alone; what a plugin prints goes to stderr."""
    sys.stdout.flush()
    descriptor = os.dup(1)
    os.dup2(2, 1)
    return descriptor


def run_module(module: ModuleType, arguments: Sequence[str], stdout: int) -> int:
    """Run the tap of a module's streams with a tap's usual arguments.

    `stdout` is the descriptor that the messages go to.
    """
    options = _options(arguments)
    try:
        streams = _streams(module)
        if options.discover:
            text = json.dumps(catalog_of(streams), indent=2) + "\n"
            os.write(stdout, text.encode())
            return 0
        catalog = _read(options.catalog) if options.catalog else catalog_of(streams)
        state = _read(options.state)
        _sync(streams, catalog, (Out(stdout), _read(options.config), state))
    except BrokenPipeError:
        return 1  # the reader is gone
    except EltError as error:
        return _failed(error)
    except Exception:  # noqa: BLE001  the plugin's own; its author wants all of it
        traceback.print_exc()
        return 1
    return 0


def _streams(module: ModuleType) -> dict[str, StreamFunction]:
    streams = streams_in(module)
    if not streams:
        raise ConfigError(
            "there is no @stream function",
            where=module.__file__,
            hint="Write `from elt import stream`, and `@stream` above a function",
        )
    return streams


def catalog_of(streams: Mapping[str, StreamFunction]) -> dict[str, Any]:
    """Describe the streams; only declared columns are known before reading."""
    return {"streams": [_entry(stream) for stream in streams.values()]}


def _entry(stream: StreamFunction) -> dict[str, Any]:
    method = "INCREMENTAL" if stream.cursor else "FULL_TABLE"
    automatic = {*stream.key, stream.cursor}
    root = {
        "inclusion": "available",
        "selected-by-default": True,
        "table-key-properties": list(stream.key),
        "forced-replication-method": method,
        **({"valid-replication-keys": [stream.cursor]} if stream.cursor else {}),
    }
    columns = [
        {
            "breadcrumb": ["properties", name],
            "metadata": {
                "inclusion": "automatic" if name in automatic else "available"
            },
        }
        for name in stream.properties
    ]
    return {
        "tap_stream_id": stream.name,
        "stream": stream.name,
        "key_properties": list(stream.key),
        "replication_method": method,
        **({"replication_key": stream.cursor} if stream.cursor else {}),
        "schema": {
            "type": "object",
            "properties": dict(stream.properties),
            "additionalProperties": True,
        },
        "metadata": [{"breadcrumb": [], "metadata": root}, *columns],
    }


# Where the messages go, the tap's config, its state.
Given = tuple[Out, Mapping[str, Any], dict[str, Any]]


def _sync(
    streams: Mapping[str, StreamFunction], catalog: Mapping[str, Any], given: Given
) -> None:
    roots = {entry["tap_stream_id"]: _root(entry) for entry in catalog["streams"]}
    for chosen in selected_streams(catalog):
        if chosen.id not in streams:
            raise ConfigError(f"the tap has no stream `{chosen.id}`")
        keep = _keeper(chosen, roots[chosen.id])
        _sync_stream(streams[chosen.id], chosen, keep, given)


def _root(entry: Mapping[str, Any]) -> dict[str, Any]:
    for one in entry.get("metadata") or []:
        if not one["breadcrumb"]:
            return dict(one["metadata"])
    return {}


def _keeper(chosen: Stream, root: Mapping[str, Any]) -> Callable[[str], bool]:
    patterns = root.get(PATTERNS) or []
    always = {*chosen.key_properties, *chosen.columns, chosen.replication_key}
    known = set(chosen.schema.get("properties") or {})

    def keep(column: str) -> bool:
        if column in known or column in always:
            return column in always
        return column_selected(patterns, column)

    return keep


def _sync_stream(
    stream: StreamFunction, chosen: Stream, keep: Callable[[str], bool], given: Given
) -> None:
    out, config, state = given
    incremental = chosen.replication_method != "FULL_TABLE"
    cursor = chosen.replication_key if incremental else None
    in_order = stream.sorted and cursor == stream.cursor
    bookmark = Bookmark(stream.name, cursor, state, in_order=in_order)
    columns = Columns(stream.name, stream.properties, keep)

    def describe(*, at_the_end: bool = False) -> None:
        schema = columns.schema(at_the_end=at_the_end)
        out.schema(stream.name, schema, chosen.key_properties, cursor)

    described = False
    for page in _pages(stream.read(config, bookmark.since)):
        if columns.learn(page) or not described:
            describe()
            described = True
        out.records(stream.name, columns.chosen(page))
        bookmark.see(page)
        if in_order and bookmark.moved:
            out.state(bookmark.state())
    if columns.only_null() or not described:
        describe(at_the_end=True)
    if cursor:
        bookmark.finish()
        out.state(bookmark.state())


def _pages(found: Iterable[Any]) -> Iterator[list[Record]]:
    """Gather records into pages; what came before an exception is still given."""
    page: list[Record] = []
    started = time.monotonic()
    try:
        for one in found:
            page.extend(one if isinstance(one, list | tuple) else [one])
            now = time.monotonic()
            if len(page) >= PAGE_RECORDS or now - started > PAGE_SECONDS:
                yield page
                page, started = [], now
    except Exception:
        if page:
            yield page
        raise
    if page:
        yield page


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A Singer tap of @stream functions")
    parser.add_argument("--config", type=Path, help="settings, a JSON file")
    parser.add_argument("--discover", action="store_true", help="write the catalog")
    parser.add_argument("--catalog", type=Path, help="what to read, a JSON file")
    parser.add_argument("--state", type=Path, help="bookmarks of earlier runs")
    return parser.parse_args(arguments)


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        found = json.loads(path.read_bytes() or b"{}")
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    if not isinstance(found, dict):
        raise ConfigError("is not a JSON object", where=str(path))
    return found


def _failed(error: EltError) -> int:
    sys.stderr.write(f"error: {error}\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
