"""The stripe tap.

    python -m elt.taps.stripe --config config.json --discover

The first read lists everything, in windows of creation time. Later ones ask
`/v1/events` which objects have changed, and for each of those once; what is new comes
from its list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

from elt.errors import ConfigError
from elt.remote.pace import Pace
from elt.taps.rest.api import Api
from elt.taps.rest.marks import UNIX_SECONDS, Cursor
from elt.taps.rest.problems import Refused
from elt.taps.rest.reading import Chunk, Reading, Shape
from elt.taps.rest.settings import raised_by, reach_of
from elt.taps.rest.stream import RestStream
from elt.taps.rest.tap import RestTap
from elt.taps.rest.vendor import Fixed
from elt.taps.stripe.account import Account
from elt.taps.stripe.columns import ACCOUNTS, DELETED_AT, SECONDS
from elt.taps.stripe.options import (
    ALL,
    OWN,
    SETTINGS,
    URL,
    Options,
    key_of,
    options_of,
)
from elt.taps.stripe.reading import Reader
from elt.taps.stripe.rows import known
from elt.taps.stripe.streams import STREAMS, Stream, has_deletes, listed
from elt.taps.stripe.vendor import VENDOR

ACCOUNT_FIELD = "stripe_account"


class StripeTap(RestTap):
    name = "tap-stripe"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS

    @classmethod
    def further_flaws(cls, config: Mapping[str, Any]) -> Iterable[ConfigError]:
        return raised_by(lambda: key_of(config))

    def make_api(self) -> Api:
        key = key_of(self.config)
        version = {"Stripe-Version": self._options.version}
        return Api(
            VENDOR,
            reach_of(self.config, URL, headers=version),
            Fixed({"Authorization": f"Bearer {key}"}, (key,)),
            pace=Pace(self._options.requests_per_second),
            logger=self.logger,
        )

    def rest_streams(self) -> Sequence[RestStream]:
        found = [self._stream(stream) for stream in STREAMS]
        properties = _nullable_but_keys(ACCOUNTS, ("id",))
        accounts = Shape(name="accounts", key=("id",), properties=properties)
        return [*found, self.stream(accounts, self._read_accounts)]

    def _stream(self, stream: Stream) -> RestStream:
        is_told = bool(listed(stream).events)
        columns: dict[str, Any] = dict(stream.columns)
        key = stream.key
        if is_told:
            columns["updated"] = SECONDS
        if has_deletes(stream):
            columns["_sdc_deleted_at"] = DELETED_AT
        if self._options.account_ids:
            columns[ACCOUNT_FIELD] = {"type": ["string", "null"]}
            key = (ACCOUNT_FIELD, *key)
        shape = Shape(
            name=stream.name,
            key=key,
            properties=_nullable_but_keys(columns, key),
            cursor=Cursor("updated" if is_told else "created", UNIX_SECONDS),
            part_field=ACCOUNT_FIELD,
            tells_reached=True,
        )
        reader = Reader(
            stream=stream,
            options=self._options,
            accounts=lambda: self._accounts,
            run=self.run,
            logger=self.logger,
        )
        return self.stream(shape, reader.read)

    @property
    def _options(self) -> Options:
        return options_of(self.config)

    @cached_property
    def _accounts(self) -> list[Account]:
        """Find whose data to read, in the order of the setting."""
        asked = self._options.account_ids
        if not asked:
            return [Account(self.api)]
        found: dict[str, Account] = {}
        for name in asked:
            if name == OWN:
                own = str(known(Account(self.api).own()).id)
                found.setdefault(own, Account(self.api, own))
            elif name == ALL:
                for account in self._all_connected():
                    found.setdefault(account.id, account)
            else:
                found.setdefault(name, self._connected(name))
        return list(found.values())

    def _all_connected(self) -> Iterator[Account]:
        platform = Account(self.api)
        for page in platform.pages(platform.list("accounts", {})):
            yield from (self._connected(str(known(row).id)) for row in page.records)

    def _connected(self, key: str) -> Account:
        return Account(self.api, key, {"Stripe-Account": key})

    def _read_accounts(self, reading: Reading) -> Iterator[Chunk]:
        """Read the key's own account, and those connected to it.

        Raises NotReadable where either may not be read: a part of them would be taken
        for the whole.
        """
        del reading
        platform = Account(self.api)
        yield Chunk(records=[platform.own()])
        try:
            for page in platform.pages(platform.list("accounts", {})):
                yield Chunk(records=page.records)
        except Refused as error:
            # One that is no platform may be told that it has no accounts to list.
            self.logger.info("no connected accounts: %s", error)


def _nullable_but_keys(columns: Mapping[str, Any], key: Sequence[str]) -> Any:
    """Say that a row has its key, and may lack everything else."""
    return {**columns, **{name: {"type": "string"} for name in key}}
