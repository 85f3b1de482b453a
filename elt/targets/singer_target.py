"""`elt-target-duckdb`: our loading as a Singer target, for Meltano or a bare pipe.

singer-sdk gives the command line, the config and `--about`. The listening is ours: its
sinks would decode each record, and its SQL sink loses digits and offsets.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from types import FrameType
from typing import IO, Any, ClassVar, NoReturn

import duckdb
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.exceptions import (
    FatalSyncError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TargetCapabilities,
)
from singer_sdk.io_base import SingerReader

from elt.errors import ConfigError, EltError, Interrupted
from elt.singer.messages import read_chunks
from elt.targets.load import SchemaMissing
from elt.targets.program import PipeLoad, settings_of
from elt.targets.writing.limits import KeyMissing

# A tap may be silent for as long as it likes: whoever built the pipe watches it.
_NO_TIMEOUT_SECONDS = 10 * 365 * 86_400.0
_LINES_AT_ONCE = 10_000


class Reader(SingerReader):
    """Reads the pipe itself and gives whole chunks of lines to `Loading`."""

    def __init__(self, load: Callable[[Iterator[list[bytes]]], None]) -> None:
        super().__init__()
        self._load = load

    def process_lines(
        self,
        file_input: IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        """Load all there is. Nothing is counted: loading tells its own counts."""
        del callbacks
        self._load(_chunks(file_input or sys.stdin))
        return Counter()


class DuckdbTarget(Target):
    """Loads Singer streams into a DuckDB file, exactly and fast."""

    name = "elt-target-duckdb"
    package_name = "elt-toolkit"
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.BATCH,
        PluginCapabilities.ACTIVATE_VERSION,
        TargetCapabilities.TARGET_SCHEMA,
        TargetCapabilities.SOFT_DELETE,
        TargetCapabilities.HARD_DELETE,
    ]
    config_jsonschema: ClassVar[dict[str, Any]] = {
        **th.PropertiesList(
            th.Property(
                "path",
                th.StringType,
                required=True,
                description="The DuckDB file; it is made when it is new",
            ),
            th.Property(
                "default_target_schema",
                th.StringType,
                description="The schema of all tables. Without it a stream called"
                " `schema-table` is loaded there, and any other into `main`",
            ),
            th.Property(
                "load_method",
                th.StringType,
                default="upsert",
                allowed_values=["append-only", "upsert", "overwrite"],
                description="`upsert` replaces the rows with the same key and appends"
                " where a stream has none; `append-only` always appends; `overwrite`"
                " replaces the table when the input is at its end",
            ),
            th.Property(
                "add_record_metadata",
                th.BooleanType,
                default=False,
                description="Add the columns `_sdc_*`; costs half of the speed",
            ),
            th.Property(
                "batch_size_rows",
                th.IntegerType,
                description="Commit at the first STATE after so many rows",
            ),
            th.Property(
                "batch_size_megabytes",
                th.NumberType,
                default=128,
                description="Commit at the first STATE after so much JSON",
            ),
            th.Property(
                "batch_wait_limit_seconds",
                th.NumberType,
                default=15,
                description="Commit at the first STATE after so many seconds",
            ),
            th.Property(
                "reject_limit",
                th.IntegerType,
                default=0,
                description="Up to so many records of a stream that do not fit its"
                " schema are set aside in `_elt.rejects`; more fail the load",
            ),
            th.Property(
                "allow_shrink",
                th.BooleanType,
                default=False,
                description="Let a load leave less than half of a table's rows",
            ),
            th.Property(
                "hard_delete",
                th.BooleanType,
                default=False,
                description="Delete rows that the tap says are gone, by"
                " ACTIVATE_VERSION or by `_sdc_deleted_at`; otherwise they are marked"
                " in `_sdc_deleted_at`",
            ),
            th.Property(
                "process_activate_version_messages",
                th.BooleanType,
                default=True,
                description="Heed ACTIVATE_VERSION; without it no row goes",
            ),
            th.Property(
                "memory_limit",
                th.StringType,
                description="How much memory DuckDB may take, for example `1GB`",
            ),
            th.Property(
                "threads",
                th.IntegerType,
                description="How many threads DuckDB may use",
            ),
        ).to_dict(),
        "additionalProperties": False,
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, message_reader=Reader(self._load))
        self._pipe: PipeLoad | None = None

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add nothing: what is declared above is all that there is."""

    @classmethod
    def cb_config(cls, ctx: Any, param: Any, value: tuple[str, ...]) -> Any:
        """Read the config, and say without a traceback when that cannot be."""
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the config cannot be read: {error}",
                where=", ".join(value),
                hint="`--config` takes a JSON file, or ENV",
            ) from error

    @classmethod
    def invoke(  # type: ignore[override]  # as singer-sdk's own Target does
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: Any = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Load what comes; singer-sdk's own way would report zero lines."""
        if about:
            cls.print_about(about_format)
            return
        target = cls(config=config.config, parse_env_config=config.parse_env)
        target.process_lines(file_input)
        target.process_endofpipe()

    def process_endofpipe(self) -> None:
        pipe, self._pipe = self._pipe, None
        with _as_the_sdk_says():
            (pipe or self._open()).finish()

    def _load(self, chunks: Iterator[list[bytes]]) -> None:
        with _as_the_sdk_says():
            self._pipe = self._open()
            self._pipe.feed(chunks)

    def _open(self) -> PipeLoad:
        return PipeLoad(
            settings_of(dict(self.config)), write_state=_write_state, say=self._say
        )

    def _say(self, level: str, text: str) -> None:
        getattr(self.logger, level)("%s", text)

    def _setup_signal_handlers(self) -> None:
        """Leave them to `main`: this class is used inside other programs too."""


def main() -> NoReturn:
    """Run the program; errors are one message, and the exit codes are elt's."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        DuckdbTarget.cli()
    except (EltError, FatalSyncError, duckdb.Error) as error:
        said = error.__cause__ if isinstance(error, FatalSyncError) else error
        sys.stderr.write(f"error: {said}\n")
        sys.exit(said.exit_code if isinstance(said, EltError) else 1)
    sys.exit()


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """End the reading, once; what the last STATE covers is then committed."""
    del frame
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    stopped = Interrupted(f"stopped by {signal.Signals(number).name}")
    stopped.exit_code = 128 + number
    raise stopped


@contextmanager
def _as_the_sdk_says() -> Iterator[None]:
    """Give errors that singer-sdk has a name for that name."""
    try:
        yield
    except SchemaMissing as error:
        raise RecordsWithoutSchemaException(str(error)) from error
    except KeyMissing as error:
        raise MissingKeyPropertiesError(str(error)) from error


def _chunks(file: IO[str]) -> Iterator[list[bytes]]:
    try:
        descriptor = file.fileno()
    except io.UnsupportedOperation:
        while lines := list(islice(file, _LINES_AT_ONCE)):
            yield [line.encode() for line in lines]
        return
    yield from read_chunks(descriptor, idle_timeout_seconds=_NO_TIMEOUT_SECONDS)


def _write_state(state: str) -> None:
    try:
        sys.stdout.write(f"{state}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        # What is still buffered would be tried again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise EltError(
            "nobody reads the STATE on our stdout any more",
            hint="What it covers is committed all the same",
        ) from error
