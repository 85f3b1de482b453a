"""Places that fsspec opens: the package that each asks for, and what it can promise."""

from __future__ import annotations

from pathlib import Path

from elt.errors import ConfigError

KEPT_GENERATIONS = 3  # of the warehouse, where `elt push` brings it

# Packages that fsspec asks for, by the extra of ours that brings them.
_EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "adl": "azure",
}
_LOCAL = frozenset({"file", "local"})
# A file is created there only where there is none. The first generation of Azure's
# lakes (`adl`) cannot be asked for that.
_REFUSING = frozenset(_EXTRAS) - {"adl"} | _LOCAL


def scheme_of(url: str) -> str:
    return url.partition("://")[0] if "://" in url else "file"


def is_local(url: str) -> bool:
    return scheme_of(url) in _LOCAL


def extra_of(url: str) -> str | None:
    """Name our extra for a place; of `zip::s3://…` it is that of the last."""
    return _EXTRAS.get(scheme_of(url).rpartition("::")[2])


def place_of(url: str, path: str) -> str:
    """Spell a place in one way only; `path` is what fsspec makes of the address."""
    if is_local(url):
        return Path(path).resolve().as_uri()
    return f"{extra_of(url)}://{url.partition('://')[2].strip('/')}"


def require_name(url: str) -> None:
    """Raise ConfigError for an address without a place, as an empty variable makes it.

    fsspec takes an empty one for the working folder.
    """
    scheme, mark, rest = url.partition("://")
    named = rest if mark else scheme
    no_bucket = rest.startswith("/") and not is_local(url)
    if no_bucket or not named.strip("/ "):
        raise ConfigError(
            f"`{url}` names no place",
            hint="Write a folder, or an address like `s3://bucket/folder`; is a"
            " variable empty?",
        )


def require_refusal(url: str) -> None:
    """Raise ConfigError for a place that cannot refuse to overwrite a file."""
    if scheme_of(url) not in _REFUSING:
        raise ConfigError(
            f"`{scheme_of(url)}://` cannot refuse to overwrite a file, so two runners"
            " could undo each other's work",
            where=url,
            hint="Use `s3://`, `gs://`, `abfs://` or a folder",
        )


def first_line(error: Exception) -> str:
    """Shorten what a storage's library says, which may go on for pages."""
    text = str(error) or type(error).__name__
    return text.splitlines()[0]
