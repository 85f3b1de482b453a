from __future__ import annotations

import pytest

from elt.errors import ConfigError, ConfigErrors
from elt.project.load import load_project
from elt.project.secrets import Secrets
from elt.runner.plan import Step
from elt.runner.short_secrets import refuse_short_secrets

ELT_TOML = """
[project]
name = "shop"
[taps.crm]
plugin = "files"
config = { token = "${env:SHORT}", path = "${env:NOT_SET}" }
[taps.erp]
plugin = "files"
target = "lake"
config = { token = "${env:LONG}" }
[targets.lake]
executable = "target-lake"
config = { key = "${env:SHORT}" }
[destinations.mail]
plugin = "webhook"
config = { key = "${env:SHORT}" }
[transform]
[syncs.news]
model = "news"
object = "letters"
destination = "mail"
key = "id"
"""


@pytest.fixture
def refuse(tmp_path):
    (tmp_path / "elt.toml").write_text(ELT_TOML)
    secrets = Secrets(tmp_path, {"SHORT": "12345", "LONG": "123456"})
    project = load_project(tmp_path)

    def look(*ids):
        steps = [Step(id=one, kind="tap", assets=(), reason="") for one in ids]
        refuse_short_secrets(project, steps, secrets)

    return look


@pytest.mark.parametrize(
    ("step", "table"),
    [("tap:crm", "taps.crm"), ("tap:erp", "targets.lake"), ("sync:news", "destinat")],
)
def test_a_secret_that_is_too_short_is_told_with_its_table(refuse, step, table):
    with pytest.raises(ConfigError, match="shorter than 6 characters") as caught:
        refuse(step)

    assert table in caught.value.where
    assert "12345" not in str(caught.value)


def test_all_of_them_are_told_and_those_of_other_steps_are_not(refuse):
    with pytest.raises(ConfigErrors) as caught:
        refuse("tap:crm", "dbt", "sync:news")

    assert len(caught.value.errors) == 2
    refuse("dbt")
