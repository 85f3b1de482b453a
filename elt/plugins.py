"""Plugins by name: listed without importing any, then exactly one is loaded.

A plugin is built in, installed (an entry point in `elt.taps` or `elt.destinations`),
or a file in the project's `plugins/`, of which only the syntax tree is looked at.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, nearest
from elt.project.settings import Project
from elt.singer.plugin_code import load_code
from elt.singer.process import TapProgram

Kind = Literal["tap", "destination"]
Origin = Literal["built in", "installed", "project"]
_GROUPS: dict[str, Kind] = {"elt.taps": "tap", "elt.destinations": "destination"}
_OURS = "elt-toolkit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """What can be named in `plugin = "..."`.

    `target` is the address of its code: `module:name`, `file.py` or `file.py:Name`.
    `where` tells a person: a package and version, or a file and line.
    """

    name: str
    kind: Kind
    origin: Origin
    target: str
    where: str


def plugins(root: Path | None) -> list[Plugin]:
    """List all plugins, by kind and name; `root` is the project's folder.

    Raises ConfigError when a file in `plugins/` is not Python.
    """
    found = [*_installed(), *(_in_project(root) if root else ())]
    return sorted(found, key=lambda plugin: (plugin.kind, plugin.name, plugin.origin))


def find(kind: Kind, name: str, root: Path | None) -> Plugin:
    """Find the one plugin of a name.

    Raises ConfigError, with the nearest name, when there is none or more than one.
    """
    known = [plugin for plugin in plugins(root) if plugin.kind == kind]
    found = [plugin for plugin in known if plugin.name == name]
    if not found:
        names = {plugin.name for plugin in known}
        raise ConfigError(
            f"there is no {kind} plugin `{name}`",
            hint=did_you_mean(name, names) or f"Put one into `plugins/{name}.py`",
        )
    if len(found) > 1:
        places = " and ".join(f"{plugin.where} ({plugin.origin})" for plugin in found)
        raise ConfigError(
            f"more than one {kind} plugin is called `{name}`",
            where=places,
            hint="Rename the one in the project's `plugins/`",
        )
    return found[0]


def load(plugin: Plugin) -> object:
    """Import a plugin's code and give what it names: a class, or a module of streams.

    This runs the plugin's code in this process; taps run in their own instead.
    """
    return load_code(plugin.target)


def tap_program(project: Project, tap: str) -> TapProgram:
    """Say how to run a tap of the project.

    Raises ConfigError when its plugin or executable is not there.
    """
    table = project.file.taps[tap]
    where = f"[taps.{tap}]"
    try:
        if table.executable is not None:
            command, flag = [_executable(table.executable, project.root)], None
        else:
            plugin = find("tap", table.plugin or "", project.root)
            command, flag = _hosted(plugin), "--catalog"
    except ConfigError as error:
        raise ConfigError(error.what, where=where, hint=error.hint) from error
    return TapProgram(
        (*command, *table.args),
        project.root,
        environ={"PYTHONIOENCODING": "utf-8", **os.environ},
        private_dir=project.private_dir / "taps",
        catalog_flag=flag,
        tap=tap,
    )


def _hosted(plugin: Plugin) -> list[str]:
    # `-P`: a file in the project's folder must not hide a module of the same name.
    streams = plugin.target.endswith(".py")
    host = "elt.taps.functions" if streams else "elt.taps.host"
    return [sys.executable, "-P", "-m", host, plugin.target]


def _executable(name: str, root: Path) -> str:
    if os.sep in name:
        path = (root / Path(name).expanduser()).absolute()
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
        problem = "is not executable" if path.is_file() else "does not exist"
        raise ConfigError(f"`{name}` {problem}", hint="A path is from the project")
    # Beside our Python first: elt may be started without its environment being
    # active, and a tap installed together with it is the one that was meant.
    beside = str(Path(sys.executable).parent)
    folders = [beside, *os.environ.get("PATH", os.defpath).split(os.pathsep)]
    found = shutil.which(name, path=os.pathsep.join(folders))
    if found is not None:
        return str(Path(found).absolute())
    close = nearest(name, _programs(folders))
    install = f"Install it, for example with `pip install {name}`"
    raise ConfigError(
        f"the program `{name}` is not installed",
        hint=f"Did you mean `{close}`?" if close else install,
    )


def _programs(folders: Sequence[str]) -> set[str]:
    names: set[str] = set()
    for folder in filter(os.path.isdir, folders):
        names.update(entry.name for entry in os.scandir(folder))
    return {name for name in names if name.startswith("tap-")}


def _installed() -> Iterator[Plugin]:
    for group, kind in _GROUPS.items():
        for point in entry_points(group=group):
            yield _entry(point, kind)


def _entry(point: EntryPoint, kind: Kind) -> Plugin:
    package = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    return Plugin(
        name=point.name,
        kind=kind,
        origin="built in" if package == _OURS else "installed",
        target=f"{point.module}:{point.attr}" if point.attr else point.module,
        where=f"{package} {version}".strip(),
    )


def _in_project(root: Path) -> Iterator[Plugin]:
    for path in sorted((root / "plugins").glob("*.py")):
        if not path.name.startswith("_"):
            yield from _in_file(path, f"plugins/{path.name}")


def _in_file(path: Path, shown: str) -> Iterator[Plugin]:
    try:
        body = ast.parse(path.read_bytes(), filename=str(path)).body
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        reason = getattr(error, "msg", str(error))
        raise ConfigError(
            f"a plugin is not valid Python: {reason}",
            where=f"{shown}:{line}",
            hint="Correct the line, or move the file out of `plugins/`",
        ) from error
    target = str(path.absolute())
    streams = [node for node in body if _is_stream(node)]
    if streams:
        where = f"{shown}:{streams[0].lineno}"
        yield _project_plugin("tap", path.stem, target, where)
    taps = [node for node in body if isinstance(node, ast.ClassDef) and _is_tap(node)]
    for tap in taps:
        alone = len(taps) == 1 and not streams
        name = path.stem if alone else _tap_name(tap)
        where = f"{shown}:{tap.lineno}"
        yield _project_plugin("tap", name, f"{target}:{tap.name}", where)
    for node in (node for node in body if isinstance(node, ast.ClassDef)):
        called = _destination_name(node)
        if called:
            where = f"{shown}:{node.lineno}"
            yield _project_plugin("destination", called, f"{target}:{node.name}", where)


def _project_plugin(kind: Kind, name: str, target: str, where: str) -> Plugin:
    return Plugin(name=name, kind=kind, origin="project", target=target, where=where)


def _is_stream(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        _last_name(decorator) == "stream" for decorator in node.decorator_list
    )


def _is_tap(node: ast.ClassDef) -> bool:
    public = not node.name.startswith("_")
    return public and any(_last_name(base).endswith("Tap") for base in node.bases)


def _tap_name(node: ast.ClassDef) -> str:
    for one in node.body:
        match one:
            case (
                ast.Assign(targets=[ast.Name(id="name")], value=ast.Constant(str(name)))
                | ast.AnnAssign(
                    target=ast.Name(id="name"), value=ast.Constant(str(name))
                )
            ):
                return name.removeprefix("tap-")
            case _:
                continue
    return node.name.removesuffix("Tap").lower() or "tap"


def _destination_name(node: ast.ClassDef) -> str | None:
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(args=[ast.Constant(str(name)), *_]) if (
                _last_name(decorator) == "destination"
            ):
                return name
            case _:
                continue
    return None


def _last_name(node: ast.expr) -> str:
    """Give `stream` for `stream`, `elt.stream` and `stream(key="id")`."""
    match node:
        case ast.Call(func=func):
            return _last_name(func)
        case ast.Attribute(attr=attr):
            return attr
        case ast.Name(id=name):
            return name
        case _:
            return ""
