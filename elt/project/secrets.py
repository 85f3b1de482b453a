"""Secrets: read where a step needs them, and struck out of everything it says.

A value that was ever resolved is replaced by `***` in every text, in whatever form it
is written. What is learnt later counts from then on.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from elt.errors import ConfigError, ConfigErrors, EltError
from elt.project.references import REFERENCE, flaw
from elt.remote.masking import MASK, SECRET_NAME, SHORTEST, written_forms

T = TypeVar("T")


class TooShort(ConfigError):
    """A secret that cannot be struck out; it is so wherever the project runs."""


class Secrets:
    """The secrets of one project, safe to use from several threads.

    `environ` is the environment for child processes: the given one over `.env`.
    """

    def __init__(self, root: Path, environ: Mapping[str, str] | None = None) -> None:
        dotenv = read_dotenv(root / ".env")
        self.root = root
        self.environ = dotenv | dict(os.environ if environ is None else environ)
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        # Children see all of `.env`, so what looks like a secret there is one.
        for name, value in dotenv.items():
            if SECRET_NAME.search(name) and len(value) >= SHORTEST:
                self.remember(value)

    def resolve(self, value: T, where: str) -> T:
        """Replace the references in all texts of a value, however deep.

        `where` is the place of the whole value, for errors. Raises ConfigError, or
        ConfigErrors for several secrets that are missing or too short.
        """
        errors: list[ConfigError] = []
        resolved = self._resolve(value, where, "", errors)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ConfigErrors(errors)
        return resolved  # type: ignore[return-value] # texts stay texts, tables tables

    def too_short(self, value: object, where: str) -> list[ConfigError]:
        """Give the errors of `resolve` that are of secrets that are too short."""
        errors: list[ConfigError] = []
        self._resolve(value, where, "", errors)
        return [error for error in errors if isinstance(error, TooShort)]

    def remember(self, secret: str) -> None:
        """Strike this value out of every text from now on."""
        forms = written_forms(secret)
        with self._lock:
            if forms <= self._forms:
                return
            self._forms |= forms
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def scrub(self, text: str) -> str:
        """Replace every secret known by now with `***`."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    @contextmanager
    def kept_out_of_errors(self) -> Iterator[None]:
        """Scrub the errors that leave the block: they may quote what a child said."""
        try:
            yield
        except EltError as error:
            for each in error.errors if isinstance(error, ConfigErrors) else (error,):
                each.what = self.scrub(each.what)
                each.where = each.where and self.scrub(each.where)
                each.hint = each.hint and self.scrub(each.hint)
            raise

    def _resolve(
        self, value: object, where: str, key: str, errors: list[ConfigError]
    ) -> object:
        match value:
            case str():
                return self._resolve_text(value, where, key, errors)
            case Mapping():
                return {
                    k: self._resolve(v, where, _joined(key, k), errors)
                    for k, v in value.items()
                }
            case list() | tuple():
                return [self._resolve(entry, where, key, errors) for entry in value]
            case _:
                return value

    def _resolve_text(
        self, text: str, where: str, key: str, errors: list[ConfigError]
    ) -> str:
        try:
            return REFERENCE.sub(lambda match: self._read(match, key), text)
        except ConfigError as error:
            error.where = where
            errors.append(error)
            return text

    def _read(self, reference: re.Match[str], key: str) -> str:
        wrong = flaw(reference)
        if wrong:
            raise ConfigError(wrong[0], hint=wrong[1])
        if reference.group() == "$${":
            return "${"
        kind, _, name = reference.group(1).partition(":")
        subject = f"`{key}`" if key else f"`{reference.group()}`"
        secret = (
            self._read_variable(name, subject)
            if kind == "env"
            else self._read_file(name, subject)
        )
        _refuse_short(secret, reference.group())
        self.remember(secret)
        return secret

    def _read_variable(self, name: str, subject: str) -> str:
        secret = self.environ.get(name, "")
        if secret:
            return secret
        state = "is empty" if name in self.environ else "is not set"
        raise ConfigError(
            f"{subject} needs the environment variable `{name}`, which {state}",
            hint=f"Set it, or add `{name}=...` to the file `.env` beside elt.toml",
        )

    def _read_file(self, name: str, subject: str) -> str:
        path = self.root / Path(name).expanduser()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ConfigError(
                f"{subject} needs the file `{name}`, which cannot be read: {reason}",
                hint="The path starts at the folder of elt.toml",
            ) from None
        return text.removesuffix("\n").removesuffix("\r")


def read_dotenv(path: Path) -> dict[str, str]:
    """Read `NAME=value` lines as they are, `$` included; no file gives nothing."""
    from dotenv.parser import parse_stream  # noqa: PLC0415 - not for `elt --help`

    if not path.is_file():
        return {}
    try:
        with path.open(encoding="utf-8-sig") as lines:
            bindings = list(parse_stream(lines))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"`{path.name}` cannot be read: {reason}",
            where=str(path),
            hint="Let the user that runs elt read it, and save it as UTF-8",
        ) from None
    for binding in bindings:
        if binding.error:
            raise ConfigError(
                "this line is not `NAME=value`",
                where=f"{path.name}:{binding.original.line}",
                hint="Put quotes around a value with spaces, quotes or `#`",
            )
    return {b.key: b.value for b in bindings if b.key and b.value is not None}


def _refuse_short(secret: str, reference: str) -> None:
    if len(secret.strip()) < SHORTEST:
        raise TooShort(
            f"the secret `{reference}` is shorter than {SHORTEST} characters",
            hint="So short a value cannot be struck out of logs: use a longer one, or"
            " write it into elt.toml if it is no secret",
        )


def _joined(key: str, below: str) -> str:
    return f"{key}.{below}" if key else below
