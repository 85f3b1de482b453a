"""`elt state`, driven as a person drives it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import subprocess

import duckdb
import pytest

from tests.runner.shop import ELT_TOML, copied, make_shop

ROWS = [(1, 1, "a"), (2, 2, "b")]
MARK = '{"replication_key":"at","replication_key_value":9}'


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    toml = ELT_TOML + "\n[environments.prod]\n"
    made = make_shop(tmp_path_factory.mktemp("loaded"), toml)
    made.rows(keyed=ROWS, log=ROWS, whole=ROWS)
    made.run()
    return made


@pytest.fixture
def shop(loaded, tmp_path):
    return copied(loaded, tmp_path / "shop")


def bookmark(shop, stream="log"):
    return shop.elt("state", "show", "shop", stream).json


def test_the_list_tells_each_streams_bookmark_and_who_wrote_it(shop):
    shop.elt("state", "set", "shop", "log", MARK, "--yes")

    rows = {row["stream"]: row for row in shop.elt("state", "list", "--json").json}
    table = shop.elt("state", "list").out

    assert rows["keyed"]["bookmark"] == "2"
    assert rows["keyed"]["replication_key"] == "at"
    assert rows["keyed"]["origin"].startswith("20")  # still the run's
    assert (rows["log"]["bookmark"], rows["log"]["origin"]) == ("9", "set")
    assert "keyed" in table


def test_the_list_says_what_is_read_in_full_and_why(shop):
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        db.execute("DROP TABLE raw_shop.log")

    assert "its table raw_shop.log is gone" in shop.elt("state", "list", "shop").out


def test_a_project_that_has_loaded_nothing_has_taps_without_bookmarks(tmp_path):
    shop = make_shop(tmp_path)

    (row,) = shop.elt("state", "list", "--json").json

    assert (row["tap"], row["bookmark"]) == ("shop", None)
    assert shop.elt("state", "show", "shop").json == {}
    assert "nothing" not in shop.elt("state", "list").err


def test_what_is_shown_can_be_set_again(shop):
    before = shop.elt("state", "show", "shop").out
    shop.elt("state", "reset", "shop", "--whole", "-y")

    shop.elt("state", "set", "shop", "-", "--yes", stdin=before)

    assert shop.elt("state", "show", "shop").out == before


def test_a_state_is_set_from_a_file(shop, tmp_path):
    file = tmp_path / "mark.json"
    file.write_text('{"replication_key_value": 1.10}')

    shop.elt("state", "set", "shop", "log", f"@{file}", "--yes")

    assert '"replication_key_value": 1.10' in shop.elt("state", "show", "shop").out


def test_an_unknown_stream_in_a_bookmark_is_warned_of_with_the_nearest_name(shop):
    said = shop.elt("state", "set", "shop", "keyd", MARK, "--yes").err

    assert "`keyd` is no stream that the tap is known by" in said
    assert "Did you mean `keyed`?" in said


REFUSED = [
    (["show", "shpo"], "Did you mean `shop`?"),
    (["show", "shop", "lgo"], "Did you mean `log`?"),
    (["show", "shop", "--version", "77"], "no version 77"),
    (["set", "shop", "log", "[1]"], "this is a list"),
    (["set", "shop", "{"], "this is not"),
    (["set", "shop", "{}"], "--whole"),
    (["set", "shop", '{"singer_state": {"a": 1}}'], "elt state import"),
    (["set", "shop", "@nowhere.json"], "cannot be read"),
    (["set", "shop", "a", "b", "c"], "more than a stream"),
    (["reset", "shop"], "`keyed`, `log`"),
    (["reset", "shop", "lgo", "--yes"], "Did you mean `log`?"),
    (["reset", "shop", "log"], "Add `--yes`"),
    (["undo", "shop"], "no version before this one"),
    (["undo", "shop", "--to", "77"], "no version 77"),
    (["import", "nowhere.json"], "cannot be read"),
    (["export", "--format", "singer", "shpo"], "Did you mean"),
    (["list", "shpo"], "Did you mean"),
    (["list", "--env", "prd"], "prod"),
]


def test_what_cannot_be_done_says_the_way_out(shop):
    before = shop.state()

    for words, what in REFUSED:
        assert what in shop.elt("state", *words, code=2).err, words

    assert shop.state() == before


def test_nothing_is_changed_without_consent_and_with_it_no_terminal_is_needed(shop):
    shop.program("state", "reset", "shop", "log", code=2)
    assert "log" in shop.state()["bookmarks"]

    shop.program("state", "reset", "shop", "log", "--yes")
    assert "log" not in shop.state()["bookmarks"]


@pytest.mark.parametrize(("answer", "code", "kept"), [("n", 1, True), ("y", 0, False)])
def test_on_a_terminal_a_person_is_asked(shop, answer, code, kept):
    ours, theirs = pty.openpty()
    command = shop.command("state", "reset", "shop", "log")
    with subprocess.Popen(command, stdin=theirs, stderr=theirs) as program:
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = read_all(ours)
        program.wait()

    assert "Reset this?" in said
    assert program.returncode == code
    assert ("log" in shop.state()["bookmarks"]) == kept


def read_all(terminal):
    found = b""
    try:
        while chunk := os.read(terminal, 4096):
            found += chunk
    except OSError:  # the other side is closed
        os.close(terminal)
    return found.decode()


def test_states_go_to_another_project_and_back(shop, tmp_path):
    file = tmp_path / "states.json"
    file.write_text(shop.elt("state", "export").out)
    other = make_shop(tmp_path / "other")

    said = other.elt("state", "import", file, "--yes", "--reason", "moved").err

    assert other.state() == shop.state()
    assert "another warehouse" in said
    assert "has no table in this warehouse" in said


@pytest.mark.parametrize("format_", ["singer", "meltano"])
def test_states_travel_in_other_peoples_formats(shop, format_):
    text = shop.elt("state", "export", "shop", "--format", format_).out
    before = shop.state()
    assert ("singer_state" in json.loads(text)) == (format_ == "meltano")
    shop.elt("state", "reset", "shop", "--whole", "--yes")

    assert "--tap" in shop.elt("state", "import", "-", stdin=text, code=2).err
    shop.elt("state", "import", "-", "--tap", "shop", "--yes", stdin=text)

    assert shop.state() == before


def test_an_empty_state_erases_one_only_on_purpose(shop):
    text = '{"singer_state": {}}'
    words = ("state", "import", "-", "--tap", "shop", "--yes")
    assert "--allow-empty" in shop.elt(*words, stdin=text, code=2).err
    assert shop.state() is not None

    shop.elt(*words, "--allow-empty", stdin=text)

    assert shop.state() is None
    shop.run()
    assert shop.table("log") == ROWS


def test_a_file_with_an_unknown_tap_is_taken_over_not_at_all(shop):
    text = '{"elt_state":1,"taps":{"shop":{"bookmarks":{"log":1}},"shpo":{"a":1}}}'
    before = shop.state()

    said = shop.elt("state", "import", "-", "--yes", stdin=text, code=2).err

    assert "Did you mean `shop`?" in said
    assert shop.state() == before


def test_environments_do_not_share_states(shop):
    shop.elt("state", "set", "shop", "log", MARK, "--yes", "--env", "prod")

    assert bookmark(shop)["replication_key_value"] == 2
    prod = shop.elt("state", "show", "shop", "log", "--env", "prod").json
    assert prod["replication_key_value"] == 9
    assert (
        len(shop.elt("state", "history", "shop", "--env", "prod", "--json").json) == 1
    )


def test_while_a_run_is_under_way_nothing_is_changed(shop):
    with (shop.path / ".elt" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = shop.program("state", "reset", "shop", "log", "--yes", code=75).err

    assert "another run of this project is under way" in said
    assert "--on-overlap" not in said


def test_a_warehouse_that_is_open_elsewhere_is_named_with_its_holder(shop):
    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text() + "[warehouse]\nbusy_timeout_seconds = 0.1\n")
    with duckdb.connect(str(shop.path / "warehouse.duckdb")):
        for words in (["list"], ["reset", "shop", "log", "--yes"]):
            said = shop.program("state", *words, code=75).err
            assert f"process {os.getpid()}" in said


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (".elt/elt.db", "this is no database, and long enough to be seen as one" * 9),
        ("warehouse.duckdb", "neither is this"),
        ("elt.toml", "[project"),
    ],
)
def test_what_cannot_be_read_is_one_message(shop, file, content):
    for beside in shop.path.glob(f"{file}-*"):
        beside.unlink()
    (shop.path / file).write_text(content)

    said = shop.elt("state", "list", code=2).err

    assert said.startswith("error: ")
    assert "Traceback" not in said


def test_without_a_project_there_is_one_message(tmp_path, run_elt):
    done = run_elt("-C", tmp_path, "state", "list")

    assert done.code == 2
    assert "elt.toml" in done.err
