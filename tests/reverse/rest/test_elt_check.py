"""What `elt check` says of a rest destination, in the terminal."""

from __future__ import annotations

import pytest

from elt.cli.app import main

PROJECT = """
[project]
name = "shop"

[transform]
project_dir = "transform"

[destinations.crm]
plugin = "rest"
[destinations.crm.config]
url = "https://crm.example.com"
[destinations.crm.config.upsert]
method = "PUT"
path = "/people/{key}"
%s

[syncs.people]
model = "people"
destination = "crm"
object = "people"
key = "email"
[syncs.people.fields]
full_name = "name"
"""


def check(folder, line, capsys):
    (folder / "elt.toml").write_text(PROJECT % line)
    code = main(["-C", str(folder), "check"])
    said = capsys.readouterr()
    return code, said.out + said.err


def test_a_name_that_is_no_field_is_found_without_a_call(tmp_path, capsys):
    code, said = check(tmp_path, 'body = { n = "{fullname}" }', capsys)

    assert code == 2
    assert "there is no field `fullname` for `{fullname}`" in said
    assert "[destinations.crm.config], `upsert` body, for [syncs.people]" in said
    assert "Did you mean `full_name`?" in said


@pytest.mark.parametrize("name", ["full_name", "payload.full_name", "email", "key"])
def test_fields_and_our_own_names_are_fine(name, tmp_path, capsys):
    _, said = check(tmp_path, f'body = {{ n = "{{{name}}}" }}', capsys)

    assert "destination crm: plugin `rest`, built in" in said


def test_a_setting_that_cannot_be_meant_is_found_at_its_line(tmp_path, capsys):
    code, said = check(tmp_path, 'boby = "{payload}"', capsys)

    assert code == 2
    assert "unknown setting `boby`" in said
    assert "elt.toml:10  [destinations.crm.config], `upsert`" in said
    assert "Did you mean `body`?" in said
