"""The files tap: CSV, JSON lines and Parquet, plain or compressed, one file or many.

    python -m elt.taps.files --config config.json --discover

Each stream is a set of files. A run hands over what is new since the last: new files,
rewritten ones, and the new end of those that grew. Its replication method is called
INCREMENTAL; its state lists the files that were read, in place of a replication key.

- With a `key`, rows with the same key replace each other, whichever file they are in.
- Without one, the rows of a file that was rewritten replace that file's rows.
- FULL_TABLE, set in a catalog, reads all files every time.
- The rows of a file that is deleted stay.

A target that reads files itself sets `batch_config` and is told their names in BATCH
messages; it must take the rows of an earlier file of that name away where the message
says `replace`. Other targets get the rows as records, and cannot take rows away.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlparse

from singer_sdk import Stream, Tap
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.helpers.conform import TypeConformanceLevel

from elt.errors import ConfigError
from elt.taps.files.batches import BatchMessage, Handover, encoding_of, groups
from elt.taps.files.changes import (
    Change,
    Touched,
    changes,
    content_of,
    entry_of,
    is_unchanged,
    missing,
)
from elt.taps.files.copies import copy_as_utf8, copy_end, is_readable
from elt.taps.files.csv import Dialect, columns_of, dialect_of
from elt.taps.files.records import csv_records, json_records, parquet_records
from elt.taps.files.schema import FILE_PROPERTY, parquet_columns, schema_of_files
from elt.taps.files.settings import (
    CONFIG_SCHEMA,
    File,
    StreamSettings,
    check_names,
    files_of,
    settings_of,
)


class FileStream(Stream):
    """One stream of files."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    def __init__(
        self, tap: Tap, settings: StreamSettings, schema: dict[str, Any]
    ) -> None:
        super().__init__(tap, schema=schema, name=settings.name)
        self._settings = settings
        self.primary_keys = settings.key
        self.forced_replication_method = "INCREMENTAL"

    def get_records(self, context: Any) -> Iterable[dict[str, Any]]:  # noqa: ARG002
        """Read the rows themselves; a file is noted when its last row is taken."""
        with tempfile.TemporaryDirectory(prefix="elt-") as folder:
            for handover in self._handovers(Path(folder)):
                name = handover.change.file.name
                for record in self._rows(handover):
                    yield {**record, "_file": name}
                self._note([handover])
            self._note_missing()

    def get_batch_config(self, config: Mapping[str, Any]) -> Any:
        """Hand files over, unless their rows are to be changed on the way."""
        mapped = config.get("stream_maps") or config.get("flattening_enabled")
        return None if mapped else config.get("batch_config")

    def _sync_batches(self, batch_config: Any, context: Any = None) -> None:  # noqa: ARG002
        folder = _folder(batch_config)
        left_out = [
            name
            for name in self.effective_schema["properties"]
            if not self.mask["properties", name]
        ]
        for group in groups(self._handovers(folder), len(self._files)):
            message = BatchMessage(self.name, group, left_out)
            self._tap.write_message(message)
            # The target reads the files while their fingerprints are taken.
            self._note(group)
            self._write_state()
        self._note_missing()
        self._write_state()

    def _write_state(self) -> None:
        self.state_manager.is_flushed = False
        self._write_state_message()

    def _increment_stream_state(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: files are the bookmark, not the rows in them."""

    def _write_starting_replication_value(self, context: Any) -> None:
        """Do nothing, for the same reason."""

    @cached_property
    def _files(self) -> list[File]:
        return files_of(self._settings, Path.cwd())

    @cached_property
    def _dialect(self) -> Dialect | None:
        if not self._files or self._files[0].format != "csv":
            return None
        return dialect_of(self._settings, self._files)

    @property
    def _known(self) -> dict[str, dict[str, Any]]:
        known: dict[str, dict[str, Any]] = self.stream_state.setdefault("files", {})
        return known

    def _handovers(self, folder: Path) -> Iterator[Handover]:
        """Find what is new; `folder` takes the copies that are needed."""
        known = {} if self._reads_all else dict(self._known)
        dialect = self._dialect
        quotes = (dialect.quote, dialect.escape) if dialect else ('"', '"')
        for change in changes(self._files, known, quotes=quotes):
            if isinstance(change, Touched):
                self._known[change.file.name] = entry_of(
                    change.identity, change.content
                )
                continue
            columns = self._columns_of(change.file)
            if change.identity.size == 0 or (dialect and not columns):
                self._note_file(change)
            else:
                yield self._handover(change, columns, folder)

    def _handover(
        self, change: Change, columns: Sequence[str], folder: Path
    ) -> Handover:
        file, temporary = change.file, False
        grown = change.what == "grown"
        if grown:
            file = copy_end(file, folder, change.start, change.identity.size)
            temporary = True
        elif not is_readable(file):
            file, temporary = copy_as_utf8(file, folder), True
        return Handover(
            change=change,
            file=file,
            encoding=encoding_of(file, columns, self._dialect, header=not grown),
            temporary=temporary,
            replace=self._replaces(change),
        )

    def _replaces(self, change: Change) -> bool:
        if self._reads_all or change.what == "grown":
            return False
        return change.what == "mended" or not self.primary_keys

    @property
    def _reads_all(self) -> bool:
        return self.replication_method == "FULL_TABLE"

    def _columns_of(self, file: File) -> list[str]:
        properties = self.effective_schema["properties"]
        if file.format == "jsonl":
            return []
        if self._dialect is not None:
            columns = columns_of(self._settings, self._dialect, file, properties)
        else:
            spelled = {name.lower(): name for name in properties}
            found = parquet_columns([file])
            columns = [spelled.get(name.lower(), name) for name in found]
        unknown = [name for name in columns if name not in properties]
        if unknown:
            self.logger.warning(
                "%s has columns that the catalog does not know: %s; discover again",
                file.name,
                ", ".join(unknown),
            )
        return columns

    def _rows(self, handover: Handover) -> Iterator[dict[str, Any]]:
        dialect = self._dialect
        if handover.file.format == "parquet":
            return parquet_records(handover.file)
        if dialect is None:
            return json_records(handover.file)
        told = handover.encoding
        dialect = replace(dialect, header=told["header"], skip_rows=told["skip_rows"])
        properties = self.effective_schema["properties"]
        return csv_records(handover.file, told["columns"], dialect, properties)

    def _note(self, group: Iterable[Handover]) -> None:
        for handover in group:
            self._note_file(handover.change)

    def _note_file(self, change: Change) -> None:
        """Remember a file as read, unless it was written to meanwhile."""
        file, identity = change.file, change.identity
        dialect = self._dialect
        quotes = (dialect.quote, dialect.escape) if dialect else ('"', '"')
        try:
            content = change.content or content_of(file, identity.size, quotes=quotes)
        except OSError:
            return
        # Of a file that grew, a copy up to a known place was handed over.
        if change.what == "grown" or is_unchanged(file, identity):
            self._known[file.name] = entry_of(identity, content)
        else:
            self.logger.warning("%s was written to meanwhile; read again", file.name)

    def _note_missing(self) -> None:
        gone = missing(self._files, self._known)
        for name in gone:
            self._known[name]["missing"] = True
        if gone:
            self.logger.info("%d files are gone; their rows stay: %s", len(gone), gone)


class FilesTap(Tap):
    """CSV, JSON lines and Parquet files; new and changed ones only."""

    name = "tap-files"
    package_name = "elt-toolkit"
    dynamic_catalog = True
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_SCHEMA
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.BATCH,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        check_names(self.config)
        return super()._validate_config(raise_errors=raise_errors)

    def discover_streams(self) -> list[FileStream]:
        """Make the streams; a catalog that is given saves looking into the files."""
        return [
            FileStream(self, settings, self._schema_of(settings))
            for settings in settings_of(self.config)
        ]

    def _schema_of(self, settings: StreamSettings) -> dict[str, Any]:
        if self.input_catalog is not None:
            entry = self.input_catalog.get_stream(settings.name)
            bare = {"type": "object", "properties": {"_file": FILE_PROPERTY}}
            return entry.schema.to_dict() if entry else bare
        schema = schema_of_files(settings, files_of(settings, Path.cwd()))
        absent = [key for key in settings.key if key not in schema["properties"]]
        if absent and len(schema["properties"]) > 1:
            raise ConfigError(
                f"stream `{settings.name}` has no column `{absent[0]}` for its `key`",
                hint=f"It has {', '.join(schema['properties'])}",
            )
        return schema


def _folder(batch_config: Mapping[str, Any]) -> Path:
    """Find where the target wants copies: `storage.root`, a path or a file URI."""
    root = (batch_config.get("storage") or {}).get("root")
    if not root:
        return Path(tempfile.mkdtemp(prefix="elt-"))
    parsed = urlparse(root)
    folder = Path(unquote(parsed.path) if parsed.scheme == "file" else root)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
