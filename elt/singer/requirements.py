"""What `package = "..."` asks for: one Singer program, and what goes in beside it."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from elt.errors import ConfigError

# What a build leaves in the folder that it builds, and what is no part of a package.
_NOT_CODE = frozenset({"__pycache__", "build", "dist", "node_modules", "venv"})
_WHOLE_FILE_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_SPACED = re.compile(r"\s*(@(?=\s)|===|~=|==|!=|<=|>=|<|>|,)\s*")
_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing to install, as the installer takes it.

    `name` is normal, and empty where the text does not say it; `path` is set for a
    folder or file of this machine.
    """

    text: str
    name: str = ""
    path: Path | None = None

    @property
    def repository(self) -> str:
        """The address of a repository without revision and password, else nothing."""
        _, at, url = self.text.rpartition("git+")
        return plain_repository(url) if at else ""

    def at(self, revision: str | None) -> str:
        """Write it with this revision of its repository, where one is given."""
        if not revision:
            return self.text
        address, mark, fragment = self.text.partition("#")
        folders, slash, last = address.rpartition("/")
        return f"{folders}{slash}{last.partition('@')[0]}@{revision}{mark}{fragment}"


@dataclass(frozen=True, slots=True)
class Spec:
    """A `package` taken apart. The first requirement brings the program.

    `text` is the same however it was spaced, and holds no password.
    """

    text: str
    requirements: tuple[Requirement, ...]

    @property
    def label(self) -> str:
        """A short name for people and for folders."""
        first = self.requirements[0]
        last = first.path.stem if first.path else first.repository.rpartition("/")[2]
        return first.name or normal(last.removesuffix(".git")) or "package"

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(each.path for each in self.requirements if each.path is not None)


def parse_spec(text: str, root: Path) -> Spec:
    """Take a `package` apart; paths are seen from the project's folder.

    Raises ConfigError for what cannot be a package: an option, a path that is not
    there, an open quote.
    """
    try:
        words = shlex.split(_SPACED.sub(r"\1", text))
    except ValueError as error:
        raise ConfigError(f"`{text}` is no package: {error}") from None
    if not words:
        raise ConfigError("the `package` is empty", hint="Name one: `tap-github`")
    for word in words:
        if word.startswith("-"):
            raise ConfigError(
                f"`{word}` is an option, and `package` takes requirements only",
                hint="Options have variables: `PIP_EXTRA_INDEX_URL=...` in `.env`",
            )
    plain = without_passwords(" ".join(words))
    return Spec(plain, tuple(_requirement(word, root) for word in words))


def normal(name: str) -> str:
    """Write a distribution's name as PEP 503 does: `Tap_X.y` is `tap-x-y`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def without_passwords(text: str) -> str:
    """Strike user and password out of every URL."""
    return _PASSWORD.sub("***@", text)


def plain_repository(url: str) -> str:
    """Leave out what does not tell repositories apart: revision, login, fragment."""
    address = re.sub(r"(?<=://)[^/@]+@", "", url.partition("#")[0])
    folders, slash, last = address.rpartition("/")
    return folders + slash + last.partition("@")[0]


def looks_of(spec: Spec) -> dict[str, str]:
    """Sum up each file of the local folders and files of a package, by its path."""
    return {
        str(file.relative_to(path.parent)): hashlib.sha256(_look_of(file)).hexdigest()
        for path in spec.paths
        for file in _code(path)
    }


def content_of(looks: Mapping[str, str]) -> str:
    """Sum up a package's own files as one; empty where it has none."""
    if not looks:
        return ""
    text = "\n".join(f"{look} {path}" for path, look in sorted(looks.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _requirement(word: str, root: Path) -> Requirement:
    named = _NAME.match(word)
    name = normal(named.group()) if named else ""
    if word.partition("@")[2].startswith("file://") or word.startswith("file://"):
        url = word[word.index("file://") :].partition("#")[0]
        return Requirement(word, name, Path(unquote(urlsplit(url).path)))
    if "://" in word:
        # A name stands before a URL only as `name@url` or `name[extra]@url`.
        is_named = re.match(r"[\w.-]+(?:\[[^\]]*\])?@", word)
        return Requirement(word, name if is_named else "")
    if os.sep in word or word in {".", ".."} or word.endswith((".whl", ".tar.gz")):
        return _local(word, root)
    return Requirement(word, name)


def _local(word: str, root: Path) -> Requirement:
    written, bracket, extras = word.partition("[")
    path = Path(os.path.normpath(root / Path(written).expanduser()))
    if not path.exists():
        raise ConfigError(
            f"`{written}` does not exist",
            hint="The path of a package is seen from the project's folder",
        )
    return Requirement(f"{path}{bracket}{extras}", "", path)


def _code(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, below, names in os.walk(path):
        below[:] = [name for name in below if not _is_left_out(name)]
        yield from (Path(folder, name) for name in names if not name.endswith(".pyc"))


def _is_left_out(folder: str) -> bool:
    hidden = folder.startswith(".")
    return hidden or folder in _NOT_CODE or folder.endswith(".egg-info")


def _look_of(file: Path) -> bytes:
    try:
        seen = file.stat()
        if seen.st_size <= _WHOLE_FILE_BYTES:
            return file.read_bytes()
    except OSError:
        return b"gone"
    return f"{seen.st_size} {seen.st_mtime_ns}".encode()
