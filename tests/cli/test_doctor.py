"""`elt doctor` where things are broken: a finding each, and a fix that exists."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys

import duckdb
import pytest
import typer

from elt.cli.app import app
from elt.project.load import load_project
from elt.singer.packages import package_of


@pytest.fixture
def examine(run_elt):
    """Let the doctor look at a folder; give what is not well, by area, and the code."""

    def look(folder, *arguments):
        done = run_elt("-C", folder, "doctor", "--json", *arguments)
        told = json.loads(done.out)
        assert done.code == (0 if told["ok"] else 2)
        for found in told["findings"]:
            assert_fix_exists(found["fix"])
        return [found for found in told["findings"] if found["level"] != "ok"]

    return look


def assert_fix_exists(fix: str) -> None:
    """Look up every `elt ...` that a fix names among the commands there are."""
    for words in re.findall(r"(?:^|`)elt ((?:[a-z-]+ ?)+)", fix):
        command = typer.main.get_command(app)
        for word in words.split():
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, fix
            command = command.commands[word]


def only(findings, area: str):
    """Give the one finding of an area."""
    (found,) = [found for found in findings if found["area"] == area]
    return found


def levels(findings) -> set[tuple[str, str]]:
    return {(found["area"], found["level"]) for found in findings}


def test_a_sound_project_is_well(run_elt, ran):
    done = run_elt("-C", ran, "doctor")

    assert done.code == 0
    assert done.out.endswith("\nAll is well\n")
    assert "✓ warehouse: warehouse.duckdb" in done.out
    assert "✓ plugins: all there: days" in done.out


def test_it_changes_nothing_and_makes_nothing(project, run_elt):
    before = sorted(project.rglob("*"))

    assert run_elt("-C", project, "doctor").code == 0

    assert sorted(project.rglob("*")) == before


def test_it_answers_within_two_seconds_and_imports_no_dbt(ran):
    code = (
        "import sys\n"
        "from elt.cli.app import main\n"
        "main(['-C', sys.argv[1], 'doctor'])\n"
        "print(*{'dbt', 'singer_sdk', 'httpx'} & set(sys.modules), file=sys.stderr)\n"
    )
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", code, str(ran)],
        capture_output=True,
        text=True,
        check=True,
    )
    after = os.times()

    assert done.stderr.strip() == ""
    # Of the processor: how long it takes beside others is not its doing.
    worked = after.children_user + after.children_system
    assert worked - before.children_user - before.children_system < 2


def test_without_a_project_it_says_so_and_looks_at_the_rest(tmp_path, run_elt):
    done = run_elt("-C", tmp_path, "doctor")

    assert done.code == 2
    assert "✗ elt.toml, problem: there is no elt.toml here" in done.out
    assert "elt init NAME" in done.out
    assert "✓ installation: elt" in done.out
    assert done.out.endswith("\n1 problem\n")


def test_every_mistake_of_the_file_is_a_finding(ran, examine):
    (ran / "elt.toml").write_text('[project]\nnmae = "shop"\n\n[taps.x]\nplug = 1\n')

    found = examine(ran)

    told = [each for each in found if each["area"] == "elt.toml"]
    assert {each["where"].split()[0] for each in told if each["where"]} >= {
        "elt.toml:2",
        "elt.toml:5",
    }
    assert "Did you mean `name`?" in {each["fix"] for each in told}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[project\n"])
def test_a_file_that_is_no_toml_is_a_finding(project, examine, content):
    (project / "elt.toml").write_bytes(content)

    assert ("elt.toml", "problem") in levels(examine(project))


def test_an_unknown_environment_is_a_finding(project, examine):
    found = only(examine(project, "--env", "prod")[:1], "elt.toml")

    assert "no environment `prod`" in found["what"]


def test_missing_secrets_are_told_by_table_and_key_and_never_by_value(
    project, run_elt, examine
):
    (project / ".env").write_text("HAVE=the-secret-value\n")
    (project / ".env").chmod(0o644)
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.days]\nplugin = "days"\n'
        "[taps.days.config]\n"
        'token = "${env:NOT_SET_ANYWHERE}"\nkey = "${file:nowhere.txt}"\n'
        'good = "${env:HAVE}"\n'
    )

    found = [each for each in examine(project) if each["area"] == "secrets"]

    assert [each["level"] for each in found] == ["problem", "problem"]
    assert "`token`" in found[0]["what"]
    assert "NOT_SET_ANYWHERE" in found[0]["what"]
    assert "[taps.days.config]" in found[0]["where"]
    assert "`nowhere.txt`" in found[1]["what"]
    out = run_elt("-C", project, "doctor").out
    assert "the-secret-value" not in out
    assert "`.env` can be read by other users" in out


def test_a_line_of_dotenv_that_cannot_be_read_is_a_finding(project, examine):
    (project / ".env").write_text("this is no line\n")
    (project / ".env").chmod(0o600)

    found = only(examine(project), "secrets")

    assert found["where"] == ".env:1"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_what_git_should_not_have_is_told(ran, examine):
    (ran / ".env").write_text("A=123456\n")
    (ran / ".env").chmod(0o600)
    subprocess.run(["git", "init", "-q", str(ran)], check=True)  # noqa: S607
    subprocess.run(["git", "-C", str(ran), "add", "-f", ".env"], check=True)  # noqa: S607

    found = {each["what"]: each for each in examine(ran)}

    assert found["git has `.env`, which holds secrets"]["level"] == "problem"
    assert "git does not ignore `.elt`" in found
    assert "git does not ignore `warehouse.duckdb`" in found


def test_folders_that_others_can_read_are_told(ran, examine):
    (ran / ".elt").chmod(0o755)
    (ran / ".elt" / "elt.db").chmod(0o644)

    fixes = [each["fix"] for each in examine(ran)]

    assert fixes == [
        f"chmod 700 {ran / '.elt'}",
        f"chmod 600 {ran / '.elt' / 'elt.db'}",
    ]


def test_plugins_that_are_not_there_or_no_python_are_told(project, examine):
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.a]\nplugin = "dys"\n'
        '[taps.b]\nexecutable = "tap-that-nobody-has"\n'
        '[destinations.c]\nplugin = "fiel"\n'
    )
    fixes = [each["fix"] for each in examine(project) if each["area"] == "plugins"]
    assert fixes[0] == "Did you mean `days`?"
    assert "tap-that-nobody-has" in fixes[1]
    assert fixes[2] == "Did you mean `file`?"

    (project / "plugins" / "broken.py").write_text("def oops(:\n")

    assert only(examine(project), "plugins")["where"] == "plugins/broken.py:1"


def test_a_package_that_is_not_installed_is_not_installed_by_looking(project, examine):
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.x]\npackage = "tap-nobody-has==1.0"\n'
    )

    found = only(examine(project), "plugins")

    assert found["level"] == "note"
    assert found["fix"] == "elt install x"
    assert not (project / ".elt" / "environments").exists()


def test_an_environment_that_was_cut_short_is_told(project, examine):
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n[taps.x]\npackage = "tap-nobody-has==1.0"\n'
    )
    package = package_of(load_project(project), "tap", "x")
    (package.folder / "1" / "bin").mkdir(parents=True)

    found = only(examine(project), "plugins")

    assert found["level"] == "warning"
    assert "cut short" in found["what"]


def test_a_dbt_project_that_is_not_there_is_told(project, examine):
    file = project / "elt.toml"
    file.write_text(f'{file.read_text()}\n[transform]\nproject_dir = "nowhere"\n')

    found = only(examine(project), "dbt")

    assert found["level"] == "problem"
    assert "elt.toml" in found["where"]


def test_dbt_packages_and_a_broken_manifest_are_told(project, examine):
    file = project / "elt.toml"
    file.write_text(f"{file.read_text()}\n[transform]\n")
    dbt = project / "transform"
    dbt.mkdir()
    (dbt / "dbt_project.yml").write_text("name: shop\nprofile: elt\nversion: '1'\n")
    (dbt / "packages.yml").write_text("packages:\n  - package: a/b\n    version: 1\n")
    manifest = project / ".elt" / "dbt" / "default" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("{")

    found = [each for each in examine(project) if each["area"] == "dbt"]

    assert [each["fix"] for each in found] == ["elt dbt deps", f"rm {manifest}"]


HOLD = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_who_has_the_warehouse_open_is_told_by_process_and_program(ran, examine):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(ran / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    try:
        found = only(examine(ran), "warehouse")
    finally:
        process.communicate()

    assert found["level"] == "warning"
    assert f"(process {process.pid}) has it open" in found["what"]
    assert f"kill {process.pid}" in found["fix"]


def test_a_run_under_way_is_told_with_its_process(ran, examine):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from elt.runner.lock import hold, this_process\n"
        "with hold(Path(sys.argv[1]), this_process('the-run')):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    lock = ran / ".elt" / "lock"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    try:
        found = only(examine(ran), "run log")
        assert found["level"] == "note"
        assert f"the-run, process {process.pid}" in found["what"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()

    assert examine(ran) == []


def test_a_damaged_store_is_told_and_not_a_crash(ran, examine):
    (ran / ".elt" / "elt.db").write_bytes(b"SQLite format 3\0" + b"x" * 5000)

    found = only(examine(ran), "run log")

    assert found["level"] == "problem"
    assert "damaged" in found["what"]


def test_a_store_that_is_something_else_is_told(ran, examine):
    (ran / ".elt" / "elt.db").unlink()
    other = sqlite3.connect(ran / ".elt" / "elt.db")
    other.execute("CREATE TABLE mine (a)")
    other.close()
    (ran / ".elt" / "elt.db").chmod(0o600)

    assert "another program's database" in only(examine(ran), "run log")["what"]


def test_a_store_that_another_program_writes_to_is_told(ran, examine):
    other = sqlite3.connect(ran / ".elt" / "elt.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        found = only(examine(ran), "run log")
    finally:
        other.close()

    assert "another program is writing" in found["what"]


def test_crashes_of_our_own_and_runs_without_an_end_are_told(ran, examine):
    (ran / ".elt" / "crash-20261121-090000.log").write_text("oops")
    with sqlite3.connect(ran / ".elt" / "elt.db") as store:
        store.execute(
            "UPDATE runs SET status = 'running',"
            " owner = json_set(owner, '$.process_start', '1')"
        )
    store.close()

    found = [each["what"] for each in examine(ran) if each["area"] == "run log"]

    assert "crash-20261121-090000.log" in found[0]
    assert "has no end" in found[1]


def test_a_last_run_in_the_future_is_told(ran, examine):
    with sqlite3.connect(ran / ".elt" / "elt.db") as store:
        store.execute("UPDATE runs SET started_at = '2999-01-01T00:00:00+00:00'")
    store.close()

    assert "lies in the future" in only(examine(ran), "run log")["what"]


def test_a_warehouse_that_is_no_duckdb_file_is_told_with_the_newest_backup(
    ran, examine, run_elt
):
    assert run_elt("-C", ran, "backup").code == 0
    (ran / "warehouse.duckdb").write_bytes(b"no duckdb" * 1000)

    found = only(examine(ran), "warehouse")

    assert found["level"] == "problem"
    assert found["fix"].startswith("elt restore backups/shop-")


def test_a_file_whose_blocks_are_damaged_is_told(ran, examine, run_elt):
    path = ran / "warehouse.duckdb"
    content = bytearray(path.read_bytes())
    content[20:24] = b"oops"
    path.write_bytes(content)

    found = only(examine(ran), "warehouse")

    assert found["level"] == "problem"
    assert "cannot be opened" in found["what"]
    assert run_elt("-C", ran, "query", "SELECT 1").code == 2


def test_a_warehouse_of_a_newer_elt_is_told(ran, examine):
    with duckdb.connect(str(ran / "warehouse.duckdb")) as connection:
        connection.execute("UPDATE _elt.meta SET value = '99' WHERE key = 'version'")

    assert "a newer elt wrote it" in only(examine(ran), "warehouse")["what"]


def test_another_warehouse_than_before_is_told(ran, examine):
    with duckdb.connect(str(ran / "warehouse.duckdb")) as connection:
        connection.execute(
            "UPDATE _elt.meta SET value = 'other' WHERE key = 'warehouse_id'"
        )
    with sqlite3.connect(ran / ".elt" / "elt.db") as store:
        store.execute(
            "INSERT INTO baselines VALUES ('default', 's', 'first', 1, NULL, '')"
        )
    store.close()

    assert (
        "not the warehouse that earlier runs" in only(examine(ran), "warehouse")["what"]
    )


def test_rejects_and_what_removed_taps_left_are_noted(ran, examine):
    (ran / "elt.toml").write_text('[project]\nname = "shop"\n')
    with duckdb.connect(str(ran / "warehouse.duckdb")) as connection:
        connection.execute("""
            INSERT INTO _elt.rejects BY NAME
            SELECT 'r' AS run_id, 'default' AS environment, 't' AS tap, 's' AS stream,
                'odd' AS reason, '{}' AS record, now() AS rejected_at
        """)

    found = [each for each in examine(ran) if each["area"] == "warehouse"]

    assert [each["what"] for each in found] == [
        "1 reject waits",
        "it still holds tap:days, 3 rows: elt.toml names no such tap",
    ]
    assert found[1]["fix"] == "elt clean --drop tap:days"


def test_a_log_left_by_a_killed_program_is_told(ran, examine):
    write = (
        "import duckdb, os, signal, sys\n"
        "c = duckdb.connect(sys.argv[1])\n"
        "c.execute('CREATE TABLE late AS SELECT 1 AS n')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = str(ran / "warehouse.duckdb")
    subprocess.run([sys.executable, "-c", write, path], check=False)

    found = only(examine(ran), "warehouse")

    assert "never delete it" in found["what"]


def test_leftovers_and_a_broken_off_restore_are_told(ran, examine):
    spool = ran / ".elt" / "spool" / "r1"
    spool.mkdir(parents=True, exist_ok=True)
    (spool / "part").write_text("x")
    assert only(examine(ran), "leftovers")["fix"] == "elt clean"

    (ran / ".elt" / "restore.json").write_text("{}")

    first = [each for each in examine(ran) if each["area"] == "leftovers"][0]  # noqa: RUF015
    assert (first["level"], first["fix"]) == ("problem", "elt restore")


def test_deep_reads_every_table_and_finds_a_damaged_block(ran, examine):
    path = ran / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE TABLE big AS SELECT hash(i) AS h, md5(i::VARCHAR) AS m"
            " FROM range(100_000) AS r(i)"
        )
    assert "problem" not in {level for _, level in levels(examine(ran, "--deep"))}
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 2, len(content), 100_000):
        content[at] ^= 255
    path.write_bytes(content)

    found = [each for each in examine(ran, "--deep") if each["area"] == "warehouse"]

    assert {each["level"] for each in found} == {"problem"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(ran, examine):
    (ran / ".elt").chmod(0o500)
    try:
        assert ("folder", "problem") in levels(examine(ran))
    finally:
        (ran / ".elt").chmod(0o700)
