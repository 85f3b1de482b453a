from __future__ import annotations

import json

import pytest

from elt.errors import ConfigError
from elt.reverse.destination import Added, Changed, Removed, Route
from elt.reverse.rest.template import (
    Unusable,
    as_json,
    as_text,
    call_values,
    check_names,
    in_header,
    in_url,
    needed,
    read_template,
    read_text,
    row_values,
)

ROUTE = Route(sync="s", run_id="r1", object="contacts", key="id", mode="upsert")
TEXT = (
    '{"big":12345678901234567890.1234,"id":"a/b","name":"Ann \\"A\\"","none":null,'
    '"tags":["x","y"],"yes":true}'
)


def values(change=None, position=0):
    change = change or Added("a/b", TEXT)
    shared = call_values(ROUTE, "idem")
    return row_values(shared, change, key_field="id", position=position)


def written(template, change=None):
    return as_json(read_template(template, "here"), values(change))


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{big}", "12345678901234567890.1234"),
        ("{name}", '"Ann \\"A\\""'),
        ("{tags}", '["x","y"]'),
        ("{yes}", "true"),
        ("{none}", "null"),
        ("{key}", '"a/b"'),
        ("{payload}", TEXT),
        ("{payload.name}", '"Ann \\"A\\""'),
        ("{position}", '"0"'),
        ("{op}", '"added"'),
        ("{key_field}", '"id"'),
        ("{idempotency_key}", '"idem"'),
    ],
)
def test_a_text_that_is_one_name_is_that_value_and_exact(template, text):
    assert written(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no. {big}", "no. 12345678901234567890.1234"),
        ('{name}: "{yes}"', 'Ann "A": "true"'),
        ("{tags}!", '["x","y"]!'),
        ("{{id}} {id}", "{id} a/b"),
        ("{object}/{sync}/{run_id}/{mode}", "contacts/s/r1/upsert"),
    ],
)
def test_inside_other_text_values_are_written_out_and_escaped(template, text):
    assert json.loads(written(template)) == text


def test_tables_lists_and_constants_keep_their_form():
    template = {"a": [1, 1.5, True, "{yes}"], "ü": {"id": "{id}"}}

    assert written(template) == '{"a":[1,1.5,true,true],"ü":{"id":"a/b"}}'


def test_a_value_that_a_row_does_not_have_is_left_out_and_null_is_not():
    template = {"id": "{destination_id}", "none": "{none}", "old": "{old.name}"}

    assert written(template) == '{"none":null}'


def test_a_text_with_null_in_it_is_null():
    assert written({"text": "{name} {none}"}) == '{"text":null}'


def test_fields_are_the_payload_without_its_key():
    assert written("{fields}", Added("a", '{"id":"a","n":1}')) == '{"n":1}'


def test_a_changed_row_has_its_old_values_and_its_id_over_there():
    change = Changed("a", '{"id":"a","n":2}', '{"id":"a","n":1}', "id-7")

    template = ["{n}", "{old.n}", "{old}", "{destination_id}"]

    assert written(template, change) == '[2,1,{"id":"a","n":1},"id-7"]'


def test_the_fields_of_a_removed_row_are_what_it_was_last():
    assert written("{n}", Removed("a", '{"id":"a","n":1}')) == "1"


def path(text, change):
    return needed(read_text(text, "here"), values(change), in_url)


@pytest.mark.parametrize(
    ("key", "escaped"),
    [
        ("a/b", "a%2Fb"),
        ("a b?c=d&e#f", "a%20b%3Fc%3Dd%26e%23f"),
        ("100%", "100%25"),
        ("Ærø\n", "%C3%86r%C3%B8%0A"),
        ("a+b~c", "a%2Bb~c"),
    ],
)
def test_in_a_url_no_value_leads_anywhere_else(key, escaped):
    assert path("/x/{key}", Added(key, "{}")) == f"/x/{escaped}"


def test_a_path_needs_all_its_values():
    with pytest.raises(Unusable, match=r"`\{email\}` has no value"):
        path("/x/{email}", Added("a", '{"email":""}'))


def test_in_a_header_no_value_begins_another():
    text = read_text("{name}", "here")

    written = as_text(
        text, values(Added("a", '{"name":"a\\r\\nX-Admin: 1 é %"}')), in_header
    )

    assert written == "a%0D%0AX-Admin: 1 %C3%A9 %25"


@pytest.mark.parametrize("text", ["{", "a } b", "{}", "{ name }", "{a{b}}"])
def test_a_brace_that_stands_alone_is_refused(text):
    with pytest.raises(ConfigError, match="is no name in braces") as caught:
        read_text(text, "config, `upsert` path")

    assert caught.value.where == "config, `upsert` path"
    assert "{{" in (caught.value.hint or "")


def test_names_on_the_left_are_no_templates():
    with pytest.raises(ConfigError, match="on the left"):
        read_template({"{key}": 1}, "here")


def test_what_json_has_no_form_of_is_refused():
    with pytest.raises(ConfigError, match="no form in JSON"):
        read_template(float("nan"), "here")


@pytest.mark.parametrize(
    ("template", "hint"),
    [
        ("{emial}", "Did you mean `email`?"),
        ("{payload.emial}", "Did you mean `email`?"),
        ({"a": ["x {old.nmae}"]}, "Did you mean `name`?"),
        ("{destinationid}", "Did you mean `destination_id`?"),
    ],
)
def test_a_name_that_is_nothing_is_found_with_the_nearest_one(template, hint):
    with pytest.raises(ConfigError) as caught:
        check_names(read_template(template, "here"), ["email", "name"], where="here")

    assert caught.value.hint == hint


def test_fields_and_our_own_names_are_known():
    template = read_template(["{email}", "{old.email}", "{key}", "{sync}"], "here")

    check_names(template, ["email"], where="here")
