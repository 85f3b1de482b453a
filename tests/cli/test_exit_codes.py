"""Every exit code; `pytest -v` on this file lists them.

Each code comes from the real program once, and otherwise from what gives it its code,
which starts sooner. The page docs/reference/exit-codes.md and this table name the same
codes.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from elt.cli.app import main
from elt.runner.lock import hold, this_process

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "exit-codes.md"

ELT_TOML = """
[project]
name = "shop"

[run]
retries = 0

[taps.good]
plugin = "good"

[taps.bad]
plugin = "bad"

[taps.odd]
plugin = "odd"

[taps.less]
plugin = "less"

[taps.slow]
plugin = "slow"
"""
TAP = """
from pathlib import Path
import time

from elt import stream


@stream(key="id")
def {name}(config):
{body}
"""
BODIES = {
    "good": "    yield {'id': 1}",
    "bad": "    raise RuntimeError('closed')\n    yield {}",
    "odd": "    yield {'id': 1}\n    yield {'id': None}",
    "less": "    for n in range(int(Path('less.txt').read_text())):\n"
    "        yield {'id': n}",
    "slow": "    yield {'id': 1}\n    time.sleep(60)",
}
HOLDER = """
import duckdb, sys, time
held = duckdb.connect(sys.argv[1])
print(flush=True)
time.sleep(60)
"""
TRANSFORM = """
[transform]

[destinations.out]
plugin = "file"
config = { path = "out" }

[syncs.people]
model = "people"
destination = "out"
object = "people.csv"
key = "id"
"""


@pytest.fixture(scope="session")
def loaded(tmp_path_factory) -> Path:
    """Give a project whose tap `less` has been read once, when it had more."""
    folder = tmp_path_factory.mktemp("loaded") / "shop"
    (folder / "plugins").mkdir(parents=True)
    for name, body in BODIES.items():
        text = TAP.format(name=name, body=body)
        (folder / "plugins" / f"{name}.py").write_text(text)
    (folder / "elt.toml").write_text(ELT_TOML)
    (folder / "less.txt").write_text("9")
    command = ["-C", str(folder), "run", "tap:less", "--log-format", "json"]
    assert main(command) == 0
    (folder / "less.txt").write_text("1")
    return folder


@dataclass
class Shop:
    path: Path
    stack: ExitStack
    said: str = ""

    def start(self, *words: str, **settings: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "elt", "-C", str(self.path), *words]
        quiet = {"stdout": subprocess.DEVNULL} | settings
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **quiet)
        self.stack.enter_context(process)
        self.stack.callback(process.kill)
        return process

    def program(self, *words: str, **settings: object) -> int:
        process = self.start(*words, **settings)
        _, self.said = process.communicate()
        assert "Traceback" not in self.said
        return process.returncode

    def code(self, *words: str) -> int:
        err = io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(err):
            code = main(["-C", str(self.path), *words])
        self.said = err.getvalue()
        assert "Traceback" not in self.said
        return code

    def write(self, name: str, text: str, *, more: bool = False) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if more else ""
        path.write_text(before + text)


@pytest.fixture
def shop(loaded, tmp_path):
    folder = Path(shutil.copytree(loaded, tmp_path / "shop"))
    with ExitStack() as stack:
        yield Shop(folder, stack)


def is_done(shop: Shop) -> int:
    return shop.program("run", "tap:good")


def has_rejects(shop: Shop) -> int:
    return shop.code("run", "tap:odd")


def has_rejects_and_is_strict(shop: Shop) -> int:
    return shop.program("run", "tap:odd", "--strict")


def fails(shop: Shop) -> int:
    return shop.program("run", "tap:bad", "tap:good")


def takes_too_long(shop: Shop) -> int:
    text = ELT_TOML.replace("retries = 0", "retries = 0\ntimeout_seconds = 0.5")
    shop.write("elt.toml", text)
    return shop.code("run", "tap:slow")


def is_misused(shop: Shop) -> int:
    return shop.program("run", "--stict")


def is_misconfigured(shop: Shop) -> int:
    shop.write("elt.toml", '[taps.more]\nplgin = "x"\n', more=True)
    return shop.code("run")


def selects_nothing(shop: Shop) -> int:
    return shop.code("run", "tap:goood")


def has_no_project(shop: Shop) -> int:
    return shop.code("-C", str(shop.path.parent), "run")


def has_a_secret_that_is_not_set(shop: Shop) -> int:
    shop.write("elt.toml", '[taps.good.config]\nkey = "${env:NOT_SET}"\n', more=True)
    return shop.code("run", "tap:good")


def has_a_secret_that_is_too_short(shop: Shop) -> int:
    shop.write(".env", "SHORT=12345\n")
    shop.write("elt.toml", '[taps.good.config]\nkey = "${env:SHORT}"\n', more=True)
    return shop.code("run", "tap:good")


def finds_nothing_that_failed(shop: Shop) -> int:
    return shop.code("run", "result:failed")


def has_nothing_left_to_retry(shop: Shop) -> int:
    assert shop.code("run", "tap:good") == 0
    return shop.code("retry")


def retries_what_fails_again(shop: Shop) -> int:
    assert shop.code("run", "tap:bad") == 1
    return shop.code("retry")


def pushes_over_somebody(shop: Shop) -> int:
    """Push as a runner that did not see the second of two generations."""
    place, origin = str(shop.path.parent / "place"), shop.path / ".elt/generations.json"
    assert shop.code("push", place) == 0
    seen = origin.read_text()
    assert shop.code("run", "tap:good") == 0
    assert shop.code("push", place) == 0
    origin.write_text(seen)
    assert shop.code("run", "tap:good") == 0
    return shop.code("push", place)


def pulls_from_nowhere(shop: Shop) -> int:
    shop.write("file", "")
    return shop.code("pull", str(shop.path / "file" / "place"))


def is_guarded(shop: Shop) -> int:
    return shop.code("run", "tap:less")


def is_guarded_and_fails(shop: Shop) -> int:
    code = shop.code("run", "tap:less", "tap:bad")
    assert "1 failed, 1 stopped" in shop.said
    return code


def has_a_sync(shop: Shop, sql: str) -> None:
    shop.write("elt.toml", '[project]\nname = "shop"\n' + TRANSFORM)
    shop.write("transform/dbt_project.yml", "name: shop\nprofile: shop\n")
    shop.write("transform/models/people.sql", sql)
    shop.write(
        "transform/models/schema.yml",
        "models:\n  - name: people\n    columns:\n      - name: email\n"
        "        data_tests: [not_null]\n",
    )


def fails_a_test(shop: Shop) -> int:
    has_a_sync(shop, "SELECT 1 AS id, NULL AS email")
    code = shop.code("run", "--first", "--log-format", "github")
    assert "::error file=transform/models/schema.yml,title=test" in shop.said
    assert not (shop.path / "out" / "people.csv").exists()
    return code


def is_too_old(shop: Shop) -> int:
    return shop.code("status", "--fail-if-stale", "--max-age", "0.001s")


def has_a_sync_that_is_guarded(shop: Shop) -> int:
    has_a_sync(shop, "SELECT 1 AS id, 'a' AS email UNION ALL SELECT 1, 'b'")
    code = shop.code("run", "--first")
    assert not (shop.path / "out" / "people.csv").exists()
    return code


def is_below_a_word(shop: Shop) -> int:
    has_a_sync(shop, "SELECT 1 AS id, 'a' AS email")
    assert shop.code("run", "--first") == 0
    words = ("mark", "test:not_null_people_email", "failed", "--reason", "wrong rule")
    assert shop.code("runs", *words) == 0
    code = shop.code("run", "sync:people")
    assert "`elt runs undo test:not_null_people_email` takes the word" in shop.said
    return code


def meets_another(shop: Shop, *words: str) -> int:
    """Start a run while this process holds the lock of another."""
    lock = shop.path / ".elt" / "lock"
    shop.stack.enter_context(hold(lock, this_process("20261121T090000-a1b2")))
    return shop.program("run", "tap:good", *words)


def meets_another_and_skips(shop: Shop) -> int:
    return meets_another(shop, "--on-overlap", "skip")


def waits_no_longer_for_another(shop: Shop) -> int:
    return meets_another(shop, "--on-overlap", "wait=0.2s")


def meets_a_warehouse_in_use(shop: Shop) -> int:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, "warehouse.duckdb"],
        cwd=shop.path,
        stdout=subprocess.PIPE,
    )
    shop.stack.enter_context(holder)
    shop.stack.callback(holder.kill)
    assert holder.stdout is not None
    holder.stdout.readline()
    shop.write("elt.toml", "[warehouse]\nbusy_timeout_seconds = 0.1\n", more=True)
    return shop.code("query", "SELECT 1")


def is_sent(shop: Shop, number: int) -> int:
    process = shop.start("run", "tap:slow")
    assert process.stderr is not None
    for line in process.stderr:
        if "started" in line:
            break
    process.send_signal(number)
    assert "Traceback" not in process.stderr.read()
    return process.wait()


def is_interrupted(shop: Shop) -> int:
    return is_sent(shop, signal.SIGINT)


def is_terminated(shop: Shop) -> int:
    return is_sent(shop, signal.SIGTERM)


def loses_its_terminal(shop: Shop) -> int:
    return is_sent(shop, signal.SIGHUP)


def is_terminated_while_it_waits(shop: Shop) -> int:
    lock = shop.path / ".elt" / "lock"
    shop.stack.enter_context(hold(lock, this_process("20261121T090000-a1b2")))
    process = shop.start("run", "tap:good", "--on-overlap", "wait")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1)
    process.send_signal(signal.SIGTERM)
    return process.wait()


def has_no_reader(shop: Shop) -> int:
    reading, writing = os.pipe()
    os.close(reading)
    shop.stack.callback(os.close, writing)
    return shop.program("runs", "--json", stdout=writing)


CASES: list[tuple[int, str, Callable[[Shop], int]]] = [
    (0, "all is done", is_done),
    (0, "rows were rejected, and the run only warns", has_rejects),
    (0, "another run is under way, --on-overlap skip", meets_another_and_skips),
    (0, "a selection by what happened finds nothing", finds_nothing_that_failed),
    (0, "nothing is left to retry", has_nothing_left_to_retry),
    (1, "a step failed", fails),
    (1, "a retry failed again", retries_what_fails_again),
    (1, "a secret of a tap is not set", has_a_secret_that_is_not_set),
    (1, "the run took longer than it may", takes_too_long),
    (1, "a step failed and a guard stopped another: 1 beats 3", is_guarded_and_fails),
    (2, "an option that there is not", is_misused),
    (2, "a mistake in elt.toml", is_misconfigured),
    (2, "a secret of a tap is too short", has_a_secret_that_is_too_short),
    (2, "a selection that matches nothing", selects_nothing),
    (2, "no project", has_no_project),
    (3, "rows were rejected, --strict", has_rejects_and_is_strict),
    (3, "a guard stopped a load", is_guarded),
    (3, "a data test stopped a sync", fails_a_test),
    (3, "a guard stopped a sync", has_a_sync_that_is_guarded),
    (3, "a person marked failed what is above all of it", is_below_a_word),
    (3, "something is too old, elt status --fail-if-stale", is_too_old),
    (3, "somebody else has pushed the warehouse meanwhile", pushes_over_somebody),
    (75, "another run is under way", meets_another),
    (75, "--on-overlap wait=…, and its time is over", waits_no_longer_for_another),
    (75, "the place of `elt pull` cannot be reached", pulls_from_nowhere),
    (75, "another program has the warehouse open", meets_a_warehouse_in_use),
    (129, "SIGHUP, as a closed terminal sends it", loses_its_terminal),
    (130, "SIGINT, as Ctrl-C sends it", is_interrupted),
    (141, "whoever read the output has left", has_no_reader),
    (143, "SIGTERM", is_terminated),
    (143, "SIGTERM while it waits for another run", is_terminated_while_it_waits),
]
# dbt starts in these, which takes seconds.
_SLOW = {fails_a_test, has_a_sync_that_is_guarded, is_below_a_word}
# What these are about is tested closer by, too.
_SLOW |= {takes_too_long, has_rejects, is_guarded, meets_a_warehouse_in_use}
_SLOW |= {loses_its_terminal, is_terminated_while_it_waits}
_SLOW |= {has_a_secret_that_is_not_set, finds_nothing_that_failed, pulls_from_nowhere}
_SLOW |= {has_nothing_left_to_retry, retries_what_fails_again, pushes_over_somebody}
_SLOW |= {waits_no_longer_for_another}


@pytest.mark.parametrize(
    ("code", "act"),
    [
        pytest.param(
            code,
            act,
            id=f"{code}: {what}",
            marks=[pytest.mark.slow] if act in _SLOW else [],
        )
        for code, what, act in CASES
    ],
)
def test_it_ends_with(code, act, shop):
    assert act(shop) == code


def test_the_page_names_the_same_codes():
    listed = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert {int(code) for code in listed} == {code for code, _, _ in CASES}


def test_the_page_shows_the_same_cases():
    text = PAGE.read_text(encoding="utf-8")

    for code, what, _ in CASES:
        assert f"| {code} | {what} |" in text
