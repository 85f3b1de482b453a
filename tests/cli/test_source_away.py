"""What a person sees while a source is away, and how much of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from tests.servers import free_port

# A Singer program of twelve streams whose source is away. It logs as singer-sdk does.
AWAY = """#!{python} -IS
import json, sys, time
names = "abcdefghijkl"
if "--discover" in sys.argv:
    streams = [{{"tap_stream_id": name, "key_properties": ["id"],
        "schema": {{"properties": {{"id": {{"type": "integer"}}}}}}, "metadata": []}}
        for name in names]
    sys.exit(print(json.dumps({{"streams": streams}})))
catalog = json.load(open(sys.argv[sys.argv.index("--catalog") + 1]))
chosen = [s["tap_stream_id"] for s in catalog["streams"]
    if any(m["metadata"].get("selected") for m in s["metadata"] if not m["breadcrumb"])]
open("tried.txt", "a").write("".join(chosen) + "\\n")
print("2026-11-22 04:41:03,995 | INFO     | tap-x.a | Beginning sync", file=sys.stderr)
print("2026-11-22 04:41:03,997 | WARNING  | tap-x   | X: HTTP 503 at GET /v1/a;"
    " waiting 2.0 s before try 2 of 7", file=sys.stderr, flush=True)
{wait}
for name in chosen:
    print(json.dumps({{"type": "SCHEMA", "stream": name, "schema": {{}},
        "key_properties": ["id"], "elt": {{"end": "failed", "temporary": True,
        "why": f"X: HTTP 503 sorry [request r-{{name}}] (GET /v1/{{name}})"}}}}))
sys.exit(75)
"""
WAIT = "X: HTTP 503 at GET /v1/a; waiting 2.0 s before try 2 of 7"


@pytest.fixture
def away(project):
    def write(wait=""):
        program = project / "tap-away"
        program.write_text(AWAY.format(python=sys.executable, wait=wait))
        program.chmod(0o755)
        (project / "elt.toml").write_text(
            '[project]\nname = "away"\n[run]\nretries = 0\n'
            '[taps.x]\nexecutable = "./tap-away"\n'
        )
        return project

    return write


def test_a_run_tells_that_a_tap_waits_while_it_waits(away):
    words = ["-C", away(wait="time.sleep(600)"), "run", "--log-format", "plain"]
    command = [sys.executable, "-m", "elt", *map(str, words)]
    begun = time.monotonic()

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        line = next(line for line in running.stderr if "waiting" in line)
        running.terminate()
        running.stderr.read()

    assert line.endswith(f"tap:x             warning: {WAIT}\n")
    assert time.monotonic() - begun < 60


def test_a_run_tells_a_wait_once_and_what_all_streams_have_in_common(away, run_elt):
    project = away()

    done = run_elt("-C", project, "run", "--log-format", "plain")
    log = run_elt("-C", project, "logs", "last", "tap:x")

    alike = "12 streams of x failed: X: HTTP 503 sorry (a, b, c, d, e, f, g, h, i,"
    assert (done.code, done.err.count(WAIT), done.err.count(alike)) == (1, 1, 1)
    assert "Beginning sync" not in done.err
    at_the_end = done.err.partition("What to look at")[2]
    assert "12 streams could not be read: X: HTTP 503 sorry\n" in at_the_end
    assert at_the_end.count("HTTP 503") == 1
    assert f"warning: x: {WAIT}" in log.out
    assert "Beginning sync" in log.out


def test_a_preview_tells_that_the_tap_waits(away, run_elt):
    done = run_elt("-C", away(), "tap", "preview", "x", "a")

    assert done.code == 75
    assert f"x: {WAIT}\n" in done.err
    assert "Beginning sync" not in done.err


def test_a_source_that_is_away_for_four_streams_is_not_asked_for_the_others(
    away, run_elt
):
    project = away()

    done = run_elt("-C", project, "tap", "test", "x")
    told = json.loads(run_elt("-C", project, "tap", "test", "x", "--json").out)

    assert done.code == 75
    assert done.out.count("X: HTTP 503 sorry") == 1
    assert "✗ a, b, c, d, e, f, g, h, i, j, k, l: " in done.out
    assert "were not tried: it was so for all before" in done.out
    assert len((project / "tried.txt").read_text().splitlines()) <= 2 * 7
    assert [each["ok"] for each in told] == [True, *[False] * 12]
    assert [each["tried"] for each in told][:5] == [True] * 5
    assert not told[-1]["tried"]


def test_a_test_of_a_tap_of_an_api_that_is_down_is_soon_over(project, program):
    (project / "elt.toml").write_text(
        '[project]\nname = "down"\n[taps.pay]\nplugin = "stripe"\n[taps.pay.config]\n'
        f'api_key = "sk_test_1234567"\nbase_url = "http://127.0.0.1:{free_port()}"\n'
    )
    begun = time.monotonic()

    done = program("-C", project, "tap", "test", "pay", "charges", "coupons")

    assert done.code == 75
    assert "Connection refused at GET /v1/charges; waiting 1." in done.err
    assert done.err.count("before try 2 of 2") == 2
    assert "✗ charges, coupons: network\n" in done.out
    assert done.out.count("Connection refused") == 1
    assert time.monotonic() - begun < 60  # 7 tries are 65 seconds of waits alone


@pytest.mark.parametrize(
    ("words", "cause", "tried"),
    [("401 Unauthorized", "credentials", 7), ("403 Forbidden", "permissions", 12)],
)
def test_a_key_that_is_refused_is_so_for_all_streams_a_missing_right_is_not(
    away, run_elt, words, cause, tried
):
    project = away(f"sys.exit('{words}')")

    done = run_elt("-C", project, "tap", "test", "x")

    assert (done.code, done.out.count(words)) == (2, 1)
    assert f"j, k, l: {cause}\n" in done.out
    assert 4 <= len((project / "tried.txt").read_text().splitlines()) <= tried
    assert ("were not tried" in done.out) == (cause == "credentials")
