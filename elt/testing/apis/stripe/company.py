"""What Stripe would know of the made-up company on the day of the clock.

Each thing happens once, at a moment that only the seed decides, so that reading
earlier or more often changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from elt.testing.apis.stripe import invoices, payments, subscriptions
from elt.testing.apis.stripe.blanks_billing import ADDRESS
from elt.testing.apis.stripe.founding import drop_coupon, found
from elt.testing.apis.stripe.space import Space
from elt.testing.apis.stripe.subscriptions import Part
from elt.testing.apis.stripe.tables import Object
from elt.testing.dice import Dice
from elt.testing.lives import FOUNDED, Account, Period, accounts
from elt.testing.traces import DAYS_TO_PAY, Invoice
from elt.testing.traces import invoices as invoices_of

GIVEN_UP_DAYS = 30  # after it was due
PLANNED_DAYS = 30  # ahead, because planning costs a tenth of a second
FORGOTTEN_DAYS = 90  # after the customer went, where they asked for it


@dataclass(frozen=True, slots=True)
class _Happening:
    at: int
    number: int
    do: Callable[..., object]


class Company:
    """The company's life in its account, lived up to a moment."""

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._seed = seed
        self._lived = 0
        self._planned_for = date.min
        self._coming: list[_Happening] = []

    def live(self, until: datetime) -> None:
        """Let happen what happens up to a moment."""
        if until.date() > self._planned_for:
            self._plan(until.date() + timedelta(days=PLANNED_DAYS))
        now = int(until.timestamp())
        while self._coming and self._coming[-1].at <= now:
            happening = self._coming.pop()
            happening.do(at=happening.at)
        self._lived = max(self._lived, now)

    def _plan(self, day: date) -> None:
        """Gather what is still to come up to the end of a day, the next one last."""
        found = [h for h in self._happenings(day) if h.at > self._lived]
        # Python's sort keeps the order of what one customer does at one moment.
        found.sort(key=lambda h: (h.at, h.number))
        self._coming = found[::-1]
        self._planned_for = day

    def _happenings(self, day: date) -> Iterator[_Happening]:
        space = self._space
        yield _Happening(_at(FOUNDED, 8), 0, partial(found, space))
        yield _Happening(_at(date(2025, 2, 3), 8), 0, partial(drop_coupon, space))
        for account in accounts(self._seed, day):
            if account.periods and account.decided_on <= day:
                billed = list(invoices_of(self._seed, account, day))
                life = _Life(space, self._seed, account)
                for at, do in life.happenings(billed):
                    yield _Happening(at, account.number, do)
        monday = FOUNDED + timedelta(days=-FOUNDED.weekday() % 7)
        while monday <= day:
            do = partial(payments.pay_out, space)
            yield _Happening(_at(monday, 6), 0, do)
            arrives = _at(monday + timedelta(days=2), 8)
            yield _Happening(arrives, 0, partial(_arrive, space, _at(monday, 6)))
            monday += timedelta(days=7)


Event = tuple[int, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class _Life:
    """One customer's life in the account."""

    space: Space
    seed: int
    account: Account

    @property
    def customer(self) -> str:
        return self.space.id_of("customer", self.account.id)

    @property
    def subscription(self) -> str:
        return self.space.id_of("subscription", self.account.id)

    def happenings(self, billed: list[Invoice]) -> Iterator[Event]:
        began = self._at(self.account.decided_on)
        yield began, self._begin
        dice = Dice(self.seed, "stripe", self.account.number)
        if dice.chance(0.3):
            day = self.account.decided_on + timedelta(days=dice.between(20, 300))
            yield self._at(day) + 5 * 3600, partial(self._move, dice)
        last = self.account.periods[0]
        for bill in billed:
            period = self.account.period_on(bill.issued_on) or last
            yield from self._month(bill, period, is_new=period != last)
            last = period
        yield from self._leave()

    def _month(self, bill: Invoice, period: Period, *, is_new: bool) -> Iterator[Event]:
        at = self._at(bill.issued_on)
        if bill.issued_on != self.account.decided_on:
            yield at, partial(self._renew, period if is_new else None)
        yield at, partial(self._bill, bill)
        yield at + 3600, partial(self._finalize, bill)
        if bill.paid_on is None:
            days = DAYS_TO_PAY + GIVEN_UP_DAYS
            given_up = self._at(bill.issued_on + timedelta(days=days))
            yield given_up, partial(self._give_up, bill)
            return
        paid = self._at(bill.paid_on) + 5 * 3600
        yield paid, partial(self._pay, bill)
        yield from self._after(bill, paid)

    def _after(self, bill: Invoice, paid: int) -> Iterator[Event]:
        dice = Dice(self.seed, "stripe", bill.id)
        day = subscriptions.DAY
        if dice.chance(0.02):
            yield paid + 3 * day, partial(self._refund, bill, dice.pick((2, 4, 1)))
        elif dice.chance(0.006):
            yield paid + 10 * day, partial(self._dispute, bill)
            status = dice.pick(("won", "lost"))
            yield paid + 35 * day, partial(self._close_dispute, bill, status)

    def _leave(self) -> Iterator[Event]:
        if self.account.ends_on is None:
            return
        at = self._at(self.account.ends_on)
        yield at, self._cancel
        if self.account.number % 4 == 0:
            yield at + FORGOTTEN_DAYS * subscriptions.DAY, self._forget

    def _at(self, day: date) -> int:
        # A second of its own within the hour, so that few things happen at once.
        return _at(day, 9) + self.account.number * 37 % 3600

    def _begin(self, *, at: int) -> None:
        account, person = self.account, self.account.people[0]
        address = {"city": account.city, "country": account.country}
        fields = {
            "address": ADDRESS | address,
            "currency": "eur",
            "description": person.name,
            "email": person.email,
            "invoice_prefix": f"KC{account.number:06}",
            "metadata": {"crm_account_id": account.id},
            "name": account.name,
        }
        self.space.create("customer", fields, at=at, key=self.customer)
        more = {
            "collection_method": "send_invoice",
            "days_until_due": DAYS_TO_PAY,
            "metadata": {"crm_account_id": account.id},
        }
        subscriptions.subscribe(
            self.space,
            self.customer,
            _parts(self.space, account.periods[0]),
            at=at,
            key=self.subscription,
            more=more,
        )

    def _move(self, dice: Dice, *, at: int) -> None:
        if self.space.store.find("customer", self.customer):
            changes = {"phone": f"+351 555 {dice.between(0, 9999):04}"}
            self.space.change("customer", self.customer, changes, at=at)

    def _renew(self, period: Period | None, *, at: int) -> None:
        if not self._is_on():
            return
        if period is not None:
            wanted = _parts(self.space, period)
            old = subscriptions.parts_of(self.space, self.subscription)
            parts = [
                Part(new.price, new.quantity, was.id)
                for new, was in zip(wanted, old, strict=False)
            ]
            subscriptions.exchange(self.space, self.subscription, parts, at=at)
        subscriptions.renew(self.space, self.subscription, at=at)

    def _is_on(self) -> bool:
        row = self.space.store.find("subscription", self.subscription)
        return row is not None and row["status"] == "active"

    def _bill(self, bill: Invoice, *, at: int) -> None:
        row = self.space.store.find("subscription", self.subscription)
        if row is not None and row["status"] == "active":
            key = self._invoice_id(bill)
            invoices.bill(self.space, row, at=at, key=key)

    def _finalize(self, bill: Invoice, *, at: int) -> None:
        row = self._invoice(bill, "draft")
        if row is not None:
            invoices.finalize(self.space, row, at=at)

    def _pay(self, bill: Invoice, *, at: int) -> None:
        row = self._invoice(bill, "open")
        if row is not None:
            invoices.pay(self.space, row, at=at)

    def _give_up(self, bill: Invoice, *, at: int) -> None:
        row = self._invoice(bill, "open")
        if row is not None:
            invoices.give_up(self.space, row, at=at)

    def _refund(self, bill: Invoice, share: int, *, at: int) -> None:
        charge = self._charge(bill)
        if charge is not None and not charge["amount_refunded"]:
            amount = charge["amount"] // share
            more = {"reason": "requested_by_customer"}
            payments.refund(self.space, charge, amount, at=at, more=more)

    def _dispute(self, bill: Invoice, *, at: int) -> None:
        charge = self._charge(bill)
        if charge is not None and not charge["amount_refunded"]:
            payments.dispute(self.space, charge, at=at)

    def _close_dispute(self, bill: Invoice, status: str, *, at: int) -> None:
        charge = self._charge(bill)
        if charge is not None:
            for row in self.space.store.named("dispute", "charge", charge["id"]):
                payments.close_dispute(self.space, row, status, at=at)

    def _cancel(self, *, at: int) -> None:
        if self._is_on():
            subscriptions.cancel(self.space, self.subscription, at=at)

    def _forget(self, *, at: int) -> None:
        if self.space.store.find("customer", self.customer):
            self.space.delete("customer", self.customer, at=at)

    def _invoice_id(self, bill: Invoice) -> str:
        return self.space.id_of("invoice", bill.id)

    def _invoice(self, bill: Invoice, status: str) -> Object | None:
        row = self.space.store.find("invoice", self._invoice_id(bill))
        return row if row is not None and row["status"] == status else None

    def _charge(self, bill: Invoice) -> Object | None:
        row = self._invoice(bill, "paid")
        key = row["_charge"] if row is not None else None
        return self.space.store.find("charge", key) if key else None


def _at(day: date, hour: int) -> int:
    return int(datetime.combine(day, time(hour), UTC).timestamp())


def _parts(space: Space, period: Period) -> list[Part]:
    base = space.id_of("price", f"{period.plan}/base")
    seat = space.id_of("price", f"{period.plan}/seat")
    return [Part(base), Part(seat, period.seats)]


def _arrive(space: Space, sent: int, *, at: int) -> None:
    key = space.id_of("payout", f"automatic/{sent}")
    if space.store.find("payout", key):
        payments.arrive(space, key, at=at)
