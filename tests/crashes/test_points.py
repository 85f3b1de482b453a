"""Killed at every point of the way, then run to the end: as if nothing had happened."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from elt.faults import POINTS
from tests.crashes.modes import MODES, copied
from tests.crashes.project import KILLED, contents, finish, passed, run

# Which passage of a point it is where there are several.
SEED = os.environ.get("ELT_CRASH_SEED", "1")
# Each case of so many, by turns with the seed; 1 is all of them.
SHARE = int(os.environ.get("ELT_CRASH_SHARE", "1"))
# One of each kind of moment; all points in all modes are in a test of its own.
SAMPLE = [
    ("upsert", "records-spooled"),
    pytest.param("append", "commit-begins", marks=pytest.mark.slow),
    pytest.param("overwrite", "bookmark-mirroring", marks=pytest.mark.slow),
]
# Passed before there is a warehouse, so once in a project's life.
AT_FIRST = {"warehouse-made-aside", "warehouse-in-place", "migration-written"}


@dataclass(frozen=True)
class Whole:
    """A project that was never killed: once loaded, and what it has in the end."""

    once: Path
    points: tuple[list[str], list[str]]  # passed in the first run and in the second
    expected: dict[str, Any]


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    made: dict[str, Whole] = {}

    def of(name: str) -> Whole:
        if name not in made:
            made[name] = make_whole(tmp_path_factory.mktemp("whole"), name)
        return made[name]

    return of


def make_whole(folder: Path, name: str) -> Whole:
    mode = MODES[name]
    traces = folder / "first", folder / "second"
    once = mode.make(folder / "once")
    code, said = run(once, fault=f"trace:{traces[0]}")
    assert code == 0, said
    twice = copied(once, folder / "twice")
    mode.grow(twice, 8)
    code, said = run(twice, *mode.words, fault=f"trace:{traces[1]}")
    assert code == 0, said
    points = passed(traces[0]), passed(traces[1])
    return Whole(once, points, contents(twice, mode))


def dies_and_goes_on(folder: Path, whole: Whole, name: str, point: str) -> None:
    """Kill the second run at a point, or the first where only that passes it."""
    mode, words = MODES[name], MODES[name].words
    first, second = (points.count(point) for points in whole.points)
    passage = random.Random(f"{SEED} {name} {point}").randint(1, max(second, 1))  # noqa: S311
    project = folder / "project"
    if second:
        copied(whole.once, project)
        mode.grow(project, 8)
    else:
        assert first, f"{point} is not passed"
        words, passage = (), 1
        mode.make(project)

    code, said = run(project, *words, fault=f"{point}:{passage}")
    if code != KILLED:  # fewer passages than before: it came in larger chunks
        assert (code, passage > 1) == (0, True), said
    if not second:
        finish(project)
        mode.grow(project, 8)
    finish(project, *mode.words)

    found = contents(project, mode)
    assert found == whole.expected, f"killed at {point}:{passage} of seed {SEED}"


@pytest.mark.slow
def test_every_point_is_passed_by_a_run_that_nobody_kills(whole):
    found = {
        point
        for name in ("keyless", "batch")
        for points in whole(name).points
        for point in points
    }

    assert found == set(POINTS)


@pytest.mark.parametrize(("name", "point"), SAMPLE)
def test_killed_at_a_point_and_run_again_all_is_as_if_nothing_had_been(
    tmp_path, whole, name, point
):
    dies_and_goes_on(tmp_path, whole(name), name, point)


# Like the fields of a chess board: of each mode and of each point some.
BOARD = [
    (name, point)
    for row, name in enumerate(MODES)
    for column, point in enumerate(POINTS)
    if (row + column + int(SEED)) % SHARE == 0
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "point"), BOARD)
def test_killed_at_each_point_in_each_mode(tmp_path, whole, name, point):
    passes = [point for points in whole(name).points for point in points]
    if point not in passes:
        pytest.skip(f"`{name}` does not pass it")

    dies_and_goes_on(tmp_path, whole(name), name, point)
