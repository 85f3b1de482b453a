from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from elt.runner.lock import hold, this_process

FILE = """
[project]
name = "shop"

[taps.shop]
package = "tap-shop"

[taps.files]
plugin = "files"
config.streams.orders.path = "orders.csv"

[targets.lake]
package = "target-lake==1.0"
"""


@pytest.fixture
def project(tmp_path, make_wheel, offline, monkeypatch) -> Path:
    """Give a project with two packages, neither of them installed."""
    make_wheel()
    make_wheel("target-lake")
    installer = "uv"
    try:
        environ = offline("uv")
    except pytest.skip.Exception:
        environ = offline(installer := "pip")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / installer
    folder.mkdir()
    (folder / "elt.toml").write_text(FILE)
    return folder


def test_all_packages_are_installed_and_locked(run_elt, project):
    done = run_elt("-C", project, "install")

    assert done.code == 0
    assert done.out == ""
    assert f"tap:shop  installing `tap-shop` with {project.name}" in done.err
    assert "tap:shop  tap-shop 1.0 is there" in done.err
    assert "target:lake  target-lake 1.0 is there" in done.err
    locks = {path.name for path in (project / "locks").iterdir()}
    assert locks == {"tap.shop.txt", "target.lake.txt"}


ABOUT_TAP = """
    import sys
    def main():
        if "--about" not in sys.argv:
            sys.exit("only asked about")
        print('{"settings": {"properties": {"start_date": {}, "end_at": {}}}}')
"""


def test_check_warns_of_a_window_in_settings_that_the_tap_does_not_have(
    run_elt, project, make_wheel
):
    make_wheel(version="1.2", code=ABOUT_TAP)
    window = 'package = "tap-shop"\nwindow = { start = "start_date", end = "end_date" }'
    (project / "elt.toml").write_text(FILE.replace('package = "tap-shop"', window))
    before = run_elt("-C", project, "check", "--json")
    run_elt("-C", project, "install", "tap:shop")

    after = run_elt("-C", project, "check", "--json")
    told = run_elt("-C", project, "check")

    assert "`window` names" not in before.out
    [found] = [f for f in json.loads(after.out)["findings"] if f["warning"]]
    assert found["subject"] == "tap shop"
    assert found["warning"].startswith("`window` names `end_date`, of which the tap")
    assert found["hint"].startswith("Did you mean `end_at`?")
    assert found["where"] == "elt.toml:7  [taps.shop.window]"
    assert after.code == before.code
    assert "! tap shop: `window` names `end_date`" in told.out


def test_only_what_is_named_is_installed(run_elt, project):
    done = run_elt("-C", project, "install", "target:lake", "files", "--json")

    told = json.loads(done.out)
    assert done.code == 0
    assert [(each["kind"], each["name"], each["version"]) for each in told] == [
        ("target", "lake", "1.0")
    ]
    assert "files: nothing to install, it has no `package`" in done.err


def test_an_upgrade_says_what_is_new(run_elt, project, make_wheel):
    run_elt("-C", project, "install", "shop")
    make_wheel(version="1.1")

    again = run_elt("-C", project, "install", "shop")
    upgrade = run_elt("-C", project, "install", "shop", "--upgrade")

    assert "tap-shop 1.0 is there" in again.err
    assert "tap-shop 1.1 is there" in upgrade.err
    assert "tap-shop 1.0 -> 1.1" in upgrade.err


def test_force_installs_again(run_elt, project):
    run_elt("-C", project, "install", "shop")

    assert "installing" not in run_elt("-C", project, "install", "shop").err
    assert "installing" in run_elt("-C", project, "install", "shop", "--force").err


def test_what_fails_is_told_and_the_rest_is_installed(run_elt, project):
    file = (project / "elt.toml").read_text()
    (project / "elt.toml").write_text(file.replace('"tap-shop"', '"tap-shop==7"'))

    done = run_elt("-C", project, "install")

    assert done.code == 2
    assert "error: tap `shop`: this version of the package does not exist" in done.err
    assert f"{project.name} said:" in done.err
    assert "target-lake 1.0 is there" in done.err


def test_an_unknown_name_gets_the_nearest(run_elt, project):
    done = run_elt("-C", project, "install", "shp")

    assert done.code == 2
    assert "there is no tap or target `shp`" in done.err
    assert "Did you mean `shop`?" in done.err


def test_nothing_is_installed_while_a_run_goes_on(run_elt, project):
    with hold(project / ".elt" / "lock", this_process("a run")):
        done = run_elt("-C", project, "install")

    assert done.code == 75
    assert "a run" in done.err


def test_a_project_without_packages_needs_nothing(run_elt, project):
    (project / "elt.toml").write_text('[project]\nname = "x"\n')

    done = run_elt("-C", project, "install")

    assert done.code == 0
    assert "Nothing to install" in done.err


def test_a_run_installs_what_it_needs_and_says_so(run_elt, project):
    done = run_elt("-C", project, "run", "tap:shop")
    plan = run_elt("-C", project, "plan", "tap:shop")

    assert done.code == 0
    assert "installing `tap-shop` with" in done.err
    assert "done, 3 rows" in done.err
    assert "installing" not in plan.err
    assert "stream:shop.items" in plan.out


def test_another_version_of_a_tap_is_asked_for_its_catalog_again(
    run_elt, project, make_wheel
):
    run_elt("-C", project, "plan", "tap:shop")
    code = 'print(\'{"streams": [{"tap_stream_id": "x", "schema": {}}]}\')'
    make_wheel(version="1.1", code=f"def main():\n    {code}\n")
    run_elt("-C", project, "install", "shop", "--upgrade")

    assert "stream:shop.x" in run_elt("-C", project, "plan", "tap:shop").out


def test_check_installs_nothing_and_says_what_is_not_there(run_elt, project):
    before = run_elt("-C", project, "check")
    run_elt("-C", project, "install", "shop")
    after = run_elt("-C", project, "check")

    assert before.code == 0
    assert "tap shop: package `tap-shop`, not installed yet: `elt install`" in (
        before.out
    )
    assert "tap shop: package tap-shop 1.0, program `tap-shop`" in after.out


def test_plugins_show_packages_with_their_versions(run_elt, project):
    run_elt("-C", project, "install", "shop")
    shutil.rmtree(project / "locks")

    listed = json.loads(run_elt("-C", project, "plugins", "--json").out)

    packages = [each for each in listed if each["origin"] == "package"]
    assert packages == [
        {
            "name": "shop",
            "kind": "tap",
            "origin": "package",
            "where": "tap-shop 1.0",
        },
        {
            "name": "lake",
            "kind": "target",
            "origin": "package",
            "where": "target-lake==1.0, not installed yet",
        },
    ]


def test_plugins_are_listed_though_the_file_is_broken(run_elt, project):
    (project / "elt.toml").write_text("[project")

    done = run_elt("-C", project, "plugins")

    assert done.code == 0
    assert "files" in done.out
    assert "elt.toml has errors" in done.err
