from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from elt.errors import ConfigError, EltError, Interrupted, Unavailable
from elt.singer.discover import discover
from elt.singer.process import TapProgram, start_tap


@pytest.fixture
def program(tmp_path):
    """Make a tap from the body of a script; `args` are its arguments as a dict."""

    def make(body: str) -> TapProgram:
        script = tmp_path / "tap.py"
        script.write_text(
            "import json, os, signal, subprocess, sys, time\n"
            "args = sys.argv[1:]\n"
            "def read(flag):\n"
            "    return json.load(open(args[args.index(flag) + 1]))\n"
            + textwrap.dedent(body)
        )
        return TapProgram(
            (sys.executable, "-I", "-S", str(script)),
            tmp_path,
            private_dir=tmp_path / "private",
            tap="shop",
        )

    return make


def private_files(program: TapProgram) -> list[Path]:
    return [path for path in program.private_dir.glob("tap-*") if path.exists()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_discovery_gives_the_catalog_and_hands_the_config_over(program):
    tap = program(
        """
        print(json.dumps({"streams": [], "config": read("--config"), "args": args[2:]}))
        """
    )

    found = discover(tap, {"token": "s3cret"})

    assert found == {
        "streams": [],
        "config": {"token": "s3cret"},
        "args": ["--discover"],
    }
    assert private_files(tap) == []


def test_discovery_finds_the_catalog_between_log_lines(program):
    tap = program(
        """
        print("INFO starting")
        print('{"level": "info", "message": "discovering"}')
        print(json.dumps({"streams": [{"tap_stream_id": "a"}]}, indent=2))
        print("INFO done")
        """
    )

    assert discover(tap, {})["streams"] == [{"tap_stream_id": "a"}]


def test_a_failing_discovery_tells_the_taps_last_words(program):
    tap = program(
        """
        for i in range(30): print("line", i, file=sys.stderr)
        sys.exit("401: bad token")
        """
    )

    with pytest.raises(EltError) as caught:
        discover(tap, {})

    assert "tap `shop` discovery failed with exit code 1" in caught.value.what
    assert "line 11\n" in caught.value.where
    assert "line 10\n" not in caught.value.where
    assert caught.value.where.endswith("401: bad token")
    assert caught.value.what.endswith(" 1: 401: bad token")
    assert "look at the key" in caught.value.hint
    assert private_files(tap) == []


@pytest.mark.parametrize("output", ["", "no json", '{"stream": 1}', "[1, 2]", "{"])
def test_a_discovery_without_a_catalog_is_an_error(program, output):
    with pytest.raises(EltError, match="wrote no catalog"):
        discover(program(f"print({output!r})"), {})


def test_a_discovery_that_hangs_is_ended(program):
    tap = program("print('x', flush=True); time.sleep(60)")

    with pytest.raises(EltError, match="too long"):
        discover(tap, {}, timeout_seconds=0.3)


def test_a_discovery_whose_child_keeps_the_pipe_open_ends(program):
    tap = program(
        """
        subprocess.Popen(["sleep", "60"])
        print('{"streams": []}', flush=True)
        """
    )

    assert discover(tap, {}) == {"streams": []}


def test_a_sync_gets_private_files_that_are_gone_afterwards(program):
    tap = program(
        """
        paths = args[1::2]
        print(json.dumps({
            "flags": args[0::2],
            "values": [json.load(open(path)) for path in paths],
            "modes": [oct(os.stat(path).st_mode & 0o777) for path in paths],
            "folder": oct(os.stat(os.path.dirname(paths[0])).st_mode & 0o777),
        }))
        """
    )

    with start_tap(tap, {"a": 1}, {"streams": []}, {"bookmarks": {}}) as running:
        told = json.loads(running.stdout.read())
        assert running.wait(10) == 0

    assert told == {
        "flags": ["--config", "--catalog", "--state"],
        "values": [{"a": 1}, {"streams": []}, {"bookmarks": {}}],
        "modes": ["0o600"] * 3,
        "folder": "0o700",
    }
    assert private_files(tap) == []


def test_private_files_are_gone_when_the_sync_fails(program):
    tap = program("time.sleep(60)")

    with contextlib.suppress(RuntimeError), start_tap(tap, {"a": 1}):
        assert len(private_files(tap)) == 1
        raise RuntimeError

    assert private_files(tap) == []


def test_files_of_an_elt_that_was_killed_are_swept_away(program):
    tap = program("print('{\"streams\": []}')")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tap.private_dir / f"tap-{dead.pid}-abc" / "config.json"
    left.parent.mkdir(parents=True)
    left.write_text("secret")

    discover(tap, {})

    assert not left.exists()


def test_a_tap_that_knows_only_properties_gets_them_annotated(program, tmp_path):
    tap = program(
        """
        if "--help" in args:
            open("asked", "a").write("x")
            print("usage: tap [-c CONFIG] [-p --properties PROPERTIES] [-s STATE]")
            sys.exit()
        print(json.dumps(read("--properties")["streams"][0]["schema"]["selected"]))
        """
    )
    catalog = {
        "streams": [
            {
                "tap_stream_id": "a",
                "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
            }
        ]
    }

    for _ in range(2):
        with start_tap(tap, {}, catalog) as running:
            assert running.stdout.read() == b"true\n"

    assert (tmp_path / "asked").read_text() == "x"


def test_a_tap_whose_help_fails_gets_the_catalog(program):
    tap = program(
        """
        if "--help" in args: sys.exit("no help")
        print(" ".join(args[::2]))
        """
    )

    with start_tap(tap, {}, {"streams": []}) as running:
        assert running.stdout.read() == b"--config --catalog\n"


def test_stderr_comes_line_by_line(program):
    tap = program(
        """
        sys.stderr.write("first\\nsecond\\r\\n\\nlast without newline")
        """
    )
    heard: list[str] = []

    with start_tap(tap, {}, on_line=heard.append) as running:
        running.wait(10)

    assert heard == ["first", "second", "last without newline"]
    assert running.last_lines == ("first", "second", "last without newline")


def test_a_flood_of_stderr_neither_blocks_the_tap_nor_reaches_us_whole(program):
    tap = program(
        """
        line = b"x" * 99 + b"\\n"
        for _ in range(1000): os.write(2, line * 1000)
        os.write(2, b"the end\\n")
        print("done")
        """
    )
    heard: list[str] = []

    with start_tap(tap, {}, on_line=heard.append) as running:
        assert running.stdout.read() == b"done\n"
        assert running.wait(60) == 0

    assert len(heard) < 5000
    assert "lines of stderr left out" in "".join(heard[-2:])
    assert running.last_lines[-1] == "the end"
    assert len(running.last_lines) == 20


def test_an_endless_line_of_stderr_is_cut(program):
    tap = program(
        """
        for _ in range(100): os.write(2, b"y" * 1_000_000)
        os.write(2, b"\\nafter\\n")
        """
    )
    heard: list[str] = []

    with start_tap(tap, {}, on_line=heard.append) as running:
        running.wait(60)

    assert [len(line) for line in heard] == [4008, 5]


def test_a_listener_that_fails_does_not_stop_the_tap(program):
    tap = program("print('one', file=sys.stderr); print('two', file=sys.stderr)")

    with start_tap(tap, {}, on_line=lambda _: 1 / 0) as running:
        assert running.wait(10) == 0

    assert running.last_lines == ("one", "two")


def test_a_tap_that_ignores_sigterm_is_killed_with_its_children(program):
    tap = program(
        """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "60"])
        print(child.pid, flush=True)
        while True: time.sleep(1)
        """
    )

    with start_tap(tap, {}) as running:
        child = int(running.stdout.readline())
        assert running.stop(grace_seconds=0.2) == -9

    wait_until(lambda: not is_running(child))


def test_a_tap_that_listens_to_sigterm_may_finish(program):
    tap = program(
        """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
        print("ready", flush=True)
        while True: time.sleep(0.01)
        """
    )

    with start_tap(tap, {}) as running:
        running.stdout.readline()
        assert running.stop(grace_seconds=10) == 7


def test_children_that_a_tap_leaves_behind_are_ended(program):
    tap = program("print(subprocess.Popen(['sleep', '60']).pid, flush=True)")

    with start_tap(tap, {}) as running:
        child = int(running.stdout.readline())
        assert running.wait(10) == 0

    wait_until(lambda: not is_running(child))


ELT = """
import sys, time
from pathlib import Path
from elt.singer.discover import discover
from elt.singer.process import TapProgram, start_tap
program = TapProgram({argv!r}, Path("."), private_dir=Path("private"))
{use}
"""
SYNC = """
with start_tap(program, {}) as tap:
    print(tap.stdout.readline().decode(), end="", flush=True)
    time.sleep(60)
"""
# What `elt run`, `elt plan` and `elt tap` do first; the tap writes to a file here.
ASK = "discover(program, {})"


def killed(tmp_path: Path, program: TapProgram, use: str, told: Path) -> list[int]:
    """Start an elt that starts a tap, kill it, and give the numbers that were told."""
    code = ELT.format(argv=program.argv, use=use)
    elt = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    with elt:
        wait_until(lambda: told.exists() and told.read_text().endswith("\n"))
        elt.kill()
    return [int(number) for number in told.read_text().split()]


WITH_CHILDREN = """
child = [sys.executable, "-c", "import time; time.sleep(60)"]
grandchild = "import subprocess, sys, time; "
grandchild += "p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); "
grandchild += "time.sleep(60)"
one = subprocess.Popen(child)
two = subprocess.Popen([sys.executable, "-c", grandchild], stdout=subprocess.PIPE)
three = int(two.stdout.readline())
numbers = [os.getpid(), one.pid, two.pid, three]
open("told.new", "w").write(" ".join(map(str, numbers)) + "\\n")
os.rename("told.new", "told")
{then}
"""


@pytest.mark.parametrize("use", [SYNC, ASK], ids=["sync", "discovery"])
def test_a_killed_elt_leaves_no_tap_and_nothing_that_a_tap_has_started(
    program, tmp_path, use
):
    tap = program(WITH_CHILDREN.format(then="time.sleep(60)"))

    numbers = killed(tmp_path, tap, use, tmp_path / "told")

    assert len(numbers) == 4
    wait_until(lambda: not any(map(is_running, numbers)))


def test_children_of_a_tap_that_has_ended_die_with_a_killed_elt_too(program, tmp_path):
    tap = program(WITH_CHILDREN.format(then="sys.exit()"))
    waits = SYNC.replace(
        'print(tap.stdout.readline().decode(), end="", flush=True)', ""
    )

    numbers = killed(tmp_path, tap, waits, tmp_path / "told")

    wait_until(lambda: not any(map(is_running, numbers)))


@pytest.mark.parametrize(
    ("words", "is_temporary"),
    [
        ("sys.exit(75)", True),
        ("print('no more today', file=sys.stderr); sys.exit(75)", True),
        ("sys.exit('ConnectionError: [Errno 111] Connection refused')", True),
        ("sys.exit('429 Client Error: Too Many Requests')", True),
        ("sys.exit('HTTPError: 503 Server Error: Service Unavailable')", True),
        ("sys.exit('FATAL: sorry, too many clients already')", True),
        ("sys.exit('HTTPError: 401 Client Error: Unauthorized')", False),
        ("sys.exit('HTTPError: 403 Client Error: Forbidden')", False),
        ("sys.exit('SSLError: certificate verify failed')", False),
        ("sys.exit('ZeroDivisionError: division by zero')", False),
        ("sys.exit(1)", False),
        ("os.kill(os.getpid(), 9)", False),
    ],
)
def test_an_end_is_temporary_by_exit_code_75_or_by_the_last_words(
    program, words, is_temporary
):
    with start_tap(program(words), {}) as running:
        code = running.wait(10)
        error = running.error(f"ended with exit code {code}")

    assert isinstance(error, Unavailable) == is_temporary


@pytest.mark.parametrize(
    ("words", "kind", "seconds", "hint"),
    [
        (
            "print('error: no\\nhint: do it', file=sys.stderr); sys.exit(2)",
            ConfigError,
            None,
            "do it",
        ),
        ("print('usage: no', file=sys.stderr); sys.exit(2)", EltError, None, None),
        (
            "print('error: slow, retry after 90 s', file=sys.stderr); sys.exit(75)",
            Unavailable,
            90.0,
            None,
        ),
        (
            "sys.exit('429 Client Error, try again in 2 minutes')",
            Unavailable,
            120.0,
            "The source asks to slow down: try again later",
        ),
    ],
)
def test_what_a_tap_says_of_its_end_is_kept(program, words, kind, seconds, hint):
    with start_tap(program(words), {}) as running:
        running.wait(10)
        error = running.error("ended badly")

    assert (type(error), error.hint) == (kind, hint)
    assert getattr(error, "retry_after_seconds", None) == seconds


def test_a_discovery_ends_soon_when_it_is_asked_to(program):
    tap = program("time.sleep(60)")
    begun = time.monotonic()

    with pytest.raises(Interrupted):
        discover(tap, {}, should_stop=lambda: time.monotonic() - begun > 0.1)

    assert time.monotonic() - begun < 5


def test_a_program_that_cannot_be_started_says_why(tmp_path):
    tap = TapProgram((str(tmp_path / "gone"),), tmp_path, private_dir=tmp_path)

    with pytest.raises(EltError) as caught:
        discover(tap, {})

    assert "No such file" in str(caught.value)


def test_waiting_for_a_tap_that_goes_on_is_an_error(program):
    with (
        start_tap(program("time.sleep(60)"), {}) as running,
        pytest.raises(EltError, match=r"did not end within 0\.1 seconds"),
    ):
        running.wait(0.1)


def test_stdout_can_be_read_by_its_descriptor(program):
    with start_tap(program("print('x' * 10)"), {}) as running:
        assert os.read(running.stdout.fileno(), 100) == b"x" * 10 + b"\n"
