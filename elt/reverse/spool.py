"""A diff's changes on disk, so that no warehouse is open while calls go out.

Parquet in a folder that only the owner may read, gone when the sync is over. It is
read as a stream: a million changes take no more memory than a thousand.
"""

from __future__ import annotations

import glob
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, assert_never

from elt.project.atomic import make_private_folder
from elt.reverse.destination import Added, Change, Changed, ChangeName, Removed
from elt.singer.private_files import pid_is_taken

ROWS_AT_ONCE = 1000


class Spool:
    """The files of one diff, in a folder of their own."""

    def __init__(
        self,
        folder: Path,
        sync: str,
        *,
        wants_rows: bool = False,
        though_alike: bool = False,
    ) -> None:
        self.wants_rows = wants_rows
        self.though_alike = though_alike  # rows are wanted also if none has changed
        make_private_folder(folder)
        _remove_leftovers(folder, sync)
        # The name holds our process id, to tell leftovers by.
        self._folder = folder / f"{sync}.{os.getpid()}.{uuid.uuid4().hex}"
        self._folder.mkdir(mode=0o700)
        self.changes_path = self._folder / "changes.parquet"
        self.rows_path = self._folder / "rows.parquet"

    def changes(self, kinds: Sequence[ChangeName]) -> Iterator[Change]:
        """Read the changes of these kinds: fresh ones by key, then retried ones."""
        wanted = (
            "SELECT change, key, text, old_text, destination_id FROM read_parquet(?)"
        )
        rows = self._read(f"{wanted} WHERE list_contains(?, change)", list(kinds))
        return (_change(*row) for row in rows)

    def rejections(self) -> dict[str, str]:
        """Give by key why the destination refused those that it refused last time."""
        return dict(
            self._read(
                "SELECT key, rejected FROM read_parquet(?) WHERE rejected IS NOT NULL"
            )
        )

    def rows(self) -> Iterator[str]:
        """Read every payload of the model, by key."""
        if not self.rows_path.exists():
            return iter(())
        rows = self._read("SELECT text FROM read_parquet(?)", path=self.rows_path)
        return (row[0] for row in rows)

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _read(
        self, sql: str, *parameters: object, path: Path | None = None
    ) -> Iterator[tuple[Any, ...]]:
        import duckdb

        reader = duckdb.connect()
        try:
            reader.execute(sql, [str(path or self.changes_path), *parameters])
            while rows := reader.fetchmany(ROWS_AT_ONCE):
                yield from rows
        finally:
            reader.close()


def _change(
    change: ChangeName,
    key: str,
    text: str,
    old_text: str | None,
    destination_id: str | None,
) -> Change:
    match change:
        case "added":
            return Added(key, text)
        case "changed":
            return Changed(key, text, old_text, destination_id)
        case "removed":
            return Removed(key, old_text, destination_id)
        case _:
            assert_never(change)


def _remove_leftovers(folder: Path, sync: str) -> None:
    """Remove what processes left behind that were killed while they sent."""
    for place in folder.glob(f"{glob.escape(sync)}.*.*"):
        name, owner, _ = place.name.rsplit(".", 2)
        if name == sync and not pid_is_taken(int(owner)):
            shutil.rmtree(place, ignore_errors=True)
