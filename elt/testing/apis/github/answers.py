"""Answers, and the refusals in GitHub's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from elt.testing.apis.troubles import Says

DOCS = "https://docs.github.com/rest"
# The four marks of a public answer, as recorded in octokit/fixtures.
TOO_DEEP = (
    "In order to keep the API fast for everyone, pagination is limited for this "
    "resource. Check the rel=last link relation in the Link response header to see "
    "how far back you can traverse."
)
ONLY_FIRST = "Only the first {most} results are available."
USE_CURSORS = (
    "Pagination with the page parameter is not supported for large datasets, please "
    "use cursor based pagination (after/before)"
)
TOO_OFTEN = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you "
    "try again."
)
NO_AGENT = (
    "\r\nRequest forbidden by administrative rules. Please make sure your request has "
    "a User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-"
    "rest-api#user-agent-required). Check https://developer.github.com for other "
    "possible causes.\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered; a text is sent as it is, None without a body."""

    status: int = 200
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    changed_at: str | None = None  # for Last-Modified


class Refused(Exception):
    """A request that is not answered as it was meant."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        docs: str = "",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        content = {"message": message, **more}
        content |= {"documentation_url": DOCS + docs, "status": str(status)}
        self.answer = Answer(status=status, content=content, headers=headers or {})


def not_found(docs: str = "") -> Refused:
    """Say that there is nothing, also where there is and it may not be seen.

    docs.github.com, Troubleshooting the REST API: 404 for private resources.
    """
    return Refused(404, "Not Found", docs=docs)


def invalid(resource: str, name: str, value: object, docs: str) -> Refused:
    """Say which field is wrong (octokit/fixtures, errors: code, field, resource)."""
    error = {"value": value, "resource": resource, "field": name, "code": "invalid"}
    return Refused(422, "Validation Failed", errors=[error], docs=docs)


def missing(resource: str, name: str, docs: str) -> Refused:
    error = {"resource": resource, "field": name, "code": "missing_field"}
    return Refused(422, "Validation Failed", errors=[error], docs=docs)


def moved(location: str, *, again: bool) -> Answer:
    """Lead to the numeric address; `again` asks for the same method (307).

    octokit/fixtures, rename-repository; docs.github.com, Best practices: redirects.
    """
    message = "Temporary Redirect" if again else "Moved Permanently"
    content = {
        "message": message,
        "url": location,
        "documentation_url": "https://docs.github.com/v3/#http-redirects",
    }
    status = 307 if again else 301
    return Answer(status=status, content=content, headers={"Location": location})


def blocked(since: str) -> Answer:
    """Say that a repository was taken down (github/rest-api-description#3314)."""
    place = "https://github.com/github/dmca/blob/master/2025/notice.md"
    block = {"reason": "dmca", "created_at": since, "html_url": place}
    content = {"message": "Repository access blocked", "block": block}
    return Answer(status=451, content=content)


def too_often(*, retry_after: int | None = 60, status: int = 403) -> Says:
    """Give a secondary limit's answer, as a trouble to plan.

    Without `retry_after` there is nothing to go by but the text
    (hub4j/github-api#2009).
    """
    docs = "https://docs.github.com/free-pro-team@latest/rest/overview/"
    docs += "rate-limits-for-the-rest-api#about-secondary-rate-limits"
    body = f'{{"documentation_url": "{docs}", "message": "{TOO_OFTEN}"}}'
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return Says(status, body, headers)


def timed_out() -> Answer:
    """Give up after ten seconds (MeltanoLabs/tap-github#52: 502 for large pages)."""
    return Answer(status=502, content={"message": "Server Error"})
