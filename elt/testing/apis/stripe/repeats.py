"""Requests made twice: an Idempotency-Key (docs.stripe.com: Idempotent requests)."""

from __future__ import annotations

from dataclasses import dataclass, field

from elt.testing.apis.stripe import errors

KEPT_SECONDS = 86400  # "after they're at least 24 hours old" keys may be removed
LONGEST = 255


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to which request, and when."""

    asked: tuple[str, str, bytes]
    status: int
    body: bytes
    request_id: str
    at: float


@dataclass(slots=True)
class Repeats:
    """Answers by key; only those of requests that were begun to be carried out."""

    _answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def of(
        self, space: str, key: str, asked: tuple[str, str, bytes], now: float
    ) -> Answer | None:
        """Give the first answer. Raises Refused where something else was asked."""
        if len(key) > LONGEST:
            said = f"Idempotency keys are at most {LONGEST} characters long."
            raise errors.Refused(400, said, kind="idempotency_error")
        found = self._answers.get((space, key))
        if found is None or found.at + KEPT_SECONDS <= now:
            return None
        if found.asked != asked:
            raise errors.other_parameters(key)
        return found

    def keep(self, space: str, key: str, answer: Answer) -> None:
        self._answers[space, key] = answer
