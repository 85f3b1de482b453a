"""What a selection surely leaves out, told before anybody knows the graph.

Taps that cannot be chosen need not be asked, and dbt need not be imported. Where a
word leaves a doubt, the answer is that it may be anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from elt.errors import ConfigError
from elt.project.selection_settings import SelectionTable
from elt.runner.graph import DBT_KINDS
from elt.runner.methods import SELECTOR
from elt.runner.words import Word, parts, split

Named = Mapping[str, SelectionTable]
_NO_STREAMS = {*DBT_KINDS, "sync", "path"}


def taps_within(selection: Iterable[str], named: Named) -> set[str] | None:
    """Give the taps whose streams may be chosen at most; None where it may be any."""
    words = split(selection)
    found = [_taps_of(word, named) for word in words]
    if not words or any(taps is None for taps in found):
        return None
    return set().union(*(taps for taps in found if taps is not None))


def is_without_dbt(selection: Iterable[str], named: Named) -> bool:
    """Say whether nothing but streams can be chosen."""
    words = split(selection)
    return bool(words) and all(_any_part(_is_stream, word, named) for word in words)


def _taps_of(word: str, named: Named) -> set[str] | None:
    found = [_taps_of_part(part, named) for part in _parts(word)]
    known = [taps for taps in found if taps is not None]
    return set.intersection(*known) if known else None


def _taps_of_part(word: Word, named: Named) -> set[str] | None:
    if word.up or word.around:
        return None
    tap = word.pattern.partition(".")[0]
    match word.method:
        case "tap" | "stream" if not word.is_glob:
            return {tap}
        case "resource_type" if word.pattern in {*DBT_KINDS, "sync", "unit_test"}:
            return set()
        case method if method in _NO_STREAMS:
            return set()
        case method if method == SELECTOR and word.pattern in named:
            return taps_within(split(named[word.pattern].select), named)
        case _:
            return None


def _is_stream(word: Word, named: Named) -> bool:
    if word.down or word.around:
        return False
    if word.method == SELECTOR and word.pattern in named:
        return is_without_dbt(split(named[word.pattern].select), named)
    return word.method in {"tap", "stream"}


def _any_part(is_so: Callable[[Word, Named], bool], word: str, named: Named) -> bool:
    return any(is_so(part, named) for part in _parts(word))


def _parts(word: str) -> list[Word]:
    try:
        return parts(word)
    except ConfigError:  # told when the selection is made
        return []
