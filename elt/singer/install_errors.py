"""What an installer's last words mean: wait, or mend something, and what.

uv and pip speak their own languages. Both are shown as they are; what is read from
them is the one question that decides what to do next.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from elt.errors import ConfigError, EltError, Unavailable

_SHOWN_LINES = 15
_LONGEST_LINE = 400


@dataclass(frozen=True, slots=True)
class _Reason:
    pattern: str
    what: str
    hint: str
    kind: type[EltError] = ConfigError
    pip_hint: str = ""


def install_error(installer: str, lines: Sequence[str]) -> EltError:
    """Read what an installer said last: what went wrong, and the way out."""
    said = "\n".join(lines)
    spoken = [line.rstrip() for line in lines if line.strip()][-_SHOWN_LINES:]
    shown = "\n    ".join(line[:_LONGEST_LINE] for line in spoken)
    where = f"{installer} said:\n    {shown}" if shown else None
    for reason in _REASONS:
        if re.search(reason.pattern, said, re.IGNORECASE):
            hint = reason.hint + (reason.pip_hint if installer == "pip" else "")
            return reason.kind(reason.what, where=where, hint=hint)
    return EltError(
        f"{installer} failed",
        where=where,
        hint="Its own words above say why; `elt install` tries again",
    )


def program_hint(last_lines: Sequence[str]) -> str | None:
    """Say what to install when a program ended for want of it, else None."""
    said = "\n".join(last_lines)
    if re.search(_MADE_FOR_AN_OLDER_PYTHON, said):
        return 'It is made for an older Python: add `python = "3.9"` to its `package`'
    found = re.findall(r"ModuleNotFoundError: No module named '([\w.]+)'", said)
    if not found:
        return None
    module = found[-1].partition(".")[0]
    if module in _ONCE_IN_SETUPTOOLS:
        return f"It needs `{module}`: add ` setuptools<81` to the text of its `package`"
    return f"It needs `{module}`: add the package that brings it to its `package`"


_ONCE_IN_SETUPTOOLS = frozenset({"pkg_resources", "distutils"})
_MADE_FOR_AN_OLDER_PYTHON = (
    r"cannot import name '\w+' from '(?:collections|fractions|inspect|asyncio)'"
    r"|module '(?:collections|inspect|asyncio|time|cgi)' has no attribute"
    r"|No module named '(?:imp|cgi|asynchat|asyncore)'"
)


# Read from the top: pip without a network also says "from versions: none".
_REASONS: tuple[_Reason, ...] = (
    _Reason(
        r"\b40[13] (?:Client )?Error|\b40[13] (?:Unauthorized|Forbidden)"
        r"|returned error: 40[13]|could not read Username|Authentication failed"
        r"|Permission denied \(publickey",
        "the index or repository refused the credentials",
        "Set them for the installer, such as `PIP_EXTRA_INDEX_URL=https://...` in"
        " `.env`; git has its own",
    ),
    _Reason(
        r"NewConnectionError|name resolution|Name or service not known|dns error"
        r"|Could not resolve host|Failed to connect"
        r"|Connection (?:refused|reset|aborted|timed out)"
        r"|connection broken|time(?:d )?out|error sending request|connect error"
        r"|Network is unreachable|Max retries exceeded|\b50[0234] (?:Server )?Error"
        r"|\b429 (?:Client )?Error|HTTP status server error|request failed after",
        "the package index or repository cannot be reached",
        "Try again when there is a network. A proxy or an index of your own is set"
        " by `HTTPS_PROXY` and `PIP_INDEX_URL`",
        Unavailable,
    ),
    _Reason(
        r"no space left on device",
        "the disk is full",
        "`.elt/environments` may be deleted as a whole: what is needed comes back",
        EltError,
    ),
    _Reason(
        # pip lists what it left out even where that is not the reason.
        r"(?s)(?:\b(\S+) Requires-Python.*requirement [^\n]*==\1 "
        r"|Requires-Python.*from versions: none|requires a different Python"
        r"|current Python version)",
        "what is asked for is made for another Python",
        "Name a version for this one, or the Python that it needs:"
        ' `python = "3.10"` below `package`',
        # Poetry writes such bounds into every package; few of them mean it.
        pip_hint=". uv takes a package whose upper bound alone is in the way, pip does"
        " not: install uv",
    ),
    _Reason(
        r"from versions: (?!none)|there (?:is|are) no versions? of",
        "this version of the package does not exist",
        "Name one that does, or leave the version out: the lock keeps what was found",
    ),
    _Reason(
        r"from versions: none|was not found in the package registry"
        r"|not found in the provided package locations|repository .*not found",
        "there is no such package",
        "Look for its name on PyPI: many begin with `meltanolabs-` or `pipelinewise-`",
    ),
    _Reason(
        r"ResolutionImpossible|conflicting dependencies|requirements are unsatisfiable",
        "the package's requirements contradict each other",
        'Name what has to give way: `package = "tap-x singer-python<6"`',
    ),
    _Reason(
        r"Cannot find command 'git'|Git executable not found",
        "git is not installed, and the package comes from a repository",
        "Install git",
    ),
    _Reason(
        r"did not match any file|couldn't find remote ref|failed to (?:clone|checkout)"
        r"|does not appear to be a git repository",
        "the repository or its revision does not exist",
        "Open the address in a browser, without `git+` and what follows the `@`",
    ),
    _Reason(
        r"Failed (?:to build|building)|metadata-generation-failed"
        r"|subprocess-exited-with-error|build backend returned|does not appear to be a"
        r" Python project|not installable",
        "a package cannot be built here",
        "Old packages are often made for an older Python: try a newer version, or pin"
        " the one that fails beside the tap",
    ),
    _Reason(
        r"Invalid requirement|Failed to parse|Expected (?:package name|direct URL)",
        "this is no requirement that the installer takes",
        "Write it as for `pip install`, such as `tap-github==1.30`",
    ),
    _Reason(
        r"No module named ensurepip|ensurepip is not available",
        "this Python cannot make virtual environments",
        "Install uv, or your system's `python3-venv`",
    ),
)
