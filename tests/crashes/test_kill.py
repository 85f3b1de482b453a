"""kill -9 at any moment, then a run to the end: as if nothing had happened."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.crashes.modes import MODES, copied
from tests.crashes.project import contents, finish, start

GROUPS = int(os.environ.get("ELT_CRASH_GROUPS", "12000"))
KILLS = int(os.environ.get("ELT_CRASH_KILLS", "3"))
SEED = os.environ.get("ELT_CRASH_SEED", "1")
# Many commits, few rejects, and a new column half way.
LARGE = {"state_every": 500, "odd_every": 999, "wide_from": GROUPS * 3 // 4}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MODES)
def test_killed_at_random_moments_and_run_again_all_is_the_same(tmp_path, name):
    mode = MODES[name]
    loaded = mode.make(tmp_path / "loaded", commit_megabytes=0.1)
    mode.grow(loaded, GROUPS // 2, **LARGE)
    finish(loaded)
    mode.grow(loaded, GROUPS, **LARGE)
    whole = copied(loaded, tmp_path / "whole")
    began = time.monotonic()
    finish(whole, *mode.words)
    seconds = time.monotonic() - began
    expected = contents(whole, mode)
    moments = random.Random(f"{SEED} {name}")  # noqa: S311
    landed = 0

    for number in range(KILLS):
        folder = copied(loaded, tmp_path / f"killed-{number}")
        # Killed up to three times before it is let go to its end.
        for _ in range(moments.randint(1, 3)):
            program = start(folder, *mode.words)
            time.sleep(moments.uniform(0.2, seconds))
            landed += program.poll() is None
            program.kill()
            program.communicate()
        finish(folder, *mode.words)

        found = contents(folder, mode)
        assert found == expected, f"kill {number} of seed {SEED}"
    # Where runs are quick, some kills come after the end; all of them would prove
    # nothing.
    assert landed >= KILLS // 2
