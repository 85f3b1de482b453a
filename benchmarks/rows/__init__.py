"""What is measured, by name: each takes a Bench and gives lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pairs import Bench
from results import Result

from rows.api import api
from rows.bad_row import bad_row
from rows.commands import help_, models
from rows.events import events, events_beside_models
from rows.many import plans, steps
from rows.memory import memory
from rows.past import past
from rows.peers import peers
from rows.streams import streams
from rows.target import stock_tap, stock_target, target
from rows.upserts import upserts
from rows.wide import wide

Row = Callable[[Bench], Iterator[Result]]

ROWS: dict[str, Row] = {
    "events": events,
    "events-dbt": events_beside_models,
    "target": target,
    "stock-target": stock_target,
    "stock-tap": stock_tap,
    "upserts": upserts,
    "memory": memory,
    "streams": streams,
    "wide": wide,
    "bad-row": bad_row,
    "api": api,
    "peers": peers,
    "help": help_,
    "models": models,
    "steps": steps,
    "plans": plans,
    "past": past,
}
