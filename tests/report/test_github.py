from __future__ import annotations

import pytest

from elt.report.github import add_summary, annotation_commands
from tests.report.outcomes import asset, bad_night, result, step, unreadable


@pytest.fixture
def commands(tmp_path):
    """Give the commands for a project in the folder `data` of a repository."""

    def told(of, folder="data"):
        environ = {"GITHUB_WORKSPACE": str(tmp_path)}
        return list(annotation_commands(of, tmp_path / folder, environ))

    return told


def test_what_failed_is_shown_where_it_is_declared_worst_first(commands):
    told = commands(bad_night())

    schema, billing = "transform/models/schema.yml", "stream%3Abilling.invoices"
    (failed, stopped, warned) = told
    assert failed == (
        f"::error file=data/elt.toml,line=9,title={billing} failed::"
        "billing answered 503%0Ahint: Try again later: `elt run tap:billing+`"
    )
    assert stopped == (
        f"::error file=data/{schema},title=test%3Acustomers_id stopped::"
        "3 rows failed the test"
    )
    assert warned == "::warning title=stream%3Acrm.customers warned::2 rejects"


def test_what_is_wrong_with_the_project_points_at_its_line(commands):
    (command,) = commands(result(status="failed", errors=[unreadable()]))

    assert command.startswith("::error file=data/elt.toml,line=14,title=elt run failed")


def test_a_file_outside_of_the_repository_is_not_named(commands):
    failed = asset("sync:a", "failed", file="elt.toml", line=1)

    (command,) = commands(result(step("sync:a", failed)), folder="../elsewhere")

    assert command.startswith("::error title=")


def test_at_most_ten_of_a_kind_and_the_rest_is_counted(commands):
    failed = [asset(f"model:m{n}", "failed", message=f"no {n}") for n in range(25)]
    warned = [asset(f"stream:t.s{n}", "warned", rejects=n + 1) for n in range(11)]

    told = commands(result(step("dbt", *failed), step("tap:t", *warned)))

    errors = [each for each in told if each.startswith("::error")]
    warnings = [each for each in told if each.startswith("::warning")]
    assert (len(errors), len(warnings)) == (10, 10)
    assert "+16 more" in errors[-1]
    assert "+2 more" in warnings[-1]


def test_a_tap_that_failed_has_not_failed_fifty_times(commands):
    streams = [asset(f"stream:t.s{n}", "failed", message="no") for n in range(50)]

    told = commands(result(step("tap:t", *streams, status="failed", message="no")))

    assert told == ["::error title=tap%3At failed::no"]


def test_nothing_that_data_says_becomes_a_command(commands):
    hostile = "50 % ::\r\n::set-output name=x::y\n##[error]z"
    failed = asset("model:a,b:c\n::d", "failed", message=hostile)

    (command,) = commands(result(step("dbt", failed)))

    assert command == (
        "::error title=model%3Aa%2Cb%3Ac %3A%3Ad failed::"
        "50 %25 ::%0A::set-output name=x::y%0A## [error]z"
    )
    assert "\n" not in command
    assert "\r" not in command


def test_a_summary_is_added_to_what_is_there(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("before\n")

    add_summary(bad_night(), {"GITHUB_STEP_SUMMARY": str(path)})
    add_summary(bad_night(), {})

    assert path.read_text().startswith("before\n## ")
    assert path.read_text().count("elt run <code>shop</code>: failed") == 1
