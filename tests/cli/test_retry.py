from __future__ import annotations

import json
from pathlib import Path

import pytest

from elt.runner.lock import this_process
from elt.runner.store import history
from elt.runner.store.database import open_store
from tests.runner.shop import make_shop

# Each stream fails while there is a file of its name.
STREAMS = """
from pathlib import Path
from elt import stream

def fail(name):
    with Path("read").open("a") as file:
        file.write(name + "\\n")
    if Path(name).exists():
        raise RuntimeError(f"no {name} today")
"""
ONE = """

@stream(key="id")
def {name}(config):
    fail("{name}")
    yield {{"id": 1}}
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a project of two taps with a stream each, `days` and `nights`."""
    root = tmp_path / "shop"
    (root / "plugins").mkdir(parents=True)
    toml = '[project]\nname = "shop"\n[run]\nretries = 0\n[environments.prod]\n'
    for name in ("days", "nights"):
        (root / "plugins" / f"{name}.py").write_text(STREAMS + ONE.format(name=name))
        toml += f'[taps.{name}]\nplugin = "{name}"\n'
    (root / "elt.toml").write_text(toml)
    monkeypatch.chdir(root)
    return root


def assets(done) -> dict[str, str]:
    steps = json.loads(done.out)["steps"]
    return {each["asset"]: each["status"] for step in steps for each in step["assets"]}


def read(shop: Path) -> list[str]:
    return (shop / "read").read_text().split()


def test_a_failed_run_ends_with_the_way_on_which_does_only_what_is_left(run_elt, shop):
    (shop / "nights").touch()
    failed = run_elt("run", "--json")
    (shop / "nights").unlink()
    run = json.loads(failed.out)["run"]

    last = failed.err.splitlines()[-1]
    done = run_elt("retry", "--json")

    assert failed.code == 1
    assert last == (
        f"hint: when that is mended, `elt retry {run}` does the asset that is left,"
        " and nothing twice"
    )
    assert done.code == 0
    assert assets(done) == {"stream:nights.nights": "done"}
    assert sorted(read(shop)) == ["days", "nights", "nights"]


def test_the_status_names_a_run_that_is_not_done(run_elt, shop):
    (shop / "nights").touch()
    run = json.loads(run_elt("run", "--json").out)["run"]

    assert f"run {run} is not done: `elt retry {run}`" in run_elt("status").err
    (shop / "nights").unlink()
    run_elt("run")
    assert run_elt("status").err == ""


@pytest.mark.usefixtures("shop")
def test_nothing_left_to_do_is_told_and_is_no_failure(run_elt):
    run_elt("run")
    runs = run_elt("runs", "--json").out

    done = run_elt("retry")

    assert done.code == 0
    assert "ended `done`: there is nothing left to do of it" in done.err
    assert run_elt("runs", "--json").out == runs


def test_a_mistyped_selection_does_not_become_what_a_retry_means(run_elt, shop):
    (shop / "nights").touch()
    night = json.loads(run_elt("run", "--json").out)["run"]
    assert run_elt("run", "tap:nigths").code == 2
    (shop / "nights").unlink()

    done = run_elt("retry", "--json")

    assert f"this is about run {night}" in done.err
    assert assets(done) == {"stream:nights.nights": "done"}


@pytest.mark.usefixtures("shop")
def test_a_run_that_had_nothing_to_do_is_not_repeated_with_other_words(run_elt):
    run_elt("run")
    idle = json.loads(run_elt("run", "result:failed", "--json").out)["run"]

    done = run_elt("retry", idle)

    assert done.code == 0
    assert f"run {idle} ended `done`: there is nothing left to do of it" in done.err


def test_a_run_whose_retry_is_under_way_is_not_left_for_another(run_elt, shop):
    (shop / "nights").touch()
    first = json.loads(run_elt("run", "--json").out)["run"]
    with open_store(shop / ".elt") as store:
        owner, here = this_process("one"), "default"
        history.start_run(store, owner, environment=here, request={}, retry_of=first)

    refused = run_elt("retry", "--dry-run")

    assert "elt retry" not in run_elt("status").err
    assert refused.code == 75
    assert "run one is under way" in refused.err


@pytest.mark.usefixtures("shop")
def test_before_the_first_run_there_is_nothing_to_retry(run_elt):
    done = run_elt("retry")

    assert done.code == 2
    assert "nothing has run yet" in done.err
    assert "elt run" in done.err


@pytest.mark.slow
def test_where_the_last_run_is_done_another_that_is_not_is_named(run_elt, shop):
    (shop / "nights").touch()
    failed = json.loads(run_elt("run", "--json").out)["run"]
    (shop / "nights").unlink()
    run_elt("run", "tap:days")

    done = run_elt("retry")

    assert f"hint: run {failed} is not done either: `elt retry {failed}`" in done.err
    assert run_elt("retry", failed[-4:]).code == 0
    assert "hint" not in run_elt("retry").err


def test_a_retry_is_a_run_that_knows_the_one_it_goes_on_with(run_elt, shop):
    (shop / "nights").touch()
    first = json.loads(run_elt("run", "--json").out)["run"]
    second = json.loads(run_elt("retry", "--json").out)["run"]
    (shop / "nights").unlink()
    third = json.loads(run_elt("retry", "--json").out)["run"]

    runs = json.loads(run_elt("runs", "--json").out)
    shown = run_elt("runs", "show", first)

    assert {each["run"]: each["retry_of"] for each in runs} == {
        first: None,
        second: first,
        third: second,
    }
    assert f"Retried by {second}, {third}." in shown.err
    assert f"It went on with run {second}." in run_elt("runs", "show", third).err
    assert "no nights today" in shown.out
    assert "elt retry" not in shown.err


def test_a_retry_is_in_the_environment_of_its_run(run_elt, shop):
    (shop / "nights").touch()
    run_elt("run", "--env", "prod")
    (shop / "nights").unlink()

    assert run_elt("retry").code == 0

    runs = json.loads(run_elt("runs", "--json").out)
    assert [each["environment"] for each in runs] == ["prod", "prod"]


def test_the_plan_of_a_retry_can_be_seen_before(run_elt, shop):
    (shop / "nights").touch()
    run_elt("run")

    done = run_elt("retry", "--dry-run")

    assert done.code == 0
    assert "stream:nights.nights" in done.out
    assert "days" not in done.out
    assert "`elt retry` does it" in done.err
    assert len(json.loads(run_elt("runs", "--json").out)) == 1


def test_what_left_the_project_since_is_named(run_elt, shop):
    (shop / "nights").touch()
    (shop / "days").touch()
    run_elt("run")
    (shop / "days").unlink()
    toml = shop / "elt.toml"
    toml.write_text(toml.read_text().replace('[taps.nights]\nplugin = "nights"\n', ""))

    done = run_elt("retry", "--json")

    assert done.code == 0
    assert assets(done) == {"stream:days.days": "done"}
    assert (
        "left out, because the project has them no more: `stream:nights.nights`"
        in done.err
    )


def test_a_tap_that_could_not_be_asked_is_read_whole_by_the_retry(run_elt, shop):
    plugin = shop / "plugins" / "nights.py"
    code = plugin.read_text()
    plugin.write_text("raise ImportError('not installed')")
    failed = run_elt("run", "--json")
    plugin.write_text(code + ONE.format(name="more"))

    done = run_elt("retry", "--json")

    assert assets(failed)["stream:nights.*"] == "failed"
    assert done.code == 0
    assert assets(done) == {
        "stream:nights.nights": "done",
        "stream:nights.more": "done",
    }
    assert "nothing left" in run_elt("retry").err


def test_a_word_of_the_run_that_nothing_is_called_now_stops_no_retry(run_elt, shop):
    plugin = shop / "plugins" / "nights.py"
    code = plugin.read_text()
    plugin.write_text("raise ImportError('not installed')")
    failed = run_elt("run", "tap:nights", "days.days", "--json")
    assert failed.code == 1
    plugin.write_text(code)
    toml = shop / "elt.toml"
    toml.write_text(toml.read_text().replace('[taps.days]\nplugin = "days"\n', ""))

    done = run_elt("retry", "--json")

    assert done.code == 0
    assert assets(done) == {"stream:nights.nights": "done"}


def test_a_full_refresh_goes_on_where_it_was_and_reads_no_stream_twice(tmp_path):
    shop = make_shop(tmp_path / "shop")
    toml = shop.path / "elt.toml"
    toml.write_text(toml.read_text() + "reject_limit = 0\n")
    shop.rows(keyed=[(1, 1, "a"), (2, 2, "b")], log=[(1, 1, "a")], whole=[(1, 1, "a")])
    shop.run()
    shop.rows(
        keyed=[(1, 1, "A"), (2, 2, "B"), {"id": "no number", "at": 3, "t": "c"}],
        log=[(1, 1, "A")],
        whole=[(1, 1, "A")],
    )
    failed = shop.elt("run", "--full-refresh", "--json", code=1)
    shop.rows(keyed=[(1, 1, "A"), (2, 2, "B"), (3, 3, "C")], log=[], whole=[])

    done = shop.elt("retry", "--json")

    assert assets(failed) == {
        "stream:shop.keyed": "failed",
        "stream:shop.log": "done",
        "stream:shop.whole": "done",
    }
    assert assets(done) == {"stream:shop.keyed": "done"}
    assert "keyed" not in shop.seen().get("bookmarks", {})
    assert shop.table("keyed") == [(1, 1, "A"), (2, 2, "B"), (3, 3, "C")]
    assert shop.table("log") == [(1, 1, "A")]
    assert shop.table("whole") == [(1, 1, "A")]


@pytest.mark.usefixtures("shop")
def test_a_run_can_begin_with_a_step_of_its_plan(run_elt):
    done = run_elt("run", "--from", "tap:nights", "--json")

    assert assets(done) == {"stream:nights.nights": "done"}


@pytest.mark.usefixtures("shop")
def test_a_run_from_a_step_that_is_not_in_the_plan_is_refused(run_elt):
    done = run_elt("run", "tap:days", "--from", "tap:nights")

    assert done.code == 2
    assert "the plan has no step `tap:nights`" in done.err
    assert run_elt("plan", "--from", "nightly").code == 2
