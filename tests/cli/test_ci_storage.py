"""The scripts of a written workflow, run as in a CI: on an empty disk each time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
import yaml

# Says what it was asked for, and has as many days as the test says.
PLUGIN = """
import os
from pathlib import Path

from elt import stream


@stream(key="id", cursor="id")
def days(config, since=None):
    asked = Path(os.environ["ASKED"])
    asked.write_text(asked.read_text() + f"{since}\\n")
    for number in range(since or 0, int(os.environ["DAYS"])):
        yield {"id": number}
"""
SHIM = """\
#!/bin/sh
if [ "$1" = push ] && [ -n "$MEANWHILE" ]; then
  MEANWHILE= elt -C "$MEANWHILE" push "$PLACE" --force 2> /dev/null
fi
exec "{python}" -m elt "$@"
"""
TOML = """
[project]
name = "shop"

[taps.days]
plugin = "days"

[taps.never]
executable = "{never}"
"""


@dataclass
class Ci:
    """A repository, and a runner that has its files and nothing else each time."""

    folder: Path
    environ: dict[str, str]

    @property
    def place(self) -> Path:
        return self.folder / "place"

    def run(self, script, **environ):
        """Check the repository out, and run the workflow there; give its exit code."""
        work = self.folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(self.folder / "repository", work)
        return script(work, self.environ | environ)

    def asked(self):
        return (self.folder / "asked").read_text().split()

    def rows(self):
        (newest,) = sorted(self.place.glob("generation-*"))[-1:]
        data = self.place / json.loads(newest.read_text())["data"]
        with duckdb.connect(str(data), read_only=True) as connection:
            found = connection.sql("SELECT id FROM raw_days.days ORDER BY id")
            return [number for (number,) in found.fetchall()]


@pytest.fixture
def ci(tmp_path):
    repository = tmp_path / "repository"
    (repository / "plugins").mkdir(parents=True)
    (repository / "plugins" / "days.py").write_text(PLUGIN)
    never = tmp_path / "never"
    never.write_text('#!/bin/sh\nexit "$NEVER"\n')
    never.chmod(0o700)
    (repository / "elt.toml").write_text(TOML.format(never=never))
    elt = tmp_path / "bin" / "elt"
    elt.parent.mkdir()
    elt.write_text(SHIM.format(python=sys.executable))
    elt.chmod(0o700)
    (tmp_path / "asked").write_text("")
    environ = {
        "PATH": f"{elt.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
        "ASKED": str(tmp_path / "asked"),
        "PLACE": str(tmp_path / "place"),
        "ARGUMENTS": "tap:days",
        "MEANWHILE": "",
        "NEVER": "1",
    }
    return Ci(tmp_path, environ)


def shell(script, work, environ):
    return subprocess.run(
        [shutil.which("sh") or "sh", "-e", "-c", script],
        cwd=work,
        env=environ,
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


def github(document):
    """Do the steps of a workflow in order, with the two conditions that it knows."""

    def run(work, environ):
        outcomes, ended = {}, 0
        for step in document["jobs"]["run"]["steps"]:
            if "run" not in step or step["name"] == "Install":
                continue
            match step.get("if"):
                case None:
                    wanted = not ended
                case "always() && steps.pull.outcome == 'success'":
                    wanted = outcomes.get("pull") == 0
            if wanted:
                code = shell(step["run"], work, environ)
                outcomes[step.get("id")] = code
                ended = ended or code
        return ended

    return run


def gitlab(document):
    """Do the lines of the two scripts in one shell, then what comes after them."""
    job = document["elt"]
    lines = [*job["before_script"], *job["script"]]
    script = "\n".join(line for line in lines if not line.startswith("pip "))

    def run(work, environ):
        code = shell(script, work, environ)
        status = {"CI_JOB_STATUS": "failed" if code else "success"}
        shell("\n".join(job["after_script"]), work, environ | status)
        return code

    return run


@pytest.fixture
def written(ci, run_elt):
    def write(place, storage=None):
        file = ci.folder / "workflow.yml"
        storage = storage or ci.place.as_uri()
        done = run_elt(
            *("-C", ci.folder / "repository", "ci", "init", place),
            *("--storage", storage, "--output", file),
        )
        assert done.code == 0
        return yaml.safe_load(file.read_text())

    return write


@pytest.mark.slow
def test_a_second_run_on_an_empty_disk_goes_on_where_the_first_one_stopped(ci, written):
    script = github(written("github"))

    codes = ci.run(script, DAYS="2"), ci.run(script, DAYS="3")

    assert codes == (0, 0)
    assert ci.asked() == ["None", "1"]
    assert ci.rows() == [0, 1, 2]


@pytest.mark.slow
def test_a_run_that_failed_is_pushed_and_its_exit_code_is_the_workflows(ci, written):
    script = gitlab(written("gitlab"))

    codes = ci.run(script, DAYS="2", ARGUMENTS=""), ci.run(script, DAYS="3")

    assert codes == (1, 0)
    assert ci.asked() == ["None", "1"]
    assert ci.rows() == [0, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["github", "gitlab"])
def test_who_was_overtaken_ends_with_3_and_the_next_run_reads_it_again(
    ci, written, place
):
    script = (github if place == "github" else gitlab)(written(place))
    assert ci.run(script, DAYS="1") == 0
    other = ci.folder / "other"
    shutil.copytree(ci.folder / "work", other)
    with duckdb.connect(str(other / "warehouse.duckdb")) as connection:
        connection.execute("CREATE TABLE of_theirs AS SELECT 1 AS n")

    overtaken = ci.run(script, DAYS="3", MEANWHILE=str(other))

    assert overtaken == 3
    assert ci.rows() == [0]
    assert ci.run(script, DAYS="3") == 0
    assert ci.rows() == [0, 1, 2]
    assert ci.asked() == ["None", "0", "0"]


def test_without_a_pull_nothing_is_run_or_pushed(ci, written):
    nowhere = ci.folder / "a file" / "place"
    nowhere.parent.write_text("")
    script = github(written("github", str(nowhere)))

    assert ci.run(script, DAYS="1") == 75
    assert ci.asked() == []


@pytest.mark.parametrize(
    ("storage", "package", "names"),
    [
        ("s3://acme/elt", "s3", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]),
        ("gs://acme/elt", "gcs", ["GOOGLE_APPLICATION_CREDENTIALS"]),
        (
            "abfs://acme/elt",
            "azure",
            ["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY"],
        ),
    ],
)
def test_the_package_and_the_credentials_of_a_storage_are_in_it(
    ci, run_elt, storage, package, names
):
    arguments = ("-C", ci.folder / "repository", "ci", "init", "--storage", storage)

    told = run_elt(*arguments, "github", "--output", ci.folder / "github.yml")
    run_elt(*arguments, "gitlab", "--output", ci.folder / "gitlab.yml")

    steps = yaml.safe_load((ci.folder / "github.yml").read_text())["jobs"]["run"][
        "steps"
    ]
    named = {step.get("name"): step for step in steps}
    assert f"elt-toolkit[{package}]==" in named["Install"]["run"]
    assert list(named["Fetch the warehouse"]["env"]) == names
    assert list(named["Push the warehouse"]["env"]) == names
    assert "env" not in named["elt run"]  # what is not needed is not seen
    assert not [step for step in steps if "cache" in step.get("uses", "")]
    job = yaml.safe_load((ci.folder / "gitlab.yml").read_text())["elt"]
    assert "cache" not in job
    assert [line for line in job["before_script"] if f"elt-toolkit[{package}]" in line]
    for name in names:
        assert name in told.err
        assert [line for line in job["before_script"] if f"${{{name}:?" in line]


def test_googles_credentials_are_a_file(written):
    document = written("github", "gs://acme/elt")

    named = {step.get("name"): step for step in document["jobs"]["run"]["steps"]}
    file = named["Write .elt/google-credentials.json"]
    assert file["env"]["CONTENT"] == "${{ secrets.GOOGLE_APPLICATION_CREDENTIALS }}"
    path = named["Fetch the warehouse"]["env"]["GOOGLE_APPLICATION_CREDENTIALS"]
    assert path == ".elt/google-credentials.json"


def test_a_storage_that_cannot_refuse_is_refused_at_once(ci, run_elt):
    done = run_elt(
        *("-C", ci.folder / "repository", "ci", "init"),
        *("--storage", "sftp://acme/elt", "--output", ci.folder / "x.yml"),
    )

    assert done.code == 2
    assert "`sftp://` cannot refuse to overwrite" in done.err
    assert not (ci.folder / "x.yml").exists()


def test_a_storage_that_names_no_place_is_refused_and_no_cache_put_in_its_stead(
    ci, run_elt
):
    done = run_elt(
        *("-C", ci.folder / "repository", "ci", "init"),
        *("--storage", "", "--output", ci.folder / "x.yml"),
    )

    assert done.code == 2
    assert "`` names no place" in done.err
    assert "is a variable empty?" in done.err
    assert not (ci.folder / "x.yml").exists()
