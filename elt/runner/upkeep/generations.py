"""A folder of object storage with generations of one warehouse file.

A generation is a small object that names a data object. It is created only where
there is none of its number, which the storage itself decides, and it is never deleted:
so of all who ever write the same generation exactly one succeeds, however late, and
data of the others is named by nobody. Old data goes, by its number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.remote import (
    extra_of,
    first_line,
    is_local,
    place_of,
    require_name,
    require_refusal,
    scheme_of,
)

WAY_OUT = "push a warehouse that is good on top of it: `elt push` with `--force`"

_NAME = re.compile(r"generation-(\d{8})\.json")
_DATA = re.compile(r"data-(\d{8})-[0-9a-f]{12}\.duckdb")


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One state of the warehouse, as its object says."""

    number: int
    data: str
    bytes: int
    sha256: str
    warehouse_id: str
    pushed_at: str
    host: str


class Taken(Exception):
    """Somebody else has written the generation."""


class Folder:
    """The place of the generations. Every error of a storage is one of ours."""

    def __init__(
        self, url: str, opened: Callable[[str], tuple[Any, str]] | None = None
    ) -> None:
        """Raise ConfigError for a place that cannot refuse to overwrite."""
        require_name(url)
        require_refusal(url)
        self.url = url.rstrip("/")
        self._files, self._path = (opened or _opened)(url)
        self.place = place_of(url, self._path)

    def last(self) -> int:
        """Give the number of the newest generation; 0 where nothing has been pushed."""
        names = (_NAME.fullmatch(name) for name in self._names())
        return max((int(found[1]) for found in names if found), default=0)

    def read(self, number: int) -> Generation:
        try:
            raw = self._files.cat_file(self._at(_name(number)))
            return msgspec.json.decode(raw, type=Generation)
        except msgspec.MsgspecError as error:
            raise EltError(
                f"`{_name(number)}` is not what elt wrote: {error}",
                where=self.url,
                hint="Look at the folder, which only `elt push` should write to, or"
                f" {WAY_OUT}",
            ) from error
        except Exception as error:
            raise self._unreachable(error) from error

    def fetch(self, generation: Generation, to: Path) -> None:
        try:
            self._files.get_file(self._at(generation.data), str(to))
        except FileNotFoundError as error:
            raise Unavailable(
                f"the data of generation {generation.number} is gone",
                where=self.url,
                hint="Somebody has pushed several times meanwhile: try again. If it"
                f" stays so, {WAY_OUT}",
            ) from error
        except Exception as error:
            raise self._unreachable(error) from error

    def send(self, path: Path, data: str) -> None:
        """Write a data object, which counts only when a generation names it."""
        try:
            self._files.makedirs(self._path, exist_ok=True)
            self._files.put_file(str(path), self._at(data))
        except Exception as error:
            raise self._unreachable(error) from error

    def create(self, generation: Generation) -> None:
        """Write a generation. Raises Taken when somebody else has its number.

        Raises Unavailable when nobody knows whether it was written, or will be: its
        data must stay then.
        """
        path = self._at(_name(generation.number))
        text = msgspec.json.encode(generation)
        try:
            if is_local(self.url):
                _create_locally(Path(path), text)
            else:
                self._files.pipe_file(path, text, mode="create")
        except Exception as error:
            if not self._is_there(path, text):
                raise Unavailable(
                    f"nobody knows whether generation {generation.number} was written:"
                    f" {first_line(error)}",
                    where=self.url,
                    hint="Push again when the place can be reached: that finds out",
                ) from error

    def _is_there(self, path: str, text: bytes) -> bool:
        """Look who has the number, whatever the storage's library said.

        Its words differ, an answer can be lost, and a library that tries again by
        itself is refused by its own first try.
        """
        try:
            found = self._files.cat_file(path)
        except Exception:  # noqa: BLE001  the first error tells more
            return False
        if found != text:
            raise Taken
        return True

    def delete(self, data: str) -> None:
        with suppress(Exception):  # nobody reads it; the next push tries again
            self._files.rm_file(self._at(data))

    def forget_data_before(self, number: int) -> None:
        """Delete the data of older generations, and data that nobody named.

        Their objects stay. If a number became free again, somebody whose upload took
        long could create it, below the newest, and be told that all is well.
        """
        for name in self._names():
            found = _DATA.fullmatch(name)
            if found and int(found[1]) < number:
                self.delete(name)

    def _names(self) -> list[str]:
        try:
            self._files.invalidate_cache()
            found = self._files.ls(self._path, detail=False)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self._unreachable(error) from error
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"the place of the warehouse cannot be used: {first_line(error)}",
            where=self.url,
            hint="Are the address, the credentials and the network right?",
        )


def data_name(number: int) -> str:
    """Name data so that no two pushes ever write the same object."""
    return f"data-{number:08}-{os.urandom(6).hex()}.duckdb"


def _name(number: int) -> str:
    return f"generation-{number:08}.json"


def _opened(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415

    try:
        files, path = url_to_fs(url)
    except ImportError as error:
        extra = extra_of(url)
        raise ConfigError(
            f"a package for `{scheme_of(url)}://` is missing: {first_line(error)}",
            where=url,
            hint=f"pip install 'elt-toolkit[{extra}]'" if extra else None,
        ) from error
    except Exception as error:
        raise ConfigError(
            f"this place cannot be used: {first_line(error)}",
            where=url,
            hint="Write a folder, or an address like `s3://bucket/folder`",
        ) from error
    return files, path


def _create_locally(path: Path, text: bytes) -> None:
    """Let a file appear whole, and only where there is none."""
    aside = path.with_name(f".{path.name}-{os.urandom(6).hex()}")
    try:
        with aside.open("xb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
