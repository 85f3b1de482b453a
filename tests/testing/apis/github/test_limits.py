"""Who asks, how often, in which version, and what is unchanged since."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest

from elt.testing.apis.github.answers import too_often
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.github.callers import Callers

ROSTER = "/repos/kettle-and-crew/roster"
WAREHOUSE = "/repos/kettle-and-crew/warehouse"
READ = frozenset({"repo", "read:org"})


def test_a_client_that_does_not_say_who_it_is_is_refused_in_plain_text(github):
    with httpx.Client() as client:
        request = client.build_request("GET", github.origin + ROSTER)
        del request.headers["user-agent"]
        answer = client.send(request)

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "User-Agent header" in answer.text


@pytest.mark.parametrize("scheme", ["Bearer", "token"])
def test_a_token_comes_with_either_scheme(github, scheme):
    given = {"Authorization": f"{scheme} {GitHub.token}", "User-Agent": "tests"}

    answer = httpx.get(f"{github.origin}/user", headers=given)

    assert answer.json()["login"] == "ines-almeida"
    assert answer.headers["x-oauth-scopes"] == "read:org, repo, workflow"


def test_an_unknown_token_has_bad_credentials(github):
    answer = github.get(ROSTER, token="ghp_nobody")  # noqa: S106

    assert answer.status_code == 401
    assert answer.json() == {
        "message": "Bad credentials",
        "documentation_url": "https://docs.github.com/rest",
        "status": "401",
    }


def test_a_revoked_token_has_bad_credentials_from_then_on(own):
    assert own.get("/user").status_code == 200

    own.api.revoke(GitHub.token)

    assert own.get("/user").status_code == 401


def test_what_needs_a_person_is_refused_without_a_token(github):
    assert (
        github.get("/user", token=None).json()["message"] == "Requires authentication"
    )
    assert github.get(ROSTER, token=None).status_code == 200


def test_a_private_repository_is_not_found_without_the_scope(own):
    own.api.add_token("narrow", "freyae", scopes=frozenset({"public_repo"}))
    own.api.add_token("other", "freyae", scopes=READ, only=frozenset({"roster"}))

    assert own.get(WAREHOUSE).status_code == 200
    for token in (None, "narrow", "other"):
        answer = own.get(WAREHOUSE, token=token)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
        names = own.get("/orgs/kettle-and-crew/repos", token=token).json()
        assert "warehouse" not in [row["name"] for row in names]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("collaborators", "Must have push access to view repository collaborators."),
        ("traffic/views", "Must have push access to repository"),
        ("traffic/clones", "Must have push access to repository"),
        ("traffic/popular/paths", "Must have push access to repository"),
        ("traffic/popular/referrers", "Must have push access to repository"),
    ],
)
def test_some_lists_need_push_access(github, path, message):
    refused = github.get(f"{ROSTER}/{path}", token=GitHub.reader)

    assert (refused.status_code, refused.json()["message"]) == (403, message)
    assert github.get(f"{ROSTER}/{path}").status_code == 200


def test_members_and_teams_are_for_members(own):
    own.api.add_token("stranger", "barista-000", scopes=READ)

    members = own.get("/orgs/kettle-and-crew/members", token="stranger")  # noqa: S106
    teams = own.get("/orgs/kettle-and-crew/teams", token="stranger")  # noqa: S106

    assert (members.status_code, members.json()) == (200, [])
    assert teams.status_code == 403


def test_every_answer_says_what_is_left_of_the_hour(own):
    first = own.get(ROSTER).headers
    second = own.get(f"{ROSTER}/nothing").headers

    assert first["x-ratelimit-limit"] == "5000"
    assert first["x-ratelimit-resource"] == "core"
    assert first["x-ratelimit-reset"] == str(int(own.api.clock.seconds()) + 3600)
    left = [int(headers["x-ratelimit-remaining"]) for headers in (first, second)]
    used = [int(headers["x-ratelimit-used"]) for headers in (first, second)]
    assert (left, used) == ([4999, 4998], [1, 2])


def test_a_spent_hour_is_refused_until_its_reset(own):
    own.api.callers.requests_per_hour = 2

    answers = [own.get(ROSTER) for _ in range(3)]
    own.api.clock.advance(timedelta(hours=1))

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].headers["x-ratelimit-remaining"] == "0"
    assert "retry-after" not in answers[2].headers
    assert answers[2].json()["message"].startswith("API rate limit exceeded for user")
    assert own.get(ROSTER).status_code == 200


def test_a_spent_hour_may_be_told_with_429(own):
    own.api.callers.requests_per_hour = 0
    own.api.callers.spent_status = 429

    assert own.get(ROSTER).status_code == 429


def test_each_person_has_an_hour_of_their_own(own):
    own.api.callers.requests_per_hour = 1
    own.api.callers.anonymous_per_hour = 1
    own.api.add_token("second", "ines-almeida", scopes=READ)
    own.get(ROSTER)

    assert own.get(ROSTER).status_code == 403
    assert own.get(ROSTER, token="second").status_code == 403  # noqa: S106
    assert own.get(ROSTER, token=GitHub.reader).status_code == 200
    assert own.get(ROSTER, token=None).status_code == 200
    spent = own.get(ROSTER, token=None)
    assert "But here's the good news" in spent.json()["message"]


def test_asking_for_the_limit_costs_nothing(own):
    for _ in range(3):
        answer = own.get("/rate_limit")

    assert answer.json()["resources"]["core"]["used"] == 0
    assert answer.json()["rate"]["limit"] == 5000


def test_too_many_points_in_a_minute_are_a_secondary_limit(own):
    own.api.callers.points_per_minute = 7

    written = own.ask("POST", f"{ROSTER}/issues", json={"title": "Five points"})
    answers = [own.get(ROSTER) for _ in range(3)]
    own.api.clock.advance(timedelta(minutes=1))

    assert written.status_code == 201
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].headers["retry-after"] == "61"
    assert answers[2].headers["x-ratelimit-remaining"] != "0"
    assert "secondary rate limit" in answers[2].json()["message"]
    assert own.get(ROSTER).status_code == 200


def test_a_secondary_limit_may_come_without_any_header(own):
    own.api.front.troubles.add(too_often(retry_after=None))

    answer = own.get(ROSTER)

    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith(("x-", "retry"))]
    assert answer.json()["message"].startswith("You have exceeded a secondary rate")


def test_what_is_unchanged_costs_nothing_with_a_token(own):
    first = own.get(f"{ROSTER}/issues")
    tag = first.headers["etag"]

    again = own.get(f"{ROSTER}/issues", If_None_Match=tag)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert again.headers["x-ratelimit-remaining"] == "4999"


def test_what_is_unchanged_costs_a_request_without_a_token(own):
    tag = own.get(f"{ROSTER}/issues", token=None).headers["etag"]

    again = own.get(f"{ROSTER}/issues", token=None, If_None_Match=tag)

    assert again.status_code == 304
    assert again.headers["x-ratelimit-remaining"] == "58"


def test_what_changed_has_another_tag(own):
    first = own.get(f"{ROSTER}/issues")
    own.ask("POST", f"{ROSTER}/issues", json={"title": "New"})

    again = own.get(f"{ROSTER}/issues", If_None_Match=first.headers["etag"])

    assert again.status_code == 200
    assert again.json()[0]["title"] == "New"


def test_a_single_row_has_a_time_of_change_and_a_list_has_none(own):
    number = own.get(f"{ROSTER}/issues").json()[0]["number"]
    one = own.get(f"{ROSTER}/issues/{number}")
    at = one.headers["last-modified"]

    same = own.get(f"{ROSTER}/issues/{number}", If_Modified_Since=at)
    own.ask("PATCH", f"{ROSTER}/issues/{number}", json={"title": "Changed"})
    changed = own.get(f"{ROSTER}/issues/{number}", If_Modified_Since=at)

    assert "last-modified" not in own.get(f"{ROSTER}/issues").headers
    assert (same.status_code, changed.status_code) == (304, 200)


def test_a_version_that_is_not_there_is_a_bad_request(github):
    answer = github.get(ROSTER, X_GitHub_Api_Version="2024-01-01")

    assert answer.status_code == 400
    assert '"2024-01-01", is not a supported version' in answer.json()["message"]


def test_the_newer_version_leaves_fields_out(github):
    def keys(path, version):
        answer = github.get(path, X_GitHub_Api_Version=version)
        assert answer.headers["x-github-api-version-selected"] == version
        found = answer.json()
        return set(found[0] if isinstance(found, list) else found)

    def gone(path):
        return keys(path, "2022-11-28") - keys(path, "2026-03-10")

    assert gone(f"{ROSTER}/issues") == {"assignee"}
    assert gone(f"{ROSTER}/pulls") == {"assignee", "merge_commit_sha"}
    assert gone("/orgs/kettle-and-crew/repos") == {"has_downloads"}
    assert gone(ROSTER) == {"has_downloads", "use_squash_pr_title_as_default"}
    assert gone("/rate_limit") == {"rate"}


def test_limits_are_given_when_a_simulation_is_made(own):
    callers = Callers(own.api.clock, requests_per_hour=15_000)

    api = GitHub(clock=own.api.clock, company=False, callers=callers)

    owner = callers.identify(f"token {api.token}")
    assert api.callers.allowance(owner).hourly.most == 15_000


def test_an_hour_can_be_all_but_spent(own):
    own.get(ROSTER)

    own.api.callers.leave(GitHub.token, 1)

    assert own.get(ROSTER).headers["x-ratelimit-remaining"] == "0"
    assert own.get(ROSTER).status_code == 403


def test_too_many_writes_in_a_minute_are_a_secondary_limit(own):
    own.api.callers.contents_per_minute = 2

    issue = {"title": "Again"}
    answers = [own.ask("POST", f"{ROSTER}/issues", json=issue) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 403]
    assert answers[2].headers["retry-after"] == "61"
    assert own.get(ROSTER).status_code == 200


def test_an_enterprise_server_has_no_limits_and_says_nothing_of_them(own):
    own.api.callers.requests_per_hour = 0

    answer = own.get(f"/api/v3{ROSTER}")
    rates = own.get("/api/v3/rate_limit")

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]
    assert answer.headers["x-github-enterprise-version"]
    assert rates.status_code == 404
    assert rates.json()["message"] == "Rate limiting is not enabled."


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/vnd.github+json", 200),
        ("application/vnd.github.v3+json, text/plain", 200),
        ("application/json;q=0.9", 200),
        ("*/*", 200),
        ("text/csv", 415),
        ("application/vnd.heroku+json; version=3", 415),
    ],
)
def test_a_client_has_to_take_json(github, accept, status):
    answer = github.get(ROSTER, Accept=accept)

    assert answer.status_code == status
    if status == 415:
        assert "Must accept 'application/json'" in answer.json()["message"]
