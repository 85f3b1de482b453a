from __future__ import annotations

from pathlib import Path

import pytest

from elt.errors import ConfigError, ConfigErrors
from elt.project.load import load_project
from elt.project.settings import Project
from elt.runner.graph import Asset, Graph
from elt.runner.plan import Facts, RunRequest
from elt.runner.windowed import Within, within_window

TOML = """
[project]
name = "acme"
[taps.crm]
plugin = "files"
window = { start = "a", end = "b" }
[taps.files]
plugin = "files"
[taps.old]
plugin = "files"
[taps.lake]
plugin = "files"
target = "jsonl"
[targets.jsonl]
package = "target-jsonl"
"""
SPAN = ("2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00")
GRAPH = Graph(
    [
        *(
            Asset(
                id=f"stream:{tap}.deals",
                kind="stream",
                name="deals",
                detail={"tap": tap, "stream": "deals"},
            )
            for tap in ("crm", "files", "old", "lake")
        ),
        Asset(id="model:m", kind="model", name="m"),
        Asset(id="sync:b", kind="sync", name="b"),
        Asset(id="sync:a", kind="sync", name="a"),
    ]
)
MODES = {
    "stream:crm.deals": ("upsert", "keyed by id"),
    "stream:files.deals": ("append", "without a key"),
    "stream:lake.deals": ("into jsonl", "at least once"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "elt.toml").write_text(TOML)
    return load_project(tmp_path)


def within(
    project: Project, *chosen: str, backfill: bool = True, facts: Facts | None = None
) -> Within:
    request = RunRequest(window=SPAN, backfill=backfill)
    facts = facts or Facts(modes=MODES)
    return within_window(project, request, GRAPH, {*chosen}, facts)


def test_a_backfill_sends_no_syncs_and_says_how_to(project: Project):
    found = within(project, "stream:crm.deals", "model:m", "sync:b", "sync:a")

    assert found.assets == {"stream:crm.deals", "model:m"}
    assert found.left_out == (
        "sync:a",
        "sync:b",
    )


def test_a_run_since_the_last_good_one_sends_them(project: Project):
    found = within(project, "stream:files.deals", "sync:a", backfill=False)

    assert found == Within({"stream:files.deals", "sync:a"})


def test_a_backfill_names_every_tap_that_does_not_take_its_window(project: Project):
    with pytest.raises(ConfigErrors) as refused:
        within(project, *(asset.id for asset in GRAPH))

    foreign, plain = refused.value.errors
    assert foreign.what == (
        "a backfill leaves bookmarks alone, which only the target moves of tap `lake`"
    )
    assert foreign.hint == "Leave them out: `--exclude tap:lake`"
    assert plain.what == ("a backfill cannot tell its window to tap `files`, tap `old`")
    assert "`--exclude 'tap:files tap:old'`" in (plain.hint or "")


def test_only_taps_that_take_the_window_need_streams_that_are_upserted(
    project: Project,
):
    facts = Facts(modes={**MODES, "stream:crm.deals": ("history", "set in elt.toml")})

    assert within(project, "stream:files.deals", backfill=False).left_out == ()
    with pytest.raises(ConfigError) as refused:
        within(project, "stream:crm.deals", backfill=False, facts=facts)
    assert refused.value.what.endswith("\n  stream:crm.deals  history: set in elt.toml")


def test_without_a_window_nothing_changes(project: Project):
    chosen = {asset.id for asset in GRAPH}

    found = within_window(project, RunRequest(), GRAPH, chosen, Facts(modes=MODES))

    assert found == Within(chosen)
