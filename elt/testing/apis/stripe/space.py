"""What one account has in one mode, and the events that its changes make."""

from __future__ import annotations

import contextlib
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from elt.testing.apis.clock import Clock
from elt.testing.apis.stripe.blanks import blank
from elt.testing.apis.stripe.kind import Kind
from elt.testing.apis.stripe.kinds import BY_NAME
from elt.testing.apis.stripe.rendering import Rendering, deleted
from elt.testing.apis.stripe.tables import Object, Store

EVENTS_SECONDS = 30 * 86400  # docs.stripe.com: Events, "in the last 30 days"


@dataclass(frozen=True, slots=True)
class Request:
    """The request that made an event; none where Stripe itself did."""

    id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """A change that makes an event: the object as it is and as it was shown."""

    type: str
    shown: Object
    before: Object | None
    at: int


class Space:
    """The objects of an account, live or test; `version` is the account's default."""

    def __init__(
        self, account: str, *, live: bool, version: str, clock: Clock, seed: object
    ) -> None:
        self.account = account
        self.live = live
        self.version = version
        self.clock = clock
        self.store = Store()
        self.request = Request()
        self.is_platform = True
        self.other_mode: Space | None = None
        self.webhooks_answer = True  # else events wait for their delivery
        self.currency = "eur"  # in which the balance is kept
        self._seed = f"{seed}/{account}/{live}"
        self._made = 0
        self._events: Counter[str] = Counter()

    def now(self) -> int:
        return int(self.clock.seconds())

    def id_of(self, kind: str, name: str | None = None) -> str:
        """Make an id: of a name always the same, else of a counter."""
        if name is None:
            self._made += 1
            name = f"made/{self._made}"
        return f"{BY_NAME[kind].prefix}_{self._digest(kind, name)}"

    def secret_of(self, key: str) -> str:
        return f"{key}_secret_{self._digest('secret', key)}"

    def create(
        self,
        kind: str,
        fields: Object,
        *,
        at: int | None = None,
        key: str | None = None,
        events: Sequence[str] = ("created",),
    ) -> Object:
        """Make an object of what differs from a blank one."""
        at = self.now() if at is None else at
        row = self.fresh(kind, fields, at=at, key=key or self.id_of(kind))
        self.store.tables[kind].add([row])
        self._tell(BY_NAME[kind], row["id"], events, before=None, at=at)
        return row

    def fresh(self, kind: str, fields: Object, *, at: int, key: str) -> Object:
        """Make an object, and put it nowhere yet."""
        return {"id": key, **blank(kind, live=self.live), BY_NAME[kind].created: at} | (
            fields
        )

    def change(
        self,
        kind: str,
        key: str,
        changes: Object,
        *events: str,
        at: int | None = None,
    ) -> Object:
        """Change an object; `events` are in the order in which they happen."""
        at = self.now() if at is None else at
        table = self.store.tables[kind]
        old = table.get(key)
        if old is None:
            raise KeyError(key)
        before = self._shown(old) if self._is_news(at) else None
        new = {**old, **changes}
        if new == old:
            return old
        table.set(key, new)
        verbs = events or ("updated",)
        self._tell(BY_NAME[kind], key, verbs, before=before, at=at)
        return new

    def delete(
        self, kind: str, key: str, *events: str, at: int | None = None
    ) -> Object:
        """Delete an object; its event shows it as it was (airbyte's issue #10153)."""
        at = self.now() if at is None else at
        table = self.store.tables[kind]
        row = table.get(key)
        if row is None:
            raise KeyError(key)
        self._tell(BY_NAME[kind], key, events or ("deleted",), before=None, at=at)
        table.delete(key)
        return deleted(row)

    @contextlib.contextmanager
    def watching(
        self, kind: str, key: str, *events: str, at: int | None = None
    ) -> Iterator[None]:
        """Make the events of an object that changes because what it shows does."""
        at = self.now() if at is None else at
        row = self.store.tables[kind].get(key)
        before = self._shown(row) if row and self._is_news(at) else None
        yield
        told = events or ("updated",)
        self._tell(BY_NAME[kind], key, told, before=before, at=at)

    def tell(self, kind: str, key: str, verb: str, *, at: int) -> None:
        """Make an event of an object that did not change."""
        self._tell(BY_NAME[kind], key, [verb], before=None, at=at)

    def _tell(
        self,
        kind: Kind,
        key: str,
        verbs: Sequence[str],
        *,
        before: Object | None,
        at: int,
    ) -> None:
        plain = {"created", "updated", "deleted"}
        told = [v for v in verbs if v not in plain or v in kind.verbs]
        if not told or not kind.event or not self._is_news(at):
            return
        row = self.store.tables[kind.name].get(key)
        if row is None:
            return
        shown = self._shown(row)
        for verb in told:
            happened = _Happened(
                type=verb if "." in verb else f"{kind.event}.{verb}",
                shown=shown,
                before=before,
                at=at,
            )
            self._add_event(happened)

    def _add_event(self, happened: _Happened) -> None:
        """Keep an event, in the account's version at this time.

        docs.stripe.com, Events: "rendered according to the API version at its
        creation", whatever later requests ask for (stripe/stripe-python#622).
        """
        data: Object = {"object": happened.shown}
        # API reference, The Event object: "only included in events of type *.updated".
        if happened.before is not None and happened.type.endswith(".updated"):
            changed = _changed(happened.before, happened.shown)
            if changed:
                data["previous_attributes"] = changed
        name = f"{happened.shown['id']}/{happened.type}/{happened.at}"
        self._events[name] += 1
        event = {
            "id": f"evt_{self._digest('event', f'{name}/{self._events[name]}')}",
            "object": "event",
            "api_version": self.version,
            "created": happened.at,
            "data": data,
            "livemode": self.live,
            "pending_webhooks": 0 if self.webhooks_answer else 1,
            "request": {
                "id": self.request.id,
                "idempotency_key": self.request.idempotency_key,
            },
            "type": happened.type,
            "_delivered": self.webhooks_answer,
        }
        if not self.is_platform:
            event["account"] = self.account
        self.store.tables["event"].add([event])

    def _is_news(self, at: int) -> bool:
        """Say whether anybody can still read of it."""
        return at > self.now() - EVENTS_SECONDS

    def _shown(self, row: Object) -> Object:
        return Rendering(self.store, self.version).show(row)

    def _digest(self, kind: str, name: str) -> str:
        text = f"{self._seed}/{kind}/{name}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def _changed(before: Object, after: Object) -> Object:
    """Give the old values of what changed, in hashes only of the changed names."""
    changed: dict[str, Any] = {}
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed[name] = _changed(old, new)
        else:
            changed[name] = old
    return changed
