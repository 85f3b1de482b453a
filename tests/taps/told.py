"""What a tap wrote in one run, for tests."""

from __future__ import annotations

import copy
import json
from typing import Any


class Told:
    """The messages of a run, the error that it ended with, and what it logged.

    Streams that are not named are `usual`.
    """

    usual = ""

    def __init__(self, text: bytes, error: Any = None, log: str = "") -> None:
        self.text = text
        self.error = error
        self.log = log
        self.messages: list[dict[str, Any]] = [
            json.loads(line) for line in text.splitlines()
        ]

    def rows(self, stream=None):
        return [
            m["record"]
            for m in self.messages
            if m["type"] == "RECORD" and m["stream"] == (stream or self.usual)
        ]

    def ids(self, stream=None):
        return [row["id"] for row in self.rows(stream)]

    @property
    def ends(self):
        return {m["stream"]: m["elt"] for m in self.messages if "elt" in m}

    @property
    def states(self):
        return [m["value"] for m in self.messages if m["type"] == "STATE"]

    @property
    def state(self):
        """Give the last STATE as a run would get it that comes after."""
        return copy.deepcopy(self.states[-1]) if self.states else None

    def bookmark(self, stream=None):
        return self.state["bookmarks"][stream or self.usual]

    def mark(self, stream=None):
        return self.bookmark(stream).get("replication_key_value")
