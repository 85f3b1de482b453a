from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from elt.errors import ConfigError
from elt.plugins import package_program, tap_program
from elt.project.settings import File, Project
from elt.singer.discover import discover
from elt.singer.environments import ensure
from elt.singer.installed import Installed, Missing, look
from elt.singer.packages import Package, package_of


@dataclass
class Folder:
    """A project with one tap, `shop`, and what was said of installing it."""

    root: Path
    environ: dict[str, str]
    lines: list[str] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=lambda: {"package": "tap-shop"})

    @property
    def project(self) -> Project:
        file = {"project": {"name": "x"}, "taps": {"shop": self.settings}}
        return Project(
            root=self.root, environment="default", file=msgspec.convert(file, File)
        )

    @property
    def package(self) -> Package:
        package = package_of(self.project, "tap", "shop")
        assert package is not None
        return package

    @property
    def lock(self) -> Path:
        return self.root / "locks" / "tap.shop.txt"

    def install(self, **how: bool) -> Installed:
        self.lines.clear()
        return ensure(
            self.package, environ=self.environ, on_line=self.lines.append, **how
        )


@pytest.fixture
def folder(tmp_path, offline, make_wheel) -> Folder:
    """Give a project whose tap is on no index but the folder `wheels/`."""
    make_wheel()
    root = tmp_path / "project"
    root.mkdir()
    try:
        return Folder(root, offline("uv"))
    except pytest.skip.Exception:
        return Folder(root, offline("pip"))


INSTALL = """
import sys
from pathlib import Path
from elt.plugins import tap_program
from elt.project.load import load_project
tap_program(load_project(Path(sys.argv[1])), "shop", on_line=print)
"""


def install_elsewhere(folder: Folder) -> subprocess.Popen[str]:
    """Install the tap in another process, which tells of it on its stdout."""
    tap = f'[taps.shop]\npackage = "{folder.settings["package"]}"\n'
    (folder.root / "elt.toml").write_text(f'[project]\nname = "x"\n{tap}')
    return subprocess.Popen(
        [sys.executable, "-c", INSTALL, str(folder.root)],
        env=folder.environ,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_a_package_is_installed_once_and_runs(folder, offline, installer):
    folder.environ = offline(installer)

    installed = folder.install()
    program = tap_program(folder.project, "shop", environ=folder.environ)

    assert folder.lines[0].startswith(f"installing `tap-shop` with {installer}, ")
    assert folder.lines[1].startswith("installed tap-shop 1.0, with 0 packages ")
    assert Path(program.argv[0]).parent == Path(installed.home) / "bin"
    assert discover(program, {})["streams"][0]["tap_stream_id"] == "items"
    assert folder.install() == installed
    assert folder.lines == []


def test_another_machine_installs_what_the_lock_says(folder, make_wheel):
    make_wheel("words", "1.0", programs={})
    make_wheel(requires=("words",))
    folder.install()
    make_wheel("words", "1.1", programs={})
    make_wheel(version="1.1", requires=("words",))
    shutil.rmtree(folder.root / ".elt")

    installed = folder.install()

    assert installed.pins == ("tap-shop==1.0", "words==1.0")
    first, _, *pins = folder.lock.read_text().splitlines()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert first == f"# elt: tap-shop (Python {version})"
    assert tuple(pins) == installed.pins


def test_an_upgrade_finds_versions_anew_and_writes_the_lock(folder, make_wheel):
    folder.install()
    make_wheel(version="1.1")

    assert folder.install().version == "1.0"
    assert folder.install(renew=True).version == "1.1"
    assert "tap-shop==1.1" in folder.lock.read_text()
    assert folder.install().version == "1.1"


def test_a_lock_of_somebody_else_is_followed(folder, make_wheel):
    make_wheel(version="1.1")
    assert folder.install().version == "1.1"
    folder.lock.write_text(folder.lock.read_text().replace("1.1", "1.0"))

    installed = folder.install()

    assert installed.version == "1.0"
    assert folder.lines[0].endswith(": the lock has other versions")


def test_going_back_to_an_older_lock_needs_no_installation(folder, make_wheel):
    folder.install()
    before = folder.lock.read_text()
    make_wheel(version="1.1")
    folder.install(renew=True)
    folder.lock.write_text(before)

    assert folder.install().version == "1.0"
    assert folder.lines == []


def test_a_lock_that_does_not_fit_is_an_error_with_the_way_out(folder):
    folder.install()
    folder.lock.write_text(folder.lock.read_text().replace("==1.0", "==0.9"))

    with pytest.raises(ConfigError) as caught:
        folder.install()

    assert "`locks/tap.shop.txt` held it to certain versions" in caught.value.hint
    assert "`elt install shop --upgrade`" in caught.value.hint
    assert "tap-shop" in caught.value.where


def test_a_lock_of_another_package_is_written_anew(folder, make_wheel):
    folder.install()
    make_wheel(version="2.0")
    folder.settings = {"package": "tap-shop>=2"}

    assert folder.install().version == "2.0"
    assert folder.lock.read_text().startswith("# elt: tap-shop>=2 (")


def test_a_lock_with_the_marks_of_a_merge_is_an_error_with_its_line(folder):
    folder.install()
    folder.lock.write_text(folder.lock.read_text() + "<<<<<<< ours\n")

    with pytest.raises(ConfigError) as caught:
        look(folder.package)

    assert caught.value.where == "locks/tap.shop.txt:4"


def test_a_project_that_cannot_be_written_still_gets_its_tap(folder):
    (folder.root / "locks").write_text("a file where the folder would be")

    assert folder.install().version == "1.0"
    assert folder.lines[-1].startswith("`locks/tap.shop.txt` cannot be written: ")


def remove_python(home: Path) -> None:
    (home / "bin" / "python").unlink()


def remove_program(home: Path) -> None:
    (home / "bin" / "tap-shop").unlink()


def remove_stamp(home: Path) -> None:
    (home / "elt.json").unlink()


@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (remove_python, "its Python is gone"),
        (remove_program, "its program `tap-shop` is gone"),
        (remove_stamp, "its installation was cut short"),
    ],
)
def test_what_is_broken_is_installed_again_and_said_so(folder, breaks, said):
    breaks(Path(folder.install().home))

    assert look(folder.package) == Missing(said)
    folder.install()

    assert folder.lines[0].startswith("installing `tap-shop` again, with ")
    assert folder.lines[0].endswith(f": {said}")
    assert isinstance(look(folder.package), Installed)


def test_a_project_that_was_moved_installs_again(folder, tmp_path):
    folder.install()
    folder.root = folder.root.rename(tmp_path / "elsewhere")

    assert look(folder.package) == Missing("the project was moved")


def test_old_environments_go_but_not_the_one_before(folder):
    homes = [Path(folder.install(again=True).home) for _ in range(5)]

    assert [home.exists() for home in homes] == [False, False, True, True, True]


BACKEND = """
    import os, sys, time, zipfile

    def build_wheel(directory, config_settings=None, metadata_directory=None):
        open("building", "w").close()
        time.sleep(float(open("seconds").read()))
        name, info = "tap_shop-1.0-py3-none-any.whl", "tap_shop-1.0.dist-info"
        with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
            wheel.write("tap_shop.py")
            wheel.writestr(f"{info}/METADATA",
                "Metadata-Version: 2.1\\nName: tap-shop\\nVersion: 1.0\\n")
            wheel.writestr(f"{info}/WHEEL",
                "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
            wheel.writestr(f"{info}/entry_points.txt",
                "[console_scripts]\\ntap-shop = tap_shop:main\\n")
            wheel.writestr(f"{info}/RECORD", "")
        return name
"""


@pytest.fixture
def source(folder) -> Path:
    """Give the project its tap as a folder, with a build that needs no network."""
    source = folder.root / "taps" / "shop"
    source.mkdir(parents=True)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        'backend-path = ["."]\n'
    )
    (source / "backend.py").write_text(textwrap.dedent(BACKEND))
    (source / "seconds").write_text("0")
    (source / "tap_shop.py").write_text("def main():\n    print('one')\n")
    folder.settings = {"package": "./taps/shop"}
    return source


def said_by(folder: Folder) -> str:
    program = tap_program(folder.project, "shop", environ=folder.environ)
    done = subprocess.run(
        program.argv, capture_output=True, text=True, check=True, env=program.environ
    )
    return done.stdout


def test_a_folder_is_installed_and_its_edits_are_picked_up(folder, source):
    # Its build leaves a file there, which is no edit.
    assert said_by(folder) == "one\n"
    (source / "tap_shop.py").write_text("def main():\n    print('two')\n")

    assert look(folder.package) == Missing("its code has changed")
    assert said_by(folder) == "two\n"
    assert said_by(folder) == "two\n"
    assert folder.install().remarks == ("tap-shop 1.0 from taps/shop",)
    assert folder.lines == []


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_repository_is_locked_to_its_revision(folder, source):
    git = ["git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *command], check=True)
    folder.settings = {"package": f"git+{source.as_uri()}"}
    assert said_by(folder) == "one\n"
    (source / "tap_shop.py").write_text("def main():\n    print('two')\n")
    subprocess.run([*git, "commit", "-qam", "two"], check=True)
    shutil.rmtree(folder.root / ".elt")

    assert said_by(folder) == "one\n"
    folder.install(renew=True)
    assert said_by(folder) == "two\n"


def test_a_killed_installation_leaves_nothing_half_used(folder, source):
    (source / "seconds").write_text("60")
    elt = install_elsewhere(folder)
    with elt:
        wait_until((source / "building").exists)
        elt.send_signal(signal.SIGKILL)
    (source / "building").unlink()
    (source / "seconds").write_text("0")

    assert isinstance(look(folder.package), Missing)
    assert said_by(folder) == "one\n"
    assert [home.name for home in folder.package.folder.glob("[0-9]*")] == ["2"]


def test_two_that_need_it_at_once_install_it_once(folder, source):
    (source / "seconds").write_text("0.5")
    both = [install_elsewhere(folder) for _ in range(2)]
    said = [line for each in both for line in each.communicate()[0].splitlines()]

    assert [each.returncode for each in both] == [0, 0]
    assert sum(line.startswith("installing ") for line in said) == 1
    assert sum(line.startswith("installed ") for line in said) == 1
    assert "waiting: `./taps/shop` is being installed already" in said


def test_a_tap_does_not_see_our_own_environment(folder, make_wheel):
    make_wheel(
        code="""
            import json, os, sys
            def main():
                print(json.dumps([dict(os.environ), sys.prefix]))
        """
    )
    ours = {"VIRTUAL_ENV": "/ours", "PYTHONPATH": "/ours", "PYTHONHOME": "/ours"}
    path = os.pathsep.join(["/ours/bin", folder.environ["PATH"]])

    program = tap_program(
        folder.project, "shop", environ={**folder.environ, **ours, "PATH": path}
    )
    done = subprocess.run(
        program.argv, capture_output=True, check=True, env=program.environ
    )

    environ, prefix = json.loads(done.stdout)
    assert not ours.keys() & environ.keys()
    assert Path(prefix) == Path(program.argv[0]).parents[1]
    assert environ["PATH"].split(os.pathsep)[0] == str(Path(program.argv[0]).parent)
    assert "/ours/bin" not in environ["PATH"]


def test_the_tap_is_the_program_named_like_one(folder, make_wheel):
    make_wheel(programs={"shop-admin": "tap_shop:main", "tap-store": "tap_shop:main"})

    program = package_program(folder.package, folder.project, environ=folder.environ)

    assert Path(program.argv[0]).name == "tap-store"


def test_executable_chooses_among_the_programs_of_a_package(folder, make_wheel):
    make_wheel(programs={"tap-a": "tap_shop:main", "shop": "tap_shop:main"})
    folder.settings = {"package": "tap-shop", "executable": "shop"}

    program = tap_program(folder.project, "shop", environ=folder.environ)

    assert Path(program.argv[0]).name == "shop"


@pytest.mark.parametrize(
    ("programs", "executable", "said", "hint"),
    [
        ((), None, "brings no program", "brings no program at all"),
        (("admin",), None, "brings no program `tap-...`", 'executable = "admin"'),
        (("tap-a", "tap-b"), None, "2 programs: `tap-a`, `tap-b`", '"tap-a"'),
        (("tap-a", "tap-b"), "tap-bb", "no program `tap-bb`", '"tap-b"'),
    ],
)
def test_a_package_without_the_program_lists_those_it_has(
    folder, make_wheel, programs, executable, said, hint
):
    make_wheel(programs=dict.fromkeys(programs, "tap_shop:main"))
    folder.settings = {"package": "tap-shop"}
    if executable:
        folder.settings["executable"] = executable

    with pytest.raises(ConfigError) as caught:
        folder.install()

    assert said in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("code", "flag"),
    [
        ("if args.properties:\n        pass", "--properties"),
        ("catalog = args.catalog or args.properties", None),
        ("parser.add_argument('-p', '--properties')", "--properties"),
        ("pass", None),
    ],
)
def test_a_tap_whose_code_reads_only_properties_gets_them(
    folder, make_wheel, code, flag
):
    # Its help may show both flags, as singer-python's does, or fail without a config.
    make_wheel(code=f"import sys\ndef main():\n    {code}\n")

    assert folder.install().catalog_flag == flag


def test_several_requirements_share_an_environment(folder, make_wheel):
    make_wheel("words", "1.0", programs={})
    make_wheel("words", "2.0", programs={})
    folder.settings = {"package": "tap-shop words < 2"}

    installed = folder.install()

    assert installed.distribution == "tap-shop"
    assert installed.pins == ("tap-shop==1.0", "words==1.0")


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_what_cannot_be_installed_is_told_in_the_installers_words(
    folder, offline, installer
):
    folder.environ = offline(installer)
    folder.settings = {"package": "tap-shop==9"}

    with pytest.raises(ConfigError) as caught:
        folder.install()

    assert caught.value.what == "this version of the package does not exist"
    assert caught.value.where.startswith(f"elt.toml  [taps.shop]\n{installer} said:\n")
    assert "tap-shop==9" in caught.value.where
    assert list(folder.package.folder.glob("[0-9]*")) == []


def test_a_python_that_is_not_there_is_an_error(folder, offline):
    folder.environ = offline("pip")
    folder.settings = {"package": "tap-shop", "python": "3.2"}

    with pytest.raises(ConfigError, match=r"there is no Python `3\.2` here"):
        folder.install()


def test_a_python_of_its_own_has_environments_of_its_own(folder):
    folder.install()
    folder.settings = {"package": "tap-shop", "python": sys.executable}

    assert look(folder.package) == Missing("not installed yet", is_new=True)
    assert folder.install().version == "1.0"


def wait_until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
