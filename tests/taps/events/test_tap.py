from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class

from elt.taps.events import writing
from elt.taps.events.tap import EventsTap
from elt.taps.files.compressed import zstd

WEB = Path(__file__).parent / "web"

TestEventsTap = get_tap_test_class(
    EventsTap,
    config={"path": str(WEB), "format": "segment"},
    suite_config=SuiteConfig(max_records_limit=10),
)


def deselected(catalog, *names):
    """Give the catalog with some streams, or `stream.column`s, taken out."""
    catalog = deepcopy(catalog)
    for entry in catalog["streams"]:
        for about in entry["metadata"]:
            path = [entry["stream"], *about["breadcrumb"][1:]]
            if not about["breadcrumb"]:
                about["metadata"]["selected"] = entry["stream"] not in names
            elif ".".join(path) in names:
                about["metadata"]["selected"] = False
    return catalog


# What is read


def test_only_what_is_new_is_read(folder, samples):
    path = folder.write("in/a.json", samples.track(1))
    first = folder.sync("segment")

    again = folder.sync("segment", state=first.state)
    with path.open("a") as file:
        file.write(json.dumps(samples.track(2)) + "\nbroken\n")
    folder.write("in/b.json", samples.track(3))
    third = folder.sync("segment", state=again.state)

    assert first.streams == {"events": 1}
    assert again.streams == {}
    assert [row["message_id"] for row in third.rows()] == ["m-2", "m-3"]
    assert [row["line"] for row in third.rows("bad_events")] == [3]


def test_touched_and_moved_files_are_not_read_again(folder, samples):
    path = folder.write("in/a.json", samples.track(1))
    first = folder.sync("segment")

    path.write_bytes(path.read_bytes())

    assert folder.sync("segment", state=first.state).streams == {}


def test_a_file_that_is_gone_is_noted_once(folder, samples):
    folder.write("in/a.json", samples.track(1))
    path = folder.write("in/b.json", samples.track(2))
    first = folder.sync("segment")

    path.unlink()
    second = folder.sync("segment", state=first.state)

    assert second.state["bookmarks"]["_files"]["files"]["in/b.json"]["missing"] is True


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_compressed_files_are_read_by_their_ending(folder, samples, ending):
    pack = {"gz": gzip.compress, "zst": zstd.compress}[ending]
    name = f"in/2026/03/01/09/part-0.{ending}"
    folder.write(name, content=pack((json.dumps(samples.track(1)) + "\n").encode()))

    assert folder.sync("segment").rows()[0]["_file"] == name


def test_an_array_that_grew_is_read_whole(folder, samples):
    folder.write("in/a.json", "[", json.dumps(samples.track(1)) + ",")
    first = folder.sync("segment")

    with (folder.path / "in/a.json").open("a") as file:
        file.write(json.dumps(samples.track(2)) + "\n]\n")
    second = folder.sync("segment", state=first.state)

    assert [row["message_id"] for row in second.rows()] == ["m-1", "m-2"]
    assert second.rows("bad_events") == []


def test_a_half_written_line_is_bad_until_it_is_whole(folder, samples):
    line = json.dumps(samples.track(2))
    path = folder.write("in/a.json", samples.track(1))
    with path.open("a") as file:
        file.write(line[:40])
    first = folder.sync("segment", batch_config={"storage": {"root": "tmp"}})

    with path.open("a") as file:
        file.write(line[40:] + "\n")
    second = folder.sync(
        "segment", state=first.state, batch_config={"storage": {"root": "tmp"}}
    )

    assert first.streams == {"events": 1, "bad_events": 1}
    assert second.streams == {"events": 2}
    [batch] = [m for m in second.messages if m["type"] == "BATCH"]
    [about] = batch["elt"]["files"]
    assert (about["constants"], about["replace"]) == ({"_file": "in/a.json"}, True)


def test_an_unreadable_file_is_reported_and_the_others_go_on(folder, samples):
    whole = gzip.compress((json.dumps(samples.track(1)) + "\n").encode() * 5)
    folder.write("in/a.gz", content=whole[:-12])
    folder.write("in/b.json", samples.track(2))
    first = folder.sync("segment")
    again = folder.sync("segment", state=first.state)

    folder.write("in/a.gz", content=whole)
    third = folder.sync("segment", state=again.state)

    [bad] = first.rows("bad_events")
    assert bad["_file"] == "in/a.gz"
    assert "cannot be read on: EOFError" in bad["reasons"][0]
    assert [row["message_id"] for row in first.rows()] == ["m-2"]
    assert again.streams == {"bad_events": 1}
    assert [row["message_id"] for row in third.rows()] == ["m-1"]


def test_a_state_follows_each_file(folder, samples):
    for number in range(3):
        folder.write(f"in/{number}.json", samples.track(number))

    kinds = [
        f"{m['type']} {m.get('stream', '')}".strip()
        for m in folder.sync("segment").messages
        if m["type"] != "SCHEMA"
    ]

    assert kinds[:6] == ["RECORD events", "STATE"] * 3


# Copies, and the collector's time


def test_copies_are_left_out_within_a_run(folder, samples):
    folder.write("in/a.json", samples.track(1), samples.track(1))
    folder.write("in/b.json", samples.track(1, receivedAt="2026-03-02T00:00:00Z"))

    [row] = folder.sync("segment").rows()

    assert row["received_at"] == "2026-03-01T09:01:00.000Z"


def test_copies_that_are_far_apart_are_left_to_the_target(folder, samples, monkeypatch):
    monkeypatch.setattr(writing, "WINDOW_EVENTS", 2)
    numbers = [1, 2, 3, 4, 5, 1]
    folder.write("in/a.json", *(samples.track(number) for number in numbers))

    synced = folder.sync("segment")

    assert len(synced.rows()) == 6
    [schema] = [
        m for m in synced.messages if m["type"] == "SCHEMA" and m["stream"] == "events"
    ]
    assert schema["key_properties"] == ["message_id"]


def test_one_id_with_two_fingerprints_is_two_events(folder, samples):
    other = samples.tsv(1, event_fingerprint="fp-x")
    folder.write("in/a.tsv", samples.tsv(1), samples.tsv(1), other)

    rows = folder.sync("snowplow_tsv").rows()

    assert [row["event_fingerprint"] for row in rows] == ["fp-1", "fp-x"]


def test_the_watermark_is_the_collectors_latest_and_holds_nothing_back(folder, samples):
    folder.write("in/b.json", samples.track(5), samples.track(3))
    first = folder.sync("segment")

    folder.write("in/a.json", samples.track(1))
    second = folder.sync("segment", state=first.state)

    assert [row["message_id"] for row in second.rows()] == ["m-1"]
    mark = second.state["bookmarks"]["events"]["watermark"]
    assert mark == "2026-03-01T09:05:00.000Z"


def test_what_the_collector_had_before_the_start_is_left_out(folder, samples):
    device_time = {"originalTimestamp": "2020-01-01T00:00:00Z"}
    unknown = samples.track(3, receivedAt=None)
    folder.write(
        "in/a.json", samples.track(1), samples.track(9, **device_time), unknown
    )

    rows = folder.sync("segment", start_date="2026-03-01T09:05:00Z").rows()

    assert [row["message_id"] for row in rows] == ["m-9", "m-3"]


# Bad events


def test_a_bad_event_is_kept_with_all_that_is_known(folder, samples):
    bad = samples.track(1, sentAt="yesterday")
    folder.write("in/a.json", samples.track(2), bad)

    [row] = folder.sync("segment").rows("bad_events")

    assert json.loads(row.pop("raw")) == bad
    assert row.pop("first_seen")[:2] == "20"
    assert len(row.pop("bad_event_id")) == 32
    assert row == {
        "_file": "in/a.json",
        "line": 2,
        "item": 0,
        "reasons": ["sentAt: is not a date and time"],
        "schema": "segment/track",
        "event_id": "m-1",
        "collector_tstamp": "2026-03-01T09:01:00.000Z",
        "raw_bytes": len(json.dumps(bad)),
    }


def test_nothing_of_an_event_is_logged(folder, samples, caplog):
    person = "nobody@example.com"
    folder.write("in/a.json", {"email": person}, samples.track(1, userId=person))
    folder.write("in/b.gz", content=person.encode())
    caplog.set_level("INFO", logger="tap-events")

    folder.sync("segment")

    assert "2 bad events" in caplog.text
    assert person not in caplog.text


def test_bad_events_are_judged_again_when_their_bookmark_is_taken_away(folder, samples):
    line = samples.tsv(1, contexts=samples.contexts((samples.THING, {"thingId": -1})))
    folder.write("in/a.tsv", line)
    folder.write("in/b.tsv", samples.tsv(2))
    folder.schema(samples.THING, samples.THING_SCHEMA)
    given = {"schemas": "schemas", "batch_config": {"storage": {"root": "tmp"}}}
    first = folder.sync("snowplow_tsv", **given)

    folder.schema(samples.THING, {})
    state = first.state
    del state["bookmarks"]["bad_events"]
    second = folder.sync("snowplow_tsv", state=state, **given)
    third = folder.sync("snowplow_tsv", state=second.state, **given)

    assert first.streams == {"bad_events": 1, "events": 1}
    assert second.streams == {"events": 1}
    assert [m["stream"] for m in second.messages if m["type"] == "BATCH"] == [
        "bad_events"
    ]
    assert third.streams == {}


def test_a_bad_event_keeps_the_time_when_it_was_first_seen(folder):
    folder.write("in/a.json", "broken")
    first = folder.sync("segment")

    state = first.state
    del state["bookmarks"]["bad_events"]
    again = folder.sync("segment", state=state)

    assert again.rows("bad_events") == first.rows("bad_events")


# Streams: chosen, left out, met


def entities(samples, number):
    page, thing = (samples.WEB_PAGE, {"id": "p"}), (samples.THING, {"n": number})
    return samples.tsv(number, contexts=samples.contexts(page, thing))


PAGES = "contexts_com_snowplowanalytics_snowplow_web_page_1"
THINGS = "contexts_com_acme_thing_1"


def test_entities_are_found_by_discovery(folder, samples):
    folder.write("in/a.tsv", entities(samples, 1))

    streams = folder.catalog("snowplow_tsv", contexts="tables")["streams"]

    assert [one["stream"] for one in streams] == ["bad_events", THINGS, PAGES, "events"]


def test_pinned_tables_are_in_the_catalog_without_any_event(folder, samples):
    folder.write("in/a.tsv", samples.tsv(1))

    catalog = folder.catalog("snowplow_tsv", contexts="tables", tables=[THINGS])

    assert THINGS in [one["stream"] for one in catalog["streams"]]


def test_a_stream_that_the_catalog_does_not_know_is_described_and_written(
    folder, samples
):
    folder.write("in/a.tsv", samples.tsv(1))
    catalog = folder.catalog("snowplow_tsv", contexts="tables")
    folder.write("in/b.tsv", entities(samples, 2))

    synced = folder.sync("snowplow_tsv", contexts="tables", catalog=catalog)

    assert synced.streams == {"events": 2, PAGES: 1, THINGS: 1}
    schemas = [m["stream"] for m in synced.messages if m["type"] == "SCHEMA"]
    assert {PAGES, THINGS} <= set(schemas)


def test_it_is_no_reason_to_read_again_once_the_catalog_knows_it(folder, samples):
    folder.write("in/a.tsv", samples.tsv(1))
    catalog = folder.catalog("snowplow_tsv", contexts="tables")
    folder.write("in/b.tsv", entities(samples, 2))
    first = folder.sync("snowplow_tsv", contexts="tables", catalog=catalog)
    second = folder.sync(
        "snowplow_tsv", contexts="tables", catalog=catalog, state=first.state
    )

    third = folder.sync("snowplow_tsv", contexts="tables", state=second.state)

    assert third.streams == {}


def test_a_stream_that_was_left_out_gets_what_it_missed_and_nothing_twice(
    folder, samples
):
    folder.write("in/a.tsv", entities(samples, 1))
    catalog = folder.catalog("snowplow_tsv", contexts="tables")
    first = folder.sync("snowplow_tsv", contexts="tables", catalog=catalog)
    folder.write("in/b.tsv", entities(samples, 2))
    second = folder.sync(
        "snowplow_tsv",
        contexts="tables",
        catalog=deselected(catalog, THINGS),
        state=first.state,
    )

    third = folder.sync(
        "snowplow_tsv", contexts="tables", catalog=catalog, state=second.state
    )

    assert second.streams == {"events": 1, PAGES: 1}
    assert [row["_file"] for row in third.rows(THINGS)] == ["in/b.tsv"]
    assert third.streams == {THINGS: 1}
    assert (
        folder.sync(
            "snowplow_tsv", contexts="tables", catalog=catalog, state=third.state
        ).streams
        == {}
    )


def test_a_stream_whose_bookmark_was_taken_away_is_read_again_alone(folder, samples):
    folder.write("in/a.tsv", entities(samples, 1))
    first = folder.sync("snowplow_tsv", contexts="tables")

    state = first.state
    del state["bookmarks"][THINGS]
    second = folder.sync("snowplow_tsv", contexts="tables", state=state)

    assert second.streams == {THINGS: 1}


def test_new_streams_are_not_taken_by_whoever_leaves_some_out_but_can_be_later(
    folder, samples
):
    only_page = samples.contexts((samples.WEB_PAGE, {"id": "p"}))
    folder.write("in/a.tsv", samples.tsv(1, contexts=only_page))
    catalog = deselected(folder.catalog("snowplow_tsv", contexts="tables"), PAGES)
    folder.write("in/b.tsv", entities(samples, 2))

    first = folder.sync("snowplow_tsv", contexts="tables", catalog=catalog)
    second = folder.sync("snowplow_tsv", contexts="tables", state=first.state)

    assert first.streams == {"events": 2}
    assert second.streams == {PAGES: 2, THINGS: 1}


def test_another_layout_reads_all_again(folder, samples):
    folder.write("in/a.tsv", entities(samples, 1))
    first = folder.sync("snowplow_tsv")

    second = folder.sync("snowplow_tsv", contexts="tables", state=first.state)

    assert second.streams == {"events": 1, PAGES: 1, THINGS: 1}


def test_columns_that_are_not_selected_are_left_out(folder, samples):
    folder.write("in/a.json", samples.track(1))
    catalog = deselected(folder.catalog("segment"), "events.anonymous_id")

    synced = folder.sync("segment", catalog=catalog)

    [schema] = [
        m["schema"]
        for m in synced.messages
        if m["type"] == "SCHEMA" and m["stream"] == "events"
    ]
    assert "anonymous_id" not in synced.rows()[0]
    assert "anonymous_id" not in schema["properties"]


def test_bad_events_that_are_not_selected_are_counted_only(folder, samples):
    folder.write("in/a.json", samples.track(1), "broken")
    catalog = deselected(folder.catalog("segment"), "bad_events")

    assert folder.sync("segment", catalog=catalog).streams == {"events": 1}


def test_too_many_kinds_of_events_do_not_become_tables(folder, samples, monkeypatch):
    monkeypatch.setattr(writing, "_MOST_STRANGERS", 2)
    names = [samples.track(number, event=f"Viewed {number}") for number in range(9)]
    folder.write("in/0.json", samples.track(10))
    catalog = folder.catalog("segment", split=True)
    folder.write("in/a.json", *names)

    synced = folder.sync("segment", split=True, catalog=catalog)

    assert synced.streams["tracks"] == 10
    assert [name for name in synced.streams if name.startswith("viewed")] == [
        "viewed_0",
        "viewed_1",
    ]


# The program


def run(*arguments, cwd):
    command = [sys.executable, "-m", "elt.taps.events", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_the_tap_runs_alone(folder, samples):
    folder.write("in/a.json", samples.track(1))
    folder.write("config.json", {"path": "in/", "format": "segment"})

    done = run("--config", "config.json", cwd=folder.path)

    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert kinds.count("RECORD") == 1
    assert kinds[-1] == "STATE"


def test_a_mistake_in_the_config_is_one_message(folder):
    folder.write("config.json", {"path": "in/", "format": "segment", "splt": True})

    done = run("--config", "config.json", "--discover", cwd=folder.path)

    assert done.returncode == 2
    assert "error: unknown setting `splt`\nhint: Did you mean `split`?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_whose_name_is_no_utf8_is_read_under_a_name_that_is(folder, samples):
    path = folder.write("in/a.json", samples.track(1))
    path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.json"))

    first = folder.sync("segment")

    assert [row["_file"] for row in first.rows()] == ["in/\\xff.json"]
    assert folder.sync("segment", state=first.state).streams == {}
