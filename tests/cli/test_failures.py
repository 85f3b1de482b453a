from __future__ import annotations

import pytest

from elt.cli import failures
from elt.errors import ConfigError, ConfigErrors, Unavailable


@pytest.fixture
def secretive(project):
    """Give a project whose tap has a secret."""
    (project / ".env").write_text("DAYS_CODE=hunter2hunter2\n")
    with (project / "elt.toml").open("a") as file:
        file.write('[taps.days.config]\ncode = "${env:DAYS_CODE}"\n')
    return project


def a_bug() -> ValueError:
    """Give an error that nobody expected, with its traceback."""
    try:
        raise ValueError("cannot read hunter2hunter2")  # noqa: TRY301
    except ValueError as error:
        return error


def test_an_error_is_its_words_its_place_and_after_a_blank_line_its_hint(capsys):
    error = ConfigError("tap `crm` needs a `token`", where="elt.toml:4", hint="Add it")

    code = failures.report(error)

    said = "error: tap `crm` needs a `token`\n  elt.toml:4\n\nhint: Add it\n"
    assert capsys.readouterr().err == said
    assert code == 2


def test_on_github_nothing_that_an_error_quotes_is_a_command(capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    failures.report(ConfigError("no", where="it said:\n  ::stop-commands::x"))

    assert "\n    : :stop-commands::x\n" in capsys.readouterr().err


def test_several_errors_are_told_apart(capsys):
    failures.report(ConfigErrors([ConfigError("one"), ConfigError("two")]))

    assert capsys.readouterr().err == "error: one\n\nerror: two\n"


def test_what_may_be_tried_again_has_its_own_exit_code():
    assert failures.report(Unavailable("busy")) == 75


def test_a_bug_is_a_short_message_and_a_file_without_secrets(
    secretive, capsys, monkeypatch
):
    monkeypatch.delenv("ELT_DEBUG", raising=False)

    code = failures.report_unexpected(a_bug(), secretive)

    said = capsys.readouterr().err
    (crash,) = (secretive / ".elt").glob("crash-*.log")
    assert code == 1
    assert "this should not have happened: ValueError: cannot read ***" in said
    assert str(crash) in said
    assert "Traceback" not in said
    assert "Traceback" in crash.read_text()
    assert "hunter2" not in said + crash.read_text()


def test_debugging_shows_the_traceback_too(secretive, capsys, monkeypatch):
    monkeypatch.setenv("ELT_DEBUG", "1")

    failures.report_unexpected(a_bug(), secretive)

    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "hunter2" not in said


def test_a_bug_outside_of_a_project_says_how_to_see_more(tmp_path, capsys):
    failures.report_unexpected(a_bug(), tmp_path)

    assert "`ELT_DEBUG=1` shows where" in capsys.readouterr().err
