from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.runner.store.database import Store, file_system, open_store
from elt.runner.store.migrations import MIGRATIONS

WRITE = (
    "INSERT INTO baselines VALUES ('default', ?, 'w', 1, NULL, '2026-01-01T00:00:00')"
)


def syncs(store: Store) -> list[str]:
    return [row["sync"] for row in store.rows("SELECT sync FROM baselines")]


def test_a_store_keeps_what_was_written(tmp_path: Path):
    with open_store(tmp_path / ".elt") as store, store.writing() as connection:
        connection.execute(WRITE, ("health",))

    with open_store(tmp_path / ".elt") as store:
        assert syncs(store) == ["health"]


def test_what_fails_half_way_is_not_written(tmp_path: Path):
    def fail(store: Store) -> None:
        with store.writing() as connection:
            connection.execute(WRITE, ("health",))
            raise ZeroDivisionError

    with open_store(tmp_path) as store:
        with pytest.raises(ZeroDivisionError):
            fail(store)

        assert syncs(store) == []


def test_nobody_else_may_read_the_store(tmp_path: Path):
    folder = tmp_path / ".elt"

    with open_store(folder) as store, store.writing() as connection:
        connection.execute(WRITE, ("health",))
        files = {
            path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()
        }

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert files == {"elt.db": 0o600, "elt.db-wal": 0o600, "elt.db-shm": 0o600}


def test_tables_are_strict_and_journaled_ahead(tmp_path: Path):
    with open_store(tmp_path) as store:
        (mode,) = store.rows("PRAGMA journal_mode")[0]
        loose = store.rows(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict = 0"
            " AND name NOT LIKE 'sqlite_%'"
        )

    assert mode == "wal"
    assert loose == []


def test_a_store_from_the_future_is_refused(tmp_path: Path):
    with open_store(tmp_path) as store:
        store.rows(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")

    with pytest.raises(ConfigError, match="newer elt") as raised:
        Store(tmp_path / "elt.db")

    assert "pip install --upgrade" in (raised.value.hint or "")


def test_another_programs_database_is_left_alone(tmp_path: Path):
    path = tmp_path / "elt.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (id)")
    connection.close()

    with pytest.raises(ConfigError, match="not a store of elt"):
        Store(path)


def test_a_damaged_store_says_the_way_out(tmp_path: Path):
    path = tmp_path / "elt.db"
    path.write_bytes(b"this is no database at all, " * 100)

    with pytest.raises(EltError, match="damaged") as raised:
        Store(path)

    assert "nothing is loaded twice" in (raised.value.hint or "")


def test_a_store_that_cannot_be_made_is_a_configuration_error(tmp_path: Path):
    (tmp_path / ".elt").write_text("a file where the folder should be")

    with pytest.raises(ConfigError, match="cannot be written"):
        Store(tmp_path / ".elt" / "elt.db")


def test_a_store_in_use_for_too_long_is_worth_trying_again(tmp_path: Path):
    with open_store(tmp_path) as store, store.writing():
        other = Store(store.path, busy_timeout_seconds=0.01)
        with pytest.raises(Unavailable, match="in use"), other.writing():
            pass
        other.close()


COUNTS = """
import sys
from pathlib import Path
from elt.runner.store.database import Store

store = Store(Path(sys.argv[1]))
for number in range(20):
    with store.writing() as connection:
        (found,) = connection.execute("SELECT count(*) FROM baselines").fetchone()
        connection.execute(
            "INSERT INTO baselines VALUES ('e', ?, 'w', ?, NULL, '')",
            (f"{sys.argv[2]}-{number}", found),
        )
"""


def test_processes_that_begin_and_write_at_once_lose_nothing(tmp_path: Path):
    path = tmp_path / "elt.db"
    writers = [
        subprocess.Popen([sys.executable, "-c", COUNTS, str(path), str(n)])
        for n in range(3)
    ]

    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    with open_store(tmp_path) as store:
        numbers = [row[0] for row in store.rows("SELECT sequence FROM baselines")]
    assert sorted(numbers) == list(range(60))


def test_the_file_system_is_that_of_the_innermost_mount(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path}/share nfs4 rw 0 0\nbroken line\n"
    )

    assert file_system(tmp_path / "elt.db", mounts) == "ext4"
    assert file_system(tmp_path / "share" / "elt.db", mounts) == "nfs4"
    assert file_system(tmp_path, tmp_path / "missing") == ""
