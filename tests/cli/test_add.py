from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomli

ABOUT = {
    "name": "tap-crm",
    "version": "1.2.3",
    "settings": {
        "type": "object",
        "required": ["user", "api_token", "teams", "auth"],
        "properties": {
            "user": {"type": ["string", "null"], "description": "Who you are"},
            "api_token": {"type": "string", "secret": True},
            "teams": {"type": "array", "items": {"type": "string"}},
            "auth": {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": {"type": "string", "enum": ["key", "oauth"]},
                    "refresh_token": {"type": ["string", "null"]},
                },
            },
            "start_date": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "The first day that is read. " * 20,
            },
            "pages": {"type": "integer", "default": 3},
            "stream_maps": {"type": ["object", "null"]},
        },
    },
}
TAP = """\
#!{python}
import sys
if "--about" not in sys.argv:
    sys.exit("only asked about")
print('''{about}''')
"""
OLD_TAP = """\
#!{python}
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--config", required=True)
parser.parse_args()
"""


def program_file(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    about = json.dumps(ABOUT)
    path.write_text(text.format(python=sys.executable, about=about))
    path.chmod(0o755)
    return path


@pytest.fixture
def crm(tmp_path) -> Path:
    return program_file(tmp_path, "tap-crm", TAP)


def text_of(project: Path) -> str:
    return (project / "elt.toml").read_text()


def tables_of(project: Path) -> dict:
    return tomli.loads(text_of(project))


GIVEN = [
    *("--set", "user=007", "--set", "teams=a, b", "--set", "auth.kind=key"),
    *("--set", "api_token=tok-1234'5 #", "--set", "extra.deep=3"),
]


def test_a_script_gives_all_settings_and_is_asked_nothing(program, project, crm):
    before = text_of(project)

    done = program(
        *("-C", project, "add", "tap", "crm", "--executable", crm, *GIVEN),
        stdin=subprocess.DEVNULL,
    )

    assert done.code == 0, done.err
    assert text_of(project).startswith(before)
    assert tables_of(project)["taps"]["crm"] == {
        "executable": str(crm),
        "config": {
            "user": "007",
            "teams": ["a", "b"],
            "auth": {"kind": "key"},
            "api_token": "${env:TAP_CRM_API_TOKEN}",
            "extra": {"deep": 3},
        },
    }
    env = project / ".env"
    assert env.read_text() == "TAP_CRM_API_TOKEN='tok-1234\\'5 #'\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert ".env" in (project / ".gitignore").read_text().split()
    assert "elt tap preview crm" in done.err
    assert "`extra` is none of its declared settings" in done.err
    assert "tok-1234" not in done.err + done.out + text_of(project)


def test_settings_that_may_be_left_out_stand_there_as_comments(run_elt, project, crm):
    run_elt("-C", project, "add", "tap", "crm", "--executable", crm, *GIVEN)

    lines = text_of(project).splitlines()
    start = lines.index("[taps.crm.config]")
    comments = [line for line in lines[start:] if line.startswith("#")]
    assert comments[0] == '# start_date = "..."'
    assert comments[1].startswith("#     The first day that is read.")
    assert comments[4] == "# pages = 3"
    assert comments[5] == "# Of the Singer SDK, too: stream_maps"
    assert max(map(len, comments)) <= 88
    of_auth = lines[lines.index("[taps.crm.config.auth]") :]
    assert of_auth[2] == '# refresh_token = "${env:TAP_CRM_AUTH_REFRESH_TOKEN}"'
    uncommented = [
        line.removeprefix("# ") for line in lines if not line.startswith("#  ")
    ]
    assert tomli.loads("\n".join(u for u in uncommented if "SDK" not in u))


def test_a_comment_shows_a_value_only_where_it_is_the_default(run_elt, project):
    for name, secret in (("stripe", "api_key"), ("recurly", "api_key")):
        given = ("--set", f"{secret}=sk_test_12345678")
        assert run_elt("-C", project, "add", "tap", name, *given).code == 0

    comments = [line for line in text_of(project).splitlines() if line[:3] == "# r"]
    assert "# requests_per_second = ..." in comments
    assert "# lookback_seconds = ..." in text_of(project)
    assert "# lookback_seconds = 600" in text_of(project)
    assert " = 0.0" not in text_of(project)


def test_without_a_terminal_what_is_missing_is_told_at_once(program, project, crm):
    before = text_of(project)

    done = program(
        *("-C", project, "add", "tap", "crm", "--executable", crm),
        stdin=subprocess.DEVNULL,
    )

    assert done.code == 2
    assert "`crm` needs a value for `user` and `teams` and `auth.kind`" in done.err
    assert "--set user=... --set teams=... --set auth.kind=..." in done.err
    assert text_of(project) == before
    assert not (project / ".env").exists()


def test_a_secret_may_come_later(program, project, crm):
    given = ["--set", "user=ann", "--set", "teams=[]", "--set", "auth={kind='key'}"]

    done = program(
        *("-C", project, "add", "tap", "crm", "--executable", crm, *given),
        stdin=subprocess.DEVNULL,
    )

    assert done.code == 0, done.err
    assert "Still to be set, in .env or outside: TAP_CRM_API_TOKEN" in done.err
    config = tables_of(project)["taps"]["crm"]["config"]
    assert config["api_token"] == "${env:TAP_CRM_API_TOKEN}"  # noqa: S105
    assert config["auth"] == {"kind": "key"}


def test_a_tap_that_tells_nothing_is_added_with_a_hint(run_elt, project, tmp_path):
    old = program_file(tmp_path, "tap-old", OLD_TAP)

    done = run_elt(
        *("-C", project, "add", "tap", "tap-old", "--executable", old),
        *("--set", "token=abc", "--set", "pages=3"),
    )

    assert done.code == 0, done.err
    assert "It does not tell its settings" in done.err
    assert tables_of(project)["taps"]["old"] == {
        "executable": str(old),
        "config": {"token": "abc", "pages": 3},
    }


def test_what_is_secret_by_its_name_is_kept_out_where_nobody_says(
    run_elt, project, tmp_path
):
    old = program_file(tmp_path, "tap-old", OLD_TAP)

    done = run_elt(
        *("-C", project, "add", "tap", "old", "--executable", old),
        *("--set", "api_key=0123456789", "--set", 'db={password="hunter2222",port=1}'),
    )

    assert done.code == 0, done.err
    assert "hunter2222" not in text_of(project)
    assert tables_of(project)["taps"]["old"]["config"] == {
        "api_key": "${env:TAP_OLD_API_KEY}",
        "db": {"password": "${env:TAP_OLD_DB_PASSWORD}", "port": 1},
    }
    assert "TAP_OLD_API_KEY=0123456789\n" in (project / ".env").read_text()


def test_the_secret_of_another_tap_is_not_written_over(run_elt, project, crm):
    def add(name, token):
        return run_elt(
            *("-C", project, "add", "tap", name, "--executable", crm),
            *("--set", f"api_token={token}", "--set", "user=ann"),
            *("--set", "teams=a", "--set", "auth.kind=key"),
        )

    assert add("my-crm", "first-one").code == 0
    done = add("my_crm", "second-one")

    assert done.code == 2
    assert "`TAP_MY_CRM_API_TOKEN` is used by another table" in done.err
    assert "TAP_MY_CRM_API_TOKEN=first-one\n" in (project / ".env").read_text()
    assert "my_crm" not in text_of(project)


def test_a_plugin_of_the_project_is_added_by_its_name(run_elt, project):
    done = run_elt("-C", project, "add", "tap", "days", "--name", "holidays")

    assert done.code == 0, done.err
    assert tables_of(project)["taps"]["holidays"] == {"plugin": "days", "config": {}}
    assert "elt run tap:holidays" in done.err


def test_a_tap_with_nothing_but_optional_settings_is_to_be_filled_in_first(
    run_elt, project, tmp_path
):
    names = ("host", "port", "user", "sqlalchemy_url")
    properties = {name: {"type": ["string", "null"]} for name in names}
    properties["mode"] = {"enum": ["a", "b"], "description": "Default: by the file"}
    about = {"name": "tap-pg", "settings": {"properties": properties}}
    program = tmp_path / "tap-pg"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(about)!r})\n")
    program.chmod(0o755)

    done = run_elt("-C", project, "add", "tap", "pg", "--executable", program)

    assert done.code == 0, done.err
    assert "fill in what it needs in [taps.pg.config], then" in done.err
    assert done.err.rstrip().endswith("elt tap test pg")
    assert "Default: by the file. One of: a, b." in text_of(project)


def test_the_files_tap_takes_a_stream_in_one_line(run_elt, project):
    done = run_elt(
        *("-C", project, "add", "tap", "files", "--name", "exports"),
        *("--set", "streams.orders.path=data/*.csv"),
    )

    assert done.code == 0, done.err
    assert tables_of(project)["taps"]["exports"]["config"] == {
        "streams": {"orders": {"path": "data/*.csv"}}
    }


@pytest.mark.parametrize(
    ("arguments", "what", "hint"),
    [
        (["tap", "days"], "there is a tap `days` already", "`--name days_2`"),
        (["tap", "fiels"], "there is no tap plugin `fiels`", "Did you mean `files`?"),
        (
            ["tap", "exports"],
            "there is no tap plugin `exports`",
            "`elt add tap files --name exports`",
        ),
        (
            ["tap", "mongodb"],
            "there is no tap plugin `mongodb`",
            "`elt add tap mongodb --package meltanolabs-tap-mongodb`",
        ),
        (
            ["tap", "tap-zz9"],
            "no tap plugin `tap-zz9`",
            "add tap zz9 --package tap-zz9",
        ),
        (["tap", "x", "--executable", "tap-nobody"], "is not installed", ""),
        (["tap", "a.b", "--executable", "{crm}"], "`a.b` cannot be a name", "letters"),
        (["tap", "crm", "--executable", "{crm}", "--set", "user"], "KEY=VALUE", ""),
        (
            ["tap", "crm", "--executable", "{crm}", "--set", "pages=many"],
            "`pages` must be a whole number, not `many`",
            "Write it as in `0`",
        ),
        (
            ["tap", "crm", "--executable", "{crm}", "--set", "auth.kind=magic"],
            "`auth.kind` cannot be `magic`",
            "`key`, `oauth`",
        ),
        (
            ["tap", "crm", "--executable", "{crm}", "--set", "api_token=abc"],
            "a secret has at least 6 characters",
            "",
        ),
        (
            ["tap", "crm", "--executable", "{crm}", *GIVEN, "--set", "user=${{x}}"],
            "is no reference to a secret",
            "${{env:x}}",
        ),
        (
            ["tap", "x", "--package", "./nowhere"],
            "`./nowhere` does not exist",
            "project's folder",
        ),
        (["target", "lake"], "not known which program", "--package target-lake"),
        (["destination", "fiel"], "no destination plugin `fiel`", "`file`"),
        (
            ["destination", "file", "--set", "path=out", "--set", "pth=x"],
            "unknown setting `pth`",
            "`path`",
        ),
    ],
)
def test_bad_input_is_told_and_nothing_written(
    run_elt, project, crm, arguments, what, hint
):
    before = text_of(project)

    done = run_elt("-C", project, "add", *(a.format(crm=crm) for a in arguments))

    assert (done.code, done.out) == (2, "")
    assert what in done.err
    assert hint.format() in done.err
    assert "elt.toml:" not in done.err.replace("elt.toml:4", "")
    assert text_of(project) == before
    assert not (project / ".env").exists()


def test_a_project_is_needed(run_elt, tmp_path):
    done = run_elt("-C", tmp_path, "add", "tap", "files")

    assert done.code == 2
    assert "elt init NAME" in done.err


def test_a_target_is_added_with_its_settings(run_elt, project, crm):
    done = run_elt(
        *("-C", project, "add", "target", "lake", "--executable", crm, *GIVEN)
    )

    assert done.code == 0, done.err
    table = tables_of(project)["targets"]["lake"]
    assert table["config"]["api_token"] == "${env:TARGET_LAKE_API_TOKEN}"  # noqa: S105
    assert 'add `target = "lake"` to a tap' in done.err


def test_a_local_destination_needs_no_place_to_send(run_elt, project):
    done = run_elt("-C", project, "add", "destination", "file", "--set", "path=out")

    assert done.code == 0, done.err
    assert tables_of(project)["destinations"]["file"] == {
        "plugin": "file",
        "config": {"path": "out"},
    }


def test_a_destination_sends_where_it_was_said(run_elt, project):
    done = run_elt(
        *("-C", project, "add", "destination", "webhook", "--name", "crm"),
        *("--set", "url=https://crm.example.com/in", "--set", "secret=abcdefgh"),
        *("--send-in", "prod"),
    )

    assert done.code == 0, done.err
    found = tables_of(project)
    assert found["environments"] == {"prod": {}}
    assert found["destinations"]["crm"]["send_in"] == ["prod"]
    assert "DESTINATION_CRM_SECRET=abcdefgh" in (project / ".env").read_text()


# A program has a terminal of its own, whose Ctrl-C it hears, only in a new session.
LAUNCH = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The program on a terminal, answered as a person would."""

    def __init__(self, *arguments: str | Path) -> None:
        self.said = ""
        self.terminal, its_end = pty.openpty()
        program = [sys.executable, "-m", "elt", *map(str, arguments)]
        self.child = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, *program],
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(its_end)

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.said:
            assert time.monotonic() < end, self.said
            assert self._read(), self.said

    def answer(self, question: str, text: str) -> None:
        self.wait_for(question)
        self.said = self.said[self.said.index(question) + len(question) :]
        os.write(self.terminal, text.encode())

    def interrupt(self, question: str) -> int:
        """Press Ctrl-C until it is heard.

        Python misses one that comes between the prompt and the reading of the answer.
        """
        self.wait_for(question)
        while self.child.poll() is None:
            os.write(self.terminal, b"\x03")
            time.sleep(0.2)
        return self.end()

    def end(self) -> int:
        while self._read():
            pass
        os.close(self.terminal)
        return self.child.wait()

    def _read(self) -> bool:
        try:
            readable, _, _ = select.select([self.terminal], [], [], 1.0)
            found = os.read(self.terminal, 4096) if readable else None
        except OSError:  # Linux says so when the program has ended
            return False
        self.said += (found or b"").decode("utf-8", "replace")
        return found != b""


def add_crm(project: Path, crm: Path) -> Terminal:
    return Terminal("-C", project, "add", "tap", "crm", "--executable", crm)


def test_a_person_is_asked_and_may_leave_things_open(project, crm):
    terminal = add_crm(project, crm)

    terminal.answer("user: ", "${x}\n")
    terminal.answer("api_token (not shown): ", "short\n")
    terminal.answer("at least 6 characters", "")
    terminal.answer("api_token (not shown): ", "long-enough\n")
    terminal.answer("teams (a, b, c): ", "\n")
    terminal.answer("auth.kind: ", "magic\n")
    terminal.answer("`key`, `oauth`", "")
    terminal.answer("auth.kind: ", "key\n")
    terminal.answer("auth.refresh_token (optional, not shown): ", "\n")

    assert terminal.end() == 0, terminal.said
    assert "long-enough" not in terminal.said
    assert "Still to be filled in, in elt.toml: teams" in terminal.said
    assert tables_of(project)["taps"]["crm"]["config"] == {
        "user": "$${x}",
        "api_token": "${env:TAP_CRM_API_TOKEN}",
        "auth": {"kind": "key"},
    }
    assert "# teams = [...]" in text_of(project)
    assert (project / ".env").read_text() == "TAP_CRM_API_TOKEN=long-enough\n"


def test_a_tap_says_which_of_its_optional_settings_are_asked_for(project):
    (project / "plugins").mkdir(exist_ok=True)
    (project / "plugins" / "hub.py").write_text(
        "from elt.taps.hubspot.tap import HubSpotTap\n\n\n"
        "class HubTap(HubSpotTap):\n    name = 'tap-hub'\n"
    )
    terminal = Terminal("-C", project, "add", "tap", "hub")

    terminal.answer("access_token (optional, not shown): ", "pat-1234567\n")
    terminal.answer("start_date, or Enter: ", "2025-01-31\n")

    assert terminal.end() == 0, terminal.said
    assert "client_secret" not in terminal.said
    assert "pat-1234567" not in terminal.said
    assert tables_of(project)["taps"]["hub"]["config"] == {
        "access_token": "${env:TAP_HUB_ACCESS_TOKEN}",
        "start_date": "2025-01-31",
    }
    window = {"start": "start_date", "end": "end_date"}
    assert tables_of(project)["taps"]["hub"]["window"] == window


def test_the_files_tap_asks_for_a_streams_path_and_key(project):
    terminal = Terminal("-C", project, "add", "tap", "files")

    terminal.answer("Each stream by a name of yours", "")
    terminal.answer("streams: a name: ", "orders\n")
    terminal.answer("path: ", "data/*.csv\n")
    terminal.answer("key (a, b, c), or Enter: ", "id, day\n")
    terminal.answer("streams: another name, or Enter: ", "lines\n")
    terminal.answer("path: ", "lines.csv\n")
    terminal.answer("key (a, b, c), or Enter: ", "\n")
    terminal.answer("streams: another name, or Enter: ", "\n")

    assert terminal.end() == 0, terminal.said
    assert tables_of(project)["taps"]["files"]["config"]["streams"] == {
        "orders": {"path": "data/*.csv", "key": ["id", "day"]},
        "lines": {"path": "lines.csv"},
    }
    assert "Still to be" not in terminal.said


def test_ctrl_c_in_the_middle_leaves_nothing_behind(project, crm):
    before = text_of(project)
    terminal = add_crm(project, crm)

    terminal.answer("user: ", "ann\n")
    terminal.answer("api_token (not shown): ", "long-enough\n")

    assert terminal.interrupt("teams (a, b, c): ") == 130
    assert "Nothing was written" in terminal.said
    assert text_of(project) == before
    assert not (project / ".env").exists()
