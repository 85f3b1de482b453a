"""No, in HubSpot's words: the shapes of its errors.

HubSpot, Error handling: every field but `message` may be missing, and they differ from
one API to the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.hubspot.kinds import PORTAL_ID

_SCOPES = "https://developers.hubspot.com/scopes"


class Refused(Exception):
    """An answer other than the one that was asked for."""

    def __init__(
        self,
        status: int,
        message: str,
        category: str | None = "VALIDATION_ERROR",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})
        self.more = {**more, "category": category}

    def body(self, correlation_id: str) -> dict[str, Any]:
        said = {"status": "error", "message": self.message}
        more = {name: value for name, value in self.more.items() if value is not None}
        return {**said, "correlationId": correlation_id, **more}


class RefusedAsText(Exception):
    """An answer from before HubSpot's own servers: not JSON."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one property's value."""

    name: str
    code: str
    message: str
    value: str | None = None

    @property
    def is_about_the_property(self) -> bool:
        """Say whether no value at all would have been taken."""
        return self.code in {"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"}


def listed_text(problems: Iterable[Problem]) -> str:
    """Give the message that lists them all, as JSON in a sentence."""
    listed = [
        {
            "isValid": False,
            "message": problem.message,
            "error": problem.code,
            "name": problem.name,
            "localizedErrorMessage": problem.message,
            "portalId": PORTAL_ID,
        }
        for problem in problems
    ]
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return f"Property values were not valid: {text}"


def invalid_properties(problems: Iterable[Problem]) -> Refused:
    """HubSpot, Handling errors: 400, with every property that is wrong."""
    problems = list(problems)
    errors = [
        {
            "message": problem.message,
            "code": problem.code,
            "context": {"propertyName": [problem.name]},
        }
        for problem in problems
    ]
    return Refused(400, listed_text(problems), errors=errors)


def not_found(identifier: str, *, by: str | None = None) -> Refused:
    """Two shapes: of a number, and of what cannot be an id."""
    if by or (identifier.isascii() and identifier.isdigit()):
        return Refused(404, "resource not found", None)
    return Refused(
        404,
        "Object not found.  objectId are usually numeric.",
        "OBJECT_NOT_FOUND",
        context={"id": [identifier]},
    )


def conflict(singular: str, existing: int) -> Refused:
    """409 of a value that somebody else has."""
    label = singular.replace("_", " ").capitalize()
    return Refused(409, f"{label} already exists. Existing ID: {existing}", "CONFLICT")


def missing_scopes(scopes: Iterable[str]) -> Refused:
    """HubSpot, Handling errors: 403 of a CRM object."""
    error = {
        "message": "One or more of the following scopes are required.",
        "context": {"requiredGranularScopes": list(scopes)},
    }
    return Refused(
        403,
        "This app hasn't been granted all required scopes to make this call. Read more "
        f"about required scopes here: {_SCOPES}.",
        "MISSING_SCOPES",
        errors=[error],
        links={"scopes": _SCOPES},
    )


def missing_scopes_of_schemas(scopes: Iterable[str]) -> Refused:
    """403 of the schemas, recorded in amp-labs/connectors: another shape."""
    return Refused(
        403,
        "One or more of the following scopes are required.",
        "MISSING_SCOPES",
        context={"requiredGranularScopes": list(scopes), "links": [_SCOPES]},
    )


def invalid_json(why: str) -> Refused:
    return Refused(400, f"Invalid input JSON on line 1, column 1: {why}")
