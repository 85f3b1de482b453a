"""Why a tap failed, read from its last words: which of five things is to be mended.

Taps have no common way of telling. What they write on stderr at their end names an
HTTP status, an exception of a well-known client, or a database's own message; the
words below are those. A tap that says nothing of the kind stays undiagnosed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Cause = Literal["network", "limit", "credentials", "permissions", "settings", "unknown"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The likely cause, and the line that tells it."""

    cause: Cause
    line: str = ""

    @property
    def remedy(self) -> str:
        return _REMEDIES[self.cause]


_REMEDIES: dict[Cause, str] = {
    "network": "The source was not reached: look at its address, at the network,"
    " proxy or VPN, and whether it is up",
    "limit": "The source asks to slow down: try again later",
    "credentials": "The source does not accept who we say we are: look at the key,"
    " token or password, and whether it has expired",
    "permissions": "The source knows us but does not let us read this: give the key"
    " or user the missing right or scope, or deselect the stream",
    "settings": "The tap's settings are incomplete or wrong: look at its `config`",
    "unknown": "The tap does not say why in words that elt knows; its last lines are"
    " in `elt tap test NAME --json`",
}

# A later line explains more than an earlier one; in one line the first match counts.
_WORDS: dict[Cause, tuple[str, ...]] = {
    "network": (
        r"name or service not known",
        r"temporary failure in name resolution",
        r"nodename nor servname",
        r"getaddrinfo failed",
        r"could not translate host",
        r"connection (was )?refused",
        r"connection (reset|aborted)",
        r"network is unreachable",
        r"no route to host",
        r"connect(ion)? ?timed ?out",
        r"connecttimeout",
        r"read timed out",
        r"server closed the connection",
        r"ssl: |sslerror",
        r"certificate verify failed",
        r"proxyerror",
        r"unable to connect",
        r"max retries exceeded",
        r"\b50[234]\b.*(gateway|unavailable)",
    ),
    "limit": (r"\b429\b", r"too many requests", r"rate limit", r"quota exceeded"),
    "permissions": (
        r"\b403\b",
        r"forbidden",
        r"permission denied",
        r"insufficient (scope|privilege|permission|rights)",
        r"not authorized to",
        r"access ?denied for .* to database",
        r"missing (required )?scopes?",
        r"must be (owner|superuser)",
    ),
    "credentials": (
        r"\b401\b",
        r"unauthori[sz]ed",
        r"authentication fail",
        r"password authentication",
        r"access denied for user",
        r"invalid (api[ _-]?key|token|credentials|grant|password|client)",
        r"bad credentials",
        r"not authenticated",
        r"token (has )?expired",
        r"expired token",
        r"login failed",
        r"no password supplied",
        r"role .* does not exist",
    ),
    "settings": (
        r"is a required property",
        r"missing required",
        r"required config",
        r"config(uration)? (is )?(validation|not valid|invalid)",
        r"configvalidation",
        r"additional properties are not allowed",
        r"keyerror: '",
        r"no such file or directory",
        r"is not of type",
        r"unknown setting",
        r"database .* does not exist",
        r"unable to open database file",
    ),
}
_SIGNS = {
    cause: re.compile("|".join(words), re.IGNORECASE) for cause, words in _WORDS.items()
}


def diagnose(lines: Iterable[str]) -> Diagnosis:
    """Find the cause of a failure in the last lines that a tap wrote."""
    for line in reversed(list(lines)):
        text = " ".join(line.split())
        for cause, signs in _SIGNS.items():
            if signs.search(text):
                return Diagnosis(cause, text)
    return Diagnosis("unknown")
