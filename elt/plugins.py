"""Plugins by name: listed without importing any, then exactly one is loaded.

A plugin is built in, installed (an entry point in `elt.taps` or `elt.destinations`),
or a file in the project's `plugins/`, of which only the syntax tree is looked at.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Literal

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean
from elt.project.settings import Project
from elt.singer.environments import ensure
from elt.singer.packages import Package, package_of
from elt.singer.plugin_code import load_code
from elt.singer.process import OnLine, TapProgram
from elt.singer.programs import child_environ, find_executable, program_in

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


def tap_program(
    project: Project,
    tap: str,
    *,
    environ: Mapping[str, str] | None = None,
    on_line: OnLine = lambda _: None,
) -> TapProgram:
    """Say how to run a tap of the project; its package is installed if need be.

    `environ` is the tap's world, by default our own; `on_line` hears of an
    installation. Raises ConfigError when its plugin, executable or package is not
    there, and the installer's error.
    """
    table = project.file.taps[tap]
    package = package_of(project, "tap", tap)
    if package is not None:
        return package_program(
            package, project, args=table.args, environ=environ, on_line=on_line
        )
    if table.executable is not None:
        command, flag = [_found(project, "tap", tap, table.executable)], None
    else:
        command, flag = _hosted(_plugin_of(project, tap)), "--catalog"
    return TapProgram(
        (*command, *table.args),
        project.root,
        environ=_told_to_write_utf8(environ),
        private_dir=project.private_dir / "taps",
        catalog_flag=flag,
        tap=tap,
    )


def target_program(
    project: Project,
    target: str,
    *,
    environ: Mapping[str, str] | None = None,
    on_line: OnLine = lambda _: None,
) -> TapProgram:
    """Say how to run a Singer target of the project, as `tap_program` does for taps."""
    table = project.file.targets[target]
    package = package_of(project, "target", target)
    if package is not None:
        return package_program(
            package, project, args=table.args, environ=environ, on_line=on_line
        )
    program = _found(project, "target", target, table.executable or "")
    return TapProgram(
        (program, *table.args),
        project.root,
        environ=_told_to_write_utf8(environ),
        private_dir=project.private_dir / "targets",
        tap=target,
    )


def package_program(
    package: Package,
    project: Project,
    *,
    args: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    on_line: OnLine = lambda _: None,
) -> TapProgram:
    """Say how to run a package's program, in its own environment and without ours.

    Raises ConfigError, Unavailable or EltError when it cannot be installed.
    """
    world = _told_to_write_utf8(environ)
    installed = ensure(package, environ=world, on_line=on_line)
    return TapProgram(
        (str(program_in(package, installed)), *args),
        project.root,
        environ=child_environ(Path(installed.home), world),
        private_dir=project.private_dir / f"{package.kind}s",
        catalog_flag=installed.catalog_flag,
        tap=package.name,
    )


def _found(
    project: Project, kind: Literal["tap", "target"], name: str, text: str
) -> str:
    try:
        return find_executable(kind, text, project.root)
    except ConfigError as error:
        where = project.where(f"{kind}s", name)
        raise ConfigError(error.what, where=where, hint=error.hint) from error


def _plugin_of(project: Project, tap: str) -> Plugin:
    try:
        return find("tap", project.file.taps[tap].plugin or "", project.root)
    except ConfigError as error:
        where = project.where("taps", tap)
        raise ConfigError(error.what, where=where, hint=error.hint) from error


def _told_to_write_utf8(environ: Mapping[str, str] | None) -> dict[str, str]:
    return {"PYTHONIOENCODING": "utf-8", **(os.environ if environ is None else environ)}


def _hosted(plugin: Plugin) -> list[str]:
    # `-P`: a file in the project's folder must not hide a module of the same name.
    streams = plugin.target.endswith(".py")
    host = "elt.taps.functions" if streams else "elt.taps.host"
    return [sys.executable, "-P", "-m", host, plugin.target]


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
