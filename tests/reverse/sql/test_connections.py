"""Whose fault it is: ours, the row's, the database's, or nobody knows."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import replace
from urllib.parse import quote

import certifi
import pytest
from far_tables import FarSide, gone, person, route_to
from servers import PASSWORD, free_port
from wires import wire_to

from elt.errors import ConfigError, Rejected, Unavailable
from elt.reverse.destinations.mysql import MysqlDestination
from elt.reverse.destinations.postgres import PostgresDestination
from elt.reverse.destinations.sqlite import SqliteDestination

SCHEMES = {"postgres": "postgresql", "mariadb": "mysql"}
ENOUGH = "long-enough"
EXTRAS = {"postgres": ("psycopg", "postgres"), "mariadb": ("pymysql", "mysql")}


@pytest.fixture(params=["postgres", "mariadb"])
def server(request, tmp_path) -> FarSide:
    return FarSide(request.getfixturevalue(request.param), tmp_path)


def dsn(far, password=PASSWORD):
    at = far.database.settings
    where = f"{at['user']}:{quote(password, safe='')}@{at['host']}:{at['port']}"
    return f"{SCHEMES[far.kind]}://{where}/{at['database']}"


def everything_said(error):
    said = []
    while error is not None:
        said += [str(error), repr(error)]
        error = error.__cause__ or (
            None if error.__suppress_context__ else error.__context__
        )
    return "\n".join(said)


def elsewhere(far, **settings):
    return FarSide(
        replace(far.database, settings={**far.database.settings, **settings}), far.root
    )


def test_a_url_says_all_that_is_needed(server):
    server.people()

    there = FarSide(replace(server.database, settings={}), server.root)

    assert there.send(person("ann"), dsn=dsn(server))["ann"][0] == "accepted"


def test_a_wrong_password_is_for_a_person_to_mend_and_is_not_repeated(server):
    secret = "wrong-/secret@9"  # noqa: S105
    there = FarSide(replace(server.database, settings={}), server.root)

    with pytest.raises(ConfigError) as caught:
        there.destination(dsn=dsn(server, secret)).check()

    said = everything_said(caught.value)
    assert "elt" in said
    assert secret not in said
    assert quote(secret, safe="") not in said


@pytest.mark.parametrize(
    "broken",
    ["{scheme}://elt:hunter-two@h:port/db", "elt hunter-two", "://hunter-two", "nix"],
)
def test_a_url_that_cannot_be_read_is_not_repeated(server, broken):
    there = FarSide(replace(server.database, settings={}), server.root)

    with pytest.raises(ConfigError) as caught:
        there.destination(dsn=broken.format(scheme=SCHEMES[server.kind]))

    assert caught.value.what == "`dsn` cannot be read"
    assert "hunter" not in everything_said(caught.value)


def test_a_url_and_its_parts_are_too_much(server):
    with pytest.raises(ConfigError, match="stands for"):
        server.destination(dsn=dsn(server))


def test_a_database_that_does_not_exist_is_for_a_person_to_mend(server):
    with pytest.raises(ConfigError, match="nowhere"):
        elsewhere(server, database="nowhere").destination().check()


def test_nobody_at_the_address_is_for_later(server):
    with pytest.raises(Unavailable):
        elsewhere(server, port=free_port()).destination().check()


def test_the_options_of_tls_reach_the_driver(server):
    options = {
        "postgres": {"sslmode": "require"},
        "mariadb": {"ssl_ca": certifi.where()},
    }

    with pytest.raises(ConfigError, match="SSL"):
        server.destination(options=options[server.kind]).check()


def test_a_file_of_tls_that_is_not_there_is_for_a_person_to_mend(far_mariadb):
    with pytest.raises(ConfigError, match="no connection can be made"):
        far_mariadb.destination(options={"ssl_ca": "/no/such.pem"}).check()


def test_an_option_that_the_driver_does_not_know_is_named(server):
    with pytest.raises(ConfigError, match="sslmoode"):
        server.destination(options={"sslmoode": "require"})


def test_a_missing_driver_is_installed_by_the_command_in_the_hint(server, monkeypatch):
    driver, extra = EXTRAS[server.kind]
    monkeypatch.setitem(sys.modules, driver, None)

    with pytest.raises(ConfigError) as caught:
        server.destination()

    assert f"`{driver}` is not installed" in caught.value.what
    assert caught.value.hint == f"pip install 'elt-toolkit[{extra}]'"


@pytest.mark.parametrize("delivers", [True, False])
def test_an_answer_lost_during_commit_is_unknown_until_it_is_sent_again(
    server, delivers
):
    server.people(", CONSTRAINT low CHECK (score < 100)")
    with wire_to(server.database.settings["port"]) as wire:
        destination = elsewhere(server, port=wire.port).destination()
        batch = [person("ann"), person("bob", score=500), person("cid")]
        wire.cut_at, wire.delivers = b"COMMIT", delivers

        receipts = {r.key: r for r in destination.send(route_to(), batch)}
        wire.cut_at = None
        again = {r.key: r.status for r in destination.send(route_to(), batch)}

    assert wire.cuts == 1
    assert receipts["ann"].status == receipts["cid"].status == "unknown"
    assert "no answer to COMMIT" in receipts["ann"].message
    assert receipts["bob"].status == "rejected"
    assert again == {"ann": "accepted", "bob": "rejected", "cid": "accepted"}
    assert server.rows(columns="email") == [("ann",), ("cid",)]


def test_a_connection_lost_before_commit_took_nothing(server):
    server.people()
    with wire_to(server.database.settings["port"]) as wire:
        destination = elsewhere(server, port=wire.port).destination()
        destination.send(route_to(), [person("ann")])
        wire.cut_at = b"INSERT INTO"

        with pytest.raises(Unavailable):
            destination.send(route_to(), [person("bob")])
        assert server.rows(columns="email") == [("ann",)]
        wire.cut_at = None
        destination.send(route_to(), [person("bob")])

    assert server.rows(columns="email") == [("ann",), ("bob",)]


def test_a_row_that_somebody_holds_is_for_later(far):
    far.people()
    far.run("INSERT INTO people VALUES ('ann', 'Ann', 1)")
    far.run("BEGIN")
    far.run("UPDATE people SET score = 2")

    try:
        with pytest.raises(Unavailable, match=r"(?i)lock"):
            far.send(person("ann"), lock_timeout_seconds=1)
    finally:
        far.run("ROLLBACK")
    assert far.send(person("ann"))["ann"][0] == "accepted"


def slow_trigger(kind, seconds, otherwise=""):
    return {
        "postgres": "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN PERFORM pg_sleep({seconds}); {otherwise} RETURN NEW; END $$;"
        " CREATE TRIGGER slow BEFORE INSERT ON people FOR EACH ROW"
        " EXECUTE FUNCTION slow()",
        "mariadb": "CREATE TRIGGER slow BEFORE INSERT ON people FOR EACH ROW"
        f" BEGIN SET NEW.name = SLEEP({seconds}); {otherwise} END",
    }[kind]


def test_a_statement_that_takes_too_long_is_for_later(server):
    server.people()
    server.run(slow_trigger(server.kind, 20))

    started = time.monotonic()
    with pytest.raises(Unavailable, match=r"timeout|max_statement_time"):
        server.send(person("ann"), statement_timeout_seconds=0.3)

    assert time.monotonic() - started < 10
    assert server.rows() == []


def test_a_deadlock_is_for_later(server):
    raised = {
        "postgres": "RAISE 'deadlock detected' USING ERRCODE = '40P01';",
        "mariadb": "SIGNAL SQLSTATE '40001'"
        " SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found';",
    }
    server.people()
    server.run(slow_trigger(server.kind, 0, raised[server.kind]))

    with pytest.raises(Unavailable, match=r"(?i)deadlock"):
        server.send(person("ann"))


@pytest.mark.parametrize("others", [[], [person("bob")]])
def test_a_row_that_somebody_adds_at_the_same_moment_is_tried_again(server, others):
    server.people()
    server.run("BEGIN")
    server.run("INSERT INTO people VALUES ('ann', 'theirs', 1)")
    soon = threading.Timer(0.4, server.run, ["COMMIT"])
    soon.start()
    destination = server.destination()

    receipts = destination.send(route_to(), [person("ann"), *others])
    soon.join()

    # A batch that is halved has seen the row by then.
    statuses = {r.key: r.status for r in receipts}
    assert statuses["ann"] == ("accepted" if others else "retryable")
    (receipt,) = destination.send(route_to(), [person("ann", "ours")])
    assert receipt.status == "accepted"
    assert server.rows(columns="email, name")[0] == ("ann", "ours")


def test_a_user_without_the_right_to_write_ends_the_sync(server):
    server.people()
    name = f"reader_{server.database.settings['database']}"
    made = {
        "postgres": f"DROP ROLE IF EXISTS {name};"
        f" CREATE ROLE {name} LOGIN PASSWORD '{ENOUGH}';"
        f" GRANT USAGE ON SCHEMA public TO {name}; GRANT SELECT ON people TO {name}",
        "mariadb": f"CREATE OR REPLACE USER {name}@'%' IDENTIFIED BY '{ENOUGH}'",
    }
    server.run(made[server.kind])
    if server.kind == "mariadb":
        server.run(f"GRANT SELECT ON people TO {name}@'%'")
    reader = elsewhere(server, user=name, password=ENOUGH)

    with pytest.raises(ConfigError, match="denied"):
        reader.send(person("ann"))
    if server.kind == "postgres":
        server.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_table_that_changes_under_a_sync_ends_it(far):
    far.people()
    destination = far.destination()
    destination.send(route_to(), [person("ann")])
    far.run("ALTER TABLE people RENAME COLUMN score TO points")

    with pytest.raises(ConfigError, match="score"):
        destination.send(route_to(), [person("bob")])


@pytest.mark.parametrize(
    ("config", "is_local"),
    [
        ({"host": "127.0.0.1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "::1"}, True),
        ({"host": "10.0.0.5"}, False),
        ({"host": "db.example.com"}, False),
    ],
)
def test_only_this_machine_is_local(tmp_path, config, is_local):
    for kind in (PostgresDestination, MysqlDestination):
        assert kind(config, tmp_path).traits.is_local is is_local


@pytest.mark.parametrize(
    ("dsn", "is_local"),
    [
        ("postgresql:///shop", True),
        ("postgresql://%2Ftmp/shop", True),
        ("host=/tmp dbname=shop", True),
        ("postgresql://localhost,10.0.0.5/shop", False),
        ("postgresql://localhost/shop?hostaddr=10.0.0.5", False),
        ("service=prod", False),
    ],
)
def test_every_way_to_write_a_host_of_postgres_counts(
    tmp_path, monkeypatch, dsn, is_local
):
    for name in ("PGHOST", "PGHOSTADDR", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)

    assert PostgresDestination({"dsn": dsn}, tmp_path).traits.is_local is is_local


def test_a_host_from_the_environment_is_not_taken_for_this_machine(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("PGHOST", "db.example.com")

    assert not PostgresDestination({"database": "shop"}, tmp_path).traits.is_local


def test_mysql_reads_options_from_a_url(tmp_path):
    local = MysqlDestination(
        {"dsn": "mysql://u@db/shop?unix_socket=/run/my.sock"}, tmp_path
    )

    assert local.traits.is_local
    with pytest.raises(ConfigError, match="unknown option `init_command`"):
        MysqlDestination({"dsn": "mysql://u@db/shop?init_command=DROP"}, tmp_path)


def test_nothing_of_ours_outlives_the_transaction_in_postgres(far_postgres):
    far_postgres.people()
    destination = far_postgres.destination()
    connection = destination._sender._open()._connection
    shown = ["TimeZone", "statement_timeout", "lock_timeout"]
    before = [connection.execute(f"SHOW {name}").fetchone() for name in shown]

    destination.send(route_to(), [person("ann")])

    assert [connection.execute(f"SHOW {n}").fetchone() for n in shown] == before


def test_a_constraint_that_waits_for_commit_refuses_its_row_alone(far_postgres):
    far_postgres.people(
        ", boss text REFERENCES people (email) DEFERRABLE INITIALLY DEFERRED"
    )
    columns = {"email": "VARCHAR", "boss": "VARCHAR"}
    destination = far_postgres.destination()

    def row(email, boss):
        return replace(person(email), text=f'{{"boss":"{boss}","email":"{email}"}}')

    receipts = destination.send(
        route_to(columns=columns), [row("ann", "ann"), row("bob", "nobody")]
    )

    assert {r.key: r.status for r in receipts} == {"ann": "accepted", "bob": "rejected"}


def test_row_level_security_refuses_a_row_and_not_the_sync(far_postgres):
    far_postgres.people()
    name = f"limited_{far_postgres.database.settings['database']}"
    far_postgres.run(
        f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN PASSWORD '{ENOUGH}';"
        f" GRANT USAGE ON SCHEMA public TO {name}; GRANT ALL ON people TO {name};"
        " ALTER TABLE people ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY few ON people USING (score < 10)"
    )
    limited = elsewhere(far_postgres, user=name, password=ENOUGH)

    answers = limited.send(person("ann", score=1), person("bob", score=50))

    assert answers["ann"][0] == "accepted"
    assert "row-level security" in answers["bob"][1]
    far_postgres.run(
        f"DROP POLICY few ON people; DROP OWNED BY {name}; DROP ROLE {name}"
    )


def test_schemas_arrays_enums_and_domains_of_postgres_are_written(far_postgres):
    far_postgres.run(
        "CREATE SCHEMA \"Sales\"; CREATE TYPE mood AS ENUM ('sad', 'glad');"
        " CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE <= 100);"
        ' CREATE TABLE "Sales".people (id uuid PRIMARY KEY, tags text[], mood mood,'
        " share percent, at timestamptz)"
    )
    columns = {
        "id": "UUID",
        "tags": "VARCHAR[]",
        "mood": "VARCHAR",
        "share": "DECIMAL(5,2)",
        "at": "TIMESTAMP",
    }
    route = route_to("Sales.people", columns=columns, key="id")
    text = (
        '{"at":"2025-01-31T12:00:00.000000","id":"%s","mood":"%s","share":%s,'
        '"tags":["a\\"b",null]}'
    )
    one, two, three = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))

    answers = far_postgres.send(
        replace(person(one), text=text % (one, "glad", "99.5")),
        replace(person(two), text=text % (two, "angry", "1")),
        replace(person(three), text=text % (three, "sad", "101")),
        route=route,
    )

    assert answers[one][0] == "accepted"
    assert answers[two][1].startswith(
        '`mood`: invalid input value for enum mood: "angry"'
    )
    assert answers[three][1].startswith("`share`: value for domain percent violates")
    assert far_postgres.run('SELECT tags, at FROM "Sales".people')[0][0] == [
        'a"b',
        None,
    ]
    far_postgres.run('DROP SCHEMA "Sales" CASCADE; DROP DOMAIN IF EXISTS percent')


def test_a_table_without_transactions_is_refused(far_mariadb):
    far_mariadb.run(
        "CREATE TABLE people (email varchar(9) PRIMARY KEY) ENGINE = MyISAM"
    )

    with pytest.raises(ConfigError) as caught:
        far_mariadb.send(person("ann"))

    assert "MyISAM table, without transactions" in caught.value.what
    far_mariadb.run(caught.value.hint or "")


def test_a_text_key_of_mysql_is_given_a_length_by_the_hint(far_mariadb):
    far_mariadb.run("CREATE TABLE people (email text, name text, score int)")

    with pytest.raises(ConfigError) as caught:
        far_mariadb.send(person("ann"))

    for statement in (caught.value.hint or "").partition(": ")[2].split("; "):
        far_mariadb.run(statement)
    assert far_mariadb.send(person("ann"))["ann"][0] == "accepted"


def test_a_row_larger_than_mysql_takes_is_refused_and_the_others_arrive(far_mariadb):
    far_mariadb.people()

    answers = far_mariadb.send(person("ann", "x" * 9_000_000), person("bob"))

    assert "more than one call holds" in answers["ann"][1]
    assert answers["bob"][0] == "accepted"


def test_a_file_that_is_not_there_or_no_database_is_for_a_person_to_mend(tmp_path):
    (tmp_path / "text").write_text("no database, but long enough to be looked at" * 50)

    with pytest.raises(ConfigError, match="no such file"):
        SqliteDestination({"path": "missing.db"}, tmp_path).check()
    with pytest.raises(ConfigError, match="not a database"):
        SqliteDestination({"path": "text"}, tmp_path).check()
    SqliteDestination({"path": "new.db", "create_table": True}, tmp_path).check()
    assert not (tmp_path / "new.db").exists()


def test_a_sqlite_file_is_local_inside_the_project_alone(tmp_path):
    project = tmp_path / "project"
    project.mkdir()

    assert SqliteDestination({"path": "app.db"}, project).traits.is_local
    assert not SqliteDestination({"path": "../app.db"}, project).traits.is_local


def test_what_a_sqlite_table_does_on_conflict_is_overruled(far_sqlite):
    far_sqlite.people(", phone text UNIQUE ON CONFLICT REPLACE")
    far_sqlite.run("INSERT INTO people VALUES ('ann', 'Ann', 1, '555')")
    columns = {"email": "VARCHAR", "phone": "VARCHAR"}
    bob = replace(person("bob"), text='{"email":"bob","phone":"555"}')

    answers = far_sqlite.send(bob, route=route_to(columns=columns))

    assert answers["bob"][0] == "rejected"
    assert far_sqlite.rows(columns="email") == [("ann",)]


def test_a_trigger_that_undoes_the_whole_batch_refuses_it(far_sqlite):
    far_sqlite.people()
    far_sqlite.run(
        "CREATE TRIGGER no BEFORE INSERT ON people WHEN NEW.name = 'bad'"
        " BEGIN SELECT RAISE(ROLLBACK, 'all of it'); END"
    )

    with pytest.raises(Rejected, match="undid the whole batch"):
        far_sqlite.send(person("ann"), person("bob", "bad"))
    assert far_sqlite.rows() == []


def test_a_sqlite_table_without_an_index_of_its_own_has_its_row_id(far_sqlite):
    far_sqlite.run("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
    columns = {"id": "BIGINT", "name": "VARCHAR"}
    row = replace(person("7"), text='{"id":7,"name":"Ann"}')

    far_sqlite.send(row, route=route_to(columns=columns, key="id"))
    far_sqlite.send(gone("8"), route=route_to(columns=columns, key="id", mode="mirror"))

    assert far_sqlite.rows() == [(7, "Ann")]
