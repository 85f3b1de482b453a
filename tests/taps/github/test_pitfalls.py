"""What existing taps of GitHub get wrong, and what its API makes easy to get wrong."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from elt.errors import ConfigError, EltError, Unavailable
from elt.taps.github.limits import limited
from elt.taps.rest.calls import Answer
from elt.taps.rest.problems import QuotaSpent
from elt.testing.apis.github.answers import too_often
from elt.testing.apis.troubles import BreaksOff, CutJson, HangsUp, Says

ROSTER = "kettle-and-crew/roster"
WAREHOUSE = "kettle-and-crew/warehouse"
SECOND_TOKEN = "ghp_simulated_second"  # noqa: S105


def asked(github, ending):
    return [r for r in github.api.front.requests if r.path.endswith(ending)]


def held(github, table, repository="roster"):
    return github.api.repository(repository).tables[table].rows.values()


def test_a_client_says_who_it_is_and_which_version_it_reads(young, read):
    read(young, "labels")

    headers = [r.headers for r in young.api.front.requests]
    assert all(h["user-agent"].startswith("elt/") for h in headers)
    assert {h["x-github-api-version"] for h in headers} == {"2022-11-28"}
    assert {h["accept"] for h in headers} == {"application/vnd.github+json"}


def test_a_version_that_is_none_is_told_with_its_setting(young, read):
    told = read(young, "labels", api_version="2001-01-01", fails=EltError)

    assert "is not a supported version" in told.error.what
    assert "`api_version`" in told.error.hint


def test_review_comments_are_asked_for_in_an_order_that_there_is(young, read):
    """singer-io/tap-github asks for `sort=updated_at`, which is ignored."""
    read(young, "review_comments", repositories=[ROSTER])

    (one,) = asked(young, "/pulls/comments")
    assert dict(one.query)["sort"] == "updated"
    assert dict(one.query)["direction"] == "asc"


@pytest.mark.parametrize("stream", ["issues", "issue_comments"])
def test_a_row_that_changes_between_pages_hides_no_other(empty, read, stream):
    """With page numbers the rows behind it move up, and one is on no page."""
    api = empty.api
    table = {"issues": "issues", "issue_comments": "comments"}[stream]
    rows = api.add(table, 450)
    api.clock.advance(timedelta(minutes=5))
    turns = iter(rows)

    def somebody_works(_):
        changed = next(turns)
        api.clock.advance(timedelta(seconds=1))
        number = changed["number"] if table == "issues" else changed["id"]
        api.update(table, number, {"body": "changed"})

    api.between_pages = somebody_works
    told = read(empty, stream, repositories=[ROSTER])

    last = {row["id"]: row["body"] for row in told.rows(stream)}
    assert set(last) == {row["id"] for row in rows}
    assert list(last.values()).count("changed") >= 3


def test_comments_beyond_thirty_thousand_are_reached(empty, read):
    """PyGithub/PyGithub#2558: pages end there, so reading goes on from the last row."""
    empty.api.knobs.comments = 300
    rows = empty.api.add("comments", 1_000)

    told = read(empty, "issue_comments", repositories=[ROSTER])

    assert set(told.values("issue_comments")) == {row["id"] for row in rows}


def test_more_runs_than_a_search_gives_are_read_by_halves_of_the_time(empty, read):
    """List workflow runs: up to 1,000 results for each search."""
    api = empty.api
    for _ in range(4):
        api.clock.advance(timedelta(hours=5))
        api.add("runs", 280)

    told = read(empty, "workflow_runs", repositories=[ROSTER])

    ids = {row["id"] for row in held(empty, "runs")}
    assert len(ids) == 1_120
    assert set(told.values("workflow_runs")) == ids
    assert any(".." in str(r.query) for r in asked(empty, "/actions/runs"))


def test_a_renamed_repository_keeps_its_state_and_loses_nothing(young, read):
    first = read(young, "issues", repositories=[ROSTER])
    roster = young.api.repository("roster")
    mark = first.mark("issues", roster)
    young.api.rename("roster", "shifts")
    young.api.clock.advance(timedelta(days=1))

    told = read(young, "issues", state=first.state, repositories=[ROSTER])

    assert set(told.values("issues", "repository")) == {"kettle-and-crew/shifts"}
    assert set(told.values("issues", "repository_id")) == {roster.id}
    assert all(row["updated_at"] >= mark for row in told.rows("issues"))


def test_another_repository_under_an_old_name_is_another_one(young, read):
    first = read(young, "labels", "issues")
    young.api.rename("roster", "shifts")
    taken = young.api.add_repository("roster")
    young.api.add("issues", 3)

    told = read(young, "issues", state=first.state)

    new = [row for row in told.rows("issues") if row["repository_id"] == taken.id]
    assert len({row["id"] for row in new}) == 3


def test_a_force_push_older_than_the_lookback_is_read_again_in_full(young, read):
    first = read(young, "commits", repositories=[ROSTER])
    new = young.api.force_push("roster", 25)

    told = read(
        *(young, "commits"),
        state=first.state,
        repositories=[ROSTER],
        commits_lookback_days=0,
    )

    assert {row["sha"] for row in new} <= set(told.values("commits", "sha"))
    assert "was written anew" in told.log


def test_commits_that_a_merge_brings_are_read_though_they_are_older(young, read):
    """List commits: `since` goes by the committer's date."""
    first = read(young, "commits", repositories=[ROSTER])
    young.api.clock.advance(timedelta(minutes=1))
    old, merge = young.api.add("commits", 2)
    table = young.api.repository("roster").tables["commits"]
    table.update(old, {"committed_at": "2024-09-22T10:00:00Z"})

    told = read(young, "commits", state=first.state, repositories=[ROSTER])

    assert {old["sha"], merge["sha"]} <= set(told.values("commits", "sha"))
    assert "was written anew" not in told.log


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (429, {"retry-after": "7"}, b"", 7.0),
        (403, {"retry-after": "7"}, b"{}", 7.0),
        (
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1090"},
            b'{"message":"API rate limit exceeded"}',
            90.0,
        ),
        (403, {}, b'{"message":"You have exceeded a secondary rate limit."}', 0.0),
        (429, {}, b"", 0.0),
        (403, {"x-ratelimit-remaining": "12"}, b'{"message":"Must have push"}', None),
        (403, {"x-ratelimit-remaining": "0"}, b'{"message":"Must have push"}', None),
        (200, {"x-ratelimit-remaining": "0"}, b"[]", None),
    ],
)
def test_a_limit_is_told_from_a_permission(status, headers, body, wait):
    assert limited(Answer(status, headers, body, "u"), lambda: 1000.0) == wait


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(("retry_after", "least"), [(5, 5), (None, 60)])
def test_a_secondary_limit_is_waited_for(young, read, status, retry_after, least):
    """hub4j/github-api#2009: it may come with nothing but its text."""
    trouble = too_often(retry_after=retry_after, status=status)
    young.api.front.troubles.add(trouble, path=".*/labels")

    told = read(young, "labels", repositories=[ROSTER])

    assert len(told.rows("labels")) == 4
    assert least <= max(told.slept) < least * 1.2


def test_a_secondary_limit_without_a_time_is_waited_for_ever_longer(young, read):
    trouble = too_often(retry_after=None)
    young.api.front.troubles.add(trouble, path=".*/labels", times=3)

    told = read(young, "labels", repositories=[ROSTER], tries=5)

    long = [seconds for seconds in told.slept if seconds >= 60]
    assert [round(seconds, -1) for seconds in sorted(set(long))][-1] >= 240
    assert told.rows("labels")


def test_a_spent_hour_is_waited_for_once_and_nothing_is_asked_meanwhile(young, read):
    """singer-io/tap-github#43: a loop that asked again and again."""
    young.api.callers.leave(young.api.token, 3)

    told = read(
        *(young, "labels", "milestones", "releases"),
        repositories=[ROSTER],
        longest_wait_seconds=4_000,
    )

    refused = [r for r in young.api.front.requests if r.status == 403]
    assert not refused
    assert 3_000 < max(told.slept) < 3_700
    assert all(end == {"end": "complete"} for end in told.ends.values())


def test_an_hour_that_is_too_long_to_wait_for_ends_the_run(young, read):
    young.api.callers.leave(young.api.token, 2)

    told = read(young, "labels", "milestones", repositories=[ROSTER], fails=QuotaSpent)

    assert "allows us no more requests" in told.error.what
    assert "`more_tokens`" in told.error.hint
    assert not told.slept


def test_several_tokens_are_used_in_turn(young, read):
    api = young.api
    api.add_token(SECOND_TOKEN, "tomasz-k", scopes=frozenset({"repo", "read:org"}))
    api.callers.leave(api.token, 4)

    told = read(young, "issues", "labels", "releases", more_tokens=[SECOND_TOKEN])

    used = {r.headers["authorization"] for r in api.front.requests}
    assert used == {f"Bearer {api.token}", f"Bearer {SECOND_TOKEN}"}
    assert not told.slept
    assert all(end == {"end": "complete"} for end in told.ends.values())


def test_what_only_a_spent_token_sees_fails_for_now_and_the_rest_is_read(young, read):
    api = young.api
    api.add_token(SECOND_TOKEN, "tomasz-k", scopes=frozenset({"repo", "read:org"}))
    api.callers.leave(api.token, 1)

    told = read(
        *(young, "traffic_views", "labels"),
        more_tokens=[SECOND_TOKEN],
        fails=Unavailable,
    )

    assert told.ends["traffic_views"]["temporary"] is True
    assert told.ends["labels"] == {"end": "complete"}


def test_a_token_that_is_limited_gives_way_to_another_at_once(young, read):
    api = young.api
    api.add_token(SECOND_TOKEN, "tomasz-k", scopes=frozenset({"repo", "read:org"}))
    api.front.troubles.add(too_often(retry_after=600), path=".*/labels")

    told = read(young, "labels", more_tokens=[SECOND_TOKEN])

    assert told.ends["labels"] == {"end": "complete"}
    assert not told.slept


def test_a_repository_is_read_by_the_token_that_sees_it(young, read):
    api = young.api
    api.add_token("ghp_simulated_narrow", "tomasz-k", scopes=frozenset())

    tokens = {"token": "ghp_simulated_narrow", "more_tokens": [api.token]}
    told = read(young, "issues", **tokens)

    assert WAREHOUSE in told.values("issues", "repository")
    assert told.ends["issues"] == {"end": "complete"}
    assert not [r for r in asked(young, "/issues") if r.status == 404]


def test_one_wrong_token_of_several_is_told_and_not_used(young, read):
    told = read(young, "labels", more_tokens=["ghp_of_somebody_long_gone"])

    assert told.ends["labels"] == {"end": "complete"}
    assert "token 2 of 2 is not used any more" in told.log
    assert "ghp_of_somebody_long_gone" not in told.log


def test_a_wrong_token_stops_the_tap_and_is_not_shown(young, read):
    wrong = {"token": "ghp_wrong_and_secret"}
    told = read(young, **wrong, fails=ConfigError)

    assert "refused our credentials" in told.error.what
    assert "`token`" in told.error.hint
    assert "GET /orgs/kettle-and-crew/repos" in told.error.where
    assert "ghp_wrong_and_secret" not in str(told.error) + told.log


def test_an_enterprise_server_is_read_under_its_prefix(young, read):
    young.api.add("comments", 250)
    told = read(young, "issue_comments", "releases", base_url=young.origin + "/api/v3")

    assert {r.path[:7] for r in young.api.front.requests} == {"/api/v3"}
    ids = {
        row["id"]
        for name in ("roster", "warehouse")
        for row in held(young, "comments", name)
    }
    assert set(told.values("issue_comments")) == ids


@pytest.mark.parametrize(
    ("stream", "path", "status", "words"),
    [
        ("issues", "/issues", 410, "Issues has been disabled"),
        ("labels", "/labels", 404, "Not Found"),
        ("labels", "/labels", 451, "Repository access blocked"),
        ("traffic_views", "/traffic", 403, "Must have push access"),
    ],
)
def test_one_broken_repository_does_not_stop_the_rest(
    young, read, stream, path, status, words
):
    """MeltanoLabs/tap-github#41, #192."""
    body = f'{{"message": "{words}"}}'
    trouble = Says(status, body)
    young.api.front.troubles.add(trouble, path=f"/repos/{ROSTER}{path}", times=9)

    told = read(young, stream)

    assert ROSTER not in told.values(stream, "repository")
    assert told.rows(stream)
    roster = young.api.repository("roster")
    assert told.ends[stream] == {
        "end": "partial",
        "why": f"{ROSTER}: HTTP {status} {words}",
        "stay": [{"repository_id": str(roster.id)}],
    }


def test_a_repository_that_was_taken_down_is_left_out_and_keeps_its_mark(young, read):
    first = read(young, "issues")
    young.api.block("roster")

    told = read(young, "issues", state=first.state)

    assert "451 Repository access blocked" in told.ends["issues"]["why"]
    roster = young.api.repository("roster")
    assert told.part("issues", roster) == first.part("issues", roster)


def test_an_empty_repository_has_no_commits_and_is_no_failure(young, read):
    told = read(young, "commits", repositories=["kettle-and-crew/next-roster"])

    assert told.ends["commits"] == {"end": "complete"}
    assert not told.rows("commits")


def test_a_repository_that_fails_for_a_while_is_told_when_the_rest_is_done(young, read):
    first = read(young, "issues")
    roster, warehouse = map(young.api.repository, ("roster", "warehouse"))
    young.api.clock.advance(timedelta(days=3))
    young.api.front.troubles.add(Says(500), path=f"/repos/{ROSTER}/issues", times=99)

    told = read(young, "issues", state=first.state, fails=Unavailable)

    assert told.ends["issues"]["end"] == "failed"
    assert told.ends["issues"]["temporary"] is True
    assert ROSTER in told.ends["issues"]["why"]
    assert told.part("issues", roster) == first.part("issues", roster)
    assert told.mark("issues", warehouse) > first.mark("issues", warehouse)


def test_a_stream_that_may_be_read_of_no_repository_is_left_out(young, read):
    told = read(young, "collaborators", "labels", token=young.api.reader)

    assert told.ends["collaborators"]["end"] == "skipped"
    assert "HTTP 403 Must have push access" in told.ends["collaborators"]["why"]
    assert told.ends["labels"] == {"end": "complete"}


def test_a_slow_list_is_asked_for_in_smaller_pages(young, read):
    """MeltanoLabs/tap-github#52: 502 after ten seconds, for ever."""
    young.api.knobs.large_pages[r"/pulls$"] = 25
    young.api.knobs.large_pages[r"/issues$"] = 25

    told = read(young, "pull_requests", "issues", repositories=[ROSTER])

    numbers = {row["number"] for row in held(young, "issues")}
    assert set(told.values("issues", "number")) == numbers
    pulls = {row["number"] for row in held(young, "issues") if row["pull"]}
    assert sorted(told.values("pull_requests", "number")) == sorted(pulls)
    assert not told.slept


def test_a_list_that_is_too_slow_at_any_size_fails_in_the_end(young, read):
    young.api.front.troubles.add(Says(502), path=".*/labels", times=99)

    told = read(young, "labels", repositories=[ROSTER], fails=Unavailable)

    sizes = [dict(r.query)["per_page"] for r in asked(young, "/labels")]
    # A trouble is noted when it is over, so the last one may be missing.
    assert set(sizes) == {"100", "50", "25", "5"}
    assert 2 <= sizes.count("5") <= 3
    assert told.ends["labels"]["temporary"] is True


@pytest.mark.parametrize("trouble", [Says(500), HangsUp(), BreaksOff(), CutJson()])
def test_a_passing_trouble_in_the_middle_loses_nothing(empty, read, trouble):
    rows = empty.api.add("issues", 350)
    empty.api.front.troubles.add(trouble, path=".*/issues", after=2, times=2)

    told = read(empty, "issues", repositories=[ROSTER])

    assert set(told.values("issues")) == {row["id"] for row in rows}


def test_an_empty_organisation_is_read_without_a_row(empty, read):
    told = read(empty, "issues", "pull_requests", "workflow_runs", "stargazers")

    assert all(end == {"end": "complete"} for end in told.ends.values())
    assert not [m for m in told.messages if m["type"] == "RECORD"]


def test_a_name_that_leads_nowhere_is_told_and_the_rest_is_read(young, read):
    told = read(young, "labels", repositories=[ROSTER, "kettle-and-crew/gone"])

    assert told.ends["labels"]["why"] == "kettle-and-crew/gone: HTTP 404 Not Found"
    assert len(told.rows("labels")) == 4


def test_globs_choose_of_what_an_owner_has_and_exclude_leaves_out(young, read):
    told = read(
        *(young, "repositories"),
        repositories=["kettle-and-crew/*ro*"],
        exclude=["*/next-*"],
    )

    assert told.values("repositories", "full_name") == [ROSTER]


def test_repositories_of_a_person_are_found(young, read):
    young.api.add_repository("dotfiles", owner="tomasz-k")

    told = read(young, "repositories", users=["tomasz-k"])
    by_glob = read(young, "repositories", repositories=["tomasz-k/dot*"])

    assert told.values("repositories", "full_name") == ["tomasz-k/dotfiles"]
    assert by_glob.values("repositories", "full_name") == ["tomasz-k/dotfiles"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"organizations": []}, "no repository is named"),
        ({"repositories": ["roster"]}, "`roster` in `repositories`"),
        ({"repositories": ["*/roster"]}, "`*/roster` in `repositories`"),
    ],
)
def test_a_config_that_names_nothing_is_told_before_anything_is_asked(
    young, read, config, words
):
    with pytest.raises(ConfigError, match=re.escape(words)):
        read(young, "labels", **config)

    assert young.api.front.requests == []


def test_a_page_that_comes_again_ends_the_list_loudly(young, read):
    """MeltanoLabs/tap-github#120 asks for pages without an end."""
    link = f'<{young.origin}/repos/{ROSTER}/labels?per_page=100>; rel="next"'
    again = Says(200, "[]", {"Link": link})
    young.api.front.troubles.add(again, path=".*/labels", times=9)

    told = read(young, "labels", repositories=[ROSTER], fails=EltError)

    assert "would never end" in told.error.what
    assert len(asked(young, "/labels")) <= 2


def test_a_page_of_another_host_is_not_asked_for(young, read):
    away = Says(200, "[]", {"Link": '<https://elsewhere.example/x>; rel="next"'})
    young.api.front.troubles.add(away, path=".*/labels", times=9)

    told = read(young, "labels", repositories=[ROSTER], fails=EltError)

    assert "pointed to another place" in told.error.what


def test_a_field_of_another_type_and_a_leap_second_do_not_stop_the_list(young, read):
    rows = '[{"id": 1, "number": "x", "updated_at": "2024-06-30T23:59:60Z"},'
    rows += '{"id": 2, "number": 2, "updated_at": "2024-07-01T00:00:00Z"}]'
    young.api.front.troubles.add(Says(200, rows), path=".*/issues")

    told = read(young, "issues", repositories=[ROSTER])

    assert told.values("issues") == [1, 2]
    assert told.mark("issues", young.api.repository("roster")) == "2024-07-01T00:00:00Z"


def test_traffic_is_read_again_for_all_its_days(young, read):
    first = read(young, "traffic_views", repositories=[ROSTER])
    young.api.clock.advance(timedelta(days=2))

    told = read(young, "traffic_views", state=first.state, repositories=[ROSTER])

    assert len(told.rows("traffic_views")) == 14
    both = first.rows("traffic_views") + told.rows("traffic_views")
    assert len({row["timestamp"] for row in both}) == 16


def test_events_that_come_late_are_not_missed(young, read):
    first = read(young, "events", repositories=[ROSTER])
    young.api.clock.advance(timedelta(hours=7))

    told = read(young, "events", state=first.state, repositories=[ROSTER])

    now, day = "2024-10-01T19:00:00Z", "2024-09-30T12:00:00Z"
    seen = [e for e in held(young, "events") if e["seen_at"] <= now]
    read_ids = set(first.values("events")) | set(told.values("events"))
    assert {str(e["id"]) for e in seen if e["created_at"] > day} <= read_ids


def test_a_star_taken_back_does_not_hide_a_later_one(empty, read):
    stars = empty.api.add("stars", 250)
    first = read(empty, "stargazers", repositories=[ROSTER])
    table = empty.api.repository("roster").tables["stars"]
    for star in stars[:120]:
        table.remove(star["id"])
    empty.api.clock.advance(timedelta(hours=1))
    new = empty.api.add("stars", 30)

    told = read(empty, "stargazers", state=first.state, repositories=[ROSTER])

    times = set(told.values("stargazers", "starred_at"))
    assert {row["starred_at"] for row in new} <= times


def test_a_page_in_the_middle_that_is_too_slow_is_asked_for_in_smaller_ones(
    empty, read
):
    pulls = empty.api.add("pulls", 350)
    slow = Says(502, '{"message": "Server Error"}')
    empty.api.front.troubles.add(slow, path=".*/pulls", after=2, times=2)

    told = read(empty, "pull_requests", repositories=[ROSTER])

    numbers = told.values("pull_requests", "number")
    assert sorted(numbers) == [row["number"] for row in pulls]
    pages = {
        (dict(r.query).get("page", "1"), dict(r.query)["per_page"])
        for r in asked(empty, "/pulls")
    }
    assert pages >= {("2", "100"), ("3", "100"), ("5", "50"), ("9", "25")}


def test_a_token_that_is_revoked_in_the_middle_keeps_what_was_read(empty, read):
    empty.api.add("issues", 350)
    pages = iter(range(9))

    def revoke(_):
        if next(pages) == 1:
            empty.api.revoke(empty.api.token)

    empty.api.between_pages = revoke
    told = read(empty, "issues", repositories=[ROSTER], fails=ConfigError)

    assert "refused our credentials" in told.error.what
    assert len(told.rows("issues")) >= 100
    assert told.mark("issues", empty.api.repository("roster")) >= "2024-10-01T11:55:00Z"


def test_a_list_is_asked_again_by_the_token_that_got_its_tag(young, read):
    """github/docs#34689: a tag holds for one token."""
    api, state = young.api, None
    api.add_token(SECOND_TOKEN, "tomasz-k", scopes=frozenset({"repo", "read:org"}))
    for _ in range(3):
        api.front.requests.clear()
        told = read(young, "labels", "issues", state=state, more_tokens=[SECOND_TOKEN])
        state = told.state

    lists = [r for r in api.front.requests if r.path.endswith(("/labels", "/issues"))]
    assert {r.status for r in lists} == {304}
    assert len({r.headers["authorization"] for r in lists}) == 2
    assert "ghp_" not in str(state)


def test_a_repository_that_is_renamed_while_it_is_read_is_found_again(young, read):
    young.api.add("issues", 150)
    young.api.between_pages = lambda _: young.api.rename("roster", "shifts")

    told = read(young, "issues", "labels", repositories=[ROSTER])

    young.api.between_pages = None
    rows = young.api.repository("shifts").tables["issues"].rows
    assert set(told.values("issues")) == set(rows)
    assert 301 in {r.status for r in asked(young, "/roster/labels")}
    assert len(told.rows("labels")) == 4


def test_the_newer_version_of_the_api_is_read_too(company, read):
    told = read(company, api_version="2026-03-10")

    assert all(end == {"end": "complete"} for end in told.ends.values())
    assert told.rows("issues")


def test_a_count_of_runs_that_is_no_number_is_too_many(empty, read):
    """github.blog/changelog, 2026-09-25: more than 2,500 are told as "2,500+"."""
    empty.api.add("runs", 30)
    many = Says(200, '{"total_count": "2,500+", "workflow_runs": []}')
    empty.api.front.troubles.add(many, path=".*/actions/runs")

    told = read(empty, "workflow_runs", repositories=[ROSTER])

    assert len(set(told.values("workflow_runs"))) == 30


def test_a_token_to_clone_a_repository_does_not_get_into_its_row(young, read):
    told = '{"id": 7, "full_name": "a/b", "created_at": "2024-01-01T00:00:00Z",'
    told += '"temp_clone_token": "AAAA-secret", "private": true}'
    young.api.front.troubles.add(Says(200, told), path="/repos/a/b")

    told = read(young, "repositories", repositories=["a/b"])

    assert told.values("repositories") == [7]
    assert b"temp_clone_token" not in told.text
