"""Whether a tap knows the settings that are to take a run's window."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elt.project.settings import Project

_SECONDS = 20.0  # to tell of itself, which most do in one


def unknown_settings(project: Project, tap: str) -> tuple[str, str] | None:
    """Say which of them the tap does not tell of, and what to do.

    Only a package that is installed is asked: a script may take `--about` for a start.
    """
    from elt.errors import EltError
    from elt.plugins import package_program
    from elt.singer.about import fetch_about
    from elt.singer.installed import Missing, look
    from elt.singer.packages import package_of

    window = project.file.taps[tap].window
    package = package_of(project, "tap", tap)
    if window is None or package is None or isinstance(look(package), Missing):
        return None
    try:
        about = fetch_about(package_program(package, project), timeout_seconds=_SECONDS)
    except EltError:
        return None  # a run says what is wrong with it
    unknown = about.unknown(name for name in (window.start, window.end) if name)
    if not unknown:
        return None
    listed = " and ".join(f"`{name}`" for name in unknown)
    close = [f"`{name}`" for name in unknown.values() if name is not None]
    meant = f"Did you mean {' and '.join(close)}? " if close else ""
    what = (
        f"`window` names {listed}, of which the tap does not tell: if it does not know"
        " it, a window is read without that bound"
    )
    return what, f"{meant}Where it has no setting for an end, leave `end` out"
