"""A backup as one file: a tar of the manifest, the warehouse and the store.

The manifest stands first, so that it is read without the rest: `tar xOf FILE
manifest.json` shows it. A name that ends in `.gz` is packed: DuckDB's file is packed
in itself, so that saves a third and takes several times as long.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

import msgspec

from elt.errors import ConfigError

FORMAT = 1
MANIFEST = "manifest.json"
WAREHOUSE = "warehouse.duckdb"
STORE = "elt.db"
PARTIAL = ".partial"  # the ending of one that is being written
_PACKING = 1  # higher levels take longer and save nothing on a DuckDB file
_CHUNK = 1 << 20
_LARGEST_MANIFEST = 1 << 20


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the pair; `version` is that of its tables, of elt's own."""

    bytes: int
    sha256: str
    version: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself; `made_at` is ISO 8601 in UTC."""

    format: int
    elt: str
    duckdb: str
    made_at: str
    project: str
    environment: str
    elt_toml_sha256: str
    warehouse_id: str
    storage_version: str | None
    last_run: str | None
    warehouse: Piece
    store: Piece


def digest_of(file: BinaryIO) -> str:
    """Sum up a file from its start, and leave it there again."""
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def write_archive(
    path: Path, manifest: Manifest, pieces: Mapping[str, BinaryIO]
) -> None:
    """Write a backup that only its owner may read, and wait until it is on the disk."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as file:
        with _writing(file, packed=_is_packed(path)) as tar:
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            _add(tar, MANIFEST, io.BytesIO(text), len(text))
            for name, piece in pieces.items():
                _add(tar, name, piece, os.fstat(piece.fileno()).st_size)
        file.flush()
        os.fsync(file.fileno())


def read_manifest(path: Path) -> Manifest:
    """Read what a backup says of itself.

    Raises ConfigError when the file is no backup, or of another format than ours.
    """
    with reading(path) as tar:
        member = tar.next()
        if member is None or member.name != MANIFEST or member.size > _LARGEST_MANIFEST:
            raise _no_backup(path)
        content = tar.extractfile(member)
        text = content.read() if content else b""
    try:
        form = msgspec.json.decode(text, type=_Form).format
        if form > FORMAT:
            raise ConfigError(
                f"a newer elt made this backup (its format is {form}, this elt knows"
                f" {FORMAT})",
                where=str(path),
                hint="Upgrade elt: `pip install --upgrade elt-toolkit`",
            )
        return msgspec.json.decode(text, type=Manifest)
    except msgspec.DecodeError as error:
        raise _no_backup(path) from error


def extract(path: Path, pieces: Mapping[str, Path]) -> dict[str, str]:
    """Write pieces of a backup to files; give the sha256 of what was written."""
    digests = {}
    with reading(path) as tar:
        for member in tar:
            to = pieces.get(member.name)
            content = tar.extractfile(member)
            if to is not None and content is not None:
                digests[member.name] = _write(content, to)
    return digests


@contextmanager
def reading(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a backup; what is wrong with the file becomes an error of ours."""
    try:
        with tarfile.open(path) as tar:
            yield tar
    except FileNotFoundError as error:
        raise ConfigError(
            "there is no such file",
            where=str(path),
            hint="`elt backup` writes into the folder `backups`",
        ) from error
    except tarfile.ReadError as error:
        raise _no_backup(path) from error
    except (OSError, EOFError) as error:
        raise ConfigError(
            f"the backup cannot be read: {error}",
            where=str(path),
            hint="It may be cut short or damaged; take another one",
        ) from error


class _Form(msgspec.Struct):
    format: int


def _is_packed(path: Path) -> bool:
    return path.name.removesuffix(PARTIAL).endswith((".gz", ".tgz"))


@contextmanager
def _writing(file: IO[bytes], *, packed: bool) -> Iterator[tarfile.TarFile]:
    if packed:
        with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_PACKING) as tar:
            yield tar
    else:
        with tarfile.open(fileobj=file, mode="w") as tar:
            yield tar


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    tar.addfile(member, content)


def _write(content: IO[bytes], to: Path) -> str:
    digest = hashlib.sha256()
    opened = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _no_backup(path: Path) -> ConfigError:
    return ConfigError(
        "this is not a backup of elt",
        where=str(path),
        hint="A backup is a file that `elt backup` wrote",
    )
