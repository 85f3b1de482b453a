"""What of a repository is asked for alone, or is no plain list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from elt.testing.apis.github import bounds
from elt.testing.apis.github.answers import Answer, Refused, not_found
from elt.testing.apis.github.asks import Ask, paged
from elt.testing.apis.github.listings import (
    COMMITS,
    EVENTS,
    JOBS,
    RUNS,
    STARS,
    TIMED_STARS,
)
from elt.testing.apis.github.lists import Backwards, Shape, answer_list, chosen
from elt.testing.apis.github.paging import numbered
from elt.testing.apis.github.shapes import code, issues
from elt.testing.apis.github.tables import Repository, Row, moment_of, stamp
from elt.testing.dice import Dice

STAR_JSON = "star+json"
_POLL_SECONDS = "60"
_DAYS_OF_TRAFFIC = 14


def issue(ask: Ask) -> Answer:
    repository = ask.repository()
    bounds.has_issues(ask, repository)
    row = numbered_issue(ask, repository)
    shaped = issues.issue(ask.site, repository, row)
    return Answer(content=shaped, changed_at=row["updated_at"])


def pull(ask: Ask) -> Answer:
    repository = ask.repository()
    row = numbered_issue(ask, repository)
    if not row["pull"]:
        raise not_found("/pulls/pulls#get-a-pull-request")
    shaped = issues.full_pull(ask.site, repository, row)
    return Answer(content=shaped, changed_at=row["updated_at"])


@dataclass(frozen=True, slots=True)
class Single:
    """One row, asked for by a value of one of its columns."""

    path: str  # {n} is a number, {name} a name
    table: str
    column: str
    shape: Shape


SINGLES = (
    Single("/issues/comments/{n}", "comments", "id", issues.comment),
    Single("/pulls/comments/{n}", "review_comments", "id", issues.review_comment),
    Single("/pulls/{pull}/reviews/{n}", "reviews", "id", issues.review),
    Single("/releases/{n}", "releases", "id", code.release),
    Single("/releases/tags/{name}", "releases", "tag", code.release),
    Single("/deployments/{n}", "deployments", "id", code.deployment),
    Single("/milestones/{n}", "milestones", "number", issues.milestone),
    Single("/labels/{name}", "labels", "name", issues.label),
    Single("/actions/runs/{n}", "runs", "id", code.run),
    Single("/actions/jobs/{n}", "jobs", "id", code.job),
)


def single(ask: Ask, asked: Single) -> Answer:
    repository = ask.repository()
    value: object = ask.found.get("name")
    if value is None:
        value = int(ask.found["n"])
    row = repository.tables[asked.table].find(asked.column, value)
    if row is None:
        raise not_found()
    shaped = asked.shape(ask.site, repository, row)
    return Answer(content=shaped, changed_at=row.get("updated_at"))


def commit(ask: Ask) -> Answer:
    repository = ask.repository()
    bounds.has_commits(ask, repository)
    row = repository.tables["commits"].find("sha", ask.found["sha"])
    if row is None:
        sha = ask.found["sha"]
        raise Refused(422, f"No commit found for SHA: {sha}", docs=COMMITS.docs)
    stats = {"total": 15, "additions": 12, "deletions": 3}
    shaped = code.commit(ask.site, repository, row) | {"stats": stats, "files": []}
    return Answer(content=shaped, changed_at=row["committed_at"])


def runs(ask: Ask) -> Answer:
    """List workflow runs; with a filter at most 1,000 of them are reached.

    docs.github.com, List workflow runs for a repository: up to 1,000 results for each
    search with actor, branch, check_suite_id, created, event, head_sha or status.
    """
    repository = ask.repository()
    rows = chosen(ask, RUNS, repository, "created_at")
    names = {known.name for known in RUNS.filters}
    if names & ask.query.keys():
        reached = rows[max(0, len(rows) - ask.knobs.runs) :]
    else:
        reached = rows
    page = numbered(Backwards(reached), ask.pairs, ask.address(repository), None)
    shaped = [code.run(ask.site, repository, row) for row in page.rows]
    return paged(page, {"total_count": len(rows), "workflow_runs": shaped})


def jobs(ask: Ask) -> Answer:
    """List the jobs of a run: of its latest attempt, or of all with `filter=all`."""
    repository = ask.repository()
    row = _run(ask, repository)
    rows = chosen(ask, JOBS, repository, "id")
    if ask.query.get("filter", "latest") == "latest":
        rows = [job for job in rows if job["run_attempt"] == row["run_attempt"]]
    page = numbered(rows, ask.pairs, ask.address(repository), None)
    shaped = [code.job(ask.site, repository, job) for job in page.rows]
    return paged(page, {"total_count": len(rows), "jobs": shaped})


def stargazers(ask: Ask) -> Answer:
    """List who starred; when they did only with the media type star+json.

    docs.github.com, List stargazers: custom media types.
    """
    return answer_list(ask, TIMED_STARS if STAR_JSON in ask.accept else STARS)


def events(ask: Ask) -> Answer:
    answer = answer_list(ask, EVENTS)
    headers = {**answer.headers, "X-Poll-Interval": _POLL_SECONDS}
    return Answer(content=answer.content, headers=headers)


def contributors(ask: Ask) -> Answer:
    """List who committed; 204 where nobody did (the OpenAPI description)."""
    repository = ask.repository()
    if repository.is_empty:
        return Answer(status=204)
    rows = repository.tables["commits"].rows.values()
    counted = Counter(row["author"] for row in rows).most_common()
    page = numbered(counted, ask.pairs, ask.address(repository), None)
    users = [(ask.site.user(login), number) for login, number in page.rows]
    return paged(page, [{**(u or {}), "contributions": n} for u, n in users])


def collaborators(ask: Ask) -> Answer:
    repository = ask.repository()
    ask.need_login()
    if not ask.pushes(repository):
        message = "Must have push access to view repository collaborators."
        docs = "/collaborators/collaborators#list-repository-collaborators"
        raise Refused(403, message, docs=docs)
    names = ask.world.members
    page = numbered(list(names), ask.pairs, ask.address(repository), None)
    shaped = [_collaborator(ask, login, names[login]) for login in page.rows]
    return paged(page, shaped)


def activity(ask: Ask) -> Answer:
    """Give a year of weeks; before that 202 while they are counted.

    docs.github.com, REST API endpoints for repository statistics: a first request
    starts the counting and is answered with 202; ask again after a moment.
    """
    repository = ask.repository()
    asked = ask.world.statistics
    asked[repository.id] += 1
    if asked[repository.id] <= ask.knobs.statistics_asks:
        return Answer(status=202, content={})
    counted = Counter(
        moment_of(row["committed_at"]).date()
        for row in repository.tables["commits"].rows.values()
    )
    today = ask.now.date()
    sunday = today - timedelta(days=(today.weekday() + 1) % 7)
    weeks = []
    for number in range(51, -1, -1):
        begin = sunday - timedelta(weeks=number)
        days = [counted[begin + timedelta(days=day)] for day in range(7)]
        at = int(datetime.combine(begin, time(), UTC).timestamp())
        weeks.append({"days": days, "total": sum(days), "week": at})
    return Answer(content=weeks)


def views(ask: Ask) -> Answer:
    return _traffic(ask, "views", most=90)


def clones(ask: Ask) -> Answer:
    return _traffic(ask, "clones", most=25)


def popular_paths(ask: Ask) -> Answer:
    repository = _with_traffic(ask)
    path = f"/{repository.full_name}"
    counts = {"count": 320, "uniques": 41}
    return Answer(content=[{"path": path, "title": repository.name, **counts}])


def popular_referrers(ask: Ask) -> Answer:
    _with_traffic(ask)
    return Answer(content=[{"referrer": "Google", "count": 44, "uniques": 9}])


def _traffic(ask: Ask, kind: str, *, most: int) -> Answer:
    """Give 14 days, as days or as weeks from Monday (docs.github.com, Traffic)."""
    repository = _with_traffic(ask)
    today = datetime.combine(ask.now.date(), time(), UTC)
    summed: dict[datetime, Counter[str]] = {}
    for ago in range(_DAYS_OF_TRAFFIC - 1, -1, -1):
        day = today - timedelta(days=ago)
        dice = Dice(kind, repository.id, day.date())
        count = dice.between(0, most)
        begin = day
        if ask.query.get("per") == "week":
            begin = day - timedelta(days=day.weekday())
        numbers = {"count": count, "uniques": dice.between(0, count)}
        summed.setdefault(begin, Counter()).update(numbers)
    keys = ("count", "uniques")
    totals = {key: sum(found[key] for found in summed.values()) for key in keys}
    rows = [
        {"timestamp": stamp(begin), **{key: found[key] for key in keys}}
        for begin, found in summed.items()
    ]
    return Answer(content={**totals, kind: rows})


def _with_traffic(ask: Ask) -> Repository:
    repository = ask.repository()
    ask.need_login()
    if not ask.pushes(repository):
        docs = "/metrics/traffic"
        raise Refused(403, "Must have push access to repository", docs=docs)
    return repository


def numbered_issue(ask: Ask, repository: Repository) -> Row:
    number = int(ask.found["n"])
    row = repository.by_number.get(number)
    if number in repository.deleted:
        # docs.github.com, Get an issue: 410 for one that was deleted.
        raise Refused(410, "This issue was deleted", docs="/issues/issues#get-an-issue")
    if row is None:
        raise not_found("/issues/issues#get-an-issue")
    return row


def _run(ask: Ask, repository: Repository) -> Row:
    row = repository.tables["runs"].rows.get(int(ask.found["n"]))
    if row is None:
        raise not_found("/actions/workflow-runs#get-a-workflow-run")
    return row


def _collaborator(ask: Ask, login: str, role: str) -> dict[str, Any]:
    is_admin = role == "admin"
    names = ("admin", "maintain", "push", "triage", "pull")
    grants = {name: is_admin or name in names[2:] for name in names}
    shaped = {**(ask.site.user(login) or {}), "permissions": grants}
    return {**shaped, "role_name": "admin" if is_admin else "write"}
