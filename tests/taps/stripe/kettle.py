"""Runs the tap against a simulated Stripe, at the time of its clock."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property

from taps.told import Told

from elt.errors import EltError
from elt.taps.rest.reading import Run
from elt.taps.rest.settings import moment_setting
from elt.taps.stripe.tap import StripeTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.serving import served
from elt.testing.apis.stripe.api import TOKEN, Stripe
from elt.testing.apis.stripe.keys import NO_LIMITS

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SECOND = int(NOW.timestamp())
DAY = 86_400
SLOW = 1e9  # requests a second, so that nothing waits


def company_less(**given):
    """Make a Stripe without limits, and without a company unless it is asked for."""
    return Stripe(
        **{"company": False, "limits": NO_LIMITS, "clock": Clock(NOW), **given}
    )


@contextmanager
def kettle(**given):
    with served(company_less(**given)) as stripe:
        yield stripe


def with_all(api):
    """Give a Stripe with a company what companies do not have every day."""
    api.connect("acct_shop")
    charge = next(iter(api.space().store.tables["charge"]))["id"]
    api.dispute(charge)
    for kind in ("refund", "transfer", "credit_note", "invoiceitem", "coupon"):
        api.add(kind, 2)


class Stage:
    """A server on which one Stripe after the other stands: its end takes a while."""

    name, token = "stage", TOKEN

    def __init__(self):
        self.clock = Clock(NOW)
        self.stripe = company_less()
        self.front = self

    async def __call__(self, scope, receive, send):
        await self.stripe.front(scope, receive, send)


def tap_at(now, sleep=None):
    """Make the tap's class with another clock than ours."""

    class At(StripeTap):
        def make_api(self):
            api = super().make_api()
            api._sleep = sleep or (lambda _: None)
            return api

        @cached_property
        def run(self):
            return Run(
                began_at=now,
                start=moment_setting(self.config, "start_date"),
                end=moment_setting(self.config, "end_date"),
            )

    return At


class KettleTold(Told):
    def by_id(self, stream):
        return {row["id"]: row for row in self.rows(stream)}

    def table(self, stream, key=("id",), before=None):
        """Give a table's rows by key as a loader would have them, over those before."""
        table = dict(before or {})
        for row in self.rows(stream):
            name = tuple(row[part] for part in key)
            table[name] = row
        return table


class Reads:
    """Reads a simulated Stripe with the tap; `stripe` is what is served."""

    def __init__(self, stripe, capsysbinary):
        self.stripe = stripe
        self._captured = capsysbinary

    def __call__(
        self,
        *streams,
        state=None,
        fails=None,
        may_end=False,
        full=(),
        sleep=None,
        **config,
    ):
        given = {
            "base_url": self.stripe.origin,
            "api_key": TOKEN,
            "requests_per_second": SLOW,
            **config,
        }
        tap = tap_at(self.stripe.api.clock.now(), sleep)(
            config=given, state=state, parse_env_config=False
        )
        for name, stream in tap.streams.items():
            stream.selected = not streams or name in streams
            stream._state_is_due = lambda: True
            if name in full:
                stream.forced_replication_method = "FULL_TABLE"
        self._captured.readouterr()
        error = None
        try:
            tap.sync_all()
        except EltError as caught:
            if fails is None or not isinstance(caught, fails):
                raise
            error = caught
        assert may_end or bool(error) == bool(fails)
        return KettleTold(self._captured.readouterr().out, error)

    def asked(self, path=""):
        """Give the requests so far of a path's beginning, and forget all."""
        requests = self.stripe.api.front.requests
        found = [each for each in requests if each.path.startswith(path)]
        requests.clear()
        return found

    def later(self, **by):
        self.stripe.api.clock.advance(timedelta(**by))
