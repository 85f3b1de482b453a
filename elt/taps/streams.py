"""`@stream`: a generator function becomes a stream of a tap.

The file that it stands in is the tap. This module is what a plugin imports, so it
imports nothing heavy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, overload

from elt.errors import ConfigError
from elt.taps.kinds import schema_from_words

Record = Mapping[str, Any]
Function = Callable[..., Iterable[Record | Sequence[Record]]]
_PARAMETERS = ("config", "since")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFunction:
    """A function with what Singer wants to know of its stream.

    `properties` are the declared columns as JSON Schema; others are found from the
    records. Calling it calls the function.
    """

    function: Function
    name: str
    key: tuple[str, ...] = ()
    cursor: str | None = None
    properties: Mapping[str, Any]
    sorted: bool = False

    def __call__(
        self, *args: object, **kwargs: object
    ) -> Iterable[Record | Sequence[Record]]:
        return self.function(*args, **kwargs)

    def read(
        self, config: Mapping[str, Any], since: object
    ) -> Iterable[Record | Sequence[Record]]:
        """Call the function with those of `config` and `since` that it asks for."""
        offered = {"config": config, "since": since}
        asked = inspect.signature(self.function).parameters
        return self.function(**{k: v for k, v in offered.items() if k in asked})


@overload
def stream(function: Function, /) -> StreamFunction: ...
@overload
def stream(
    *,
    key: str | Sequence[str] | None = None,
    cursor: str | None = None,
    name: str | None = None,
    schema: Mapping[str, Any] | None = None,
    sorted: bool = False,
) -> Callable[[Function], StreamFunction]: ...
def stream(
    function: Function | None = None,
    /,
    *,
    key: str | Sequence[str] | None = None,
    cursor: str | None = None,
    name: str | None = None,
    schema: Mapping[str, Any] | None = None,
    sorted: bool = False,  # noqa: A002  the word that its user expects
) -> StreamFunction | Callable[[Function], StreamFunction]:
    """Make a stream of a generator function; all in one file are one tap.

    The function may take `config`, the tap's settings, and `since`, the largest value
    of the `cursor` column that earlier runs read, None at first. It yields records
    (dictionaries) or pages (lists of them).

    key: the columns that a row is known by; rows with the same key replace each other.
    cursor: the column that orders change. Without it every run reads the whole table.
    name: the stream's name, if not the function's.
    schema: JSON Schema, or `{"amount": "decimal(18,2)"}` for some or all columns; the
        columns that it leaves out are found from the records.
    sorted: records come in the cursor's order, so that an interrupted run goes on
        where it stopped. A record out of order is then an error.
    """

    def decorate(function: Function) -> StreamFunction:
        title = name or str(getattr(function, "__name__", "stream"))
        _check_parameters(function, title, cursor)
        if sorted and not cursor:
            raise ConfigError(
                f"stream `{title}` is `sorted` but has no `cursor`",
                hint="Name the column that its rows are sorted by as `cursor`",
            )
        return StreamFunction(
            function=function,
            name=title,
            key=(key,) if isinstance(key, str) else tuple(key or ()),
            cursor=cursor,
            properties=_properties(schema or {}),
            sorted=sorted,
        )

    return decorate if function is None else decorate(function)


def streams_in(module: ModuleType) -> dict[str, StreamFunction]:
    """Find a module's streams, in the order in which they are written.

    Raises ConfigError when two share a name.
    """
    found: dict[str, StreamFunction] = {}
    for value in vars(module).values():
        if not isinstance(value, StreamFunction):
            continue
        if found.setdefault(value.name, value) is not value:
            raise ConfigError(
                f"two streams are called `{value.name}`",
                where=str(module.__file__),
                hint="Give one of them another `name=`",
            )
    return found


def _check_parameters(function: Function, name: str, cursor: str | None) -> None:
    asked = inspect.signature(function).parameters.values()
    needed = [p.name for p in asked if p.default is p.empty and p.kind != p.VAR_KEYWORD]
    strange = [wish for wish in needed if wish not in _PARAMETERS]
    if strange:
        raise ConfigError(
            f"stream `{name}` asks for `{strange[0]}`",
            hint="A stream may take `config` and `since`",
        )
    if "since" in needed and cursor is None:
        raise ConfigError(
            f"stream `{name}` asks for `since` but has no `cursor`",
            hint='Name the column that orders change: @stream(cursor="updated_at")',
        )


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    declared = schema.get("properties")
    columns = declared if isinstance(declared, Mapping) else schema
    return {
        column: schema_from_words(about) if isinstance(about, str) else dict(about)
        for column, about in columns.items()
    }
