"""The GitHub tap: repositories of organisations, of people and of a list.

python -m elt.taps.github --config config.json --discover
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, ClassVar

from elt.errors import ConfigError
from elt.taps.github import organizations
from elt.taps.github.asked import Lists
from elt.taps.github.history import CommitLists, StarLists
from elt.taps.github.lists import NewestLists, SinceLists, whole_lists
from elt.taps.github.parts import Account, each_repository, tell
from elt.taps.github.places import wanted_of
from elt.taps.github.runs import Above, BelowLists, RunLists
from elt.taps.github.streams import (
    STREAMS,
    Below,
    Commits,
    InRepository,
    Kind,
    Newest,
    OfOrganization,
    OfTeams,
    Repositories,
    Runs,
    Since,
    Stars,
    Whole,
)
from elt.taps.github.tokens import Tokens
from elt.taps.rest.api import Api
from elt.taps.rest.marks import Cursor
from elt.taps.rest.reading import Chunk, Reading, Shape
from elt.taps.rest.rows import only
from elt.taps.rest.settings import common_settings, raised_by, reach_of
from elt.taps.rest.stream import RestStream
from elt.taps.rest.tap import RestTap

HOST = "https://api.github.com"
VERSION = "2022-11-28"
# One that is asked for alone has a token in it, to clone it with (OpenAPI,
# full-repository).
_without_token = only(lambda name: name != "temp_clone_token")
_NAMES = {"type": "array", "items": {"type": "string"}}


class GithubTap(RestTap):
    """Repositories, and the work that is done in them."""

    name = "tap-github"
    config_jsonschema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["token"],
        "x-elt-window": {"start": "start_date", "end": "end_date"},
        "properties": {
            "token": {
                "type": "string",
                "secret": True,
                "writeOnly": True,
                "description": "A personal access token, or one of an application",
            },
            "more_tokens": {
                "type": "array",
                "items": {"type": "string"},
                "secret": True,
                "writeOnly": True,
                "description": "Tokens of other people or applications, each with its"
                " own limit, used in turn",
            },
            "organizations": {
                **_NAMES,
                "x-elt-ask": True,
                "description": "Whose repositories, members and teams are read",
            },
            "users": {
                **_NAMES,
                "description": "People whose public repositories are read",
            },
            "repositories": {
                **_NAMES,
                "x-elt-ask": True,
                "description": "Repositories to read, as `owner/name`; the name may"
                " have globs, as in `acme/app-*`",
            },
            "exclude": {
                **_NAMES,
                "description": "Repositories not to read, as `owner/name`, with globs",
            },
            "archived": {
                "type": "boolean",
                "default": True,
                "description": "Read archived repositories too",
            },
            "forks": {
                "type": "boolean",
                "default": False,
                "description": "Read forks that are not named one by one",
            },
            "api_version": {
                "type": "string",
                "default": VERSION,
                "description": "Of GitHub's REST API",
            },
            "lookback_days": {
                "type": "number",
                "minimum": 0,
                "default": 7,
                "description": "For how long workflow runs and deployments may change"
                " after they were made",
            },
            "commits_lookback_days": {
                "type": "number",
                "minimum": 0,
                "default": 14,
                "description": "How much older than the newest a commit may be that"
                " comes later, as by a merge",
            },
            **common_settings(HOST),
        },
    }

    @classmethod
    def further_flaws(cls, config: Mapping[str, Any]) -> Iterable[ConfigError]:
        return raised_by(lambda: secrets_of(config), lambda: wanted_of(config))

    @cached_property
    def tokens(self) -> Tokens:
        config = self.config
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": config["api_version"],
        }
        return Tokens(
            secrets_of(config), reach_of(config, HOST, headers=headers), self.logger
        )

    @cached_property
    def account(self) -> Account:
        return Account(
            tokens=self.tokens,
            wanted=wanted_of(self.config),
            began_at=self.run.began_at,
            start=self.run.start,
            logger=self.logger,
            most=self.tokens.reach.concurrency,
            lookback=_days(self.config, "lookback_days"),
            commits_lookback=_days(self.config, "commits_lookback_days"),
        )

    def make_api(self) -> Api:
        return self.tokens.all[0].api

    def sync_all(self) -> None:  # type: ignore[misc]
        try:
            super().sync_all()
        finally:
            self.tokens.close()

    def rest_streams(self) -> Sequence[RestStream]:
        return [
            self.stream(_shape(kind), partial(self._read, kind)) for kind in STREAMS
        ]

    def _read(self, kind: Kind, reading: Reading) -> Iterator[Chunk]:
        match kind:
            case Repositories():
                return self._repositories(reading)
            case OfOrganization():
                return organizations.lists(kind, self.account, reading)
            case OfTeams():
                return organizations.lists_of_teams(kind, self.account, reading)
            case Whole():
                return whole_lists(self.account, kind, reading)
            case _:
                lists = self._lists(kind, reading)
                return each_repository(self.account, reading, lists.begin, lists.read)

    def _lists(self, kind: InRepository, reading: Reading) -> Lists:
        account = self.account
        match kind:
            case Since():
                return SinceLists(account, kind, reading)
            case Newest() | Runs():
                return self._above(kind, reading)
            case Commits():
                return CommitLists(account, reading)
            case Stars():
                return StarLists(account, reading)
            case Below():
                above: Above = self._above(kind.above, reading)
                return BelowLists(account, kind, reading, above)

    def _above(self, kind: Newest | Runs, reading: Reading) -> NewestLists | RunLists:
        if isinstance(kind, Runs):
            return RunLists(self.account, reading)
        return NewestLists(self.account, kind, reading)

    def _repositories(self, reading: Reading) -> Iterator[Chunk]:
        places = self.account.places()
        found = [_without_token(one.record) for one in places.repositories]
        yield Chunk(records=found)
        left = places.left_out
        tell(reading, left, len(places.repositories) + len(left))


def secrets_of(config: Mapping[str, Any]) -> list[str]:
    """Give the tokens, each once. Raises ConfigError where one is empty."""
    given = [config["token"], *(config.get("more_tokens") or [])]
    secrets = list(dict.fromkeys(str(one).strip() for one in given))
    if not all(secrets):
        raise ConfigError(
            "a token is empty",
            hint="Look at `token` and `more_tokens` in the tap's config",
        )
    return secrets


def _shape(kind: Kind) -> Shape:
    cursor = getattr(kind, "cursor", None)
    return Shape(
        name=kind.name,
        key=kind.key,
        properties=kind.columns,
        cursor=Cursor(cursor) if cursor else None,
        part_field="repository_id" if cursor else None,
        selected_by_default=kind.by_default,
    )


def _days(config: Mapping[str, Any], name: str) -> timedelta:
    return timedelta(days=float(config[name]))  # may be a decimal
