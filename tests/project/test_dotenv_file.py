from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.project.dotenv_file import keep_out_of_git, set_variables
from elt.project.secrets import read_dotenv


def env(root: Path) -> str:
    return (root / ".env").read_text()


def test_a_new_file_is_its_owners_alone(tmp_path):
    set_variables(tmp_path, {"TAP_CRM_TOKEN": "abc123"})

    assert env(tmp_path) == "TAP_CRM_TOKEN=abc123\n"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_one_value_is_replaced_and_the_rest_stays(tmp_path):
    (tmp_path / ".env").write_text(
        "# Ours\nexport A=1  # one\n\nB='two words'\n\n# last\nC=\"$x\""
    )

    set_variables(tmp_path, {"A": "new", "D": "it's #4"})

    assert env(tmp_path) == (
        "# Ours\nexport A=new  # one\n\nB='two words'\n\n# last\nC=\"$x\"\n"
        "D='it\\'s #4'\n"
    )


def test_the_last_of_two_lines_is_the_one_that_counts(tmp_path):
    (tmp_path / ".env").write_text("A=1\nA=2\n")

    set_variables(tmp_path, {"A": "3"})

    assert env(tmp_path) == "A=1\nA=3\n"


def test_line_ends_of_windows_stay(tmp_path):
    (tmp_path / ".env").write_bytes(b"A=1\r\nB=2\r\n")

    set_variables(tmp_path, {"A": "3", "C": "4"})

    assert (tmp_path / ".env").read_bytes() == b"A=3\r\nB=2\r\nC=4\r\n"


def test_a_broken_file_is_left_alone(tmp_path):
    (tmp_path / ".env").write_text("A=1\nthis is no line = 'x\n")

    with pytest.raises(ConfigError, match="is not `NAME=value`"):
        set_variables(tmp_path, {"A": "3"})

    assert env(tmp_path) == "A=1\nthis is no line = 'x\n"


def test_a_name_that_no_shell_takes_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        set_variables(tmp_path, {"A-B": "3"})

    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("text", ["", ".elt/", "*.duckdb\n", ".env\n!.env\n"])
def test_git_is_told_to_leave_it_out(tmp_path, text):
    (tmp_path / ".gitignore").write_text(text)

    assert keep_out_of_git(tmp_path)

    assert (tmp_path / ".gitignore").read_text().endswith("\n.env\n"[not text :])
    assert not keep_out_of_git(tmp_path)


@pytest.mark.parametrize("text", [".env\n", "/.env\n", "x\n.env*\n", "**/.env"])
def test_git_is_told_only_once(tmp_path, text):
    (tmp_path / ".gitignore").write_text(text)

    assert not keep_out_of_git(tmp_path)

    assert (tmp_path / ".gitignore").read_text() == text


letters = st.text(
    st.one_of(
        st.sampled_from("ab '\"\\#$=\n\t{}`!"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=15,
)


@settings(deadline=None)
@given(st.lists(letters, min_size=1, max_size=4), letters)
def test_any_value_is_read_back_or_refused_with_nothing_changed(
    tmp_path_factory, values, again
):
    root = tmp_path_factory.mktemp("env")
    meant: dict[str, str] = {}
    for name, value in [*zip("ABCD", values, strict=False), ("A", again)]:
        before = read_dotenv(root / ".env")
        try:
            set_variables(root, {name: value})
        except ConfigError:
            assert "\\" in value  # a backslash before a quote is all that is too much
            assert read_dotenv(root / ".env") == before
            continue
        meant[name] = value
        assert read_dotenv(root / ".env") == meant
