"""Secrets in texts: known in every form that programs write them in.

That is plain, URL-encoded, JSON-escaped, inside base64. Texts are often looked at line
by line, so a secret of several lines is known by each of them, too.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK = "***"
# A shorter value occurs by chance: hiding it would hide half of every text.
SHORTEST = 6
SECRET_NAME = re.compile(
    r"token|secret|passw|pwd|key|credential|auth|dsn|cookie", re.IGNORECASE
)


def masked(text: str, secrets: Iterable[str]) -> str:
    """Strike secrets out of a text, in whatever form they are written."""
    forms = {form for secret in secrets for form in written_forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    return text


def written_forms(secret: str) -> set[str]:
    """Give every form of a secret; of one that is too short to be struck out, none."""
    return {form for piece in _pieces(secret) for form in _forms_of(piece)}


def _pieces(secret: str) -> Iterator[str]:
    """Give the secret and the parts of it that may be shown without the rest."""
    parts = [secret.strip()]
    parts += [line.strip() for line in secret.splitlines()]
    parts += _password(secret)
    if secret.lstrip().startswith("{"):
        parts += _secrets_of_json(secret)
    yield from (part for part in parts if len(part) >= SHORTEST)


def _password(secret: str) -> list[str]:
    """Take the password out of a URL: drivers show its parts one by one."""
    try:
        password = urlsplit(secret).password or ""
    except ValueError:
        return []
    return [password, unquote(password)]


def _secrets_of_json(secret: str) -> list[str]:
    """Take apart what a key file of an API's account holds: programs show it by key."""
    try:
        document = json.loads(secret)
    except ValueError:
        return []
    return [
        part
        for name, value in document.items()
        if isinstance(value, str) and SECRET_NAME.search(name)
        for part in (value.strip(), *(line.strip() for line in value.splitlines()))
    ]


def _forms_of(piece: str) -> Iterator[str]:
    yield piece
    yield json.dumps(piece)[1:-1]
    yield json.dumps(piece, ensure_ascii=False)[1:-1]
    yield repr(piece)[1:-1]
    octets = piece.encode("utf-8", "surrogateescape")  # as the environment has it
    for encoded in (quote(octets), quote(octets, safe=""), quote_plus(octets)):
        yield encoded
        yield re.sub("%..", lambda match: match.group().lower(), encoded)
    yield from _base64(octets)


def _base64(secret: bytes) -> Iterator[str]:
    """Give what base64 makes of it at each of the three places in a group of bytes.

    Letters that depend on the bytes before and after are left out.
    """
    for before, blurred in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(secret)) * 8 // 6
        padded = b"\0" * before + secret
        yield base64.b64encode(padded).decode()[blurred:whole]
        yield base64.urlsafe_b64encode(padded).decode()[blurred:whole]
