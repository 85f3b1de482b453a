from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from elt.errors import ConfigError
from elt.plugins import find, load, plugins, tap_program, target_program
from elt.project.settings import File, Project
from elt.singer.discover import discover


@pytest.fixture
def project(tmp_path):
    """Make a project of some plugin files, a tap called `shop` and a target `lake`."""

    def make(
        tap: dict | None = None, target: dict | None = None, **files: str
    ) -> Project:
        for name, code in files.items():
            path = tmp_path / "plugins" / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(code)
        file = {
            "project": {"name": "x"},
            "taps": {"shop": tap or {}},
            "targets": {"lake": target or {}},
        }
        return Project(
            root=tmp_path, environment="default", file=msgspec.convert(file, File)
        )

    return make


STREAMS = "from elt import stream\n\n@stream(key='id')\ndef things(): yield {'id': 1}\n"


def in_project(root: Path) -> dict[str, tuple[str, str]]:
    return {
        plugin.name: (plugin.kind, plugin.where)
        for plugin in plugins(root)
        if plugin.origin == "project"
    }


def test_built_in_plugins_come_through_entry_points():
    found = {(p.kind, p.name): p for p in plugins(None)}

    files = found["tap", "files"]
    assert files.origin == "built in"
    assert files.target == "elt.taps.files.tap:FilesTap"
    assert files.where.startswith("elt-toolkit ")
    assert ("destination", "webhook") in found


def test_project_plugins_are_known_without_being_run(project):
    root = project(
        functions=STREAMS,
        attribute="import elt\n\n@elt.stream\ndef x(): ...\n",
        sdk="import singer_sdk\nraise RuntimeError\nclass T(singer_sdk.Tap): ...\n",
        two="class A(Tap):\n    name = 'tap-one'\nclass BTap(SQLTap): ...\n",
        crm="@destination('our_crm')\nclass Crm: ...\n",
        neither="def f(): ...\nclass _BaseTap(Tap): ...\n",
        _private=STREAMS,
    ).root

    assert in_project(root) == {
        "functions": ("tap", "plugins/functions.py:4"),
        "attribute": ("tap", "plugins/attribute.py:4"),
        "sdk": ("tap", "plugins/sdk.py:3"),
        "one": ("tap", "plugins/two.py:1"),
        "b": ("tap", "plugins/two.py:3"),
        "our_crm": ("destination", "plugins/crm.py:2"),
    }


def test_a_plugin_that_is_not_python_is_an_error_with_its_line(project):
    root = project(broken="x = 1\ndef (:\n").root

    with pytest.raises(ConfigError) as caught:
        plugins(root)

    assert caught.value.where == "plugins/broken.py:2"


def test_an_unknown_name_is_an_error_with_the_nearest(project):
    root = project(tickets=STREAMS).root

    with pytest.raises(ConfigError) as caught:
        find("tap", "ticket", root)

    assert caught.value.hint == "Did you mean `tickets`?"


def test_a_name_of_two_plugins_is_an_error_that_says_where_they_are(project):
    root = project(files=STREAMS).root

    with pytest.raises(ConfigError, match="more than one tap") as caught:
        find("tap", "files", root)

    assert "plugins/files.py:4 (project)" in caught.value.where
    assert "(built in)" in caught.value.where


def test_a_plugin_is_loaded_with_its_neighbours(project):
    root = project(
        crm="from crm_words import NAME\n"
        "@(lambda name: lambda c: c)\nclass X: ...\n"
        "def destination(name): return lambda c: c\n"
        "@destination('crm')\nclass Crm:\n    name = NAME\n",
        crm_words="NAME = 'neighbour'\n",
    ).root

    assert load(find("destination", "crm", root)).name == "neighbour"


def test_a_plugin_runs_as_a_program(project):
    made = project(tap={"plugin": "tickets"}, tickets=STREAMS)

    program = tap_program(made, "shop")

    assert program.argv[0] == sys.executable
    assert program.tap == "shop"
    assert program.private_dir == made.root / ".elt" / "taps"
    assert discover(program, {})["streams"][0]["tap_stream_id"] == "things"


def test_a_file_in_the_project_hides_no_module(project):
    made = project(tap={"plugin": "tickets"}, tickets=STREAMS)
    (made.root / "json.py").write_text("raise RuntimeError")

    assert discover(tap_program(made, "shop"), {})["streams"]


def test_the_built_in_files_tap_is_discovered_through_its_host(project):
    made = project(tap={"plugin": "files"})
    (made.root / "a.csv").write_text("id\n1\n")

    found = discover(tap_program(made, "shop"), {"streams": {"a": {"path": "a.csv"}}})

    assert found["streams"][0]["tap_stream_id"] == "a"


def test_an_installed_module_of_streams_is_a_tap(tmp_path):
    package = tmp_path / "site"
    (package / "tap_words-1.2.dist-info").mkdir(parents=True)
    (package / "tap_words.py").write_text(STREAMS)
    (package / "tap_words-1.2.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tap-words\nVersion: 1.2\n"
    )
    (package / "tap_words-1.2.dist-info" / "entry_points.txt").write_text(
        "[elt.taps]\nwords = tap_words\n"
    )
    code = (
        "import sys; from elt.plugins import find\n"
        "print(find('tap', 'words', None))\n"
        "assert 'tap_words' not in sys.modules"
    )
    environ = {"PYTHONPATH": str(package)}

    listed = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "elt.taps.host", "tap_words"],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
    )

    assert "origin='installed'" in listed.stdout
    assert "where='tap-words 1.2'" in listed.stdout
    assert '"record":{"id":1}' in ran.stdout


def test_an_executable_is_a_path_in_the_project_or_found_by_its_name(project):
    made = project(tap={"executable": "taps/mine", "args": ["--fast"]})
    path = made.root / "taps" / "mine"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)

    by_path = tap_program(made, "shop")
    by_name = tap_program(project(tap={"executable": "python"}), "shop")

    assert by_path.argv == (str(path), "--fast")
    assert Path(by_name.argv[0]).parent == Path(sys.executable).parent


@pytest.mark.parametrize(
    ("tap", "said", "hint"),
    [
        ({"executable": "taps/none"}, "does not exist", "from the project"),
        ({"executable": "elt.toml/"}, "does not exist", "from the project"),
        ({"executable": "no-such-tap"}, "is not installed", 'package = "no-such-tap"'),
        ({"plugin": "fils"}, "no tap plugin `fils`", "Did you mean `files`?"),
    ],
)
def test_a_tap_that_is_not_there_says_where_and_what_to_do(project, tap, said, hint):
    with pytest.raises(ConfigError) as caught:
        tap_program(project(tap=tap), "shop")

    assert said in caught.value.what
    assert hint in caught.value.hint
    assert caught.value.where == "elt.toml  [taps.shop]"


def test_a_misspelt_executable_gets_the_nearest_name(project, tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "tap-github").write_text("#!/bin/sh\n")
    (folder / "tap-github").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(ConfigError) as caught:
        tap_program(project(tap={"executable": "tap-gihub"}), "shop")

    assert caught.value.hint == "Did you mean `tap-github`?"


def test_a_target_is_a_program_too(project):
    made = project(target={"executable": "python", "args": ["-V"]})

    program = target_program(made, "lake", environ={"ONLY": "this"})

    assert Path(program.argv[0]).parent == Path(sys.executable).parent
    assert program.argv[1:] == ("-V",)
    assert program.private_dir == made.root / ".elt" / "targets"
    assert program.environ == {"ONLY": "this", "PYTHONIOENCODING": "utf-8"}


def test_a_target_that_is_not_there_says_where(project):
    with pytest.raises(ConfigError, match="`target-none` is not installed") as caught:
        target_program(project(target={"executable": "target-none"}), "lake")

    assert caught.value.where == "elt.toml  [targets.lake]"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("no_such_module:Tap", "`no_such_module` is not installed"),
        ("json:Tap", "`json` has no `Tap`"),
        ("json:dumps", "is not a singer-sdk Tap"),
        ("gone.py", "does not exist"),
        ("json", "there is no @stream function"),
    ],
)
def test_the_host_says_what_is_wrong_with_an_address(address, said):
    done = subprocess.run(
        [sys.executable, "-m", "elt.taps.host", address],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert said in done.stderr


def test_listing_plugins_imports_nothing_heavy():
    code = (
        "import sys; from elt.plugins import plugins; plugins(None)\n"
        "heavy = {'singer_sdk', 'duckdb', 'httpx', 'dbt', 'elt.taps.files'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)
