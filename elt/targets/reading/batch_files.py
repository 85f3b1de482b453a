"""The files that a BATCH of a foreign tap names, kept where it cannot take them away.

They may be gone after the tap's next message. A local file is linked into a folder of
ours, one that lies elsewhere is fetched into it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from elt.errors import ConfigError, EltError, Unavailable
from elt.project.remote import extra_of, first_line, scheme_of


def keep(uri: str, folder: Path, options: Mapping[str, Any]) -> Path:
    """Link or fetch a file into a folder, under a name of our own.

    `options` are fsspec's for where the tap writes its batches: credentials, most
    often. Raises ConfigError when a package for the place is missing, Unavailable when
    the place cannot be reached, EltError when there is no such file.
    """
    kept = folder / f"batch-{os.urandom(6).hex()}"
    if is_local(uri):
        _link(local_path(uri), kept)
    else:
        _fetch(uri, kept, options)
    return kept


def is_local(uri: str) -> bool:
    return "::" not in uri and ("://" not in uri or uri.startswith("file://"))


def local_path(uri: str) -> Path:
    """Give the path that a `file://` URI or a bare path names.

    Some taps quote what is odd in a name, as a URI asks for, some do not.
    """
    if not uri.startswith("file://"):
        return Path(uri)
    plain = uri.removeprefix("file://").removeprefix("localhost")
    quoted = Path(unquote(plain))
    return quoted if quoted.exists() else Path(plain)


def _link(path: Path, kept: Path) -> None:
    try:
        # A link to a symbolic link would keep only that one.
        path = path.resolve(strict=True)
        if not path.is_file():
            raise _missing(str(path))
        _link_or_copy(path, kept)
    except FileNotFoundError as error:
        raise _missing(str(path)) from error
    except OSError as error:
        raise EltError(f"a file of a BATCH cannot be read: {error}") from error


def _link_or_copy(path: Path, kept: Path) -> None:
    try:
        os.link(path, kept)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(path, kept)


def _missing(where: str) -> EltError:
    return EltError(
        "the tap named a file in a BATCH that is not there",
        where=where,
        hint="The tap must leave its files until its next message",
    )


def _fetch(uri: str, kept: Path, options: Mapping[str, Any]) -> None:
    files, path = _place(uri, options)
    try:
        files.get_file(path, str(kept))
    except FileNotFoundError as error:
        kept.unlink(missing_ok=True)
        raise _missing(uri) from error
    except Exception as error:  # every place has errors of its own
        kept.unlink(missing_ok=True)
        raise Unavailable(
            f"a file of a BATCH cannot be fetched: {first_line(error)}", where=uri
        ) from error


def _place(uri: str, options: Mapping[str, Any]) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # type: ignore[import-untyped] # noqa: PLC0415

    try:
        files, path = url_to_fs(uri, **options)
    except ImportError as error:
        raise _extra_missing(uri, error) from error
    except ValueError as error:
        raise EltError(
            f"the tap sent a BATCH in a place that fsspec does not know: {error}",
            where=uri,
            hint="Set `storage.root` in the tap's `batch_config` to a local folder",
        ) from error
    except Exception as error:  # every place has errors of its own
        raise Unavailable(
            f"the place of a BATCH cannot be reached: {first_line(error)}", where=uri
        ) from error
    return files, path


def _extra_missing(uri: str, error: ImportError) -> ConfigError:
    scheme = scheme_of(uri).rpartition("::")[2]
    extra = extra_of(uri)
    return ConfigError(
        f"the tap sent a BATCH in `{scheme}://`, and a package for that is missing:"
        f" {first_line(error)}",
        where=uri,
        hint=f"pip install 'elt-toolkit[{extra}]'"
        if extra
        else "Install it beside elt, or let the tap write to a local folder",
    )
