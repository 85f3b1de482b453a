"""Looks of the doctor that need no whole project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from elt.errors import EltError
from elt.runner.upkeep import doctor
from elt.runner.upkeep.checks import folders, warehouse_file
from elt.runner.upkeep.finding import Finding, Subject
from elt.runner.upkeep.holders import Holder, command_of, holders

# What DuckDB 1.4.5 says of a file that DuckDB 2.0.0 made for itself.
NEWER = (
    "the warehouse cannot be opened: IO Error: Trying to read a database file with"
    " version number 999, but we can only read versions between 64 and 67."
)


def test_a_file_of_a_newer_duckdb_is_told_with_the_version_that_wrote_it(
    project, warehouse
):
    with warehouse.session():
        pass

    found = warehouse_file._unreadable(project, EltError(NEWER))

    assert found.level == "problem"
    assert "a newer DuckDB, v" in found.what
    assert found.fix == "pip install --upgrade duckdb"


def test_holders_are_read_from_the_kernels_list(tmp_path):
    file = tmp_path / "w.duckdb"
    file.touch()
    inode, parent = file.stat().st_ino, os.getppid()
    locks = tmp_path / "locks"
    locks.write_text(
        f"1: POSIX  ADVISORY  READ {parent} fe:00:{inode} 0 EOF\n"
        f"2: POSIX  ADVISORY  WRITE {parent} fe:00:{inode} 0 EOF\n"
        f"2: -> POSIX  ADVISORY  WRITE 999999 fe:00:{inode + 1} 0 EOF\n"
        f"3: POSIX  ADVISORY  WRITE {os.getpid()} fe:00:{inode} 0 EOF\n"
        "4: FLOCK\n"
    )

    assert holders(file, locks) == [Holder(parent, command_of(parent), writes=True)]
    assert holders(file, tmp_path / "nowhere") == []
    assert holders(tmp_path / "nowhere", locks) == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_a_process_is_named_without_its_arguments():
    code = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--password=secret"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    try:
        named = command_of(process.pid)
    finally:
        process.communicate()

    assert named.startswith("python")
    assert "secret" not in named


def test_a_disk_that_is_too_full_for_a_copy_is_told(project):
    with project.warehouse_path.open("wb") as file:
        file.truncate(10**13)  # a hole: it takes no room

    found = list(folders.look(Subject(root=project.root, project=project)))

    assert "need room for a copy" in found[0].what


def test_a_look_that_fails_is_a_finding_and_the_others_go_on(project):
    def stumble(_: Subject):
        yield Finding("ok", "here", "fine")
        raise ZeroDivisionError

    told = list(doctor._guarded("here", stumble, Subject(root=project.root)))

    assert [each.level for each in told] == ["ok", "problem"]
    assert told[1].what == "could not be looked at: ZeroDivisionError"
