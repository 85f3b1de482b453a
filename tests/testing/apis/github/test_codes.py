"""Repositories that are moved, blocked, empty, closed, or slow."""

from __future__ import annotations

import pytest

from elt.testing.apis.github.api import GitHub

ROSTER = "/repos/kettle-and-crew/roster"
EMPTY = "/repos/kettle-and-crew/next-roster"


def test_an_old_name_leads_to_the_number_with_everything_asked(own):
    number = own.api.repository("roster").id
    own.api.rename("roster", "planner")

    answer = own.get(f"{ROSTER}/issues", params={"state": "all", "since": "2025-05-01"})

    assert answer.status_code == 301
    location = f"{own.origin}/repositories/{number}/issues?state=all&since=2025-05-01"
    assert answer.headers["location"] == answer.json()["url"] == location
    assert answer.json()["message"] == "Moved Permanently"
    assert own.get(location).status_code == 200


def test_a_write_to_an_old_name_is_to_be_made_again(own):
    own.api.rename("roster", "planner")

    answer = own.ask("POST", f"{ROSTER}/issues", json={"title": "Where?"})

    assert answer.status_code == 307
    assert answer.headers["location"].endswith("/issues")


def test_an_old_name_that_is_taken_leads_nowhere_else(own):
    own.api.rename("roster", "planner")
    own.api.world.add_repository("roster", own.api.clock.now())

    assert own.get(ROSTER).json()["name"] == "roster"


def test_a_repository_is_renamed_by_a_write(own):
    answer = own.ask("PATCH", ROSTER, json={"name": "planner"})

    assert answer.json()["full_name"] == "kettle-and-crew/planner"
    assert own.get(ROSTER).status_code == 301


def test_a_name_is_the_same_in_capitals(github):
    assert github.get("/repos/Kettle-And-Crew/ROSTER").json()["name"] == "roster"


def test_a_repository_that_was_taken_down_says_why(own):
    own.api.block("roster")

    answer = own.get(f"{ROSTER}/releases")

    assert answer.status_code == 451
    assert answer.json()["message"] == "Repository access blocked"
    assert set(answer.json()["block"]) == {"reason", "created_at", "html_url"}


def test_an_empty_repository_has_no_commits_to_list(github):
    commits = github.get(f"{EMPTY}/commits")
    contributors = github.get(f"{EMPTY}/contributors")

    assert commits.status_code == 409
    assert commits.json()["message"] == "Git Repository is empty."
    assert (contributors.status_code, contributors.content) == (204, b"")
    assert github.get(f"{EMPTY}/issues").json() == []


def test_issues_that_are_switched_off_are_gone(own):
    own.ask("PATCH", ROSTER, json={"has_issues": False})

    assert own.get(f"{ROSTER}/issues").status_code == 410
    assert own.get(f"{ROSTER}/issues/1").status_code == 410
    assert own.get(f"{ROSTER}/pulls").status_code == 200


def test_statistics_are_counted_first_and_given_then(own):
    answers = [own.get(f"{ROSTER}/stats/commit_activity") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 200]
    assert answers[0].json() == {}
    weeks = answers[1].json()
    assert len(weeks) == 52
    assert all(sum(week["days"]) == week["total"] for week in weeks)


def test_large_pages_of_a_slow_list_time_out(own):
    own.api.knobs.large_pages[r"/commits$"] = 50

    large = own.get(f"{ROSTER}/commits", params={"per_page": 100})
    small = own.get(f"{ROSTER}/commits", params={"per_page": 50})

    assert (large.status_code, small.status_code) == (502, 200)
    assert large.json() == {"message": "Server Error"}


@pytest.mark.parametrize(
    "path",
    [
        "/repos/kettle-and-crew/nothing",
        f"{ROSTER}/issues/99999",
        f"{ROSTER}/pulls/99999",
        f"{ROSTER}/teapots",
        "/orgs/nobody",
        "/users/nobody",
        "/repositories/1",
    ],
)
def test_what_is_not_there_is_not_found(github, path):
    answer = github.get(path)

    assert answer.status_code == 404
    assert answer.json()["message"] == "Not Found"
    assert answer.json()["status"] == "404"


def test_an_issue_is_not_a_pull_request(github):
    issues = github.get(f"{ROSTER}/issues", params={"state": "all", "per_page": 100})
    plain = next(row for row in issues.json() if "pull_request" not in row)

    assert github.get(f"{ROSTER}/pulls/{plain['number']}").status_code == 404
    assert github.get(f"{ROSTER}/issues/{plain['number']}").status_code == 200


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "missing_field"),
        ({"title": ""}, "missing_field"),
        ({"title": 7}, "invalid"),
    ],
)
def test_an_issue_needs_a_title(own, said, code):
    answer = own.ask("POST", f"{ROSTER}/issues", json=said)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["resource"], error["field"], error["code"]) == (
        "Issue",
        "title",
        code,
    )


def test_labels_of_somebody_who_may_not_push_are_dropped_without_a_word(own):
    body = {"title": "Please", "labels": ["bug"]}

    answer = own.ask("POST", f"{ROSTER}/issues", json=body, token=GitHub.reader)

    assert answer.status_code == 201
    assert answer.json()["labels"] == []


def test_a_write_that_is_no_json_is_refused(own):
    answer = own.ask("POST", f"{ROSTER}/issues")

    assert answer.status_code == 400
    assert answer.json()["message"] == "Problems parsing JSON"


def test_an_issue_is_opened_again(own):
    number = own.ask("POST", f"{ROSTER}/issues", json={"title": "Cold"}).json()[
        "number"
    ]
    path = f"{ROSTER}/issues/{number}"
    own.ask("PATCH", path, json={"state": "closed"})

    answer = own.ask("PATCH", path, json={"state": "open"}).json()

    assert (answer["state"], answer["closed_at"]) == ("open", None)
    assert answer["state_reason"] == "reopened"


def test_a_deleted_issue_is_in_no_list_and_gone_alone(own):
    number = own.get(f"{ROSTER}/issues").json()[0]["number"]

    own.api.delete(number)

    rows, _ = own.every(f"{ROSTER}/issues", state="all", per_page=100)
    assert number not in [row["number"] for row in rows]
    answer = own.get(f"{ROSTER}/issues/{number}")
    assert (answer.status_code, answer.json()["message"]) == (
        410,
        "This issue was deleted",
    )


def test_repositories_of_a_person_are_listed_by_name(own):
    own.api.add_repository("recipes", owner="tomasz-k")
    own.api.add_repository("diary", owner="tomasz-k", private=True)
    own.api.add_repository("beans", owner="tomasz-k")

    answer = own.get("/users/tomasz-k/repos", params={"per_page": 1})

    assert [row["name"] for row in answer.json()] == ["beans"]
    number = own.get("/users/tomasz-k").json()["id"]
    further = answer.links["next"]["url"]
    assert further.startswith(f"{own.origin}/user/{number}/repos?")
    assert [row["full_name"] for row in own.get(further).json()] == ["tomasz-k/recipes"]


def test_repositories_of_an_organisation_link_to_its_number(github):
    answer = github.get("/orgs/kettle-and-crew/repos", params={"per_page": 1})

    number = github.get("/orgs/kettle-and-crew").json()["id"]
    further = answer.links["next"]["url"]
    assert further.startswith(f"{github.origin}/organizations/{number}/repos?")
    assert github.get(further).status_code == 200


def test_commits_are_of_a_path_and_an_author(github):
    def authors(**params):
        rows = github.get(f"{ROSTER}/commits", params=params).json()
        return {row["author"]["login"] for row in rows}

    assert authors(author="tomasz-k") == {"tomasz-k"}
    assert len(authors(path="roster/shifts.py")) > 1
    assert authors(path="nothing.py") == set()


def test_links_of_an_enterprise_server_keep_its_prefix(github):
    answer = github.get(f"/api/v3{ROSTER}/tags", params={"per_page": 2})

    number = github.api.repository("roster").id
    prefix = f"{github.origin}/api/v3/repositories/{number}/tags?"
    assert answer.links["next"]["url"].startswith(prefix)
    assert github.get(answer.links["next"]["url"]).json()
