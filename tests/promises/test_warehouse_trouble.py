"""The world outside fails: it is told with the way out, and afterwards all is there.

Every run here is the real program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from tests.crashes.modes import MODES, copied
from tests.crashes.project import contents, finish, run

MODE = MODES["append"]
ROWS = "SELECT count(*), count(DISTINCT id) FROM raw_t.parent"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Give a project that was loaded once, and one that was loaded twice."""
    once = MODE.make(tmp_path_factory.mktemp("trouble") / "once")
    finish(once)
    twice = copied(once, once.parent / "twice")
    MODE.grow(twice, 8)
    finish(twice)
    return once, contents(twice, MODE)


@pytest.fixture
def loaded(whole, tmp_path):
    """Give a project that was loaded once, and whose source has grown."""
    folder = copied(whole[0], tmp_path / "project")
    MODE.grow(folder, 8)
    return folder


@pytest.fixture
def expected(whole):
    return whole[1]


def elt(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "elt", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def sql(folder, text, path="warehouse.duckdb"):
    with duckdb.connect(str(folder / path), read_only=True) as db:
        return db.execute(text).fetchall()


def set_warehouse(folder, line):
    file = folder / "elt.toml"
    text = file.read_text()
    file.write_text(text.replace("[warehouse]", f"[warehouse]\n{line}"))


@contextmanager
def disk(folder: Path, *, size="1m", room=None):
    """Put a folder on a small disk of its own, with so many bytes of room left."""
    kept = folder.with_name(f"{folder.name}-kept")
    shutil.copytree(folder, kept)
    made = subprocess.run(
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("only root can make a small disk")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        if room is not None:
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            (folder / "filler").write_bytes(bytes(free - room))
        yield
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["/bin/mount", "-o", f"remount,{options}", folder], check=True)


# Full disks


@pytest.mark.slow
def test_a_disk_that_is_full_where_rows_wait_is_named(loaded):
    # All of it waits for one commit.
    text = (loaded / "elt.toml").read_text()
    (loaded / "elt.toml").write_text(re.sub("commit_megabytes.*", "", text))
    MODE.grow(loaded, 8000, odd_every=99_999)
    (loaded / ".elt" / "spool").mkdir(exist_ok=True)

    with disk(loaded / ".elt" / "spool", size="200k"):
        code, said = run(loaded)
    finish(loaded)

    assert code == 1
    assert "the disk is full" in said
    assert "spool" in said
    assert "Make room there and run again" in said
    assert "bug" not in said
    assert sql(loaded, ROWS) == [(8000 + 7996, 8000)]
    assert sql(loaded, "SELECT count(*) FROM raw_t.child") == [(2 * 8000 - 1,)]


@pytest.mark.slow
def test_a_disk_that_is_full_at_the_commit_is_named(tmp_path):
    folder = MODE.make(tmp_path / "project", commit_megabytes=1)
    (folder / "db").mkdir()
    set_warehouse(folder, 'path = "db/w.duckdb"')
    finish(folder)
    MODE.grow(folder, 20_000, state_every=5000, odd_every=99_999)

    with disk(folder / "db", size="10m", room=300_000):
        code, said = run(folder)
        assert code == 1
        assert "No space left on device" in said
        assert "db/w.duckdb" in said
        assert "Make room there and run again" in said
        assert "bug" not in said
        (folder / "db" / "filler").unlink()
        finish(folder)
        ((rows, ids),) = sql(folder, ROWS, "db/w.duckdb")

    assert (rows, ids) == (20_000 + 19_996, 20_000)


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 8192, 45_000, 75_000, 110_000])
def test_a_disk_that_is_full_for_the_store_loses_nothing(loaded, expected, room):
    with disk(loaded / ".elt", room=room):
        code, said = run(loaded)
        (loaded / ".elt" / "filler").unlink()
        finish(loaded)
        found = contents(loaded, MODE)

    assert found == expected
    assert code in (0, 1, 2, 75)
    if code:
        assert re.search("disk is full|store cannot be written|I/O error", said), said
        assert "hint:" in said or "`elt doctor`" in said
    assert "bug" not in said


# What may only be read


@pytest.mark.slow
@pytest.mark.parametrize("there", [True, False])
def test_a_warehouse_on_a_disk_that_may_only_be_read_is_named(loaded, there):
    (loaded / "db").mkdir()
    set_warehouse(loaded, 'path = "db/w.duckdb"')
    if there:
        shutil.move(loaded / "warehouse.duckdb", loaded / "db" / "w.duckdb")

    with disk(loaded / "db", size="50m"):
        remount(loaded / "db", "ro")
        code, said = run(loaded)
        remount(loaded / "db", "rw")
        finish(loaded)
        ((rows, ids),) = sql(loaded, ROWS, "db/w.duckdb")

    assert code == (2 if there else 1)
    assert "the warehouse cannot be opened" in said
    assert "Read-only file system" in said
    assert "readable and writable by you?" in said
    assert (rows, ids) == (11, 8)  # an update is a row, and one was odd


@pytest.mark.slow
def test_a_store_that_may_only_be_read_is_named(loaded, expected):
    with disk(loaded / ".elt", size="50m"):
        remount(loaded / ".elt", "ro")
        code, said = run(loaded)
        remount(loaded / ".elt", "rw")
        finish(loaded)
        found = contents(loaded, MODE)

    assert code == 2
    assert "cannot be written: Read-only file system" in said
    assert "hint:" in said
    assert found == expected


# What is damaged or lost


@pytest.mark.parametrize(
    "page",
    [0, *(pytest.param(page, marks=pytest.mark.slow) for page in (1, 5, 12))],
)
def test_a_damaged_store_is_told_and_made_again_from_the_warehouse(
    loaded, expected, page
):
    store = loaded / ".elt" / "elt.db"
    with store.open("r+b") as file:
        file.seek(page * 4096)
        file.write(b"\xff" * 4096)

    code, said = run(loaded)
    assert code in (1, 2)
    assert "the store is damaged" in said
    way_out = elt(loaded, "doctor").stdout if code == 1 else said
    (command,) = re.findall(r"mv \S+ [^\s:`]+", way_out)[:1]
    subprocess.run(command.split(), check=True)
    finish(loaded)

    assert contents(loaded, MODE) == expected
    assert "1" in elt(loaded, "state", "history", "t").stdout


@pytest.mark.slow
def test_on_a_new_machine_the_warehouse_file_is_enough(loaded, expected):
    shutil.rmtree(loaded / ".elt")

    plan = elt(loaded, "plan")
    finish(loaded)

    assert "from its start" not in plan.stdout
    assert contents(loaded, MODE) == expected


@pytest.mark.slow
def test_a_deleted_warehouse_is_read_in_full_and_the_plan_says_why(loaded, expected):
    (loaded / "warehouse.duckdb").unlink()

    plan = elt(loaded, "plan")
    finish(loaded)

    assert "the warehouse has no bookmark of it" in plan.stdout
    found = contents(loaded, MODE)
    for name in ("rows of parent", "rows of child", "bookmarks", "rejects"):
        assert found[name] == expected[name]


@pytest.mark.slow
def test_a_dropped_table_is_read_in_full_and_the_plan_says_why(loaded, expected):
    with duckdb.connect(str(loaded / "warehouse.duckdb")) as db:
        db.execute("DROP TABLE raw_t.child")

    plan = elt(loaded, "plan")
    finish(loaded)

    assert "its table raw_t.child is gone" in plan.stdout
    found = contents(loaded, MODE)
    for table in ("parent", "child"):
        assert found[f"rows of {table}"] == expected[f"rows of {table}"]
    assert found["broken streams"] == {}


@pytest.mark.slow
def test_an_older_backup_of_the_warehouse_catches_up(loaded, expected):
    older = (loaded / "warehouse.duckdb").read_bytes()
    finish(loaded)
    (loaded / "warehouse.duckdb").write_bytes(older)

    code, said = run(loaded)

    assert code == 0
    assert "differs from the copy in the store; the warehouse's counts" in said
    assert contents(loaded, MODE) == expected


@pytest.mark.slow
def test_two_environments_in_one_store_go_on_each_by_itself(loaded, expected):
    text = (loaded / "elt.toml").read_text()
    prod = '[environments.prod.warehouse]\npath = "prod.duckdb"\n'
    (loaded / "elt.toml").write_text(text + prod)
    finish(loaded, "--env", "prod")
    finish(loaded)
    MODE.grow(loaded, 12)
    finish(loaded, "--env", "prod")
    states = "SELECT state FROM _elt.bookmarks"
    ((here,),) = sql(loaded, states)
    ((there,),) = sql(loaded, states, "prod.duckdb")

    assert contents(loaded, MODE)["rows of parent"] == expected["rows of parent"]
    assert json.loads(here)["bookmarks"]["parent"]["replication_key_value"] == 8
    assert json.loads(there)["bookmarks"]["parent"]["replication_key_value"] == 12
    assert sql(loaded, ROWS, "prod.duckdb") == [(18, 12)]


@pytest.mark.slow
def test_a_reset_and_then_a_run_that_is_killed_and_run_again(loaded, expected):
    done = elt(loaded, "state", "reset", "t", "--whole", "--yes")
    assert done.returncode == 0, done.stderr

    code, _ = run(loaded, fault="bookmark-written:1")
    assert code == -9
    finish(loaded)

    found = contents(loaded, MODE)
    assert found["rows of parent"] == expected["rows of parent"]
    assert found["rows of child"] == expected["rows of child"]
    assert found["bookmarks"] == expected["bookmarks"]
