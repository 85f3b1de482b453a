"""Reading again: what changed and what is on the mark, and nothing for what did not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elt.errors import EltError
from elt.testing.apis.troubles import Says

ROSTER = "kettle-and-crew/roster"
CHANGING = {
    "issues": ("issues", "updated_at"),
    "issue_comments": ("comments", "updated_at"),
    "review_comments": ("review_comments", "updated_at"),
    "workflow_runs": ("runs", "updated_at"),
    "deployments": ("deployments", "updated_at"),
    "stargazers": ("stars", "starred_at"),
}
INCREMENTAL = [
    *CHANGING,
    *("pull_requests", "reviews", "commits", "releases", "milestones", "labels"),
    *("branches", "tags", "deployment_statuses", "workflow_jobs", "events"),
    *("traffic_views", "traffic_clones"),
]


def asked(github, ending):
    return [r for r in github.api.front.requests if r.path.endswith(ending)]


def held(github, table):
    return github.api.repository("roster").tables[table].rows.values()


@pytest.mark.parametrize("stream", CHANGING)
def test_only_what_changed_and_what_is_on_the_mark_comes_again(young, read, stream):
    table, changed = CHANGING[stream]
    first = read(young, stream, repositories=[ROSTER])
    mark = first.mark(stream, young.api.repository("roster"))
    young.api.clock.advance(timedelta(days=10))

    told = read(young, stream, state=first.state, repositories=[ROSTER])

    new = {row["id"] for row in held(young, table) if row[changed] > mark}
    same = {row["id"] for row in held(young, table) if row[changed] == mark}
    name = "starred_at" if stream == "stargazers" else "id"
    if stream == "stargazers":
        new = {row["starred_at"] for row in held(young, table) if row[changed] > mark}
        same = {mark}
    assert new
    assert new <= set(told.values(stream, name)) <= new | same
    assert told.mark(stream, young.api.repository("roster")) > mark


def test_pull_requests_go_on_at_the_mark_though_github_has_no_since(young, read):
    first = read(young, "pull_requests", repositories=[ROSTER])
    mark = first.mark("pull_requests", young.api.repository("roster"))
    young.api.clock.advance(timedelta(days=10))
    young.api.front.requests.clear()

    told = read(young, "pull_requests", state=first.state, repositories=[ROSTER])

    pulls = [row for row in held(young, "issues") if row["pull"]]
    new = {row["number"] for row in pulls if row["updated_at"] >= mark}
    assert set(told.values("pull_requests", "number")) == new
    (one,) = asked(young, "/pulls")
    assert dict(one.query)["sort"] == "updated"
    assert dict(one.query)["direction"] == "desc"
    assert dict(one.query)["state"] == "all"


def test_reviews_are_asked_for_of_pull_requests_that_changed_only(young, read):
    first = read(young, "reviews", repositories=[ROSTER])
    young.api.clock.advance(timedelta(days=4))
    young.api.front.requests.clear()

    told = read(young, "reviews", state=first.state, repositories=[ROSTER])

    mark = first.mark("reviews", young.api.repository("roster"))
    pulls = [row for row in held(young, "issues") if row["pull"]]
    changed = {row["number"] for row in pulls if row["updated_at"] >= mark}
    asked_for = {int(r.path.split("/")[-2]) for r in asked(young, "/reviews")}
    assert asked_for == changed
    new = {r["id"] for r in held(young, "reviews") if r["submitted_at"] > mark}
    assert new <= set(told.values("reviews"))


def test_a_run_that_changed_after_it_was_made_comes_again(young, read):
    old = max(held(young, "runs"), key=lambda row: row["created_at"])
    first = read(young, "workflow_runs", repositories=[ROSTER])
    young.api.clock.advance(timedelta(days=3))
    young.api.update("runs", old["id"], {"run_attempt": 2, "conclusion": "success"})

    told = read(young, "workflow_runs", state=first.state, repositories=[ROSTER])

    again = {row["id"]: row["run_attempt"] for row in told.rows("workflow_runs")}
    assert again[old["id"]] == 2


def test_an_unchanged_account_costs_nothing_of_the_limit(young, read):
    state = None
    for _ in range(2):
        state = read(young, *INCREMENTAL, state=state).state
        young.api.clock.advance(timedelta(seconds=1))
    young.api.front.requests.clear()
    left = young.api.callers.allowance(young.api.callers.tokens[young.api.token])
    before = left.hourly.remaining

    told = read(young, *INCREMENTAL, state=state)

    lists = [r for r in young.api.front.requests if "/orgs/" not in r.path]
    assert {r.status for r in lists} <= {304, 409}
    assert {r.path for r in lists if r.status == 409} == {
        "/repos/kettle-and-crew/next-roster/commits"
    }
    assert before - left.hourly.remaining == 2
    assert not [m for m in told.messages if m["type"] == "RECORD"]
    assert all(end == {"end": "complete"} for end in told.ends.values())


def test_a_validator_is_really_sent(young, read):
    """Not as in MeltanoLabs/tap-github, which sets it on headers that it drops."""
    state = read(young, "labels", repositories=[ROSTER]).state
    young.api.front.requests.clear()

    read(young, "labels", state=state, repositories=[ROSTER])

    (one,) = asked(young, "/labels")
    assert one.headers["if-none-match"].startswith('W/"')
    assert one.status == 304


def test_a_list_that_changed_is_read_in_whole_and_tells_what_is_gone(young, read):
    first = read(young, "labels", repositories=[ROSTER])
    labels = young.api.repository("roster").tables["labels"]
    gone, kept = list(labels.rows.values())[:2]
    young.api.clock.advance(timedelta(minutes=1))
    labels.remove(gone["id"])

    told = read(young, "labels", state=first.state, repositories=[ROSTER])

    assert gone["id"] not in told.values("labels")
    assert kept["id"] in told.values("labels")
    assert set(told.values("labels", "read_at")) == {"2024-10-01T12:01:00Z"}


def test_a_change_on_a_later_page_of_a_list_is_seen(young, read):
    young.api.add("releases", 250)
    first = read(young, "releases", repositories=[ROSTER])
    young.api.clock.advance(timedelta(minutes=1))
    same = read(young, "releases", state=first.state, repositories=[ROSTER])
    oldest = min(held(young, "releases"), key=lambda row: row["created_at"])
    young.api.update("releases", oldest["id"], {"name": "changed"})

    told = read(young, "releases", state=same.state, repositories=[ROSTER])

    assert not same.rows("releases")
    names = {row["id"]: row["name"] for row in told.rows("releases")}
    assert names[oldest["id"]] == "changed"
    assert len(names) == len(held(young, "releases"))


def test_what_is_read_in_full_asks_for_everything_and_unconditionally(young, read):
    state = read(young, "labels", "issues", repositories=[ROSTER]).state
    young.api.front.requests.clear()

    told = read(
        *(young, "labels", "issues"),
        state=state,
        full=("labels", "issues"),
        repositories=[ROSTER],
    )

    assert len(told.rows("labels")) == 4
    assert set(told.values("issues")) == {row["id"] for row in held(young, "issues")}
    assert not [r for r in young.api.front.requests if "if-none-match" in r.headers]


def test_each_repository_has_a_mark_that_other_runs_do_not_lose(young, read):
    """meltano/sdk#298: marks of partitions that a run does not reach were lost."""
    api = young.api
    first = read(young, "issues")
    marks = {
        name: first.mark("issues", api.repository(name))
        for name in ("roster", "warehouse")
    }
    second = read(young, "issues", state=first.state, repositories=[ROSTER])
    api.clock.advance(timedelta(days=2))

    told = read(young, "issues", state=second.state)

    assert second.mark("issues", api.repository("warehouse")) == marks["warehouse"]
    old = {row["repository"] for row in told.rows("issues")}
    assert old <= {ROSTER, "kettle-and-crew/warehouse"}
    assert all(
        row["updated_at"] >= marks[row["repository"].partition("/")[2]]
        for row in told.rows("issues")
    )


def test_a_window_reads_what_is_in_it_and_its_end_is_not(young, read):
    bounds = {"start_date": "2024-08-01", "end_date": "2024-08-15"}

    told = read(young, "issues", "pull_requests", "commits", "stargazers", **bounds)

    begin, end = "2024-08-01T00:00:00Z", "2024-08-15T00:00:00Z"
    for stream, field in (
        ("issues", "updated_at"),
        ("pull_requests", "updated_at"),
        ("commits", "committed_at"),
        ("stargazers", "starred_at"),
    ):
        found = told.values(stream, field)
        assert found
        early = [at for at in found if at < begin]
        assert all(at >= "2024-07-31T23:59:59Z" for at in early), stream
        assert max(found) < end, stream


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    stream=st.sampled_from(["issues", "pull_requests", "stars"]), page=st.integers(0, 4)
)
def test_for_all_pages_at_which_it_ends_nothing_is_lost(empty, read, stream, page):
    api = empty.api
    if not api.repository("roster").tables["issues"].rows:
        api.add("pulls", 420)
        api.add("stars", 420)
        api.clock.advance(timedelta(hours=1))
    name, table, field, path = {
        "issues": ("issues", "issues", "number", "/issues"),
        "pull_requests": ("pull_requests", "issues", "number", "/pulls"),
        "stars": ("stargazers", "stars", "starred_at", "/stargazers"),
    }[stream]
    api.front.troubles.clear()
    api.front.troubles.add(Says(400, "{}"), path=f".*{path}", after=page)

    first = read(empty, name, repositories=[ROSTER], fails=EltError)
    api.front.troubles.clear()
    state = first.states[-1] if first.states else None
    second = read(empty, name, state=state, repositories=[ROSTER])

    covered = _covered(first, name, field) | set(second.values(name, field))
    rows = api.repository("roster").tables[table].rows.values()
    assert covered == {row[field] for row in rows}


def _covered(told, stream, field):
    """Give the rows that came before the last STATE: the others are thrown away."""
    last = max(
        (n for n, m in enumerate(told.messages) if m["type"] == "STATE"), default=0
    )
    rows = [m for m in told.messages[:last] if m["type"] == "RECORD"]
    return {m["record"][field] for m in rows if m["stream"] == stream}
