"""How a stream's rows are written into its table, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elt.errors import ConfigError
from elt.project.stream_settings import OnMissing, StreamTable, WriteMode

FULL_REFRESH = "full refresh"
ASKED_FOR = "set in elt.toml"


@dataclass(frozen=True, slots=True)
class Mode:
    """A write mode with the reason that `elt plan` prints."""

    name: WriteMode
    reason: str

    @property
    def makes_anew(self) -> bool:
        """Whether the columns get their declared types, however wide they were."""
        return self.name == "overwrite" and self.reason == FULL_REFRESH

    @property
    def asked_for(self) -> bool:
        """Whether somebody chose it, who knows how the rows come."""
        return self.reason == ASKED_FOR


def decide(
    *,
    key: Sequence[str],
    replication_method: str | None,
    table: StreamTable | None = None,
    full_refresh: bool = False,
) -> Mode:
    """Choose the write mode of a stream.

    A full refresh makes a table anew, but not where rows stay that the source has no
    more. Raises ConfigError where the configured mode would lose rows, or cannot be.
    """
    asked, on_missing = (table.mode, table.on_missing) if table else (None, None)
    full_table = replication_method == "FULL_TABLE"
    incremental = replication_method in ("INCREMENTAL", "LOG_BASED")
    if asked:
        _check(asked, key, incremental=incremental)
        _check_missing(asked, on_missing, full_table=full_table)
    keeps = full_table and on_missing in ("keep", "mark")
    if full_refresh and not keeps and asked != "history":
        return Mode("overwrite", FULL_REFRESH)
    if asked:
        return Mode(asked, ASKED_FOR)
    if full_table:
        return _of_whole_table(key, on_missing)
    if key:
        return Mode("upsert", f"keyed by {', '.join(key)}")
    if incremental:
        return Mode("append", "incremental and without a key")
    return Mode("append", "without a key, and the tap does not say how it reads")


def _of_whole_table(key: Sequence[str], on_missing: OnMissing | None) -> Mode:
    if on_missing is None:
        return Mode("overwrite", "the whole table is read each time")
    if not key:
        raise ConfigError(
            f'`on_missing = "{on_missing}"` needs a key and the stream has none',
            hint="Name its key columns with `key = [...]`, or leave `on_missing` out:"
            " then each read takes the place of the whole table",
        )
    done = {"keep": "kept", "mark": "marked", "delete": "deleted"}[on_missing]
    return Mode("upsert", f"the whole table is read, and missing rows are {done}")


def _check(asked: WriteMode, key: Sequence[str], *, incremental: bool) -> None:
    if asked == "overwrite" and incremental:
        raise ConfigError(
            "`overwrite` of an incremental stream would keep only its latest rows",
            hint='Use `upsert`, or set `replication_method = "FULL_TABLE"`',
        )
    if asked in ("upsert", "history") and not key:
        raise ConfigError(
            f"`{asked}` needs a key and the stream has none",
            hint="Name its key columns with `key = [...]`, or use `append`",
        )


def _check_missing(
    asked: WriteMode, on_missing: OnMissing | None, *, full_table: bool
) -> None:
    """Refuse what a mode cannot do with rows that the source has no more."""
    if asked == "history" and on_missing == "delete":
        raise ConfigError(
            '`history` keeps what was, and `on_missing = "delete"` would not',
            hint='Set `on_missing = "mark"`: it ends the versions of what is gone',
        )
    if asked == "overwrite" and on_missing in ("keep", "mark"):
        raise ConfigError(
            f'`overwrite` leaves no row to which `on_missing = "{on_missing}"` applies',
            hint="Leave `mode` out, or use `upsert`",
        )
    if asked == "append" and full_table and on_missing in ("mark", "delete"):
        raise ConfigError(
            f'`append` knows no row again, so `on_missing = "{on_missing}"` cannot'
            " find those that a full read lacks",
            hint="Leave `mode` out, or use `upsert`",
        )
