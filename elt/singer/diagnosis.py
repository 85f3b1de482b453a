"""Why a tap failed, read from its last words: which of five things is to be mended.

Taps have no common way of telling. What they write on stderr at their end names an
HTTP status, an exception of a well-known client, or a database's own message; the
words below are those. A tap that says nothing of the kind stays undiagnosed.

Our own taps end with `error: ...`, and under it where, and a hint: then nothing else
that they have said counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from elt.errors import EltError, Unavailable
from elt.singer.log_lines import is_narration, without_times

Cause = Literal["network", "limit", "credentials", "permissions", "settings", "unknown"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The likely cause, and the line that tells it.

    `hint` is the tap's own, and `wait_seconds` is for how long the source asks to be
    left alone, where the tap says so.
    """

    cause: Cause
    line: str = ""
    hint: str = ""
    wait_seconds: float | None = None

    @property
    def is_temporary(self) -> bool:
        """Whether another try may do, with nothing mended in between."""
        by_itself = self.cause in {"network", "limit"}
        return by_itself and not _LASTING.search(self.line)

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

# Of what belongs to the network, this is the same at the next try.
_LASTING = re.compile(r"certificate|wrong version number|handshake", re.IGNORECASE)

# What systems, clients and databases say when nobody answers, or does not go on to:
# it may be over at the next try, whoever says it.
BROKEN_CONNECTIONS = (
    r"name or service not known",
    r"temporary failure in name resolution",
    r"nodename nor servname",
    r"getaddrinfo failed",
    r"could not translate host",
    r"connection (was )?refused",
    r"connection (was )?(reset|aborted|lost)",
    r"lost connection to|has gone away",
    r"server disconnected|remote end closed connection",
    r"incompleteread|chunkedencodingerror",
    r"temporarily unavailable",
    r"database system is (starting|shutting) ",
    r"terminating connection due to",
    r"network is unreachable",
    r"no route to host",
    r"connect(ion)? ?timed ?out",
    r"connecttimeout",
    r"read ?timed ?out|readtimeout|timeout expired",
    r"server closed the connection",
)


def _status(code: int) -> str:
    """Write what finds an HTTP status, and no number of rows or part of a time."""
    before = (
        r"(^|[(\[]|(status(es)?|code|error|exception|response|requests?|failed"
        r"|\b(https?(/[\d.]+)?|returned|received|got|with|an?))\W{1,4})"
    )
    after = (
        r"((client |server )?error|too many|unauthori|forbidden|response|for url"
        r"|get|post|put)"
    )
    counted = r"(?! *(rows?|records?|lines?|streams?|items?|seconds?|bytes|ms)\b)"
    return rf"{before}{code}\b(?![.,:]?\d){counted}|\b{code}\b\W{{1,3}}{after}"


# A later line explains more than an earlier one; in one line the first match counts.
_WORDS: dict[Cause, tuple[str, ...]] = {
    "network": (
        *BROKEN_CONNECTIONS,
        r"ssl: |sslerror",
        r"certificate verify failed",
        r"proxyerror",
        r"unable to connect",
        r"max retries exceeded",
        r"\b50[234]\b.*(gateway|unavailable)",
    ),
    "limit": (
        _status(429),
        r"too many (requests|connections|clients)",
        r"remaining connection slots",
        r"rate limit",
        r"quota exceeded",
    ),
    "permissions": (
        _status(403),
        r"forbidden",
        r"permission denied",
        r"insufficient (scope|privilege|permission|rights)",
        r"not authorized to",
        r"access ?denied for .* to database",
        r"missing (required )?scopes?",
        r"must be (owner|superuser)",
    ),
    "credentials": (
        _status(401),
        r"unauthori[sz]ed",
        r"authentication fail",
        r"password authentication",
        r"access denied for user",
        r"invalid (api[ _-]?key|token|credentials|grant|password|client)",
        r"bad credentials",
        r"not authenticated",
        r"(authentication|authorization|login) (is )?required",
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
        r"`[\w.]+` (is no setting|is missing|must be |cannot be |is not an? \w+)",
        r"database .* does not exist",
        r"unable to open database file",
        r"\bneed either\b",
        r"\bmust be (set|given|provided|specified)\b",
        r"\b(is|are) required\b",
        r"\bmissing\b.*\b(settings?|config|key|parameter|option)s?\b",
    ),
}
_SIGNS = {
    cause: re.compile("|".join(words), re.IGNORECASE) for cause, words in _WORDS.items()
}


# Lines that say nothing: frames of a traceback and their frills, a link to a manual.
_FRAME = re.compile(
    r'\s*File "[^"]*", line \d+|Traceback \(most recent call last\)|[╭│╰]'
    r"|\s*[\^~]+\s*$|The above exception was|During handling of the above"
    r"|\s*\[Previous line repeated"
)
_EMPTY = re.compile(r"\W*(Background on this error|$)")
_EXCEPTION = re.compile(r"(\w+ )?[\w.]*(Error|Exception|Exit|Failure)\b( \(.*\))?(:|$)")
_OUR_ERROR, _OUR_HINT = "error: ", "hint: "
_LONGEST = 300
# For how long a source asks to be left alone, as our taps and others tell it.
_WAIT = re.compile(
    r"\b(?:retry[- ]after|(?:try|run) again (?:in|after)|available in"
    r"|no more requests for(?: another)?)\W{0,3}"
    r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>s|m|h|(?:sec|min|second|minute|hour)s?)?\b",
    re.IGNORECASE,
)
_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}


# What streams that fail for one reason say each in its own way: their name, as elt
# puts it in front, the request, and the number that the API gave to it.
_OWN = re.compile(
    r"^(stream `[^`]*`|\d+ streams) (failed|skipped|could not be read): "
    r"| \((GET|POST|PUT|HEAD) [^)]*\)| \[request [^\]]*\]"
)


def of_no_stream(message: str) -> str:
    """Leave out of a message what is of one stream alone."""
    return _OWN.sub("", message)


def without_frames(lines: Iterable[str]) -> list[str]:
    """Leave out tracebacks but for the exceptions at their ends, and empty lines."""
    kept: list[str] = []
    in_frame = False
    for line in lines:
        frame = _FRAME.match(line) is not None
        in_frame = frame or (in_frame and line.startswith("    "))
        if not in_frame and not _EMPTY.match(line):
            kept.append(line)
    return kept


def last_said(lines: Iterable[str]) -> str:
    """Give the line that says most: the last exception, else the last one at all."""
    return _one_line(_best(lines))


def _best(lines: Iterable[str]) -> str:
    lines = list(lines)
    said = without_frames(lines) or [line for line in lines if line.strip()]
    exceptions = [line for line in said if _EXCEPTION.match(line)]
    errors = [line for line in said if line.startswith(_OUR_ERROR)]
    found = (exceptions or errors or said or [""])[-1]
    return found.removeprefix(_OUR_ERROR)


def _one_line(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def diagnose(lines: Iterable[str]) -> Diagnosis:
    """Find the cause of a failure in the last lines that a tap wrote.

    Of an unknown cause, the line is the one that says most.
    """
    lines = without_frames(all_lines := list(lines))
    own = error_of_ours(lines)
    hint = next((line for line in own if line.startswith(_OUR_HINT)), "")
    what = own[: own.index(hint)] if hint else own
    told = what[::-1] or [line for line in lines if not is_narration(line)]
    cause, line = _cause(told) or ("unknown", _best(what or told or all_lines))
    line = line.removeprefix(_OUR_ERROR)
    return Diagnosis(
        cause, _one_line(line), hint.removeprefix(_OUR_HINT), _wait_seconds(line)
    )


def asking_to_wait(error: EltError, found: Diagnosis) -> EltError:
    """Note on an error that is temporary how long the source asks us to wait."""
    if isinstance(error, Unavailable):
        error.retry_after_seconds = found.wait_seconds
    return error


def error_of_ours(lines: Sequence[str]) -> list[str]:
    """Give the lines of an error as our own taps end with it; none of other ends."""
    starts = [i for i, line in enumerate(lines) if line.startswith(_OUR_ERROR)]
    found = list(lines[starts[-1] :]) if starts else []
    return [] if any(map(_EXCEPTION.match, found)) else found


def _cause(lines: Sequence[str]) -> tuple[Cause, str] | None:
    """Give the cause that the last of these lines tells, and the line."""
    for line in reversed(lines):
        text = without_times(" ".join(line.split()))
        for cause, signs in _SIGNS.items():
            if signs.search(text):
                return cause, line
    return None


def _wait_seconds(line: str) -> float | None:
    """Read the longest wait that a line names."""
    waits = [
        float(found["number"]) * _UNIT_SECONDS[(found["unit"] or "s")[0].lower()]
        for found in _WAIT.finditer(line)
    ]
    return max(waits, default=None)
