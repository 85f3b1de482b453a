"""What the files of a Meltano project must be like before anything is read off them.

YAML says more than elt.toml can hold: a table that holds itself, bytes, sets, and a
few lines that stand for millions of values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from elt.errors import ConfigError

_MOST = 200_000  # values in one file
_DEEPEST = 100
_TABLE, _LIST = (dict, "a table"), (list, "a list")
_OF_DOCUMENTS = {"include_paths": _LIST, "env": _TABLE}
_OF_PLUGINS = {
    "config": _TABLE,
    "env": _TABLE,
    "metadata": _TABLE,
    "schema": _TABLE,
    "select": _LIST,
    "select_filter": _LIST,
    "settings": _LIST,
}


def check_document(document: Mapping[str, Any], file: Path) -> None:
    """Raise ConfigError for what no Meltano project says."""
    try:
        for number, value in enumerate(_values(document)):
            _check_value(value, number)
        for what, table, shapes in _tables(document):
            _check_shapes(what, table, shapes)
    except ConfigError as error:
        error.where = str(file)
        raise


def _values(value: object, depth: int = 0) -> Iterator[object]:
    if depth > _DEEPEST:
        raise ConfigError(
            "a value holds itself, or is too deep", hint="Look for `&` and `*` in it"
        )
    yield value
    inner = value.values() if isinstance(value, dict) else value
    for each in inner if isinstance(value, dict | list) else ():  # type: ignore[attr-defined]
        yield from _values(each, depth + 1)


def _check_value(value: object, number: int) -> None:
    if number >= _MOST:
        raise ConfigError(
            f"it has more than {_MOST:,} values", hint="Look for `&` and `*` in it"
        )
    if not isinstance(value, dict | list | str | int | float | None):
        raise ConfigError(
            f"a value is `{type(value).__name__}`, which elt.toml cannot hold",
            hint="Write it as text or as a list; look for `!!` in the file",
        )


def _tables(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, tuple[type, str]]]]:
    """Give each table whose keys have a shape, and what to call it."""
    yield "the file", document, _OF_DOCUMENTS
    yield from _plugins(document)
    for each in _entries(document.get("environments")):
        what = f"environment `{each.get('name')}`"
        yield what, each, {"config": _TABLE, "env": _TABLE}
        laid_over = each.get("config")
        yield from _plugins(laid_over if isinstance(laid_over, dict) else {})


def _plugins(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, tuple[type, str]]]]:
    kinds = document.get("plugins")
    if not kinds:
        return
    yield "the file", document, {"plugins": _TABLE}
    names = kinds if isinstance(kinds, dict) else {}
    yield "`plugins`", names, dict.fromkeys(names, _LIST)
    for entries in names.values():
        for each in _entries(entries):
            yield f"plugin `{each.get('name')}`", each, _OF_PLUGINS


def _entries(found: object) -> list[dict[str, Any]]:
    entries = found if isinstance(found, list) else []
    return [each for each in entries if isinstance(each, dict)]


def _check_shapes(
    what: str, table: Mapping[str, Any], shapes: Mapping[str, tuple[type, str]]
) -> None:
    for key, (shape, name) in shapes.items():
        value = table.get(key)
        if value is not None and not isinstance(value, shape):
            raise ConfigError(
                f"`{key}` of {what} is not {name}",
                hint="Correct it; `meltano config` would refuse it, too",
            )
