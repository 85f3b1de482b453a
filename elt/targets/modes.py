"""How a stream's rows are written into its table, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from elt.errors import ConfigError
from elt.project.tap_settings import StreamTable, WriteMode

FULL_REFRESH = "full refresh"


@dataclass(frozen=True, slots=True)
class Mode:
    """A write mode with the reason that `elt plan` prints."""

    name: WriteMode
    reason: str

    @property
    def makes_anew(self) -> bool:
        """Whether the columns get their declared types, however wide they were."""
        return self.name == "overwrite" and self.reason == FULL_REFRESH


def decide(
    *,
    key: Sequence[str],
    replication_method: str | None,
    table: StreamTable | None = None,
    full_refresh: bool = False,
) -> Mode:
    """Choose the write mode of a stream.

    Raises ConfigError where the configured mode would lose rows.
    """
    incremental = replication_method in ("INCREMENTAL", "LOG_BASED")
    asked = table.mode if table else None
    if full_refresh:
        return Mode("overwrite", FULL_REFRESH)
    if asked:
        _check(asked, key, incremental=incremental)
        return Mode(asked, "set in elt.toml")
    if not incremental and replication_method == "FULL_TABLE":
        return Mode("overwrite", "the whole table is read each time")
    if key:
        return Mode("upsert", f"keyed by {', '.join(key)}")
    if incremental:
        return Mode("append", "incremental and without a key")
    return Mode("append", "without a key, and the tap does not say how it reads")


def _check(asked: WriteMode, key: Sequence[str], *, incremental: bool) -> None:
    if asked == "overwrite" and incremental:
        raise ConfigError(
            "`overwrite` of an incremental stream would keep only its latest rows",
            hint='Use `upsert`, or set `replication_method = "FULL_TABLE"`',
        )
    if asked == "upsert" and not key:
        raise ConfigError(
            "`upsert` needs a key and the stream has none",
            hint="Name its key columns with `key = [...]`, or use `append`",
        )
