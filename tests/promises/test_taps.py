"""Whatever a tap does, what was committed stays and what was not is read again."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pytest

from elt.events import StepStarted
from elt.project.load import load_project
from elt.runner.source_files import write_source_files
from elt.runner.store.asset_log import asset_statuses, last_success
from elt.runner.store.database import open_store
from elt.singer.messages import SET_ASIDE
from tests.promises.conftest import record, schema, state, stream


def test_a_tap_that_dies_keeps_what_its_state_covers_and_goes_on_from_there(folder):
    lines = [
        schema(),
        record(1),
        state(at=3, bookmarks={"s": {"n": 1}}),
        schema(),
        record(2),
        {"do": "die"},
    ]
    folder.script(*lines)

    first = folder.run()

    assert first.exit_code == 1
    assert "ended with exit code -9" in folder.messages(first)
    assert folder.ids() == [1]

    folder.script(*lines[:5], record(3))
    assert folder.run().exit_code == 0
    assert folder.ids() == [1, 2, 3]


def test_an_exit_code_without_a_state_leaves_the_bookmark(folder):
    folder.script(schema(), record(1), state(at=0, x=1))
    folder.run()
    folder.script(
        schema(),
        record(2),
        {"do": "say", "much": "no token"},
        {"do": "exit", "much": 4},
    )

    result = folder.run()

    assert "exit code 4" in folder.messages(result)
    assert "no token" in folder.messages(result)
    assert folder.ids() == [1]
    assert folder.sql("SELECT state FROM _elt.bookmarks") == [('{"at": 0, "x": 1}',)]


def test_a_tap_that_hangs_is_ended_and_named(folder):
    text = (folder.path / "elt.toml").read_text()
    folder.write("elt.toml", text.replace("_seconds = 20", "_seconds = 1"))
    folder.script(schema(), record(1), state(at=3), {"do": "sleep", "much": 600})

    result = folder.run()

    assert "taken for hanging" in folder.messages(result)
    assert "idle_timeout_seconds" in folder.messages(result)
    assert folder.ids() == [1]


def test_garbage_on_stdout_is_shown_and_loses_nothing(folder):
    folder.script(schema(), record(1), state(at=3), "Traceback: oh no")

    result = folder.run()

    assert "not a Singer message" in folder.messages(result)
    assert "Traceback: oh no" in folder.messages(result)
    assert folder.ids() == [1]


def test_a_line_of_twenty_megabytes_loads(folder):
    folder.script(schema(), record(1), {"do": "long line", "much": 20}, record(2))

    result = folder.run()

    assert result.exit_code == 0
    assert folder.ids() == [1, 2, 7]
    assert folder.sql("SELECT max(length(t)) FROM raw_t.s") == [(20_000_000,)]


def test_a_line_of_a_hundred_megabytes_is_a_clear_error(folder):
    folder.script(
        schema(), record(1), state(at=3), {"do": "long line", "much": 100}, record(2)
    )

    result = folder.run()

    assert "longer than 64 MB" in folder.messages(result)
    assert folder.ids() == [1]


def test_a_flood_on_stderr_stops_nobody(folder):
    folder.script(schema(), record(1), {"do": "flood", "much": 300_000}, record(2))

    result = folder.run()

    assert result.exit_code == 0
    assert folder.ids() == [1, 2]
    assert len(folder.events) < 20_000


def test_a_parent_killed_before_its_childs_rows_commits_neither(folder):
    parent, child = schema("parent"), schema("child")
    catalog = {"streams": [stream("parent"), stream("child")]}
    whole = [
        parent,
        child,
        record(1, "parent"),
        record(10, "child"),
        state(at=5),
        parent,
        child,
        record(2, "parent"),
        record(20, "child"),
        state(at=9),
    ]
    folder.script(*whole[:8], {"do": "die"}, *whole[8:], catalog=catalog)
    folder.run()
    assert folder.ids("raw_t.parent") == [1]
    assert folder.ids("raw_t.child") == [10]

    folder.script(*whole, catalog=catalog)
    folder.run()

    assert folder.ids("raw_t.parent") == [1, 2]
    assert folder.ids("raw_t.child") == [10, 20]


@pytest.mark.parametrize("key", [["id"], []])
def test_a_dropped_table_is_read_in_full_and_the_others_go_on(folder, key):
    catalog = {"streams": [stream("a", key), stream("b", key)]}
    seen = str(folder.path / "seen.json")
    marks = {"a": {"x": 1}, "b": {"x": 1}}
    lines = [
        schema("a", key),
        schema("b", key),
        record(1, "a"),
        record(1, "b"),
        state(bookmarks=marks),
    ]
    folder.script(*lines, catalog=catalog, seen=seen)
    folder.run()
    folder.sql("DROP TABLE raw_t.a")

    folder.script(
        *lines[:2], record(1, "a"), record(2, "b"), catalog=catalog, seen=seen
    )
    folder.run()

    assert json.loads((folder.path / "seen.json").read_text()) == {
        "bookmarks": {"b": {"x": 1}}
    }
    assert folder.ids("raw_t.a") == [1]
    assert folder.ids("raw_t.b") == [1, 2]


def test_a_table_made_anew_by_somebody_else_is_read_in_full(folder):
    seen = str(folder.path / "seen.json")
    lines = [schema(), record(1), state(bookmarks={"s": {"x": 1}})]
    folder.script(*lines, seen=seen)
    folder.run()
    folder.sql("CREATE OR REPLACE TABLE raw_t.s AS SELECT 99::BIGINT AS id")

    folder.script(*lines, seen=seen)
    folder.run()

    assert (folder.path / "seen.json").read_text() in ("null", '{"bookmarks": {}}')
    assert folder.ids() == [1, 99]


def test_a_deleted_warehouse_is_filled_again_from_the_start(folder):
    folder.script(schema(), record(1), state(at=3), schema(), record(2))
    folder.run()
    (folder.path / "warehouse.duckdb").unlink()

    result = folder.run()

    assert result.exit_code == 0
    assert folder.ids() == [1, 2]


def test_a_deleted_store_heals_from_the_warehouse(folder):
    seen = str(folder.path / "seen.json")
    folder.script(schema(), record(1), state(at=3), seen=seen)
    folder.run()
    shutil.rmtree(folder.path / ".elt")

    folder.script(schema(), record(1), state(at=3), schema(), record(2), seen=seen)
    folder.run()

    assert (folder.path / "seen.json").read_text() == '{"at": 3}'
    assert folder.ids() == [1, 2]


def test_a_deleted_store_still_knows_when_streams_were_loaded(folder):
    folder.script(schema(), record(1), state(at=3))
    folder.run()
    shutil.rmtree(folder.path / ".elt")
    begun = datetime.now(UTC)

    folder.script(schema(), record(1), state(at=3), {"do": "exit", "much": 1})
    folder.run()

    with open_store(folder.path / ".elt") as store:
        loaded = last_success(store, "default")
    assert loaded["stream:t.s"] < begun


def test_two_environments_in_one_warehouse_have_bookmarks_of_their_own(folder):
    text = (folder.path / "elt.toml").read_text()
    folder.write("elt.toml", text + '\n[environments.prod.taps.t]\nschema = "prod_t"\n')
    folder.script(schema(), record(1), state(at=3), schema(), record(2))
    folder.run()

    folder.run(environment="prod")

    assert folder.ids("prod_t.s") == [1, 2]
    assert folder.sql("SELECT environment FROM _elt.bookmarks ORDER BY ALL") == [
        ("default",),
        ("prod",),
    ]


def test_one_selected_stream_keeps_the_bookmarks_of_the_others(folder):
    catalog = {"streams": [stream("a"), stream("b")]}
    folder.script(
        schema("a"),
        record(1, "a"),
        schema("b"),
        record(1, "b"),
        state(bookmarks={"a": {"x": 1}, "b": {"x": 1}}),
        catalog=catalog,
    )
    folder.run()

    folder.script(
        schema("a"), record(2, "a"), state(bookmarks={"a": {"x": 2}}), catalog=catalog
    )
    folder.run("stream:t.a")

    ((found,),) = folder.sql("SELECT state FROM _elt.bookmarks")
    assert json.loads(found) == {"bookmarks": {"a": {"x": 2}, "b": {"x": 1}}}


def test_full_refresh_begins_anew_only_what_is_selected(folder):
    catalog = {"streams": [stream("a", []), stream("b", [])]}
    seen = str(folder.path / "seen.json")
    lines = [
        schema("a", []),
        schema("b", []),
        record(1, "a"),
        record(1, "b"),
        state(bookmarks={"a": {"x": 1}, "b": {"x": 1}}),
    ]
    folder.script(*lines, catalog=catalog, seen=seen)
    folder.run()

    folder.script(schema("a", []), record(1, "a"), catalog=catalog, seen=seen)
    folder.run("stream:t.a", full_refresh=True)

    assert folder.ids("raw_t.a") == [1]
    assert folder.ids("raw_t.b") == [1]
    ((found,),) = folder.sql("SELECT state FROM _elt.bookmarks")
    assert '"b"' in found


def with_id(name, id_, **more):
    return {**stream(name, **more), "tap_stream_id": id_}


@pytest.mark.parametrize("called", ["users", "public-users"])
def test_a_stream_is_known_by_its_name_and_by_its_id(folder, called):
    catalog = {"streams": [with_id("users", "public-users")]}
    seen = str(folder.path / "seen.json")
    lines = [schema(called), record(1, called)]
    marks = state(bookmarks={"public-users": {"x": 1}})
    folder.script(*lines, marks, catalog=catalog, seen=seen)

    (result,) = folder.run().results

    assert (result.asset, result.rows) == ("stream:t.public-users", 1)
    assert folder.ids("raw_t.users") == [1]

    folder.sql("DROP TABLE raw_t.users")
    folder.script(*lines, catalog=catalog, seen=seen)
    folder.run()

    assert (folder.path / "seen.json").read_text() == '{"bookmarks": {}}'


def test_a_tap_that_ignores_the_selection_loads_only_what_is_selected(folder):
    catalog = {"streams": [stream("a"), stream("b", [], "FULL_TABLE")]}
    lines = [schema("a"), record(1, "a"), schema("b", []), record(1, "b")]
    marks = state(bookmarks={"a": {"x": 1}, "b": {"x": 1}})
    folder.script(*lines, marks, catalog=catalog)
    folder.run()

    later = state(bookmarks={"a": {"x": 2}, "b": {"x": 2}, "c": {"x": 2}})
    folder.script(*lines, later, catalog=catalog)
    folder.run("stream:t.a")

    assert folder.ids("raw_t.b") == [1]
    ((found,),) = folder.sql("SELECT state FROM _elt.bookmarks")
    assert json.loads(found)["bookmarks"] == {
        "a": {"x": 2},
        "b": {"x": 1},
        "c": {"x": 2},
    }


def test_some_streams_of_a_tap_whose_state_is_one_whole_are_refused(folder):
    catalog = {"streams": [stream("a"), stream("b")]}
    lines = [schema("a"), record(1, "a"), state(at=3), schema("b"), record(1, "b")]
    folder.script(*lines, catalog=catalog)

    result = folder.run("stream:t.a")

    assert "cannot be taken apart" in folder.messages(result)
    folder.run()
    assert folder.ids("raw_t.b") == [1]


def test_a_stream_that_is_syncing_elsewhere_does_not_hide_the_selected_one(folder):
    catalog = {"streams": [stream("a"), stream("b")]}
    seen = str(folder.path / "seen.json")
    whole = state(bookmarks={"a": {"x": 1}}, currently_syncing="b")
    folder.script(schema("a"), record(1, "a"), schema("b"), whole, catalog=catalog)
    folder.run()

    folder.script(schema("a"), catalog=catalog, seen=seen)
    folder.run("stream:t.a")

    assert json.loads((folder.path / "seen.json").read_text()) == {
        "bookmarks": {"a": {"x": 1}}
    }


def test_a_stream_that_the_catalog_does_not_know_fails_its_tap_when_it_fails(folder):
    text = (folder.path / "elt.toml").read_text()
    folder.write(
        "elt.toml", text.replace("[taps.t]", "[taps.t]\n        reject_limit = 0")
    )
    folder.script(schema(), record(1), schema("unknown"), record(1.5, "unknown"))

    result = folder.run()

    assert result.exit_code == 1


def test_a_stream_with_a_very_long_name_loads(folder):
    name = "x" * 300
    folder.script(schema(name), record(1, name), catalog={"streams": [stream(name)]})

    assert folder.run().exit_code == 0


def test_full_refresh_of_a_keyed_stream_has_every_key_once(folder):
    folder.script(schema(), record(1), record(1), state(bookmarks={"s": {"x": 1}}))
    folder.run()

    folder.run(full_refresh=True)

    assert folder.ids() == [1]


def test_dbt_is_told_of_the_table_that_a_stream_is_given_by_its_name(folder):
    text = (folder.path / "elt.toml").read_text()
    own = '[transform]\nproject_dir = "dbt"\n[taps.t.streams.users]\ntable = "people"\n'
    folder.write("elt.toml", text + own)
    folder.write("dbt/dbt_project.yml", "name: x\n")
    catalog = {"streams": [with_id("users", "public-users")]}

    write_source_files(load_project(folder.path, None), {"t": catalog})

    written = folder.path / "dbt" / "models" / "_elt_sources" / "t.yml"
    assert "name: people" in written.read_text().replace('"', "")


def test_a_column_that_widens_is_something_to_look_at(folder):
    lines = [schema(), record(1), state(at=3)]
    folder.script(*lines)
    folder.run()
    text = schema()
    text["schema"]["properties"]["id"] = {"type": "string"}

    folder.script(*lines, text, record("x"))
    result = folder.run()

    assert result.status == "warned"
    assert "`id`: BIGINT widened to VARCHAR" in folder.messages(result)


def test_a_column_that_became_text_is_told_with_the_way_back(folder):
    folder.script(schema(), record(1))
    folder.run()
    text = schema()
    text["schema"]["properties"]["id"] = {"type": ["integer", "string"]}
    folder.script(text, record(1), record("soon"))

    became = folder.run()
    with (folder.path / "elt.toml").open("a") as file:
        file.write('streams.s = { types = { id = "BIGINT" } }\n')
    folder.run(full_refresh=True)

    assert 'types = { id = "BIGINT" }' in folder.messages(became)
    assert "--full-refresh" in folder.messages(became)
    assert folder.ids() == [1]


@pytest.mark.parametrize(
    ("second", "told"), [({"text": "b"}, True), ({"text": "a"}, False)]
)
def test_a_full_read_with_two_things_under_one_key_says_so(folder, second, told):
    catalog = {"streams": [stream(method="FULL_TABLE")]}
    folder.script(schema(), record(1, text="a"), record(1, **second), catalog=catalog)

    result = folder.run()

    said = "1 row gave way to a later one with the same `id` and other values"
    assert (said in folder.messages(result)) is told
    assert (result.status == "warned") is told


def test_a_stream_of_which_nobody_knows_how_it_is_read_says_so(folder):
    catalog = {"streams": [stream(key=(), method="")]}
    folder.script(schema(key=()), record(1), record(2), catalog=catalog)

    first, second = folder.run(), folder.run()

    assert first.status == "done"
    assert second.status == "warned"
    assert 'replication_method = "FULL_TABLE"' in folder.messages(second)

    with (folder.path / "elt.toml").open("a") as file:
        file.write('streams.s = { replication_method = "FULL_TABLE" }\n')
    assert folder.run().status == "done"
    assert folder.ids() == [1, 2]


@pytest.mark.parametrize(
    "mark",
    [{"s": 3}, {"bookmarks": {"s": {"n": 3}}}, {"bookmarks": {"org/r": {"s": 3}}}],
)
def test_a_stream_with_a_mark_anywhere_in_the_state_is_in_no_doubt(folder, mark):
    catalog = {"streams": [stream(key=(), method="")]}
    folder.script(schema(key=()), record(1), state(**mark), catalog=catalog)

    assert folder.run().status == "done"
    assert folder.run().status == "done"


def test_a_full_refresh_cut_short_is_made_good_where_streams_share_a_mark(folder):
    catalog = {"streams": [stream(key=(), method="INCREMENTAL")]}
    mark = {"bookmarks": {"org/repo": {"since": 5}}}
    whole = [schema(key=()), *map(record, range(1, 6)), state(at=6, **mark)]
    folder.script(*whole, catalog=catalog)
    folder.run()
    cut = [state(at=6, **mark), {"do": "exit", "much": 1}]
    folder.script(*cut, catalog=catalog)
    assert folder.run(full_refresh=True).status == "failed"

    folder.script(*whole, record(6), record(7), record(8), catalog=catalog)
    folder.run()

    assert folder.ids() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_blank_lines_between_messages_are_nothing(folder):
    folder.script(schema(), "", record(1), "  \r", state(at=2))

    assert folder.run().status == "done"
    assert folder.ids() == [1]


def test_rows_that_a_tap_sets_aside_are_a_warning(folder):
    bad = schema()
    bad["schema"] = {**bad["schema"], SET_ASIDE: True}
    folder.script(bad, record(1))

    result = folder.run()

    assert result.status == "warned"
    assert "the tap set them aside" in folder.messages(result)


def test_a_run_of_one_tap_asks_no_other(folder):
    folder.script(schema(), record(1))
    with (folder.path / "elt.toml").open("a") as file:
        file.write(
            '[taps.other]\nexecutable = "./tap.py"\nconfig = { script = "none.json" }\n'
        )

    assert folder.run("tap:t").status == "done"
    assert folder.run("stream:t.s").status == "done"
    assert folder.run().status == "failed"


def test_streams_that_were_only_guessed_are_forgotten(folder):
    assert folder.run().status == "failed"  # there is no script yet
    with open_store(folder.path / ".elt") as store:
        assert [a.asset for a in asset_statuses(store, "default")] == ["stream:t.*"]

    folder.script(schema(), record(1))
    folder.run()
    (folder.path / "script.json").unlink()
    folder.run()

    with open_store(folder.path / ".elt") as store:
        statuses = {a.asset: a.status for a in asset_statuses(store, "default")}
    assert statuses == {"stream:t.s": "failed"}


def test_a_tap_that_ends_with_75_is_tried_again_from_its_bookmark(folder):
    toml = folder.path / "elt.toml"
    toml.write_text(toml.read_text().replace("retries = 0", "retries = 1", 1))
    toml.write_text(toml.read_text() + "\nretry_delay_seconds = 0\n")
    first = [schema(), record(1), state(at=3)]
    folder.script(*first, {"do": "exit", "much": 75})

    result = folder.run()

    # The second try started behind the STATE, and met the same end.
    assert [r.status for r in result.results] == ["failed"]
    assert "exit code 75" in result.results[0].message
    assert "tried 2 times" in result.results[0].hint
    assert [e.attempt for e in folder.events if isinstance(e, StepStarted)] == [1, 2]
    assert folder.ids() == [1]


def test_a_tap_that_fails_in_any_other_way_is_not_tried_again(folder):
    toml = folder.path / "elt.toml"
    toml.write_text(toml.read_text().replace("retries = 0", "retries = 5", 1))
    folder.script(schema(), record(1), {"do": "exit", "much": 1})

    result = folder.run()

    assert [r.status for r in result.results] == ["failed"]
    assert [e.attempt for e in folder.events if isinstance(e, StepStarted)] == [1]
