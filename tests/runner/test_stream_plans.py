"""A stream's plan follows from the project's settings."""

from __future__ import annotations

import pytest

from elt.errors import ConfigError
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.discovery import selected_in
from elt.runner.stream_plans import stream_columns, stream_plan, stream_tables
from elt.singer.catalog import selected_streams
from elt.targets.columns import Column
from elt.targets.writing.modes import Mode

LINES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "sku": {"type": "string"},
            "taxes": {"type": "array", "items": {"properties": {"rate": {}}}},
            "notes": {
                "type": "array",
                "items": {"type": "object", "properties": {"t": {"type": "string"}}},
            },
        },
    },
}
MODE = Mode("upsert", "in this test")
PLACE = ("raw_crm", "people")


@pytest.fixture
def known(tmp_path):
    """Give a project with these settings of a stream, and the stream as selected."""

    def made(settings, tap=""):
        text = '[project]\nname = "p"\n[taps.crm]\nplugin = "shop"\n'
        told = f"{text}{tap}\n[taps.crm.streams.people]\n{settings}\n"
        (tmp_path / "elt.toml").write_text(told)
        project = load_project(tmp_path)
        entry = {
            "tap_stream_id": "people",
            "stream": "people",
            "key_properties": ["id"],
            "schema": {
                "properties": {
                    "id": {"type": "integer"},
                    "mail": {"type": "string"},
                    "ssn": {"type": "string"},
                    "amount": {"type": "number"},
                    "lines": LINES,
                }
            },
        }
        chosen = selected_in(project, "crm", {"streams": [entry]})
        return project, selected_streams(chosen)[0]

    return made


def plan_of(known, environ=None):
    project, stream = known
    secrets = Secrets(project.root, environ or {})
    return stream_plan(project, "crm", stream, mode=MODE, place=PLACE, secrets=secrets)


def test_a_stream_without_settings_is_evolved_and_nothing_is_mapped(known):
    plan = plan_of(known(""))

    assert (plan.stream, plan.schema, plan.table) == ("people", "raw_crm", "people")
    assert (plan.key, plan.learns_key, plan.mode) == (("id",), True, MODE)
    assert (plan.policy, plan.nested, plan.on_missing) == ("evolve", "json", None)
    assert not plan.maps.hides
    assert plan.maps.filter is None
    assert not plan.full_table


def test_settings_of_a_stream_stand_in_its_plan(known):
    plan = plan_of(
        known("""
            on_missing = "mark"
            replication_method = "FULL_TABLE"
            nested = "struct"
            allow_shrink = true
            types = { amount = "DECIMAL(18,2)" }
            filter = "id > 1"
        """)
    )

    assert (plan.full_table, plan.on_missing, plan.allow_shrink) == (True, "mark", True)
    assert (plan.nested, plan.types) == ("struct", {"amount": "DECIMAL(18,2)"})
    assert plan.maps.filter == "id > 1"


def test_the_policy_is_the_streams_or_else_the_taps(known):
    tap = 'schema_policy = "freeze"'

    assert plan_of(known("", tap)).policy == "freeze"
    assert plan_of(known('schema_policy = "quarantine"', tap)).policy == "quarantine"


def test_the_salt_may_be_a_secret(known):
    plan = plan_of(
        known('hash = ["mail"]', 'hash_salt = "${env:SALT}-1"'), {"SALT": "pepper"}
    )

    assert plan.maps.salt == "pepper-1"


def test_a_salt_that_is_not_there_is_missed_only_where_something_is_hashed(known):
    tap = 'hash_salt = "${env:SALT}"'

    assert plan_of(known("", tap)).maps.salt == ""
    with pytest.raises(ConfigError, match="`hash_salt` needs the environment variable"):
        plan_of(known('hash = ["mail"]', tap))


def test_the_columns_of_a_stream_are_those_of_its_table(known):
    project, stream = known("""
        rename = { mail = "email" }
        hash = ["mail"]
        drop = ["ssn"]
        types = { amount = "decimal(18, 2)" }
    """)

    assert stream_columns(project, "crm", stream) == (
        Column("id", "id", "BIGINT"),
        Column("mail", "email", "VARCHAR", hashed=True),
        Column("amount", "amount", "DECIMAL(18,2)", pinned=True),
        Column("lines", "lines", "JSON"),
    )


def test_lists_of_objects_are_tables_of_their_own_where_it_is_asked_for(known):
    project, stream = known('nested = "tables"\nrename = { id = "number" }')

    tables = stream_tables(project, "crm", stream, "people")

    assert {
        table: [(column.name, column.type) for column in columns]
        for table, columns in tables.items()
    } == {
        "people": [
            ("number", "BIGINT"),
            ("mail", "VARCHAR"),
            ("ssn", "VARCHAR"),
            ("amount", "DOUBLE"),
        ],
        "people__lines": [
            ("_parent_number", "BIGINT"),
            ("_position", "BIGINT"),
            ("sku", "VARCHAR"),
            ("taxes", "JSON"),
        ],
        "people__lines__notes": [
            ("_parent__parent_number", "BIGINT"),
            ("_parent__position", "BIGINT"),
            ("_position", "BIGINT"),
            ("t", "VARCHAR"),
        ],
    }


@pytest.mark.parametrize(
    ("settings", "what", "hint"),
    [
        ('drop = ["id"]', "cannot drop `id`: it is a key", "Use `hash`"),
        ('drop = ["SSN"]', "has no column `SSN`", "Did you mean `ssn`?"),
        ('rename = { mail = "Amount" }', "two columns `Amount`", "another name"),
    ],
)
def test_maps_that_the_stream_cannot_have_are_found_with_its_catalog(
    known, settings, what, hint
):
    with pytest.raises(ConfigError, match=what) as error:
        known(settings)

    assert error.value.where == "elt.toml:6  [taps.crm.streams.people]"
    assert hint in error.value.hint
