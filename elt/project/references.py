"""How a text refers to a secret: `${env:NAME}`, `${file:PATH}`; `$${` is plain `${`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from elt.project.check import Problem, table_of
from elt.project.locate import KeyPath, dotted
from elt.project.nearest import nearest

REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
KINDS = ("env", "file")

_LATER = ("keyring", "command")
_KNOWN = re.compile(r"(?<!\$)\$\{(?:env|file):")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def flaw(reference: re.Match[str]) -> tuple[str, str] | None:
    """Say what is wrong with one reference, and the way out; None when it is right."""
    text, inner = reference.group(), reference.group(1)
    if text == "$${":
        return None
    if inner is None:
        return "`${` is never closed by `}`", "Write `$${` where it is only text"
    kind, colon, name = inner.partition(":")
    if kind in KINDS and name.strip():
        return None
    return f"`{text}` is no reference to a secret", _meant(kind, colon, name)


def _meant(kind: str, colon: str, name: str) -> str:
    if kind in _LATER:
        return f"`{kind}` is not supported yet; use `${{env:...}}` or `${{file:...}}`"
    if kind in KINDS:
        return f"Name it after the colon: `${{{kind}:NAME}}`"
    close = nearest(kind, KINDS) if colon else None
    if close:
        return f"Did you mean `${{{close}:{name}}}`?"
    if not colon and _VARIABLE.fullmatch(kind):
        return f"Did you mean `${{env:{kind}}}`? Write `$${{` where it is only text"
    return "Use `${env:NAME}` or `${file:PATH}`, or `$${` where it is only text"


def reference_problems(tables: object, path: KeyPath = ()) -> Iterator[Problem]:
    """Find references that are wrong in themselves or stand where none is resolved."""
    match tables:
        case dict():
            for key, value in tables.items():
                if path or key != "environments":  # these are judged laid over
                    yield from reference_problems(value, (*path, key))
        case list():
            for index, value in enumerate(tables):
                yield from reference_problems(value, (*path, index))
        case str() if _resolves(path):
            yield from _flaws(tables, path)
        case str() if _KNOWN.search(tables):
            yield Problem(
                table_of(path),
                path,
                f"`{dotted(path)}` cannot refer to a secret",
                "Secrets are for `config` tables, `hash_salt` and `[warehouse.dbt]`",
            )
        case _:
            pass


def _flaws(text: str, path: KeyPath) -> Iterator[Problem]:
    for reference in REFERENCE.finditer(text):
        wrong = flaw(reference)
        if wrong:
            yield Problem(table_of(path), path, *wrong)


def _resolves(path: KeyPath) -> bool:
    match path:
        case ("taps" | "targets" | "destinations", _, "config", *_):
            return True
        case ("warehouse", "dbt", *_) | ("taps", _, "hash_salt"):
            return True
        case _:
            return False
