"""What a caller may write: issues, comments, a repository's name."""

from __future__ import annotations

from typing import Any

from elt.testing.apis.github import bounds
from elt.testing.apis.github.answers import Answer, Refused, invalid, missing
from elt.testing.apis.github.asks import Ask
from elt.testing.apis.github.shapes import issues, places
from elt.testing.apis.github.singles import numbered_issue
from elt.testing.apis.github.tables import Repository, stamp

_ISSUES = "/issues/issues#create-an-issue"
_COMMENTS = "/issues/comments#create-an-issue-comment"


def open_issue(ask: Ask) -> Answer:
    """Open an issue. Labels, assignees and milestone need push access.

    docs.github.com, Create an issue: they are silently dropped otherwise.
    """
    repository = _writable(ask)
    body = _object(ask)
    title = _text(body, "title", "Issue", _ISSUES)
    known = ("labels", "assignees", "milestone") if ask.pushes(repository) else ()
    said: dict[str, Any] = {name: body[name] for name in known if name in body}
    row = ask.world.open_issue(
        repository,
        ask.token.login or "",
        ask.now,
        title=title,
        body=body.get("body"),
        **said,
    )
    ask.has_changed = True
    shaped = issues.issue(ask.site, repository, row)
    return Answer(status=201, content=shaped, headers={"Location": shaped["url"]})


def change_issue(ask: Ask) -> Answer:
    repository = _writable(ask)
    row, body = numbered_issue(ask, repository), _object(ask)
    if not (ask.pushes(repository) or row["user"] == ask.token.login):
        raise Refused(403, "Must have admin rights to Repository.", docs=_ISSUES)
    known = ("title", "body", "labels", "assignees", "milestone")
    values = {name: body[name] for name in known if name in body}
    wanted = body.get("state", row["state"])
    if wanted not in {"open", "closed"}:
        raise invalid("Issue", "state", wanted, "/issues/issues#update-an-issue")
    ask.world.change_issue(repository, row, ask.now, **values)
    if wanted != row["state"]:
        _turn(ask, repository, row, wanted, body.get("state_reason"))
    ask.has_changed = True
    return Answer(content=issues.issue(ask.site, repository, row))


def comment(ask: Ask) -> Answer:
    repository = _writable(ask)
    row = numbered_issue(ask, repository)
    said = _text(_object(ask), "body", "IssueComment", _COMMENTS)
    login = ask.token.login or ""
    made = ask.world.comment(repository, row, login, ask.now, body=said)
    ask.has_changed = True
    shaped = issues.comment(ask.site, repository, made)
    return Answer(status=201, content=shaped, headers={"Location": shaped["url"]})


def change_comment(ask: Ask) -> Answer:
    repository = _writable(ask)
    table = repository.tables["comments"]
    row = table.rows.get(int(ask.found["n"]))
    if row is None:
        raise Refused(404, "Not Found", docs=_COMMENTS)
    said = _text(_object(ask), "body", "IssueComment", _COMMENTS)
    table.update(row, {"body": said, "updated_at": stamp(ask.now)})
    ask.has_changed = True
    return Answer(content=issues.comment(ask.site, repository, row))


def change_repository(ask: Ask) -> Answer:
    """Rename a repository; its old name leads to it (octokit/fixtures)."""
    repository = ask.repository()
    ask.need_login()
    if not ask.permissions(repository)["admin"]:
        raise Refused(403, "Must have admin rights to Repository.", docs="/repos/repos")
    body = _object(ask)
    if "name" in body:
        ask.world.rename(repository, str(body["name"]), ask.now)
    if "has_issues" in body:
        repository.has_issues = bool(body["has_issues"])
    repository.description = body.get("description", repository.description)
    repository.updated_at = stamp(ask.now)
    ask.has_changed = True
    grants = ask.permissions(repository)
    return Answer(content=places.full_repository(ask.site, repository, grants))


def _turn(
    ask: Ask, repository: Repository, row: Any, state: str, reason: str | None
) -> None:
    login = ask.token.login or ""
    if state == "closed":
        reason = reason or "completed"
        ask.world.close_issue(repository, row, login, ask.now, reason=reason)
        return
    values = {"state": "open", "state_reason": "reopened", "closed_at": None}
    ask.world.change_issue(repository, row, ask.now, closed_by=None, **values)


def _writable(ask: Ask) -> Repository:
    ask.need_login()
    repository = ask.repository()
    bounds.has_issues(ask, repository)
    if not {"repo", "public_repo"} & ask.token.scopes:
        message = "Resource not accessible by personal access token"
        raise Refused(403, message, docs=_ISSUES)
    return repository


def _object(ask: Ask) -> dict[str, Any]:
    if not isinstance(ask.body, dict):
        raise Refused(400, "Body should be a JSON object", docs=_ISSUES)
    return ask.body


def _text(body: dict[str, Any], name: str, resource: str, docs: str) -> str:
    value = body.get(name)
    if not value:
        raise missing(resource, name, docs)
    if not isinstance(value, str):
        raise invalid(resource, name, value, docs)
    return value
