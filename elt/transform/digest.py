"""What a dbt node is made of, summed up, so that a change of it is noticed.

dbt's own checksum of the file counts, with the config that says how and where a node
is built, and the project's macros behind it. Words about a node do not: descriptions,
tags, owners. dbt's own macros do not either, or each upgrade would change every node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Raw, Struct, json

_ABOUT_IT = {
    "access",
    "docs",
    "enabled",
    "group",
    "meta",
    "static_analysis",
    "tags",
}
# A newer dbt knows keys that an older one did not, mostly unset.
_UNSET = {b"null", b"{}", b"[]", b'""'}
_DBTS_OWN = ("macro.dbt.", "macro.dbt_duckdb.")


class DependsOn(Struct, frozen=True):
    nodes: list[str] = []
    macros: list[str | None] = []


class Macro(Struct, frozen=True):
    macro_sql: Raw = Raw()
    depends_on: DependsOn = DependsOn()


def digest_of(
    written: Iterable[bytes], config: bytes, macros: Iterable[bytes] = ()
) -> str:
    """Sum up a node: pieces of it as they are written, its config, and its macros."""
    # JSON has no zero bytes in it, so no two nodes are one text by accident.
    told = b"\0".join((*written, _settings(config), *macros))
    return hashlib.blake2b(told, digest_size=16).hexdigest()


class Macros:
    """The project's macros; each is summed up once, when a node needs it."""

    def __init__(self, macros: Mapping[str, Macro]) -> None:
        self._macros = {
            name: macro
            for name, macro in macros.items()
            if not name.startswith(_DBTS_OWN)
        }

    def behind(self, names: Iterable[str | None]) -> Iterator[bytes]:
        """Give the text of these macros and of all that they call, in a fixed order."""
        found: set[str] = set()
        to_follow = self._ours(names)
        while to_follow:
            name = to_follow.pop()
            if name not in found:
                found.add(name)
                to_follow += self._ours(self._macros[name].depends_on.macros)
        for name in sorted(found):
            yield name.encode()
            yield bytes(self._macros[name].macro_sql)

    def _ours(self, names: Iterable[str | None]) -> list[str]:
        return [name for name in names if name is not None and name in self._macros]


# Most nodes of a project have one of a few configs.
@lru_cache(maxsize=1024)
def _settings(config: bytes) -> bytes:
    settings = json.decode(config, type=dict[str, Raw])
    told = ((key, bytes(value)) for key, value in settings.items())
    kept = ((k, v) for k, v in told if k not in _ABOUT_IT and v not in _UNSET)
    return b"\0".join(key.encode() + b"\0" + value for key, value in sorted(kept))
