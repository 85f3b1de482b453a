"""A state that is changed by hand, and what the next run makes of it."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing

import duckdb
import pytest

from elt.errors import ConfigError, Unavailable
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.edits import decide_reset, decide_set
from elt.runner.store.database import open_store
from elt.runner.store.state import Place, save
from elt.runner.surgery import apply
from elt.runner.tap_states import stream_states, tap_states
from tests.runner.shop import ELT_TOML, copied, make_shop

ROWS = [(1, 1, "a"), (2, 2, "b"), (3, 3, "c")]
LATER = [*ROWS, (4, 4, "d")]


def mark(value):
    return {"replication_key": "at", "replication_key_value": value}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    made = make_shop(tmp_path_factory.mktemp("loaded"))
    made.rows(keyed=ROWS, log=ROWS, whole=ROWS)
    made.run()
    return made


@pytest.fixture
def shop(loaded, tmp_path):
    """Give a project whose three streams have been loaded once."""
    return copied(loaded, tmp_path / "shop")


def look(shop, tap="shop"):
    return tap_states(load_project(shop.path), Secrets(shop.path))[tap]


def history(shop):
    return shop.elt("state", "history", "shop", "--json").json


def test_after_a_reset_of_everything_each_table_is_as_the_source_is(shop):
    shop.elt("state", "reset", "shop", "--whole", "--yes")
    shop.rows(keyed=LATER, log=LATER, whole=LATER)
    shop.run()

    assert shop.seen() == {}
    for stream in ("keyed", "log", "whole"):
        assert shop.table(stream) == LATER


def test_an_appended_stream_that_is_reset_is_not_there_twice(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")

    assert shop.state() == {"bookmarks": {"keyed": mark(3)}}
    assert "its bookmark was reset" in shop.elt("plan").out
    shop.rows(keyed=LATER, log=LATER, whole=LATER)
    shop.run()
    assert shop.seen() == {"bookmarks": {"keyed": mark(3)}}
    assert shop.table("log") == LATER

    shop.rows(keyed=LATER, log=[*LATER, (5, 5, "e")], whole=LATER)
    shop.run()  # and then it goes on as ever
    assert shop.seen()["bookmarks"]["log"] == mark(4)
    assert shop.table("log") == [*LATER, (5, 5, "e")]


def test_a_reset_that_no_run_has_answered_yet_still_counts_later(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")
    shop.run("stream:shop.keyed")
    assert look(shop).known.reset == {"log"}

    shop.run()

    assert shop.table("log") == ROWS
    assert not look(shop).known.broken


def test_a_run_that_fails_leaves_a_reset_stream_as_it_was(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")
    tap = shop.path / "tap.py"
    whole = tap.read_text()
    tap.write_text(whole + "\nsys.exit(3)\n")
    shop.run(code=1)
    assert shop.table("log") == ROWS

    tap.write_text(whole)
    shop.run()
    assert shop.table("log") == ROWS


def test_a_mark_that_comes_back_without_the_rows_is_taken_out_again(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        both = json.dumps({"bookmarks": {"keyed": mark(3), "log": mark(3)}})
        db.execute("UPDATE _elt.bookmarks SET state = ?", [both])

    shop.run()

    assert shop.seen() == {"bookmarks": {"keyed": mark(3)}}
    assert shop.table("log") == ROWS


def test_where_a_tap_goes_on_is_forgotten_with_the_stream(shop):
    state = {
        "currently_syncing": "log",
        "bookmarks": {"log": mark(3), "keyed": mark(2)},
    }
    shop.elt("state", "set", "shop", json.dumps(state), "--yes")

    shop.elt("state", "reset", "shop", "log", "--yes")

    assert shop.state() == {"bookmarks": {"keyed": mark(2)}}


def test_a_state_that_cannot_be_taken_apart_is_reset_as_a_whole_or_not_at_all(shop):
    shop.elt("state", "set", "shop", '{"at": 5}', "--yes")

    with pytest.raises(ConfigError, match="cannot be taken apart"):
        decide_reset(look(shop), ["log"])
    assert stream_states(look(shop))[0].stream == ""

    shop.elt("state", "reset", "shop", "--whole", "--yes")
    assert shop.state() is None


def test_a_mark_that_stands_for_several_streams_is_not_reset_alone(shop):
    state = {"bookmarks": {"org/repo": {"keyed": {"at": 3}, "log": {"at": 3}}}}
    shop.elt("state", "set", "shop", json.dumps(state), "--yes")

    said = shop.elt("state", "reset", "shop", "org/repo", "--yes", code=2).err

    assert "--whole" in said
    assert shop.state() == state


@pytest.mark.parametrize(
    "state",
    [
        {"bookmarks": {"log": {"partitions": [{"replication_key_value": 2}]}}},
        {"bookmarks": {"org/repo": {"log": {"at": 2}}}},
        {"log": 2},
        {"at": 2},
    ],
)
def test_where_rows_will_be_there_twice_it_is_said_before(shop, state):
    said = shop.elt("state", "set", "shop", json.dumps(state), "--yes").err

    assert "`log` is appended to" in said


def test_a_full_refresh_that_fails_early_leaves_no_row_twice(shop):
    tap = shop.path / "tap.py"
    whole = tap.read_text()
    # As many taps do, it says where it goes on before it says anything else.
    says = 'print(json.dumps({"type": "STATE", "value": state})); sys.exit(3)'
    tap.write_text(
        whole.replace("rows = json.load", f"{says}\nrows = json.load").replace(
            'marks = state.setdefault("bookmarks", {})',
            'state["currently_syncing"] = "keyed"\n'
            'marks = state.setdefault("bookmarks", {})',
        )
    )
    shop.elt("run", "--full-refresh", code=1)

    tap.write_text(whole)
    shop.run()

    assert [shop.table(stream) for stream in ("keyed", "log")] == [ROWS, ROWS]
    assert not look(shop).known.broken


def test_marks_at_the_top_are_told_apart_when_a_run_fails_after_a_reset(shop):
    # Its state is `{"log": 3}`, and it writes it after each stream.
    tap = shop.path / "tap.py"
    whole = tap.read_text()
    flat = whole.replace('marks = state.setdefault("bookmarks", {})', "marks = state")
    flat = flat.replace(
        'marks.get(name, {}).get("replication_key_value", 0)', "marks.get(name, 0)"
    ).replace('if state["bookmarks"]:', "if state:")
    flat = flat.replace(
        """marks[name] = {"replication_key": "at",
                               "replication_key_value": row["at"]}""",
        'marks[name] = row["at"]',
    ).replace('row["at"] >= since', 'row["at"] > since')
    tap.write_text(flat)
    shop.elt("state", "set", "shop", '{"keyed": 3, "log": 3}', "--yes")
    shop.run()

    shop.elt("state", "reset", "shop", "keyed", "--yes")
    broken = flat.replace(
        "    if name not in", "    if name == 'log': sys.exit(3)\n    if name not in"
    )
    tap.write_text(broken)
    shop.run(code=1)
    assert shop.seen() == {"log": 3}

    tap.write_text(flat)
    shop.run()
    assert shop.table("log") == ROWS


def test_a_reset_that_is_undone_goes_on_where_it_was(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")
    shop.elt("state", "undo", "shop", "--yes")

    assert not look(shop).known.broken
    shop.rows(keyed=LATER, log=LATER, whole=LATER)
    shop.run()
    assert shop.seen()["bookmarks"]["log"] == mark(3)
    assert shop.table("log") == LATER


def test_undo_does_not_bring_a_table_back_that_is_gone(shop):
    shop.elt("state", "reset", "shop", "log", "--yes")
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        db.execute("DROP TABLE raw_shop.log")
    said = shop.elt("state", "undo", "shop", "--yes").err

    assert "`log` is read in full next time all the same" in said
    shop.run()
    assert shop.table("log") == ROWS


def test_undo_does_not_warn_of_a_table_that_each_run_overwrites(shop):
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        # As it is when a whole table came in more than one commit.
        db.execute(
            "INSERT INTO _elt.loads SELECT * REPLACE ('append' AS mode)"
            " FROM _elt.loads WHERE stream = 'whole'"
        )
    marks = {"bookmarks": {"log": mark(3), "whole": {}}}
    shop.elt("state", "set", "shop", json.dumps(marks), "--yes")
    shop.elt("state", "reset", "shop", "--whole", "--yes")

    said = shop.elt("state", "undo", "shop", "--yes").err

    assert "appended to" not in said
    assert "`log`: no bookmark -> 3" in said
    assert "`whole`" not in said


def test_undo_goes_further_back_each_time_and_forward_by_number(shop):
    for value in (4, 5, 6):
        shop.elt("state", "set", "shop", "log", json.dumps(mark(value)), "--yes")
    at = []
    for _ in range(3):
        shop.elt("state", "undo", "shop", "--yes")
        at.append(shop.state()["bookmarks"]["log"]["replication_key_value"])
    assert at == [5, 4, 3]
    shop.elt("state", "undo", "shop", "--yes", code=2)

    shop.elt("state", "undo", "shop", "--to", 4, "--yes")
    assert shop.state()["bookmarks"]["log"] == mark(6)
    assert [each["origin"] for each in history(shop)][:2] == ["undo", "undo"]


def test_a_bookmark_set_back_brings_rows_again_and_none_twice(shop):
    shop.elt("state", "set", "shop", "log", json.dumps(mark(2)), "--yes")
    changed = [(1, 1, "a"), (2, 2, "B"), (3, 3, "C")]
    shop.rows(keyed=ROWS, log=changed, whole=ROWS)

    shop.run()

    assert shop.table("log") == changed


def test_the_history_says_who_and_why_and_what(shop):
    shop.elt("state", "reset", "shop", "log", "--yes", "--reason", "the API was wrong")

    newest, first = history(shop)
    assert newest["origin"] == "reset"
    assert newest["reason"] == "the API was wrong"
    assert "@" in newest["author"]
    assert newest["changes"] == ["`log`: 3 -> no bookmark"]
    assert first["parent_version"] is None


def test_a_reset_of_everything_makes_the_next_run_say_nothing_odd(shop):
    shop.elt("state", "reset", "shop", "--whole", "--yes")

    assert "no bookmark of tap" not in shop.run().err


def test_a_state_that_changed_since_it_was_shown_is_not_written_over(shop):
    project, secrets = load_project(shop.path), Secrets(shop.path)
    edit = decide_set(look(shop), json.dumps(mark(9)), "log")
    shop.elt("state", "set", "shop", "keyed", json.dumps(mark(1)), "--yes")

    with pytest.raises(Unavailable, match="changed meanwhile"):
        apply(project, secrets, [edit])

    assert shop.state()["bookmarks"] == {"keyed": mark(1), "log": mark(3)}


def test_the_copy_of_another_warehouse_never_comes_into_this_one(shop):
    (shop.path / "warehouse.duckdb").unlink()
    shop.rows()
    shop.run()

    said = shop.elt("state", "undo", "shop", "--yes", code=2).err

    assert "no version before this one" in said
    assert history(shop) == []


def test_what_the_store_missed_can_be_undone_too(shop):
    shop.run()
    with closing(sqlite3.connect(shop.path / ".elt" / "elt.db")) as store:
        store.execute('UPDATE states SET state = \'{"bookmarks":{"log":{"at":1}}}\'')
        store.commit()

    shop.elt("state", "reset", "shop", "log", "--yes")
    shop.elt("state", "undo", "shop", "--yes")

    assert shop.state()["bookmarks"]["log"] == mark(3)


TARGET = """
[targets.lake]
executable = "target-lake"
"""


def test_a_tap_with_a_target_of_its_own_has_its_state_in_the_store(tmp_path):
    toml = ELT_TOML.replace("[taps.shop]", '[taps.shop]\ntarget = "lake"') + TARGET
    shop = make_shop(tmp_path, toml)
    place = Place(environment="default", warehouse_id="target:lake")
    with open_store(tmp_path / ".elt") as store:
        save(store, place, "shop", '{"bookmarks":{"a":1,"b":2}}', origin="run-1")

    shop.elt("state", "reset", "shop", "a", "--yes")

    assert shop.elt("state", "show", "shop").json == {"bookmarks": {"b": 2}}
    shop.elt("state", "undo", "shop", "--yes")
    assert shop.elt("state", "show", "shop").json == {"bookmarks": {"a": 1, "b": 2}}
    assert not (tmp_path / "warehouse.duckdb").exists()


def halves(shop):
    """Give the bookmark of `log` and whether it is noted as reset: both or none."""
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        ((state,),) = db.execute("SELECT state FROM _elt.bookmarks").fetchall()
        ((generation,),) = db.execute(
            "SELECT generation FROM _elt.streams WHERE stream = 'log'"
        ).fetchall()
    return "log" in json.loads(state)["bookmarks"], generation.startswith("reset ")


@pytest.mark.slow
def test_killed_at_any_moment_a_reset_is_done_or_not(shop):
    seconds = shop.killed("state", "reset", "shop", "log", "--yes")
    assert halves(shop) == (False, True)
    moments, seen = random.Random(5), set()  # noqa: S311

    for _ in range(25):
        if halves(shop) == (False, True):
            shop.elt("state", "set", "shop", "log", json.dumps(mark(3)), "--yes")
        assert halves(shop) == (True, False)
        words = ("state", "reset", "shop", "log", "--yes")
        shop.killed(*words, after=seconds * moments.uniform(0, 1.5))
        seen.add(halves(shop))
        assert seen <= {(True, False), (False, True)}

    assert len(seen) == 2
    shop.elt("state", "reset", "shop", "log", "--yes")
    shop.run()
    assert shop.table("log") == ROWS
