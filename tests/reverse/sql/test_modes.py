"""What each mode does to a table, on every database."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from far_tables import COLUMNS, gone, person, route_to

from elt.errors import ConfigError
from elt.reverse.destination import Added, Changed, Removed

ACCEPTED = ("accepted", "")


def test_an_upsert_adds_what_is_not_there_and_changes_what_is(far):
    far.people()
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1), ('other', 'Other', 5)")

    answers = far.send(person("ann", "Anna", 2.5), person("bob", None, 3))

    assert answers == {"ann": ACCEPTED, "bob": ACCEPTED}
    assert far.rows() == [
        ("ann", "Anna", Decimal("2.5")),
        ("bob", None, 3),
        ("other", "Other", 5),
    ]


def test_a_batch_that_comes_twice_changes_nothing(far):
    far.people()
    batch = [person("ann"), person("bob"), gone("cid")]

    far.send(*batch, route=route_to(mode="mirror"))
    once = far.rows()
    answers = far.send(*batch, route=route_to(mode="mirror"))

    assert set(answers.values()) == {ACCEPTED}
    assert far.rows() == once


def test_an_update_makes_no_new_rows_and_says_which_are_missing(far):
    far.people()
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1)")

    answers = far.send(
        person("ann", "Anna"), person("bob"), route=route_to(mode="update")
    )

    assert answers["ann"] == ACCEPTED
    assert answers["bob"] == ("rejected", "there is no row with this key")
    assert far.rows() == [("ann", "Anna", 1)]


def test_an_insert_leaves_rows_that_are_there(far):
    far.people()
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1)")

    answers = far.send(
        person("ann", "Anna"), person("bob"), route=route_to(mode="insert")
    )

    assert answers["bob"] == ACCEPTED
    assert answers["ann"][0] == "rejected"
    assert "already, with other values" in answers["ann"][1]
    assert far.rows() == [("ann", "Ann", 1), ("bob", "x", 1)]


def test_an_insert_that_comes_again_after_a_kill_knows_its_own_row(far):
    far.people()
    route = route_to(mode="insert")

    far.send(person("ann", "Ann", 1.25), person("bob", None, None), route=route)
    answers = far.send(
        person("ann", "Ann", 1.25), person("bob", None, None), route=route
    )

    assert answers == {"ann": ACCEPTED, "bob": ACCEPTED}


def test_a_mirror_deletes_what_it_is_told_and_nothing_else(far):
    far.people()
    far.run(
        "INSERT INTO people VALUES ('ann', 'x', 1), ('bob', 'x', 1), ('cid', 'x', 1)"
    )

    answers = far.send(
        gone("ann"), Removed("bob"), gone("never"), route=route_to(mode="mirror")
    )

    assert set(answers.values()) == {ACCEPTED}
    assert far.rows(columns="email") == [("cid",)]


def test_an_append_adds_a_row_each_time_and_needs_no_key(far):
    far.run("CREATE TABLE visits (email varchar(50), name varchar(50), score integer)")
    route = route_to("visits", "append")

    far.send(person("ann"), route=route)
    far.send(Changed("ann", '{"email":"ann","name":"y","score":2}', "{}"), route=route)

    assert far.rows("visits") == [("ann", "x", 1), ("ann", "y", 2)] or far.rows(
        "visits", "name, email, score"
    ) == [("x", "ann", 1), ("y", "ann", 2)]


def test_a_field_that_is_left_out_stays_as_it_is(far):
    far.people()
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1)")

    far.send(
        Added("ann", '{"email":"ann","score":9}'),
        Added("bob", '{"email":"bob","name":"Bob"}'),
        Added("cid", '{"email":"cid","name":"Cid","score":3}'),
        Added("ann2", '{"email":"ann2"}'),
        Added("bob2", '{"email":"bob2"}'),
    )

    assert far.rows() == [
        ("ann", "Ann", 9),
        ("ann2", None, None),
        ("bob", "Bob", None),
        ("bob2", None, None),
        ("cid", "Cid", 3),
    ]


def test_a_row_that_is_there_needs_no_value_for_what_must_not_be_null(far):
    far.people(", country varchar(2) NOT NULL")
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1, 'de')")

    answers = far.send(person("ann", "Anna"), person("bob"))

    assert answers["ann"] == ACCEPTED
    assert answers["bob"][0] == "rejected"
    assert "country" in answers["bob"][1]
    assert far.rows() == [("ann", "Anna", 1, "de")]


def test_another_unique_column_never_leads_to_somebody_elses_row(far):
    far.people(", phone varchar(20) UNIQUE")
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1, '555')")
    route = route_to(columns={**COLUMNS, "phone": "VARCHAR"})
    bob = '{"email":"bob","name":"Bob","phone":"%s","score":2}'

    answers = far.send(Added("bob", bob % "555"), person("cid"), route=route)

    assert answers["bob"][0] == "rejected"
    assert "555" in answers["bob"][1] or "people.phone" in answers["bob"][1]
    assert far.rows(columns="email, name") == [("ann", "Ann"), ("cid", "x")]

    far.send(Added("bob", bob % "777"), route=route)
    answers = far.send(Added("bob", bob % "555"), route=route)

    assert answers["bob"][0] == "rejected"
    assert far.rows(columns="phone, email")[:2] == [("555", "ann"), ("777", "bob")] or (
        (None, "cid") in far.rows(columns="phone, email")
    )


def test_bad_rows_are_set_apart_and_the_others_arrive(far):
    far.people(", CONSTRAINT score_check CHECK (score < 100)")
    rows = [
        person(f"p{n:03}", score=1000 if n in {7, 50, 51} else n % 10)
        for n in range(80)
    ]

    answers = far.send(*rows)

    rejected = {
        key: said for key, (status, said) in answers.items() if status != "accepted"
    }
    assert set(rejected) == {"p007", "p050", "p051"}
    assert all("score_check" in said for said in rejected.values()), rejected
    assert len(far.rows()) == 77


def test_a_reserved_an_odd_and_an_upper_case_name_are_taken_as_they_are(far):
    table, key = 'Select "1%s.x', "Group By"
    odd = ["Order", "per%cent", 'quo"te`s', "dot.ted", "ÄÖ ü"]
    q = far.quote
    text = "varchar(50)"
    columns = ", ".join(f"{q(name)} {text}" for name in odd)
    far.run(f"CREATE TABLE {q(table)} ({q(key)} {text} PRIMARY KEY, {columns})")
    route = route_to(
        '"' + table.replace('"', '""') + '"',
        "mirror",
        columns=dict.fromkeys([key, *odd], "VARCHAR"),
        key=key,
    )

    def row(name, value):
        return Added(name, json.dumps({key: name, **dict.fromkeys(odd, value)}))

    far.send(row("a", "1"), row("b", "1"), route=route)
    answers = far.send(row("a", "2"), Removed("b"), row("c", "3"), route=route)

    assert set(answers.values()) == {ACCEPTED}
    assert far.rows(q(table)) == [("a", *"22222"), ("c", *"33333")]


def test_a_key_that_only_looks_alike_is_not_taken_for_the_same(far):
    collation = {
        "postgres": "text COLLATE blind PRIMARY KEY",
        "mariadb": "varchar(50) COLLATE utf8mb4_general_ci PRIMARY KEY",
        "sqlite": "text COLLATE NOCASE PRIMARY KEY",
    }[far.kind]
    if far.kind == "postgres":
        far.run(
            "CREATE COLLATION blind"
            " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    far.run(f"CREATE TABLE people (email {collation}, name varchar(20), score integer)")
    far.run("INSERT INTO people VALUES ('ANN', 'somebody', 0)")

    for mode in ("upsert", "insert", "mirror"):
        answers = far.send(person("ann"), person("bob"), route=route_to(mode=mode))
        assert answers["bob"] == ACCEPTED
        status, said = answers["ann"]
        assert status == "rejected"
        assert "this key as `ANN`" in said
    assert (
        far.send(person("ann"), route=route_to(mode="update"))["ann"][0] == "rejected"
    )
    far.send(Removed("ann"), route=route_to(mode="mirror"))
    assert far.rows(columns="name, email") == [("somebody", "ANN"), ("x", "bob")]


def test_what_the_database_adds_by_itself_is_left_alone(far):
    now = {"postgres": "now()", "mariadb": "now()", "sqlite": "CURRENT_TIMESTAMP"}[
        far.kind
    ]
    far.people(
        ", twice numeric GENERATED ALWAYS AS (score * 2) STORED"
        f", made_at timestamp DEFAULT {now}"
    )

    far.send(person("ann", score=2))
    ((made,),) = far.rows(columns="made_at")
    far.send(person("ann", score=3))

    assert far.rows(columns="email, twice") == [("ann", 6)]
    assert far.rows(columns="made_at") == [(made,)]


def test_a_table_that_is_not_there_is_explained_by_the_statement_that_makes_it(far):
    with pytest.raises(ConfigError) as caught:
        far.send(person("ann"))

    assert "there is no table `people`" in caught.value.what
    far.run((caught.value.hint or "").partition("config: ")[2])
    assert far.send(person("ann"))["ann"] == ACCEPTED


def test_a_name_that_is_nearly_right_is_offered(far):
    far.people()

    with pytest.raises(ConfigError) as caught:
        far.send(person("ann"), route=route_to("peopel"))

    assert "Did you mean `people`?" in (caught.value.hint or "")


def test_columns_that_the_table_lacks_are_named_with_the_nearest(far):
    far.people()
    columns = {"email": "VARCHAR", "nmae": "VARCHAR", "zip": "VARCHAR"}

    with pytest.raises(ConfigError) as caught:
        far.send(Added("ann", '{"email":"ann"}'), route=route_to(columns=columns))

    assert "has no `nmae`, `zip`" in caught.value.what
    assert "`nmae` may be `name`" in (caught.value.hint or "")
    assert far.rows() == []


def test_a_column_that_the_database_computes_cannot_be_sent(far):
    far.people(", twice numeric GENERATED ALWAYS AS (score * 2) STORED")

    with pytest.raises(ConfigError, match="computes `twice` itself"):
        far.send(person("ann"), route=route_to(columns={**COLUMNS, "twice": "INTEGER"}))


@pytest.mark.parametrize("mode", ["upsert", "update", "insert", "mirror"])
def test_a_key_that_is_not_unique_is_refused_with_the_statement_that_makes_it_so(
    far, mode
):
    far.run("CREATE TABLE people (email varchar(50), name varchar(9), score integer)")

    with pytest.raises(ConfigError) as caught:
        far.send(person("ann"), route=route_to(mode=mode))

    assert "`email` is not unique in" in caught.value.what
    far.run((caught.value.hint or "").partition("Make it so: ")[2])
    far.send(person("ann"), route=route_to(mode=mode))


def test_half_a_unique_index_is_not_one(far):
    far.run("CREATE TABLE people (email varchar(50), name varchar(9), score integer)")
    far.run("CREATE UNIQUE INDEX both_of_them ON people (email, name)")
    if far.kind != "mariadb":
        far.run("CREATE UNIQUE INDEX part ON people (email) WHERE score > 0")
    if far.kind == "mariadb":
        far.run("CREATE UNIQUE INDEX part ON people (email(3))")

    with pytest.raises(ConfigError, match="not unique"):
        far.send(person("ann"))


def test_a_table_is_made_only_if_that_is_wanted_and_then_without_a_second_index(far):
    far.send(person("ann"), create_table=True)
    far.send(person("bob"), create_table=True)

    assert far.rows(columns="email") == [("ann",), ("bob",)]


def test_a_trigger_may_refuse_a_row(far):
    far.people()
    far.run(
        {
            "postgres": "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.name = 'bad' THEN RAISE 'not this one'; END IF;"
            " RETURN NEW; END $$; CREATE TRIGGER no BEFORE INSERT OR UPDATE ON people"
            " FOR EACH ROW EXECUTE FUNCTION no()",
            "mariadb": "CREATE TRIGGER no BEFORE INSERT ON people FOR EACH ROW BEGIN"
            " IF NEW.name = 'bad' THEN SIGNAL SQLSTATE '45000' SET"
            " MESSAGE_TEXT = 'not this one'; END IF; END",
            "sqlite": "CREATE TRIGGER no BEFORE INSERT ON people WHEN NEW.name = 'bad'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END",
        }[far.kind]
    )

    answers = far.send(person("ann"), person("bob", "bad"), person("cid"))

    assert answers["bob"] == ("rejected", "not this one")
    assert far.rows(columns="email") == [("ann",), ("cid",)]


def test_a_row_that_a_trigger_drops_is_not_taken_for_accepted(far):
    if far.kind == "mariadb":
        pytest.skip("its triggers cannot drop a row")
    far.people()
    far.run(
        {
            "postgres": "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN IF NEW.name = 'bad' THEN RETURN NULL; END IF; RETURN NEW;"
            " END $$; CREATE TRIGGER no BEFORE INSERT ON people"
            " FOR EACH ROW EXECUTE FUNCTION drop_it()",
            "sqlite": "CREATE TRIGGER no BEFORE INSERT ON people WHEN NEW.name = 'bad'"
            " BEGIN SELECT RAISE(IGNORE); END",
        }[far.kind]
    )

    answers = far.send(person("ann"), person("bob", "bad"), person("cid"))

    assert answers["bob"][0] == "rejected"
    assert "trigger" in answers["bob"][1]
    assert far.rows(columns="email") == [("ann",), ("cid",)]


def test_a_foreign_key_holds_for_added_and_for_removed_rows(far):
    far.people()
    key = "email varchar(100)" + " COLLATE utf8mb4_bin" * (far.kind == "mariadb")
    far.run(
        f"CREATE TABLE orders (id integer PRIMARY KEY, {key},"
        " FOREIGN KEY (email) REFERENCES people (email))"
    )
    far.send(person("ann"), person("bob"))
    orders = route_to("orders", columns={"id": "INTEGER", "email": "VARCHAR"}, key="id")

    answers = far.send(
        Added("1", '{"email":"ann","id":1}'),
        Added("2", '{"email":"nobody","id":2}'),
        route=orders,
    )
    assert [answers[key][0] for key in "12"] == ["accepted", "rejected"]

    answers = far.send(gone("ann"), gone("bob"), route=route_to(mode="mirror"))
    assert [answers[key][0] for key in ("ann", "bob")] == ["rejected", "accepted"]
    assert far.rows(columns="email") == [("ann",)]


def test_a_long_row_goes_by_itself(far):
    far.people()
    long = "é😀\\'\"" * 500_000
    rows = [person(f"p{n}", long if n == 3 else "short") for n in range(6)]

    answers = far.send(*rows)

    assert set(answers.values()) == {ACCEPTED}
    assert far.run("SELECT name FROM people WHERE email = 'p3'") == [(long,)]


def test_nothing_is_kept_of_a_batch_that_was_cut_short(far, monkeypatch):
    far.people()
    destination = far.destination()
    session = destination._sender._open()
    insert = type(session).insert

    def broken(self, shape, rows):
        insert(self, shape, rows)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(session), "insert", broken)
    with pytest.raises(KeyboardInterrupt):
        destination.send(route_to(), [person("ann")])
    monkeypatch.undo()

    assert far.rows() == []
    (receipt,) = destination.send(route_to(), [person("ann")])
    assert receipt.status == "accepted"


def test_a_check_reaches_the_database(far):
    destination = far.destination()

    destination.check()
    destination.check()


def test_an_object_that_is_no_name_is_refused_before_any_call(far):
    with pytest.raises(ConfigError, match="not the name of a table"):
        far.destination().check_route(route_to("a.b.c"))
