"""What `elt init` writes: a copy of a template, with the project's name in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from elt.errors import ConfigError

Template = Literal["blank", "demo"]

NAME = "PROJECT_NAME"  # stands in a template's files for the project's name

# Tools that build wheels leave out what a `.gitignore` among the files names.
_RENAMED = {"gitignore": ".gitignore"}
# Left behind by somebody who tried a template where it lies; never part of it.
_LEFTOVERS = frozenset({"__pycache__", ".elt", "target", "logs", "dbt_packages"})
_LEFTOVER_FILES = frozenset({".env", ".user.yml", ".DS_Store"})
_LEFTOVER_ENDINGS = frozenset({".pyc", ".duckdb", ".wal"})


def scaffold(folder: str | Path, template: Template = "blank") -> list[Path]:
    """Fill a new or empty folder from a template; its last part names the project.

    A folder that holds nothing but `.git` counts as empty. Gives the files written, in
    order of their paths. Raises ConfigError when there is something else.
    """
    root = Path(folder).expanduser().resolve()
    _refuse_if_used(root)
    source = _template_folder(template)
    try:
        return [
            _write(file, root / _target(file.relative_to(source)), root.name)
            for file in sorted(_files(source))
        ]
    except OSError as error:
        raise ConfigError(
            f"the project cannot be written: {error.strerror}",
            where=str(error.filename or root),
            hint="Choose a folder that you may write to",
        ) from error


def _refuse_if_used(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ConfigError(
            f"`{root.name}` is a file, and a project is a folder",
            where=str(root),
            hint="Choose another name",
        )
    found = sorted(root.iterdir()) if root.exists() else []
    others = [path.name for path in found if path.name != ".git"]
    if "elt.toml" in others:
        raise ConfigError(
            f"`{root.name}` is a project already",
            where=str(root / "elt.toml"),
            hint="Run `elt check` there, or choose another name",
        )
    if others:
        raise ConfigError(
            f"`{root.name}` is not empty: it has `{others[0]}`",
            where=str(root),
            hint="Choose a new folder; nothing that is yours is written over",
        )


def _template_folder(template: Template) -> Path:
    package = Path(__file__).parents[1]
    for place in (package, package.parent):  # in a wheel; in a source checkout
        folder = place / "project_template" / template
        if folder.is_dir():
            return folder
    raise ConfigError(
        f"this installation has no template `{template}`",
        where=str(package / "project_template"),
        hint="Install elt-toolkit again",
    )


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and path.name not in _LEFTOVERS:
            yield from _files(path)
        elif path.is_file() and not _is_leftover(path):
            yield path


def _is_leftover(file: Path) -> bool:
    return file.name in _LEFTOVER_FILES or file.suffix in _LEFTOVER_ENDINGS


def _target(relative: Path) -> Path:
    return relative.with_name(_RENAMED.get(relative.name, relative.name))


def _write(source: Path, target: Path, name: str) -> Path:
    content = source.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        rendered = content  # a picture or a packed file holds no name
    else:
        rendered = text.replace(NAME, _written(name, target)).encode()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(rendered)
    return target


def _written(name: str, target: Path) -> str:
    """Escape what a folder may be called and a TOML text may not hold."""
    if target.suffix != ".toml":
        return name
    return json.dumps(name, ensure_ascii=False)[1:-1]
