"""One account of Stripe: its lists, a page at a time, and its objects one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from msgspec import Raw

from elt.taps.rest.ahead import pages, read_at, side_by_side
from elt.taps.rest.api import Api
from elt.taps.rest.calls import Answer, Call, Params
from elt.taps.rest.envelopes import fields, value_at
from elt.taps.rest.paging import Page, after_last
from elt.taps.rest.problems import NotReadable, Refused
from elt.taps.stripe.plan import Stretch

PAGE = 100  # the most that a list gives at once (docs.stripe.com: Pagination)
_NOT_FOUND = 404
# What Stripe says then (estuary/connectors, source-stripe-native).
_AGED_OUT = "aged out of our retention policy"
_MISSING = "(resource_missing)"
_read = read_at("data")
_following = after_last("starting_after")


@dataclass(frozen=True, slots=True)
class Account:
    """`id` is empty where the key's own account is the only one that is read."""

    api: Api
    id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, str]:
        """Give what its rows carry of it."""
        return {"stripe_account": self.id} if self.id else {}

    def list(self, path: str, params: Params) -> Call:
        asked = {**params, "limit": PAGE}
        return Call(path=f"/v1/{path}", params=asked, headers=self.headers)

    def pages(
        self, call: Call, *, by: str = "", behind: Page | None = None
    ) -> Iterator[Page]:
        """Read a list from a call on, the newest first.

        The next page begins behind the last row of one, so that rows which are added
        meanwhile move nothing. Where that row is deleted meanwhile, a list that can be
        filtered goes on from its time: `by` is the field that has it, `behind` the
        page before the first. A list of events ends where Stripe has meanwhile
        forgotten the one to go on from.
        """
        last = behind
        try:
            for page in pages(self.api, call, _read, _following):
                last = page
                yield page
        except (NotReadable, Refused) as error:
            if _AGED_OUT in error.what:
                return
            again = _from_time(call, last, by) if is_missing(error) else None
            if again is None:
                raise
            yield from self.pages(again, by=by)

    def first_page(self, call: Call) -> tuple[Page, Call | None]:
        """Ask for one page, and say what asks for the one behind it."""
        page = self.api.ask(call, _read)
        return page, _following(call, page)

    def own(self) -> Raw:
        """Ask for the account itself. Raises NotReadable."""
        return self.api.ask(Call(path="/v1/account", headers=self.headers), _whole)

    def one(self, path: str, key: str, expand: Iterable[str] = ()) -> Raw | None:
        """Ask for an object; None where there is none any more."""
        call = Call(
            path=f"/v1/{path}/{quote(key, safe='')}",
            params={"expand[]": list(expand)} if expand else {},
            headers=self.headers,
            also=frozenset({_NOT_FOUND}),
        )
        return self.api.ask(
            call, lambda answer: None if answer.status == _NOT_FOUND else _whole(answer)
        )

    def many(
        self, path: str, keys: Iterable[str], expand: Iterable[str] = ()
    ) -> Iterator[tuple[str, Raw | None]]:
        """Ask for objects side by side."""
        most = self.api.reach.concurrency
        return side_by_side(lambda key: self.one(path, key, expand), keys, most=most)


def is_missing(error: NotReadable | Refused) -> bool:
    """Say whether an object that a request named is not there (any more)."""
    return _MISSING in error.what


def _from_time(call: Call, last: Page | None, by: str) -> Call | None:
    """Ask for what is no younger than the last row; None where that is not known."""
    moment = value_at(last.records[-1], [by]) if last and last.records and by else None
    if not isinstance(moment, int):
        return None
    kept = {name: v for name, v in call.params.items() if name != "starting_after"}
    return replace(call, params={**kept, "created[lt]": moment + 1})


def _whole(answer: Answer) -> Raw:
    fields(answer.body)  # which breaks where the JSON does
    return Raw(answer.body)


def created(stretch: Stretch) -> dict[str, int]:
    """Write a stretch of time as the filter that lists have."""
    bounds = {"created[gte]": stretch.start, "created[lt]": stretch.end}
    return {name: bound for name, bound in bounds.items() if bound is not None}
