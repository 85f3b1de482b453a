"""Keeps what dbt's threads print off stdout, where only data goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from io import TextIOBase


@contextmanager
def printed_lines(
    is_ours: Callable[[], bool], on_line: Callable[[str], None]
) -> Iterator[None]:
    """Give the lines that some threads print to `on_line`, pass on all else.

    `is_ours` is asked in the printing thread. Python models print, and dbt-duckdb
    does when it retries.
    """
    with redirect_stdout(_Divided(sys.stdout, is_ours, on_line)):
        yield


class _Divided(TextIOBase):
    def __init__(
        self, other: object, is_ours: Callable[[], bool], on_line: Callable[[str], None]
    ) -> None:
        self._other = other
        self._is_ours = is_ours
        self._on_line = on_line

    def write(self, text: str) -> int:
        if not self._is_ours():
            return int(self._other.write(text))  # type: ignore[attr-defined]
        for line in filter(None, text.splitlines()):
            self._on_line(line)
        return len(text)

    def flush(self) -> None:
        self._other.flush()  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> object:
        return getattr(self._other, name)
