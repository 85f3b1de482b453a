"""Taps that tell how each of their streams ended: what is kept, and what is tried."""

from __future__ import annotations

import json
import sys

import pytest

from tests.runner.shop import Shop, make_shop

# Plays the messages of `play.json`, of the streams that are selected, then exits with
# the code that is its last line. The second time it plays `again.json`, where it is.
TAP = """
import json, os, sys
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
columns = {"id": {"type": "integer"}, "at": {"type": "integer"}}
kinds = json.load(open("kinds.json"))
if "--discover" in sys.argv:
    streams = [
        {"tap_stream_id": name, "stream": name, "key_properties": about["key"],
         "schema": {"properties": columns}, "replication_method": about["method"],
         **({"replication_key": "at"} if about["method"] == "INCREMENTAL" else {}),
         "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}]}
        for name, about in kinds.items()]
    json.dump({"streams": streams}, sys.stdout)
    sys.exit()
catalog = json.load(open(arguments["--catalog"]))
selected = [s["tap_stream_id"] for s in catalog["streams"]
            if s["metadata"][0]["metadata"].get("selected")]
state = json.load(open(arguments["--state"])) if "--state" in arguments else None
with open("asked.jsonl", "a") as asked:
    print(json.dumps({"streams": selected, "state": state}), file=asked)
play = "again.json" if os.path.exists("played") and os.path.exists("again.json") \\
    else "play.json"
open("played", "w").close()
*messages, code = json.load(open(play))
for message in messages:
    if message.get("stream", selected[0]) in selected:
        print(json.dumps(message))
sys.stdout.flush()
print(f"tap: played {play}", file=sys.stderr)
sys.exit(code)
"""
KINDS = {
    "keyed": {"key": ["id"], "method": "INCREMENTAL"},
    "log": {"key": [], "method": "INCREMENTAL"},
    "whole": {"key": ["id"], "method": "FULL_TABLE"},
}
COLUMNS = {"id": {"type": "integer"}, "at": {"type": "integer"}}
TOML = """
[project]
name = "shop"
[run]
retries = 1
retry_delay_seconds = 0.01
[taps.shop]
executable = "./tap.py"
"""


def schema(stream, **elt):
    message = {"type": "SCHEMA", "stream": stream, "schema": {"properties": COLUMNS}}
    message["key_properties"] = KINDS[stream]["key"]
    return {**message, "elt": elt} if elt else message


def rows(stream, *ids):
    return [
        {"type": "RECORD", "stream": stream, "record": {"id": n, "at": n}} for n in ids
    ]


def state(**marks):
    found = {
        name: {"replication_key": "at", "replication_key_value": mark}
        for name, mark in marks.items()
    }
    return {"type": "STATE", "value": {"bookmarks": found}}


@pytest.fixture
def shop(tmp_path):
    made = make_shop(tmp_path / "shop", toml=TOML)
    (made.path / "kinds.json").write_text(json.dumps(KINDS))
    (made.path / "tap.py").write_text(f"#!{sys.executable} -IS\n{TAP}")
    return made


def play(shop: Shop, *messages, code=0, name="play.json"):
    (shop.path / "played").unlink(missing_ok=True)
    (shop.path / "again.json").unlink(missing_ok=True)
    again(shop, *messages, code=code, name=name)


def again(shop: Shop, *messages, code=0, name="again.json"):
    flat = [
        one for each in messages for one in (each if type(each) is list else [each])
    ]
    (shop.path / name).write_text(json.dumps([*flat, code]))


def asked(shop: Shop):
    text = (shop.path / "asked.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def ids(shop: Shop, stream):
    return [n for (n,) in shop.sql(f"SELECT id FROM raw_shop.{stream} ORDER BY id")]


def statuses(shop: Shop, *words, code=0):
    done = shop.elt("run", "--json", *words, code=code)
    found = {}
    for step in done.json["steps"]:
        for asset in step["assets"]:
            found[asset["asset"].rpartition(".")[2]] = asset
    return found


def test_a_failed_stream_keeps_nothing_from_the_good_ones(shop):
    play(
        shop,
        schema("whole"),
        rows("whole", 1, 2),
        schema("whole", end="complete"),
        schema("log", end="failed", why="HTTP 400: no such filter"),
        schema("keyed"),
        rows("keyed", 1, 2),
        schema("keyed", end="complete"),
        state(keyed=2),
        code=1,
    )

    ended = statuses(shop, code=1)

    assert {name: each["status"] for name, each in ended.items()} == {
        "keyed": "done",
        "log": "failed",
        "whole": "done",
    }
    assert ended["log"]["message"] == (
        "stream `log` could not be read: HTTP 400: no such filter"
    )
    assert (ids(shop, "keyed"), ids(shop, "whole")) == ([1, 2], [1, 2])
    assert shop.state()["bookmarks"]["keyed"]["replication_key_value"] == 2
    assert len(asked(shop)) == 1


PARTIAL = {"end": "partial", "why": "acme: HTTP 403"}


@pytest.mark.parametrize(
    ("stream", "words", "told", "message", "stay"),
    [
        ("whole", [], {"stay": [{"at": "2"}]}, "its rows stay as they were", [2, 3]),
        ("whole", [], {}, "so rows that did not come stay, also", [1, 2, 3]),
        ("keyed", [], {}, "", [1, 2, 3]),
        ("keyed", ["--full-refresh"], {}, "so rows that did not come stay", [1, 2, 3]),
        (
            "keyed",
            ["--full-refresh"],
            {"stay": [{"at": "2"}]},
            "its rows stay as they were",
            [2, 3],
        ),
    ],
)
def test_a_stream_of_a_part_says_what_stays(shop, stream, words, told, message, stay):
    play(shop, schema(stream), rows(stream, 1, 2), schema(stream, end="complete"))
    statuses(shop)
    play(shop, schema(stream), rows(stream, 3), schema(stream, **PARTIAL, **told))

    ended = statuses(shop, *words)

    assert ended[stream]["status"] == "warned"
    assert ended[stream]["message"].startswith("acme: HTTP 403")
    assert message in ended[stream]["message"]
    assert ids(shop, stream) == stay


def test_a_table_without_a_key_says_that_the_rows_of_that_part_are_gone(shop):
    kinds = {"log": {"key": [], "method": "FULL_TABLE"}}
    (shop.path / "kinds.json").write_text(json.dumps(kinds))
    play(shop, schema("log"), rows("log", 1, 2), schema("log", end="complete"))
    statuses(shop)
    play(shop, schema("log"), rows("log", 2, 3), schema("log", **PARTIAL))

    ended = statuses(shop)

    assert "its older rows are gone" in ended["log"]["message"]
    assert ids(shop, "log") == [2, 3]


def test_only_what_failed_for_a_while_is_read_again_from_its_bookmark(shop):
    play(
        shop,
        schema("keyed"),
        rows("keyed", 1, 2),
        schema("keyed", end="complete"),
        schema("log"),
        rows("log", 1, 2),
        state(keyed=2, log=2),
        rows("log", 3, 4),
        schema("log", end="failed", why="HTTP 503", temporary=True),
        schema("whole"),
        rows("whole", 7),
        schema("whole", end="complete"),
        state(keyed=2, log=4),
        code=1,
    )
    again(shop, schema("log"), rows("log", 2, 3, 4, 5), state(log=5))

    ended = statuses(shop)

    assert {each["status"] for each in ended.values()} == {"done"}
    first, second = asked(shop)
    assert (first["state"], second["streams"]) == (None, ["log"])
    assert second["state"]["bookmarks"]["log"]["replication_key_value"] == 2
    assert ids(shop, "log") == [1, 2, 3, 4, 5]
    marks = shop.state()["bookmarks"]
    assert {n: one["replication_key_value"] for n, one in marks.items()} == {
        "keyed": 2,
        "log": 5,
    }


def test_what_fails_for_good_is_not_tried_again_with_what_fails_for_a_while(shop):
    play(
        shop,
        schema("keyed", end="failed", why="HTTP 400"),
        schema("log", end="failed", why="HTTP 502 Bad Gateway", temporary=True),
        schema("whole", end="failed", why="connection reset", temporary=True),
        code=1,
    )

    ended = statuses(shop, code=1)

    assert [each["streams"] for each in asked(shop)] == [
        ["keyed", "log", "whole"],
        ["log", "whole"],
    ]
    assert ended["keyed"]["error"] == "EltError"
    assert ended["log"]["error"] == ended["whole"]["error"] == "Unavailable"
    assert ended["log"]["message"] == (
        "stream `log` could not be read: HTTP 502 Bad Gateway;"
        " stream `whole` could not be read: connection reset"
    )
    assert "The source was not reached" in ended["log"]["hint"]


def test_a_skipped_stream_warns_is_counted_and_is_as_it_was(shop):
    play(shop, schema("whole"), rows("whole", 1, 2), code=0)
    shop.run()
    why = "HTTP 403: the token lacks the scope read:org"
    play(
        shop,
        schema("whole", end="skipped", why=why),
        schema("log", end="skipped", why=why),
        schema("keyed"),
        rows("keyed", 1),
    )

    done = shop.run()

    assert "1 done, 2 warned (2 streams skipped by the tap)" in done.err
    assert f"skipped: {why}" in done.err.replace("\n  ", " ")
    assert ids(shop, "whole") == [1, 2]
    assert shop.sql(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'log'"
    ) == [(0,)]


def test_a_complete_stream_may_have_something_to_look_at(shop):
    why = "1 of 14 repositories was left out: acme/a (HTTP 451)"
    play(
        shop,
        schema("whole"),
        rows("whole", 1),
        schema("whole", end="complete", why=why),
    )

    ended = statuses(shop)

    assert (ended["whole"]["status"], ended["whole"]["message"]) == ("warned", why)
    assert ids(shop, "whole") == [1]


def test_a_stream_of_which_nothing_was_told_ended_as_the_tap_did(shop):
    play(shop, schema("whole"), rows("whole", 1, 2, 3))
    shop.run()
    play(
        shop,
        schema("log", end="failed", why="HTTP 400"),
        schema("keyed"),
        rows("keyed", 1),
        schema("keyed", end="complete"),
        schema("whole"),
        rows("whole", 4, 5),
        code=3,
    )

    ended = statuses(shop, code=1)

    assert ended["whole"]["status"] == "failed"
    assert "ended with exit code 3: tap: played play.json" in ended["whole"]["message"]
    assert (ids(shop, "whole"), ids(shop, "keyed")) == ([1, 2, 3], [1])


def test_a_failure_told_counts_though_the_tap_ends_with_0(shop):
    play(
        shop,
        schema("whole"),
        rows("whole", 1),
        schema("whole", end="failed", why="a page is missing"),
        schema("keyed"),
        rows("keyed", 1),
    )

    ended = statuses(shop, code=1)

    assert (ended["whole"]["status"], ended["keyed"]["status"]) == ("failed", "done")


def test_what_came_to_its_end_before_the_tap_broke_off_is_done(shop):
    play(
        shop,
        schema("whole"),
        rows("whole", 1),
        schema("whole", end="complete"),
        state(keyed=0),
        schema("keyed"),
        rows("keyed", 1),
        code=1,
    )

    ended = statuses(shop, code=1)

    assert {name: each["status"] for name, each in ended.items()} == {
        "whole": "done",
        "keyed": "failed",
        "log": "failed",
    }
    assert "ended with exit code 1: tap: played play.json" in ended["log"]["message"]
    assert ids(shop, "whole") == [1]
    assert shop.state()["bookmarks"]["keyed"]["replication_key_value"] == 0


def test_a_tap_that_broke_off_for_a_while_is_asked_for_the_rest_alone(shop):
    play(
        shop,
        schema("whole"),
        rows("whole", 1),
        schema("whole", end="complete"),
        code=75,
    )
    again(shop, schema("keyed"), rows("keyed", 1), schema("log"), rows("log", 1))

    ended = statuses(shop)

    assert {each["status"] for each in ended.values()} == {"done"}
    assert [each["streams"] for each in asked(shop)] == [
        ["keyed", "log", "whole"],
        ["keyed", "log"],
    ]


def test_an_exit_code_after_the_end_of_all_streams_is_told_and_fails_none(shop):
    told = [schema(stream, end="complete") for stream in KINDS]
    play(shop, schema("whole"), rows("whole", 1), *told, code=3)

    done = shop.elt("run")

    said = " ".join(done.err.split())
    assert (
        "all its streams came to their end; tap `shop` ended with exit code 3" in said
    )
    assert ids(shop, "whole") == [1]


def test_a_tap_that_may_read_no_stream_fails_with_its_own_words(shop):
    told = [schema(stream, end="skipped", why="HTTP 403") for stream in KINDS]
    play(shop, *told, code=2)

    ended = statuses(shop, code=1)

    assert {each["status"] for each in ended.values()} == {"failed"}
    assert "ended with exit code 2" in ended["whole"]["message"]
