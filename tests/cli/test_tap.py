"""`elt tap`, with taps that are real programs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time

import pytest

# A Singer program with three streams: one large, one forbidden, one that is empty.
SHOP = """#!{python}
import json, os, sys
arguments = dict(zip(sys.argv[1:], sys.argv[2:]))
config = json.load(open(arguments["--config"]))
if config.get("says"):
    sys.stderr.write("logging in with " + config["says"] + "\\n")
if config.get("fails"):
    sys.exit(config["fails"])
schema = {{"properties": {{"id": {{"type": "integer"}}, "price": {{"type": "number"}},
    "secret": {{"type": "string"}}}}}}
if config.get("grown"):
    schema["properties"]["colour"] = {{"type": "string"}}
streams = [{{"tap_stream_id": name, "schema": schema, "key_properties": ["id"],
    "metadata": []}} for name in ("orders", "salaries", "empty")]
if "--discover" in sys.argv:
    json.dump({{"streams": streams}}, sys.stdout)
    sys.exit()
catalog = json.load(open(arguments["--catalog"]))
open("ran.txt", "a").write("state " + str("--state" in arguments) + "\\n")
for entry in catalog["streams"]:
    about = [m["metadata"] for m in entry["metadata"] if not m["breadcrumb"]][0]
    if not about["selected"]:
        continue
    name = entry["tap_stream_id"]
    print(json.dumps({{"type": "SCHEMA", "stream": name, "schema": schema,
        "key_properties": ["id"]}}))
    if name == "empty" and config.get("told"):
        print(json.dumps({{"type": "SCHEMA", "stream": name, "schema": schema,
            "key_properties": ["id"], "elt": {{"end": "skipped",
            "why": config["told"]}}}}))
    if name == "salaries":
        sys.exit("HTTPError: 403 Client Error: Forbidden for url: https://x/salaries")
    for number in range(1000000 if name == "orders" else 0):
        sys.stdout.write('{{"type": "RECORD", "stream": "orders", "record":'
            ' {{"id": %d, "price": 1.10, "secret": "s%d"}}}}\\n' % (number, number))
    sys.stdout.flush()
"""


@pytest.fixture
def shop(project):
    program = project / "tap-shop"
    program.write_text(SHOP.format(python=sys.executable))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (project / "elt.toml").write_text(
        '[project]\nname = "shop"\n\n# The shop.\n[taps.shop]\n'
        'executable = "./tap-shop"  # ours\n[taps.shop.config]\n'
    )
    return project


def settings(shop, line):
    with (shop / "elt.toml").open("a") as file:
        file.write(line + "\n")


def test_a_catalog_is_drawn_as_a_tree(shop, run_elt):
    done = run_elt("-C", shop, "tap", "discover", "shop", "orders")

    assert done.code == 0
    assert "shop: 1 stream, 1 selected" in done.out
    assert "orders  3 columns, upsert (keyed by id)" in done.out
    assert "id      BIGINT  key" in done.out


def test_a_catalog_comes_as_singers_own_json(shop, run_elt):
    done = run_elt("-C", shop, "tap", "discover", "shop", "--json")

    found = json.loads(done.out)
    assert [s["tap_stream_id"] for s in found["streams"]] == [
        *("orders", "salaries", "empty")
    ]
    one = json.loads(
        run_elt("-C", shop, "tap", "discover", "shop", "empty", "--json").out
    )
    assert [s["tap_stream_id"] for s in one["streams"]] == ["empty"]


def test_patterns_are_written_into_the_file_whose_comments_stay(shop, run_elt):
    done = run_elt("-C", shop, "tap", "select", "shop", "orders", "!orders.secret")

    text = (shop / "elt.toml").read_text()
    assert done.code == 0
    assert "# The shop." in text
    assert "# ours" in text
    assert 'select = ["orders", "!orders.secret"]' in text
    assert "1 stream, 1 selected" in done.out

    again = run_elt("-C", shop, "tap", "select", "shop", "orders.secret")
    assert again.code == 0
    assert '"orders", "orders.secret"]' in (shop / "elt.toml").read_text()

    run_elt("-C", shop, "tap", "select", "shop", "--only", "empty")
    assert 'select = ["empty"]' in (shop / "elt.toml").read_text()


def test_the_first_pattern_says_how_many_streams_it_takes_away(shop, run_elt):
    done = run_elt("-C", shop, "tap", "select", "shop", "orders")

    assert "2 streams not selected any more: without `select`" in done.err


def test_a_pattern_that_adds_or_takes_a_column_says_nothing_of_streams(shop, run_elt):
    run_elt("-C", shop, "tap", "select", "shop", "orders")

    done = run_elt("-C", shop, "tap", "select", "shop", "empty", "!orders.secret")

    assert "not selected any more" not in done.err


def test_an_unknown_stream_is_not_selected_and_the_file_stays(shop, run_elt):
    before = (shop / "elt.toml").read_text()

    done = run_elt("-C", shop, "tap", "select", "shop", "oders")

    assert done.code == 2
    assert "the tap has no such stream" in done.err
    assert "Did you mean `orders`?" in done.err
    assert (shop / "elt.toml").read_text() == before


def test_a_preview_stops_the_tap_and_loads_nothing(shop, run_elt):
    done = run_elt("-C", shop, "tap", "preview", "shop", "orders", "--limit", "2")

    assert done.code == 0
    assert [line.split() for line in done.out.splitlines() if line] == [
        ["id", "price", "secret"],
        ["0", "1.10", "s0"],
        ["1", "1.10", "s1"],
    ]
    assert not (shop / "warehouse.duckdb").exists()
    assert (shop / "ran.txt").read_text() == "state False\n"


def test_a_preview_as_json_has_a_record_a_line(shop, run_elt):
    done = run_elt("-C", shop, "tap", "preview", "shop", "orders", "--json")

    lines = done.out.splitlines()
    assert len(lines) == 10
    assert lines[0] == (
        '{"stream": "orders", "record": {"id": 0, "price": 1.10, "secret": "s0"}}'
    )


def test_an_empty_stream_says_that_it_is(shop, run_elt):
    done = run_elt("-C", shop, "tap", "preview", "shop", "empty")

    assert done.code == 0
    assert "empty: 0 records, all there are" in done.err


def test_permissions_are_told_apart_from_what_works(shop, run_elt):
    done = run_elt("-C", shop, "tap", "test", "shop")

    assert done.code == 2
    assert "orders: a record was read" in done.out
    assert "empty: reached, and it has no records" in done.out
    assert "salaries: permissions" in done.out
    assert "403 Client Error" in done.out


def test_a_stream_that_the_tap_leaves_out_is_not_taken_for_an_empty_one(shop, run_elt):
    settings(shop, 'told = "HTTP 403: the token lacks the scope shop.read"')

    tried = run_elt("-C", shop, "tap", "test", "shop", "empty")
    seen = run_elt("-C", shop, "tap", "preview", "shop", "empty")

    assert tried.code == 2
    assert "empty: permissions" in tried.out
    assert seen.code == 1
    assert "stream `empty` skipped: HTTP 403: the token lacks" in seen.err


@pytest.mark.parametrize(
    ("words", "cause", "code"),
    [
        ("401 Unauthorized", "credentials", 2),
        ("Connection refused", "network", 75),
        ("'start_date' is a required property", "settings", 2),
        ("something odd", "unknown", 1),
    ],
)
def test_a_failing_discovery_is_diagnosed(shop, run_elt, words, cause, code):
    settings(shop, f'fails = "{words}"')

    done = run_elt("-C", shop, "tap", "test", "shop", "--json")

    assert done.code == code
    (only,) = json.loads(done.out)
    assert (only["stream"], only["cause"], only["ok"]) == (None, cause, False)


def test_a_missing_secret_is_a_setting_to_mend(shop, run_elt):
    settings(shop, 'token = "${env:NO_SUCH_TOKEN_ANYWHERE}"')

    done = run_elt("-C", shop, "tap", "test", "shop")

    assert done.code == 2
    assert "NO_SUCH_TOKEN_ANYWHERE" in done.out


@pytest.mark.parametrize(
    "command", [("discover",), ("select",), ("preview",), ("test",), ("test", "--json")]
)
def test_a_tap_that_tells_its_secrets_is_not_quoted(shop, run_elt, command):
    (shop / ".env").write_text("SHOP_WORD=open-sesame-77\n")
    settings(shop, 'fails = "401 unauthorized: ${env:SHOP_WORD}"')

    done = run_elt("-C", shop, "tap", command[0], "shop", *command[1:])

    assert done.code != 0
    assert "open-sesame-77" not in done.out + done.err
    assert "***" in done.out + done.err


def test_a_preview_shows_what_the_tap_writes_without_its_secrets(shop, run_elt):
    (shop / ".env").write_text("SHOP_WORD=open-sesame-77\n")
    settings(shop, 'says = "${env:SHOP_WORD}"')

    done = run_elt("-C", shop, "tap", "preview", "shop", "orders", "--verbose")

    assert done.code == 0
    assert done.err.count("***") == 2  # once when it is discovered, once when read
    assert "open-sesame-77" not in done.err


def wait_until(is_so):
    deadline = time.monotonic() + 30
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_so()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_preview_that_is_ended_leaves_no_secrets_and_no_processes(shop, number):
    (shop / "tap-shop").write_text(
        f"#!{sys.executable}\nimport subprocess, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "open('child', 'w').write(f'{child.pid} ')\ntime.sleep(600)\n"
    )
    # A test that runs under `nohup` would hand the deaf ear for SIGHUP on.
    hears = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    begin = f"{hears}; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    words = ("-m", "elt", "-C", str(shop), "tap", "preview", "shop")
    with subprocess.Popen([sys.executable, "-c", begin, *words]) as running:
        wait_until(lambda: (shop / "child").exists() and (shop / "child").read_text())
        running.send_signal(number)
        assert running.wait(30) == 128 + number

    child = int((shop / "child").read_text())
    wait_until(lambda: not is_running(child))
    assert not list((shop / ".elt" / "taps").glob("tap-*"))


def test_a_diff_tells_what_a_fresh_discovery_would_change(shop, run_elt):
    assert "never discovered" in run_elt("-C", shop, "tap", "diff", "shop").err

    run_elt("-C", shop, "plan")
    assert "Nothing has changed" in run_elt("-C", shop, "tap", "diff", "shop").err

    settings(shop, "grown = true")
    done = run_elt("-C", shop, "tap", "diff", "shop", "--json")
    assert {(c["kind"], c["column"]) for c in json.loads(done.out)} == {
        ("added", "colour")
    }


@pytest.mark.parametrize("command", ["discover", "select", "preview", "test", "diff"])
def test_an_unknown_tap_is_one_clear_message(shop, run_elt, command):
    done = run_elt("-C", shop, "tap", command, "shp")

    assert done.code == 2
    assert "there is no tap `shp`" in done.err
    assert "Did you mean `shop`?" in done.err


def test_a_cleared_selection_leaves_the_file_as_it_was(shop, run_elt):
    before = (shop / "elt.toml").read_text()
    run_elt("-C", shop, "tap", "select", "shop", "orders")

    done = run_elt("-C", shop, "tap", "select", "shop", "--clear")

    assert done.code == 0
    assert "3 streams, 3 selected" in done.out
    assert "elt.toml: [taps.shop] no `select` any more" in done.err
    assert (shop / "elt.toml").read_text() == before


@pytest.mark.parametrize("more", [["orders"], ["--only"]])
def test_clearing_a_selection_and_choosing_at_once_is_refused(shop, run_elt, more):
    before = (shop / "elt.toml").read_text()

    done = run_elt("-C", shop, "tap", "select", "shop", "--clear", *more)

    assert done.code == 2
    assert "`--clear` leaves nothing chosen" in done.err
    assert (shop / "elt.toml").read_text() == before


def test_an_unknown_cause_is_shown_with_the_line_that_was_said_last(shop, run_elt):
    settings(shop, 'fails = "OddError: the moon\\n\\n(Background on this error"')

    done = run_elt("-C", shop, "tap", "test", "shop")

    assert done.code == 1
    assert "    OddError: the moon\n" in done.out
    assert "does not say why" in done.out


def test_a_run_its_status_and_a_plan_say_why_a_tap_fails(shop, run_elt):
    words = "FATAL: password authentication failed"
    settings(shop, f'fails = "{words}\\n\\n(Background on this error at: https://x)"')

    plan = run_elt("-C", shop, "plan")
    run = run_elt("-C", shop, "run")
    status = run_elt("-C", shop, "status")

    assert (plan.code, run.code) == (1, 1)
    assert "Tap `shop` cannot be asked" in plan.err
    assert "`elt run` does it" not in plan.err
    for told in (plan.out, run.out + run.err, status.out):
        assert words in " ".join(told.split())
        assert "Background" not in told
    for told in (plan.err, run.out + run.err):
        assert "does not accept who we say we are" in " ".join(told.split())


def test_a_preview_that_fails_says_why_and_what_to_do(shop, run_elt):
    done = run_elt("-C", shop, "tap", "preview", "shop", "salaries")

    assert done.code == 1
    assert "exit code 1: HTTPError: 403 Client Error" in done.err
    assert "hint: The source knows us but" in done.err


def test_a_preview_that_fails_for_an_unknown_reason_has_a_way_out(shop, run_elt):
    settings(shop, 'fails = "OddError: the moon"')

    done = run_elt("-C", shop, "tap", "preview", "shop")

    assert done.code == 1
    assert "exit code 1: OddError: the moon" in done.err
    assert "`elt tap test shop`" in done.err
