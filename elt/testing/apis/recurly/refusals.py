"""What Recurly says no with: `{"error": {"type", "message", "params"}}`.

The types are those of the specification's `ErrorTypeEnum`; a status belongs to each as
in the class tree of Recurly's own clients (recurly-client-python, errors.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """An answer that is an error; `params` are pairs of parameter and message."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error: dict[str, Any] = {"type": kind, "message": message}
        if params:
            error["params"] = [{"param": p, "message": why} for p, why in params]
        self.body = {"error": {**error, **(more or {})}}


def bad_request(message: str, param: str = "") -> Refused:
    """400: the specification's "Invalid or unpermitted parameter"."""
    params = [(param, message)] if param else []
    return Refused(400, "bad_request", message, params=params)


def invalid(params: Sequence[tuple[str, str]]) -> Refused:
    """422: what was sent is well formed and cannot be done."""
    message = ", ".join(f"{_titled(param)} {why}" for param, why in params)
    return Refused(422, "validation", message, params=params)


def missing(word: str, key: str, param: str = "id") -> Refused:
    """404: there is no such thing."""
    how, dash, value = key.partition("-")
    named = f"{how} = {value}" if dash else f"id = {key}"
    message = f"Couldn't find {word} with {named}"
    return Refused(404, "not_found", message, params=[(param, "not found")])


def _titled(param: str) -> str:
    return param.replace("_", " ").capitalize()
