"""What was asked: the parameters and the body of one call, or why it is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request

from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.portal import Portal
from elt.testing.apis.hubspot.refusals import Refused, invalid_json
from elt.testing.apis.kept import note_change
from elt.testing.apis.parameters import Parameter, Wrong, read
from elt.testing.apis.parameters import flag as true_or_false


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said; a `body` of None is no body."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, its body read."""

    portal: Portal
    request: Request
    content: bytes

    @property
    def origin(self) -> str:
        return str(self.request.base_url).rstrip("/")

    def path(self, name: str) -> str:
        return str(self.request.path_params[name])

    def kind(self, name: str = "kind") -> Kind:
        return self.portal.kind(self.path(name))

    def changed(self) -> None:
        note_change(self.request.scope)

    def query(self, declared: Sequence[Parameter]) -> dict[str, Any]:
        """Read the query. HubSpot names the parameter that it could not read.

        Of an unknown one HubSpot says nothing; here it is refused, because it is a
        misspelt one.
        """
        try:
            return read(self.request.query_params.multi_items(), declared)
        except Wrong as wrong:
            if wrong.why == "unknown":
                message = f"Unknown query parameter: {wrong.name}"
            else:
                message = f"Unable to parse value for query parameter: {wrong.name}"
            raise Refused(400, message) from None

    def json(self, known: Iterable[str]) -> dict[str, Any]:
        """Read the body: an object with no other keys than the known ones."""
        kind = self.request.headers.get("content-type", "")
        if "json" not in kind:
            raise Refused(415, "Unsupported Media Type", None)
        try:
            found = json.loads(self.content or b"{}")
        except ValueError:
            raise invalid_json("Unexpected character") from None
        return an_object(found, known)


def an_object(value: object, known: Iterable[str]) -> dict[str, Any]:
    """Take an object. Raises Refused for another value, or for an unknown key."""
    if not isinstance(value, dict):
        raise invalid_json("Cannot deserialize value from a token that is no object")
    known = set(known)
    for name in value:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise invalid_json(f'Unrecognized field "{name}", known are {listed}')
    return value


def flag(value: str) -> bool:
    """Take true or false; HubSpot's own client for Python writes `True`."""
    return true_or_false(value.lower())


def texts(value: object, name: str) -> list[str]:
    """Take a list of texts, or nothing."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise invalid_json(f"Cannot deserialize a list of strings: {name}")
    return value


def a_text(value: object, name: str) -> str | None:
    """Take a text, or nothing."""
    if value is not None and not isinstance(value, str):
        raise invalid_json(f"Cannot deserialize a string: {name}")
    return value


def end_of(value: object) -> str:
    """Take one end of a link: an object with an id."""
    return str(an_object(value, ("id",)).get("id", ""))


def a_number(value: object, name: str, *, usual: int) -> int:
    """Take a whole number, as a number or as a text of one."""
    if value is None:
        return usual
    if isinstance(value, bool) or not str(value).lstrip("-").isdigit():
        raise invalid_json(f"Cannot deserialize a number: {name}")
    return int(str(value))


def inputs(
    body: dict[str, Any], most: int, known: Iterable[str], *, of: str = ""
) -> list[dict[str, Any]]:
    """Take the inputs of a batch: HubSpot, Batch, takes at most `most`."""
    found = body.get("inputs")
    if not isinstance(found, list):
        raise Refused(400, "Some required fields were not set: [inputs]")
    if len(found) > most:
        raise Refused(
            400,
            f"The maximum number of inputs supported in a batch request{of} is {most}",
        )
    return [an_object(one, known) for one in found]
