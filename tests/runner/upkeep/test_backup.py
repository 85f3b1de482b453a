"""Warehouse and store as one pair: saved, checked, put back, whatever happens."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec
import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.alone import alone
from elt.runner.lock import this_process
from elt.runner.store import history, state
from elt.runner.store.database import open_store
from elt.runner.upkeep.archive import read_manifest, write_archive
from elt.runner.upkeep.backup import backup, backups
from elt.runner.upkeep.restore import broken_off, check, go_on, restore
from elt.runner.upkeep.swap import Journal, Swap, finish, write_journal
from elt.warehouse.duckdb import warehouse_of


def set_time(warehouse, project, text: str) -> None:
    """Let warehouse and store both tell that they are of this time."""
    with warehouse.session() as cursor:
        cursor.execute("CREATE OR REPLACE TABLE main.time AS SELECT ? AS t", [text])
    with open_store(project.private_dir) as store:
        history.start_run(store, this_process(text), environment="default", request={})
        history.finish_run(store, text, "done")


def time_of(warehouse, project) -> tuple[str, str]:
    with warehouse.session() as cursor:
        ((told,),) = cursor.execute("FROM main.time").fetchall()
    with open_store(project.private_dir) as store:
        return told, history.runs(store, 1)[0].run


@pytest.fixture
def pair(project):
    warehouse = warehouse_of(project, Secrets(project.root))
    set_time(warehouse, project, "1-before")
    return warehouse


def put_back(project, path):
    return restore(project, check(project, path))


@pytest.mark.parametrize("name", [None, "mine.tar", "mine.tar.gz"])
def test_a_backup_put_back_is_the_pair_as_it_was(project, pair, tmp_path, name):
    made = backup(project, tmp_path / name if name else None)
    set_time(pair, project, "2-after")

    restored = put_back(project, made.path)

    assert time_of(pair, project) == ("1-before", "1-before")
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.manifest.warehouse_id == pair.id
    assert made.manifest.last_run == "1-before"
    assert sorted(path.name.partition(".")[0] for path in restored.kept) == [
        "elt",
        "warehouse",
    ]
    with duckdb.connect(str(restored.kept[0])) as kept:
        assert kept.execute("FROM main.time").fetchall() == [("2-after",)]


@pytest.mark.usefixtures("pair")
def test_backups_are_named_by_time_and_only_so_many_are_kept(project, folder):
    def at(hour: int):
        return lambda: datetime(2026, 11, 21, hour, tzinfo=UTC)

    (folder / "backups").mkdir()
    (folder / "backups" / "mine.tar").touch()
    first, second = (backup(project, now=at(hour)) for hour in (6, 7))

    third = backup(project, keep=2, now=at(8))
    again = backup(project, now=at(8))

    assert third.path.name == "shop-20261121T080000Z.tar"
    assert again.path.name == "shop-20261121T080000Z-2.tar"
    assert third.removed == (first.path,)
    assert backups(project) == [again.path, third.path, second.path]
    assert (folder / "backups" / "mine.tar").exists()


@pytest.mark.usefixtures("pair")
def test_a_backup_replaces_no_file(project, tmp_path):
    (tmp_path / "old.tar").write_text("mine")

    with pytest.raises(ConfigError, match="is there already"):
        backup(project, tmp_path / "old.tar")

    assert (tmp_path / "old.tar").read_text() == "mine"


@pytest.mark.usefixtures("pair")
def test_what_others_write_to_the_store_meanwhile_does_no_harm(project):
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            with open_store(project.private_dir) as store, store.writing() as c:
                c.execute(
                    "INSERT INTO baselines VALUES ('default', ?, 'w', 1, NULL, '')",
                    (str(number),),
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = backup(project)
    finally:
        ended.set()
        writer.join()

    put_back(project, made.path)
    with open_store(project.private_dir) as store:
        assert store.rows("PRAGMA integrity_check")[0][0] == "ok"


def test_a_warehouse_that_is_open_elsewhere_is_neither_saved_nor_replaced(
    project, pair, somebody_has
):
    made = backup(project)

    with somebody_has(pair.path):
        with pytest.raises(Unavailable, match="open elsewhere"):
            backup(project)
        with pytest.raises(Unavailable, match="open elsewhere"):
            put_back(project, made.path)

    assert time_of(pair, project) == ("1-before", "1-before")
    assert not list(pair.path.parent.glob("*restoring*"))


def test_a_damaged_backup_changes_nothing(project, pair):
    made = backup(project)
    set_time(pair, project, "2-after")
    content = bytearray(made.path.read_bytes())
    content[len(content) // 2] ^= 1
    made.path.write_bytes(content)

    with pytest.raises(EltError, match="is damaged"):
        put_back(project, made.path)

    assert time_of(pair, project) == ("2-after", "2-after")
    assert not list(pair.path.parent.glob("*restor*"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", ["cut.tar", "cut.tar.gz"])
def test_a_backup_that_is_cut_short_changes_nothing(
    project, pair, tmp_path, share, name
):
    made = backup(project, tmp_path / name)
    content = made.path.read_bytes()
    made.path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(EltError):
        put_back(project, made.path)

    assert time_of(pair, project) == ("1-before", "1-before")


def test_files_that_are_no_backup_are_named_as_such(project, tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with tarfile.open(tmp_path / "other.tar", "w") as tar:
        tar.add(tmp_path / "notes.txt", "notes.txt")

    for name in ("notes.txt", "other.tar"):
        with pytest.raises(ConfigError, match="not a backup of elt"):
            check(project, tmp_path / name)
    with pytest.raises(ConfigError, match="no such file"):
        check(project, tmp_path / "nowhere.tar")


def rewritten(made, to: Path, **changes: object) -> Path:
    manifest = msgspec.structs.replace(made.manifest, **changes)
    write_archive(to, manifest, {})
    return to


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"elt": "99.0.0"}, "newer elt"),
        ({"format": 99}, "newer elt"),
        ({"project": "other"}, "of the project `other`"),
        ({"environment": "prod"}, "of the environment `prod`"),
    ],
)
@pytest.mark.usefixtures("pair")
def test_a_backup_that_does_not_belong_here_is_refused(
    project, tmp_path, changes, message
):
    made = backup(project)

    with pytest.raises(ConfigError, match=message) as caught:
        check(project, rewritten(made, tmp_path / "changed.tar", **changes))

    assert caught.value.hint


@pytest.mark.usefixtures("pair")
def test_a_backup_of_newer_tables_is_refused(project, tmp_path):
    made = backup(project)
    newer = msgspec.structs.replace(made.manifest.store, version=99)

    with pytest.raises(ConfigError, match="newer elt"):
        check(project, rewritten(made, tmp_path / "changed.tar", store=newer))


def test_who_does_not_agree_changes_nothing(project, pair):
    made = backup(project)
    set_time(pair, project, "2-after")

    def refuse() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(project, check(project, made.path), confirm=refuse)

    assert time_of(pair, project) == ("2-after", "2-after")
    assert not list(pair.path.parent.glob("*restor*"))


def test_damaged_files_do_not_keep_a_backup_out(project, pair):
    made = backup(project)
    pair.path.write_bytes(b"nothing" * 1000)
    store = project.private_dir / "elt.db"
    store.write_bytes(b"nothing" * 1000)
    (project.private_dir / "elt.db-wal").write_bytes(b"old")

    put_back(project, made.path)

    assert time_of(pair, project) == ("1-before", "1-before")


def test_a_backup_is_put_back_where_nothing_is(project, pair):
    made = backup(project)
    pair.path.unlink()
    (project.private_dir / "elt.db").unlink()

    restored = put_back(project, made.path)

    assert restored.kept == ()
    assert time_of(pair, project) == ("1-before", "1-before")


def test_what_was_sent_since_stays_remembered_and_so_the_guard_sees_it(project, pair):
    place = state.Place(environment="default", warehouse_id=pair.id)
    with open_store(project.private_dir) as store:
        state.remember_baseline(store, place, sync="health", sequence=3)
        state.remember_baseline(store, place, sync="calm", sequence=5)
    made = backup(project)
    with open_store(project.private_dir) as store:
        state.remember_baseline(store, place, sync="health", sequence=7)

    restored = put_back(project, made.path)

    with open_store(project.private_dir) as store:
        health = state.remembered_baseline(store, "default", "health")
        calm = state.remembered_baseline(store, "default", "calm")
    assert restored.unsettled == ("health",)
    assert (health.sequence, calm.sequence) == (7, 5)


def test_a_sync_to_this_machine_is_sent_again_and_nobody_has_to_look(project, pair):
    toml = project.root / "elt.toml"
    toml.write_text(
        toml.read_text() + '\n[transform]\nproject_dir = "transform"\n'
        '[destinations.out]\nplugin = "file"\nconfig = { path = "out" }\n'
        '[destinations.far]\nplugin = "webhook"\n'
        'config = { url = "https://far.example.com/in" }\n'
        '[syncs.here]\nmodel = "m"\ndestination = "out"\n'
        'object = "m.csv"\nkey = "id"\n'
        '[syncs.there]\nmodel = "m"\ndestination = "far"\n'
        'object = "m"\nkey = "id"\n'
    )
    project = load_project(project.root)
    place = state.Place(environment="default", warehouse_id=pair.id)
    made = backup(project)
    with open_store(project.private_dir) as store:
        for sync in ("here", "there"):
            state.remember_baseline(store, place, sync=sync, sequence=1)

    restored = put_back(project, made.path)

    assert (restored.unsettled, restored.sent_again) == (("there",), ("here",))


@pytest.mark.usefixtures("pair")
def test_what_foreign_targets_were_given_since_stays_remembered(project):
    place = state.place_at_target("default", "lake")
    with open_store(project.private_dir) as store:
        state.save(store, place, "crm", '{"at": 1}', origin="r1")
    made = backup(project)
    with open_store(project.private_dir) as store:
        state.save(store, place, "crm", '{"at": 2}', origin="r2")

    put_back(project, made.path)

    with open_store(project.private_dir) as store:
        assert state.latest(store, place, "crm").state == '{"at": 2}'


# Of each file: its log moved, a second name, the new one in place. Then the journal.
STEPS_OF_A_SWAP = 7

FINISH_AND_DIE = """
import os, signal, sys
from pathlib import Path
from elt.runner.upkeep.swap import finish

calls, stop_at = 0, int(sys.argv[2])

def die(event, _):
    global calls
    if event in {"os.rename", "os.link", "os.remove"}:
        calls += 1
        if calls == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
finish(Path(sys.argv[1]))
"""


def begun_swap(folder: Path) -> Path:
    """Lay out two files with those that will replace them; give the journal."""
    folder.mkdir()
    swaps = []
    for name in ("a", "b"):
        new, place = folder / f"{name}.new", folder / name
        new.write_text(f"new {name}")
        place.write_text(f"old {name}")
        (folder / f"{name}-wal").write_text("log")
        kept = folder / f"{name}.kept"
        swaps.append(Swap(str(new), str(place), str(kept), ("-wal",)))
    write_journal(folder / "journal.json", Journal("x", tuple(swaps)))
    return folder / "journal.json"


@pytest.mark.parametrize("stop_at", range(1, 10))
def test_a_swap_killed_before_any_of_its_steps_is_finished_later(tmp_path, stop_at):
    journal = begun_swap(tmp_path / "swap")
    command = [sys.executable, "-c", FINISH_AND_DIE, str(journal), str(stop_at)]

    done = subprocess.run(command, check=False)

    assert done.returncode == (-signal.SIGKILL if stop_at <= STEPS_OF_A_SWAP else 0)
    for name in ("a", "b"):  # at no moment is there no file
        assert (journal.parent / name).exists()
    finish(journal)
    assert {each.name: each.read_text() for each in journal.parent.iterdir()} == {
        "a": "new a",
        "b": "new b",
        "a.kept": "old a",
        "b.kept": "old b",
        "a.kept-wal": "log",
        "b.kept-wal": "log",
    }


RESTORE = (
    "import sys\n"
    "from pathlib import Path\n"
    "from elt.project.load import load_project\n"
    "from elt.runner.upkeep.restore import broken_off, check, go_on, restore\n"
    "project = load_project(Path(sys.argv[1]))\n"
    "print('ready', flush=True)\n"
    "restore(project, check(project, Path(sys.argv[2])))\n"
)


def killed_restore(folder, path, seconds: float) -> bool:
    process = subprocess.Popen(
        [sys.executable, "-c", RESTORE, str(folder), str(path)], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    time.sleep(seconds)
    landed = process.poll() is None
    process.kill()
    process.communicate()
    return landed


def restore_and_kill(folder, pair, times: int) -> int:
    project = load_project(folder)
    made = backup(project)
    moments, landed = random.Random(3), 0  # noqa: S311
    for number in range(times):
        set_time(pair, project, f"2-after-{number}")
        landed += killed_restore(folder, made.path, moments.uniform(0, 0.3))
        if broken_off(project):
            go_on(project)
        else:
            put_back(project, made.path)
        assert time_of(pair, project) == ("1-before", "1-before")
        assert not list(folder.glob("*restoring*"))
    return landed


def test_a_restore_that_is_killed_is_repaired_by_the_next(folder, pair):
    assert restore_and_kill(folder, pair, 3) >= 1


@pytest.mark.slow
def test_a_restore_killed_at_any_moment_is_repaired_by_the_next(folder, pair):
    assert restore_and_kill(folder, pair, 40) >= 10


@pytest.mark.usefixtures("pair")
def test_while_a_restore_is_broken_off_nothing_else_works_on_the_pair(project):
    (project.private_dir / "restore.json").write_text('{"backup": "", "swaps": []}')

    with (
        pytest.raises(EltError, match="broken off"),
        alone(project, "elt compact"),
    ):
        pass

    go_on(project)
    assert not broken_off(project)


@pytest.mark.usefixtures("pair")
def test_the_manifest_stands_first_and_can_be_read_by_itself(project):
    made = backup(project)

    with tarfile.open(made.path) as tar:
        assert tar.getnames() == ["manifest.json", "warehouse.duckdb", "elt.db"]
    assert read_manifest(made.path) == made.manifest
