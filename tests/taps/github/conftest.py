from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import pytest
from stages import serve
from taps.told import Told

from elt.taps.github.tap import GithubTap
from elt.testing.apis.clock import Clock
from elt.testing.apis.github.api import GitHub
from elt.testing.apis.serving import served

__all__ = ["serve"]
NOW = datetime(2024, 10, 1, 12, tzinfo=UTC)
ORG = "kettle-and-crew"


class PartsTold(Told):
    """Bookmarks are of repositories."""

    def __init__(self, text, error, log, slept):
        super().__init__(text, error, log)
        self.slept = slept

    def values(self, stream, field="id"):
        return [row[field] for row in self.rows(stream)]

    def part(self, stream, repository):
        """Give a repository's entry of a stream's state."""
        found = self.bookmark(stream).get("partitions", [])
        parts = {entry["context"]["repository_id"]: entry for entry in found}
        return parts.get(str(repository.id), {})

    def mark(self, stream, repository):
        return self.part(stream, repository).get("replication_key_value")


def played(serve, **arguments):
    api = GitHub(clock=Clock(NOW, elapsed=lambda: 0.0), **arguments)
    api.callers.points_per_minute = 1_000_000
    return serve(api)


@pytest.fixture
def young(serve):
    """Give the made-up company while it was young, for one test."""
    return played(serve)


@pytest.fixture
def empty(serve):
    """Give an organisation in whose three repositories nothing is."""
    return played(serve, company=False)


@pytest.fixture(scope="session")
def company():
    """Give the made-up company, which tests only read."""
    with served(GitHub(clock=Clock(NOW))) as github:
        github.api.callers.points_per_minute = 1_000_000
        github.api.callers.requests_per_hour = 1_000_000
        yield github


@pytest.fixture
def read(capsysbinary, caplog):
    """Run the tap for these streams against a GitHub, at the time of its clock."""

    def run(github, *streams, state=None, fails=None, full=(), **config):
        api, slept = github.api, []
        given = {"token": api.token, "base_url": github.origin, "tries": 3}
        if not {"organizations", "users", "repositories"} & config.keys():
            given["organizations"] = [ORG]
        # The tap goes on in the state that it is given.
        state = copy.deepcopy(state)
        tap = GithubTap(config=given | config, state=state, parse_env_config=False)
        tap.run.began_at = api.clock.now()
        for name, stream in tap.streams.items():
            stream.selected = name in streams if streams else stream.selected
            if name in full:
                stream.forced_replication_method = "FULL_TABLE"

        def sleep(seconds):
            slept.append(seconds)
            api.clock.advance(timedelta(seconds=seconds))

        tap.tokens.now, tap.tokens.sleep = api.clock.seconds, sleep
        error = None
        if fails is None:
            tap.sync_all()
        else:
            with pytest.raises(fails) as caught:
                tap.sync_all()
            error = caught.value
        out = capsysbinary.readouterr().out
        return PartsTold(out, error, caplog.text, slept)

    return run
