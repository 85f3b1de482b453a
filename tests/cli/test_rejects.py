"""`elt rejects`, driven as a person drives it."""

from __future__ import annotations

import fcntl
import json
import random

import duckdb
import pytest

from tests.runner.shop import COLUMNS, ELT_TOML, copied, make_shop

NUMBER = {**COLUMNS, "n": {"type": "integer"}}
WORD = {**COLUMNS, "n": {"type": "string"}}


def row(number, n, at=None):
    return {"id": number, "at": at or number, "t": "t", "n": n}


ROWS = [row(1, "x"), row(2, 7), row(3, "y"), row(None, 5, 3)]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    made = make_shop(tmp_path_factory.mktemp("loaded"))
    made.kinds(keyed={"columns": NUMBER}, log={"columns": NUMBER})
    made.rows(keyed=ROWS, log=ROWS)
    made.run()
    return made


@pytest.fixture
def shop(loaded, tmp_path):
    """Give a project that has loaded two streams, with five rejects of two kinds."""
    return copied(loaded, tmp_path / "shop")


def listed(shop, *words):
    return shop.elt("rejects", "list", *words, "--json").json


def values(shop, stream):
    return [n for (n,) in shop.sql(f"SELECT n FROM raw_shop.{stream} ORDER BY ALL")]


def test_rejects_are_summed_up_by_cause_with_an_example(shop):
    found = listed(shop)

    assert [(c["stream"], c["column"], c["reason"], c["rejects"]) for c in found] == [
        ("keyed", "n", "not an integer", 2),
        ("log", "n", "not an integer", 2),
        ("keyed", "id", "the key is missing or null", 1),
    ]
    assert found[0]["example"] == "y"
    table = shop.elt("rejects", "list").out
    assert "not an integer" in table


def test_the_run_says_where_its_rejects_are(shop):
    shop.rows(keyed=[row(9, "z")])

    said = shop.run().err

    assert "elt rejects list --run 20" in said
    assert "_elt.rejects" not in said


def test_single_rejects_have_ids_and_filters(shop):
    shop.rows(keyed=[row(9, "z")])
    shop.run()

    assert [r["value"] for r in listed(shop, "--all", "--stream", "log")] == ["x", "y"]
    assert [r["value"] for r in listed(shop, "--all", "--run", "last")] == ["z"]
    assert len(listed(shop, "--all", "--reason", "MISSING")) == 1
    assert len(listed(shop, "--all", "--tap", "shop")) == 6
    said = shop.elt("rejects", "list", "--all", "--limit", 2)
    assert len(said.out.splitlines()) == 3
    assert "2 of 6" in said.err


def test_one_reject_is_shown_with_its_record_as_it_came(shop):
    (first, *_) = listed(shop, "--all")
    done = shop.elt("rejects", "show", first["id"])

    assert json.loads(done.out) == row(1, "x")
    assert "not an integer" in done.err
    assert shop.elt("rejects", "show", first["id"], "--json").json["column"] == "n"


def test_after_the_schema_was_mended_a_retry_loads_what_fits(shop):
    shop.kinds(keyed={"columns": WORD}, log={"columns": WORD})

    said = shop.elt("rejects", "retry").out

    assert "2  loaded" in said
    assert "1  still rejected: the key is missing or null" in said
    assert values(shop, "keyed") == ["7", "x", "y"]
    assert values(shop, "log") == ["5", "7", "x", "y"]
    assert [cause["rejects"] for cause in listed(shop)] == [1]
    # Nothing comes twice when the tap reads its bookmark's rows again.
    shop.run()
    assert values(shop, "keyed") == ["7", "x", "y"]
    assert values(shop, "log") == ["5", "7", "x", "y"]


def test_a_retry_before_anything_was_mended_changes_nothing(shop):
    before = listed(shop, "--all")

    shop.elt("rejects", "retry")

    assert listed(shop, "--all") == before
    assert values(shop, "log") == [5, 7]


def test_only_what_is_named_is_tried_again(shop):
    shop.kinds(keyed={"columns": WORD}, log={"columns": WORD})
    first = listed(shop, "--all", "--stream", "log")[0]["id"]

    (answer,) = shop.elt("rejects", "retry", first, "--json").json

    assert (answer["stream"], answer["retried"]["loaded"]) == ("log", 1)
    assert values(shop, "log") == ["5", "7", "x"]
    assert len(listed(shop, "--all")) == 4


def test_a_retried_row_makes_the_tests_below_it_due_again(shop):
    def changed():
        rows = shop.elt("status", "--json").json
        return [r["last_change"] for r in rows if r["asset"] == "stream:shop.log"]

    before = changed()
    shop.kinds(log={"columns": WORD})
    shop.elt("rejects", "retry", "--stream", "log")

    assert changed() > before


def held(shop, stream):
    answers = shop.elt("rejects", "retry", "--json").json
    return next(a["held"] for a in answers if a["stream"] == stream)


def test_what_the_next_run_brings_anyway_is_not_tried(shop):
    shop.kinds(keyed={"columns": WORD}, log={"columns": WORD})
    shop.elt("state", "reset", "shop", "log", "--yes")
    with duckdb.connect(str(shop.path / "warehouse.duckdb")) as db:
        db.execute("DROP TABLE raw_shop.keyed")

    assert "bookmark was reset" in held(shop, "log")
    assert "is gone" in held(shop, "keyed")
    assert len(listed(shop, "--all")) == 5
    shop.run()
    assert values(shop, "log") == ["5", "7", "x", "y"]
    assert values(shop, "keyed") == ["7", "x", "y"]


def test_a_stream_or_a_tap_that_is_no_more_is_said_to_be(shop):
    kinds = shop.kinds()
    (shop.path / "kinds.json").write_text(json.dumps({"log": kinds["log"]}))
    assert "no such stream any more" in held(shop, "keyed")

    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text().replace("[taps.shop]", "[taps.other]"))
    assert "not in elt.toml any more" in held(shop, "log")
    assert len(listed(shop, "--tap", "shop")) == 3


def test_a_tap_that_does_not_answer_holds_its_rejects_only(shop):
    (shop.path / "tap.py").write_text("#!/bin/sh\necho no network >&2; exit 1\n")

    assert "exit code 1" in held(shop, "log")


def test_rejects_are_dropped_after_they_were_written_to_a_file(shop, tmp_path):
    file = tmp_path / "kept.jsonl"
    words = ("rejects", "drop", "--stream", "log")
    assert "Add `--yes`" in shop.elt(*words, code=2).err

    shop.elt(*words, "--to", file, "--yes")

    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [json.loads(one["record"])["n"] for one in kept] == ["x", "y"]
    assert {cause["stream"] for cause in listed(shop)} == {"keyed"}
    said = shop.elt("rejects", "drop", "--all", "--to", file, "--yes", code=2).err
    assert "there already" in said
    assert len(listed(shop, "--all")) == 3


def test_a_drop_that_has_to_wait_leaves_no_file_in_its_own_way(shop, tmp_path):
    file = tmp_path / "kept.jsonl"
    words = ("rejects", "drop", "--all", "--to", file, "--yes")
    with (shop.path / ".elt" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shop.program(*words, code=75)

    shop.elt(*words)

    assert len(file.read_text().splitlines()) == 5


REFUSED = [
    (["list", "--tap", "shpo"], "Did you mean `shop`?"),
    (["list", "--stream", "lgo"], "Did you mean `log`?"),
    (["show", "77"], "no reject 77"),
    (["retry", "77"], "no reject 77"),
    (["drop"], "`--all`"),
    (["drop", "77", "--yes"], "no reject 77"),
    (["show", "x"], "valid integer"),
]


def test_what_cannot_be_done_says_the_way_out(shop):
    for words, what in REFUSED:
        assert what in shop.elt("rejects", *words, code=2).err, words


def test_where_nothing_was_loaded_there_are_no_rejects(tmp_path):
    shop = make_shop(tmp_path)

    assert listed(shop) == []
    assert "There are no rejects" in shop.elt("rejects", "retry").err
    assert "no reject 1" in shop.elt("rejects", "show", 1, code=2).err
    assert not (tmp_path / "warehouse.duckdb").exists()


def test_while_a_run_is_under_way_nothing_is_tried(shop):
    with (shop.path / ".elt" / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = shop.program("rejects", "retry", code=75).err

    assert "another run of this project is under way" in said


FILES = """
[project]
name = "files"
[taps.csv]
plugin = "files"
[taps.csv.config.streams.days]
path = "days.csv"
"""


def test_a_line_of_a_file_is_loaded_when_its_columns_type_was_mended(tmp_path):
    shop = make_shop(tmp_path, FILES + 'columns = { n = "integer" }\n')
    (tmp_path / "days.csv").write_text("day,n\nmo,1\ntu,two\n")
    shop.run()
    (tmp_path / "elt.toml").write_text(FILES + 'columns = { n = "string" }\n')

    shop.elt("rejects", "retry")

    assert shop.sql("SELECT day, n FROM raw_csv.days ORDER BY day") == [
        ("mo", "1"),
        ("tu", "two"),
    ]
    assert listed(shop) == []


@pytest.mark.slow
def test_killed_at_any_moment_a_retry_has_loaded_all_or_nothing(tmp_path):
    many = 3000
    toml = ELT_TOML + "reject_limit = 100000\nreject_percent = 100\n"
    shop = make_shop(tmp_path, toml)
    shop.kinds(log={"columns": NUMBER})
    shop.rows(log=[row(n, f"x{n}") for n in range(many)])
    shop.run()
    shop.kinds(log={"columns": WORD})
    before = (tmp_path / "warehouse.duckdb").read_bytes()
    seconds = shop.killed("rejects", "retry")
    assert outcome(shop) == (many, many, 0)
    moments, seen = random.Random(7), set()  # noqa: S311

    for _ in range(25):
        (tmp_path / "warehouse.duckdb.wal").unlink(missing_ok=True)
        (tmp_path / "warehouse.duckdb").write_bytes(before)
        shop.killed("rejects", "retry", after=seconds * moments.uniform(0, 1.5))
        seen.add(outcome(shop))
        assert seen <= {(0, 0, many), (many, many, 0)}

    assert len(seen) == 2


def outcome(shop):
    """Count the rows, the different ones, and the rejects that are left."""
    (rows,) = shop.sql("SELECT count(*), count(DISTINCT n) FROM raw_shop.log")
    ((left,),) = shop.sql("SELECT count(*) FROM _elt.rejects")
    return (*rows, left)
