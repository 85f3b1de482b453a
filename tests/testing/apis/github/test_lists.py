"""What is listed, in which order, page after page."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

ROSTER = "/repos/kettle-and-crew/roster"


def ids(rows):
    return [row["id"] for row in rows]


def test_links_lead_to_the_address_with_the_repositorys_number(github):
    answer = github.get(f"{ROSTER}/pulls", params={"state": "all", "per_page": 20})

    (repository,) = [github.get(ROSTER).json()["id"]]
    numeric = f"{github.origin}/repositories/{repository}/pulls"
    assert answer.links["next"]["url"] == f"{numeric}?state=all&per_page=20&page=2"
    assert set(answer.links) == {"next", "last"}
    further = github.get(answer.links["next"]["url"])
    assert list(further.links) == ["prev", "next", "last", "first"]


def test_the_last_page_has_no_next_one_and_a_single_page_no_links(github):
    last = github.get(f"{ROSTER}/tags", params={"per_page": 20, "page": 2})
    only = github.get(f"{ROSTER}/tags", params={"per_page": 100})

    assert list(last.links) == ["prev", "first"]
    assert "link" not in only.headers
    assert len(last.json()) == 4


def test_more_than_a_hundred_rows_a_page_are_a_hundred(github):
    answer = github.get(f"{ROSTER}/issues/comments", params={"per_page": 1000})

    assert len(answer.json()) == 100
    assert "per_page=1000&page=2" in answer.links["next"]["url"]


@pytest.mark.parametrize("nonsense", ["0", "-3", "many"])
def test_nonsense_for_a_page_size_is_the_usual_thirty(github, nonsense):
    answer = github.get(f"{ROSTER}/issues/comments", params={"per_page": nonsense})

    assert len(answer.json()) == 30


def test_a_page_beyond_the_last_one_is_empty(github):
    answer = github.get(f"{ROSTER}/tags", params={"page": 9})

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("per_page", [41, 100])
@pytest.mark.parametrize(
    "path", ["issues?state=all", "pulls?state=all", "commits", "issues/comments"]
)
def test_a_list_that_stands_still_gives_each_row_once(github, path, per_page):
    name, _, query = f"{ROSTER}/{path}".partition("?")

    rows, _ = github.every(name, per_page=per_page, **dict(parse_qs(query)))

    keys = [row.get("sha") or row["id"] for row in rows]
    assert len(keys) > 150
    assert len(set(keys)) == len(keys)


def test_issues_link_to_the_next_page_with_a_cursor_and_to_no_last_one(github):
    answer = github.get(f"{ROSTER}/issues", params={"state": "all", "per_page": 5})

    assert list(answer.links) == ["next"]
    query = parse_qs(urlsplit(answer.links["next"]["url"]).query)
    assert query["page"] == ["2"]
    assert base64.b64decode(query["after"][0]).startswith(b"cursor:v2:")


def test_the_page_before_is_reached_with_a_cursor_too(github):
    params = {"state": "all", "per_page": 5, "sort": "updated", "direction": "asc"}
    first = github.get(f"{ROSTER}/issues", params=params)
    second = github.get(first.links["next"]["url"])

    again = github.get(second.links["prev"]["url"])

    assert ids(again.json()) == ids(first.json())


def test_deep_pages_of_issues_are_refused_by_page_and_given_by_cursor(empty):
    empty.api.knobs.issues_by_page = 60
    empty.api.add("issues", 80)
    params = {"per_page": 20, "page": 3}

    by_page = empty.get(f"{ROSTER}/issues", params=params)
    rows, _ = empty.every(f"{ROSTER}/issues", per_page=20)

    assert by_page.status_code == 422
    assert "use cursor based pagination (after/before)" in by_page.json()["message"]
    assert len(set(ids(rows))) == 80


@pytest.mark.parametrize(
    ("table", "path", "knob", "says"),
    [
        ("releases", "releases", "releases", "Only the first 40 results"),
        ("stars", "stargazers", "stargazers", "pagination is limited"),
        ("comments", "issues/comments", "comments", "pagination is limited"),
        ("events", "events", "events", "pagination is limited"),
    ],
)
def test_a_list_ends_at_its_depth(empty, table, path, knob, says):
    setattr(empty.api.knobs, knob, 40)
    empty.api.add(table, 50)

    rows, answers = empty.every(f"{ROSTER}/{path}", per_page=20)
    beyond = empty.get(f"{ROSTER}/{path}", params={"per_page": 20, "page": 3})

    assert len(rows) == 40
    assert answers[0].links["last"]["url"].endswith("page=2")
    assert beyond.status_code == 422
    assert says in beyond.json()["message"]


def test_rows_that_are_updated_while_pages_are_read_shift_the_numbered_ones(empty):
    pulls = empty.api.add("pulls", 6)
    empty.api.clock.advance(timedelta(minutes=1))
    oldest = pulls[0]["number"]
    moves = [lambda: empty.api.update("issues", oldest, {"title": "moved"})]
    empty.api.between_pages = lambda _: moves and moves.pop()()
    params = {"sort": "updated", "direction": "asc", "per_page": 3}

    rows, _ = empty.every(f"{ROSTER}/pulls", **params)

    numbers = [row["number"] for row in rows]
    assert pulls[3]["number"] not in numbers  # it slid onto a page already read
    assert numbers.count(oldest) == 2


def test_rows_that_are_updated_do_not_shift_what_a_cursor_points_to(empty):
    issues = empty.api.add("issues", 6)
    empty.api.clock.advance(timedelta(minutes=1))
    oldest = issues[0]["number"]
    moves = [lambda: empty.api.update("issues", oldest, {"title": "moved"})]
    empty.api.between_pages = lambda _: moves and moves.pop()()
    params = {"sort": "updated", "direction": "asc", "per_page": 3}

    rows, _ = empty.every(f"{ROSTER}/issues", **params)

    assert {row["number"] for row in rows} == {row["number"] for row in issues}
    assert [row["number"] for row in rows].count(oldest) == 2


def test_issues_hold_pull_requests_and_pulls_hold_no_issues(github):
    issues, _ = github.every(f"{ROSTER}/issues", state="all", per_page=100)
    pulls, _ = github.every(f"{ROSTER}/pulls", state="all", per_page=100)

    as_issues = {row["number"]: row for row in issues if "pull_request" in row}
    assert 0 < len(as_issues) < len(issues)
    assert set(as_issues) == {pull["number"] for pull in pulls}
    assert set(ids(issues)).isdisjoint(ids(pulls))


def test_only_open_issues_are_listed_if_nothing_is_said(github):
    issues, _ = github.every(f"{ROSTER}/issues", per_page=100)

    assert {issue["state"] for issue in issues} == {"open"}


def test_issues_since_a_moment_include_that_second(github):
    everything, _ = github.every(f"{ROSTER}/issues", state="all", per_page=100)
    edge = sorted(row["updated_at"] for row in everything)[-20]

    rows, _ = github.every(f"{ROSTER}/issues", state="all", since=edge)

    expected = {row["id"] for row in everything if row["updated_at"] >= edge}
    assert set(ids(rows)) == expected


def test_pull_requests_know_no_since_and_ignore_it(github):
    params = {"state": "all", "per_page": 5}

    plain = github.get(f"{ROSTER}/pulls", params=params)
    since = github.get(f"{ROSTER}/pulls", params={**params, "since": "2999-01-01"})

    assert ids(plain.json()) == ids(since.json())


def test_pull_requests_ascend_by_change_unless_told_otherwise(github):
    def times(**params):
        answer = github.get(f"{ROSTER}/pulls", params={"state": "all", **params})
        return [row["updated_at"] for row in answer.json()]

    ascending = times(sort="updated")
    descending = times(sort="updated", direction="desc")

    assert ascending == sorted(ascending)
    assert descending == sorted(descending, reverse=True)
    assert ascending[0] < descending[-1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "updated_at"),
        ("direction", "down"),
        ("state", "merged"),
        ("since", "lately"),
    ],
)
def test_a_wrong_value_for_issues_is_a_failed_validation(github, name, value):
    answer = github.get(f"{ROSTER}/issues", params={name: value})

    assert answer.status_code == 422
    said = answer.json()
    assert said["message"] == "Validation Failed"
    assert said["errors"] == [
        {"value": value, "resource": "Issue", "field": name, "code": "invalid"}
    ]


def test_a_wrong_order_for_review_comments_is_ignored(github):
    plain = github.get(f"{ROSTER}/pulls/comments")
    wrong = github.get(f"{ROSTER}/pulls/comments", params={"sort": "updated_at"})

    assert wrong.status_code == 200
    assert ids(wrong.json()) == ids(plain.json()) == sorted(ids(plain.json()))


def test_a_direction_of_comments_without_an_order_is_ignored(github):
    down = {"direction": "desc"}
    plain = github.get(f"{ROSTER}/issues/comments", params=down)
    sort = {**down, "sort": "updated"}
    sorted_down = github.get(f"{ROSTER}/issues/comments", params=sort)

    assert ids(plain.json()) == sorted(ids(plain.json()))
    times = [row["updated_at"] for row in sorted_down.json()]
    assert times == sorted(times, reverse=True)


def test_unknown_parameters_are_ignored(github):
    answer = github.get(f"{ROSTER}/labels", params={"colour": "red"})

    assert answer.status_code == 200


def test_commits_descend_by_the_committers_date_and_are_cut_by_it(github):
    begin, end = "2025-04-01T00:00:00Z", "2025-05-01T00:00:00Z"

    rows, _ = github.every(f"{ROSTER}/commits", since=begin, until=end)

    times = [row["commit"]["committer"]["date"] for row in rows]
    assert times
    assert times == sorted(times, reverse=True)
    assert begin <= times[-1] <= times[0] <= end


def test_a_merge_brings_commits_that_are_older_than_those_already_there(own):
    def dates():
        rows, _ = own.every(f"{ROSTER}/commits", per_page=100)
        return {row["sha"]: row["commit"]["committer"]["date"] for row in rows}

    late, before = [], dates()
    for _ in range(12):
        own.api.clock.advance(timedelta(days=5))
        after, newest = dates(), max(before.values())
        late += [at for sha, at in after.items() if sha not in before and at < newest]
        before = after

    assert late


def test_a_force_push_replaces_commits_without_a_newer_date(own):
    before, _ = own.every(f"{ROSTER}/commits", per_page=100)

    own.api.force_push("roster", 3)

    after, _ = own.every(f"{ROSTER}/commits", per_page=100)
    gone = {row["sha"] for row in before} - {row["sha"] for row in after}
    new = [row for row in after if row["sha"] not in {row["sha"] for row in before}]
    assert len(gone) == len(new) == 3
    newest = before[0]["commit"]["committer"]["date"]
    assert all(row["commit"]["committer"]["date"] <= newest for row in new)


def test_commits_of_a_branch_are_asked_for_by_its_name(github):
    branches = github.get(f"{ROSTER}/branches", params={"per_page": 100}).json()
    branch = next(row for row in branches if row["name"] != "main")

    rows, _ = github.every(f"{ROSTER}/commits", sha=branch["name"], per_page=100)
    main, _ = github.every(f"{ROSTER}/commits", per_page=100)

    assert branch["commit"]["sha"] in [row["sha"] for row in rows]
    assert branch["commit"]["sha"] not in [row["sha"] for row in main]


def test_stars_have_their_time_with_their_media_type_only(github):
    plain = github.get(f"{ROSTER}/stargazers").json()
    star = "application/vnd.github.star+json"
    timed = github.get(f"{ROSTER}/stargazers", Accept=star).json()

    assert [row["login"] for row in plain] == [row["user"]["login"] for row in timed]
    times = [row["starred_at"] for row in timed]
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("created", "fits"),
    [
        (">=2025-05-01", lambda at: at >= "2025-05-01"),
        (">2025-05-01", lambda at: at >= "2025-05-02"),
        ("<2025-05-01", lambda at: at < "2025-05-01"),
        ("<=2025-05-01T12:00:00Z", lambda at: at <= "2025-05-01T12:00:00Z"),
        ("2025-04-01..2025-04-30", lambda at: "2025-04-01" <= at < "2025-05-01"),
        ("*..2025-04-30", lambda at: at < "2025-05-01"),
        ("2025-05-28", lambda at: at.startswith("2025-05-28")),
    ],
)
def test_runs_of_a_range(github, created, fits):
    every = pages_of_runs(github)

    rows = pages_of_runs(github, created=created)

    assert rows == [row for row in every if fits(row["created_at"])]
    assert rows


def pages_of_runs(github, **params):
    path, rows, params = f"{ROSTER}/actions/runs", [], {"per_page": 100, **params}
    while True:
        answer = github.get(path, params=params)
        rows += answer.json()["workflow_runs"]
        if "next" not in answer.links:
            return rows
        path, params = answer.links["next"]["url"], None


def test_a_search_for_runs_ends_at_its_cap_and_a_list_of_all_does_not(own):
    own.api.knobs.runs = 50

    found = pages_of_runs(own, created=">=2024-01-01")

    assert len(found) == 50
    assert len(pages_of_runs(own)) > 100
    answer = own.get(f"{ROSTER}/actions/runs", params={"created": ">=2024-01-01"})
    assert answer.json()["total_count"] > 100


def test_a_run_changes_after_it_was_made_and_no_filter_shows_that(github):
    again = [row for row in pages_of_runs(github) if row["run_attempt"] == 2]

    assert again
    assert again[0]["updated_at"] > again[0]["created_at"]
    assert again[0]["run_started_at"] > again[0]["created_at"]
    jobs = f"{ROSTER}/actions/runs/{again[0]['id']}/jobs"
    latest = github.get(jobs).json()["jobs"]
    every = github.get(jobs, params={"filter": "all"}).json()["jobs"]
    assert ({job["run_attempt"] for job in latest}, len(every)) == ({2}, 4)


def test_events_come_late_and_leave_after_thirty_days(empty):
    comment = {"title": "Cold"}
    empty.ask("POST", f"{ROSTER}/issues", json=comment)

    at_once = empty.get(f"{ROSTER}/events")
    empty.api.clock.advance(timedelta(hours=6))
    later = empty.get(f"{ROSTER}/events")
    empty.api.clock.advance(timedelta(days=30))
    last = empty.get(f"{ROSTER}/events")

    assert (len(at_once.json()), len(later.json()), len(last.json())) == (0, 1, 0)
    assert later.headers["x-poll-interval"] == "60"
    (event,) = later.json()
    assert event["type"] == "IssuesEvent"
    assert isinstance(event["id"], str)


def test_drafts_of_releases_are_for_those_who_may_push(own):
    row = own.api.add("releases", 1)[0]
    own.api.update("releases", row["id"], {"draft": True})

    mine = own.get(f"{ROSTER}/releases").json()
    others = own.get(f"{ROSTER}/releases", token=own.api.reader).json()

    assert row["id"] in ids(mine)
    assert row["id"] not in ids(others)


def test_traffic_is_fourteen_days_and_weeks_begin_on_monday(github):
    days = github.get(f"{ROSTER}/traffic/views").json()
    weeks = github.get(f"{ROSTER}/traffic/views", params={"per": "week"}).json()

    assert [day["timestamp"] for day in days["views"]][::13] == [
        "2025-05-19T00:00:00Z",
        "2025-06-01T00:00:00Z",
    ]
    assert [week["timestamp"] for week in weeks["views"]] == [
        "2025-05-19T00:00:00Z",
        "2025-05-26T00:00:00Z",
    ]
    assert days["count"] == weeks["count"]
