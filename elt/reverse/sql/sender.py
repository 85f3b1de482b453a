"""Senders into tables: one connection, and one transaction for each batch."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from elt.reverse.destination import Change, Receipt, Route, Traits
from elt.reverse.sql.fitting import shape_of
from elt.reverse.sql.flaws import checks
from elt.reverse.sql.names import table_name
from elt.reverse.sql.session import AnswerLost, Session
from elt.reverse.sql.writing import Plan, write

DELIVERY = "at least once; rows are written by their key, a batch in one transaction"


class TableDestination:
    """What destinations of all databases share; each tells how to connect."""

    def __init__(
        self,
        connect: Callable[[], Session],
        *,
        may_create: bool,
        batch_size: int,
        is_local: bool,
    ) -> None:
        self._sender = TableSender(connect, may_create=may_create)
        self.traits = Traits(
            batch_size=batch_size, is_local=is_local, delivery=DELIVERY
        )

    def check(self) -> None:
        self._sender.check()

    def check_route(self, route: Route) -> None:
        table_name(route.object)

    def send(self, route: Route, changes: Sequence[Change]) -> list[Receipt]:
        return self._sender.send(route, changes)


class TableSender:
    """Connects when it has to, and again after whatever went wrong."""

    def __init__(self, connect: Callable[[], Session], *, may_create: bool) -> None:
        self._connect = connect
        self._may_create = may_create
        self._session: Session | None = None
        self._closing: weakref.finalize[[], TableSender] | None = None
        self._plans: dict[object, Plan] = {}

    def check(self) -> None:
        try:
            self._open().prove()
        except BaseException:
            self.close()
            raise

    def send(self, route: Route, changes: Sequence[Change]) -> list[Receipt]:
        """Write a batch; its receipts are the database's word after COMMIT."""
        try:
            session = self._open()
            plan = self._plan(session, route)
            session.begin()
            receipts = list(write(session, plan, changes))
            return self._committed(session, receipts)
        except BaseException:
            # Closing undoes what is not committed, whatever state it is in.
            self.close()
            raise

    def _committed(self, session: Session, receipts: list[Receipt]) -> list[Receipt]:
        try:
            session.commit()
        except AnswerLost as lost:
            self.close()
            return [
                Receipt(receipt.key, "unknown", lost.what)
                if receipt.status == "accepted"
                else receipt
                for receipt in receipts
            ]
        return receipts

    def close(self) -> None:
        self._session = None
        if self._closing is not None:
            self._closing()
            self._closing = None

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._connect()
            self._closing = weakref.finalize(self, self._session.close)
        return self._session

    def _plan(self, session: Session, route: Route) -> Plan:
        known = (route.object, route.key, route.mode, route.columns)
        if known not in self._plans:
            shape = shape_of(session, route, may_create=self._may_create)
            looks = checks(
                shape.fields, *session.extra_checks, row_bytes=session.row_bytes
            )
            self._plans[known] = Plan(shape, looks, route.mode)
        return self._plans[known]
