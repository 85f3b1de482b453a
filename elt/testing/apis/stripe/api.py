"""A simulated Stripe.

stripe = Stripe(seed=7)
with served(stripe) as served_stripe:
    ...  # ask served_stripe.origin, with stripe.token
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from elt.testing.apis.clock import Clock
from elt.testing.apis.front import Front
from elt.testing.apis.stripe import bulk, payments
from elt.testing.apis.stripe.company import Company
from elt.testing.apis.stripe.endpoint import Endpoint
from elt.testing.apis.stripe.keys import NO_LIMITS, REAL, Key, Keys, Limits, Pace
from elt.testing.apis.stripe.repeats import Repeats
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.tables import Object
from elt.testing.apis.switches import Tokens

TODAY = datetime(2025, 6, 1, 12, tzinfo=UTC)
TOKEN = "sk_live_kettle"  # noqa: S105, it opens nothing but this
TEST_TOKEN = "sk_test_kettle"  # noqa: S105
OWN_ACCOUNT = "acct_kettle"


class Stripe:
    """The accounts of a platform, in live and in test mode.

    `version` is the accounts' default, in which events are rendered. `limits` are
    Stripe's: `NO_LIMITS`, or `limited=False`, for those who do not test them.
    `balance_lag` is how late an entry of the balance is seen.
    """

    name = "stripe"
    token = TOKEN

    def __init__(  # noqa: PLR0913, each is a knob
        self,
        *,
        seed: int = 7,
        clock: Clock | None = None,
        writes: Path | None = None,
        company: bool = True,
        limited: bool = True,
        version: str = "2024-06-20",
        limits: Limits = REAL,
        balance_lag: timedelta = timedelta(0),
    ) -> None:
        self.clock = clock or Clock(TODAY)
        self.version = version
        self.balance_lag = balance_lag
        self.between_pages: Callable[[], object] | None = None
        self.keys = Keys()
        self.keys.add(TOKEN)
        self.keys.add(TEST_TOKEN)
        self.pace = Pace(self.clock, limits if limited else NO_LIMITS)
        self.repeats = Repeats()
        self.locks: dict[str, int] = {}
        self._seed = seed
        self._spaces: dict[tuple[str, bool], Space] = {}
        self._open(OWN_ACCOUNT)
        self._company = Company(self.space(), seed) if company else None
        self.catch_up()
        methods = ["GET", "POST", "DELETE", "PUT", "PATCH"]
        routes = [Route("/{path:path}", Endpoint(self).answer, methods=methods)]
        app = Starlette(routes=routes)
        tokens = Tokens(self.keys.add, self.keys.expire)
        self.front = Front(app, self.clock, writes=writes, tokens=tokens)

    def space(self, account: str = OWN_ACCOUNT, *, live: bool = True) -> Space:
        return self._spaces[account, live]

    def has_account(self, account: str) -> bool:
        return (account, True) in self._spaces

    def catch_up(self) -> None:
        """Let the company live up to the clock."""
        if self._company is not None:
            self._company.live(self.clock.now())

    def add(
        self,
        kind: str,
        number: int = 1,
        *,
        to: Space | None = None,
        created: int | None = None,
        tells: bool = False,
        **fields: Any,
    ) -> list[str]:
        """Add objects; give their ids. See `bulk.add`."""
        space = to or self.space()
        return bulk.add(
            space, kind, number, created=created, tells=tells, fields=fields
        )

    def update(
        self, kind: str, key: str, changes: Object, *, account: str = OWN_ACCOUNT
    ) -> None:
        """Change an object as somebody at the dashboard does."""
        self.space(account).change(kind, key, changes)

    def delete(self, kind: str, key: str, *, account: str = OWN_ACCOUNT) -> None:
        self.space(account).delete(kind, key)

    def dispute(self, charge: str) -> str:
        """Let a cardholder dispute a charge; give the dispute's id."""
        row = self.space().store.tables["charge"].get(charge)
        if row is None:
            raise KeyError(charge)
        return str(payments.dispute(self.space(), row)["id"])

    def pay_out(self) -> str | None:
        """Make an automatic payout of what is available; give its id."""
        row = payments.pay_out(self.space())
        return str(row["id"]) if row else None

    def connect(self, account: str, **fields: Any) -> None:
        """Connect an account, whose data its own `Stripe-Account` header shows."""
        self._open(account)
        for live in (True, False):
            self.space(account, live=live).is_platform = False
            said = {"email": f"owner@{account}.example", **fields}
            self.space(live=live).create("account", said, key=account)

    def restrict(self, secret: str, permissions: Iterable[str]) -> Key:
        """Make a restricted key, `rk_live_...`, with names as `customer_read`."""
        return self.keys.add(secret, frozenset(permissions))

    def upgrade(self, version: str, *, account: str = OWN_ACCOUNT) -> None:
        """Move an account to another default version: later events have its shape."""
        for live in (True, False):
            self.space(account, live=live).version = version

    def lock(self, key: str, *, times: int = 1) -> None:
        """Let something else hold an object for so many requests."""
        self.locks[key] = times

    def hold_webhooks(self, *, hold: bool = True) -> None:
        """Let a webhook endpoint not answer: events are not delivered."""
        self.space().webhooks_answer = not hold

    def _open(self, account: str) -> None:
        for live in (True, False):
            self._spaces[account, live] = Space(
                account,
                live=live,
                version=self.version,
                clock=self.clock,
                seed=self._seed,
            )
        live_space, test_space = self.space(account), self.space(account, live=False)
        live_space.other_mode, test_space.other_mode = test_space, live_space
