"""`elt add`: a tap, a target or a destination, written into elt.toml."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elt.cli.additions import Addition, project_with, write
from elt.cli.model_packs import pack_of, write_pack
from elt.cli.options import examples, note, open_project
from elt.errors import ConfigError, EltError

if TYPE_CHECKING:
    from elt.project.plugin_settings import Setting
    from elt.project.settings import Project
    from elt.singer.about import About
    from elt.singer.process import TapProgram

# Where the package that people mean is not called `tap-NAME`.
_PACKAGES = {
    "mongodb": "meltanolabs-tap-mongodb",
    "postgres": "meltanolabs-tap-postgres",
    "snowflake": "meltanolabs-tap-snowflake",
    "mysql": "pipelinewise-tap-mysql",
    "facebook": "meltano-tap-facebook",
}

TapName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A tap of `elt plugins`; with --package or --executable, any name.",
        show_default=False,
    ),
]
TargetName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="What to call it.", show_default=False),
]
DestinationName = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="A destination of `elt plugins`.", show_default=False
    ),
]
Package = Annotated[
    str | None,
    typer.Option(
        "--package",
        metavar="SPEC",
        help="As pip knows it: `tap-x`, `tap-x==1.2`, a git URL, a folder.",
    ),
]
Executable = Annotated[
    str | None,
    typer.Option(
        "--executable",
        metavar="PROGRAM",
        help="On the PATH, or its path. Beside --package: which of its programs.",
    ),
]
Called = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="What to call it, if not by NAME."),
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting; `a.b=` is in a table. What is secret goes to `.env`.",
    ),
]


@examples(
    ("elt add tap files", "a tap that is built in, or in plugins/; asks for settings"),
    ("elt add tap stripe --models", "with dbt models of its tables"),
    ("elt add tap mongodb --package meltanolabs-tap-mongodb", "any Singer tap"),
    ("elt add tap crm --executable tap-crm --set user=ann", "one that is installed"),
)
def tap(
    context: typer.Context,
    name: TapName,
    package: Package = None,
    executable: Executable = None,
    called: Called = None,
    given: Given = None,
    *,
    models: Annotated[
        bool,
        typer.Option(
            "--models",
            help="Write staging models and their tests into the dbt project.",
        ),
    ] = False,
) -> None:
    """Add a tap, and ask for its settings.

    Secrets go into `.env`, the rest into elt.toml, whose comments and order stay.
    Without a terminal nobody is asked: `--set` says it all. With --models, a tap that
    is there already gets its models alone.
    """
    project = open_project(context)
    is_foreign = bool(package or executable)
    chosen = called or (_plain_name(name) if is_foreign else name)
    plugin = None if is_foreign else name
    pack = pack_of(project, chosen, plugin) if models else None
    if pack and chosen in project.file.taps:
        write_pack(project, chosen, pack)
        return
    table: dict[str, Any] = {**(_program(package, executable) or {"plugin": name})}
    _refuse_known(project, "taps", chosen)
    if "plugin" in table:
        _find_tap(project, name)
    _check(project, ("taps", chosen), table)
    about = _about(_tap_program(project, chosen, table))
    table |= _window(about)
    is_ready = write(project, _addition("taps", chosen, table, about), given or ())
    if pack:
        write_pack(project, chosen, pack)
    if is_ready and _is_taken(open_project(context), chosen):
        note(f"\nNext:\n  elt tap preview {chosen}\n  elt run tap:{chosen}")
    else:
        header = f"[taps.{chosen}.config]"
        note(f"\nNext: fill in what it needs in {header}, then")
        note(f"  elt tap test {chosen}")


@examples(
    ("elt add target lake --package target-jsonl", "any Singer target"),
    ("elt add target lake --executable target-jsonl", "one that is installed"),
)
def target(
    context: typer.Context,
    name: TargetName,
    package: Package = None,
    executable: Executable = None,
    given: Given = None,
) -> None:
    """Add a Singer target, for taps that load elsewhere.

    Taps use it by `target = "NAME"`. dbt and syncs of this project do not see what it
    loads.
    """
    project = open_project(context)
    table = _program(package, executable)
    if not table:
        raise ConfigError(
            f"it is not known which program target `{name}` is",
            hint=f"Add `--package target-{name}`, or `--executable` for one installed",
        )
    _refuse_known(project, "targets", name)
    _check(project, ("targets", name), table)
    about = _about(_target_program(project, name, table))
    write(project, _addition("targets", name, table, about), given or ())
    note(f'\nNext: add `target = "{name}"` to a tap in elt.toml')


@examples(
    ("elt add destination file --name reports", "asks for its settings"),
    ("elt add destination webhook --name crm --send-in prod", "`elt --env prod` sends"),
)
def destination(
    context: typer.Context,
    name: DestinationName,
    called: Called = None,
    given: Given = None,
    send_in: Annotated[
        list[str] | None,
        typer.Option(
            "--send-in",
            metavar="ENVIRONMENT",
            help="Where syncs really send; elsewhere they only plan. May be repeated.",
        ),
    ] = None,
) -> None:
    """Add a destination, for syncs to send to.

    Unless it is local, syncs send to it only in the environments named here.
    """
    project = open_project(context)
    chosen = called or name
    settings = _destination_settings(project, name)
    _refuse_known(project, "destinations", chosen)
    _check(project, ("destinations", chosen), {"plugin": name})
    addition = Addition(
        group="destinations",
        name=chosen,
        table={"plugin": name, "send_in": list(send_in or [])},
        settings=settings or (),
        hint="" if settings is not None else "Its settings go here",
    )
    write(project, addition, given or ())
    note(
        f'\nNext: a table [syncs.NAME] with `destination = "{chosen}"` and a `model`,\n'
        "an `object` and a `key`, and then `elt sync plan NAME`"
    )


def _is_taken(project: Project, tap: str) -> bool:
    """Say whether the tap would take its config, and tell why where it would not."""
    from elt.cli.built_in_taps import flaw_of

    flaw = flaw_of(project, tap)
    if flaw is not None:
        note(f"\nIt is not enough yet: {flaw}")
    return flaw is None


def _window(about: About) -> dict[str, Any]:
    """Give the settings that hold a window, where the tap tells which they are."""
    from elt.project.plugin_settings import WINDOW

    told = about.settings.get(WINDOW)
    return {"window": dict(told)} if told else {}


def _program(package: str | None, executable: str | None) -> dict[str, str]:
    given = {"package": package, "executable": executable}
    return {key: value for key, value in given.items() if value}


def _plain_name(name: str) -> str:
    """Take `github` out of `tap-github` and `meltanolabs-tap-github`."""
    start, tap, rest = name.rpartition("tap-")
    return rest if tap and (not start or start.endswith("-")) else name


def _refuse_known(project: Project, group: str, name: str) -> None:
    if name in getattr(project.file, group):
        kind = group.removesuffix("s")
        other = "another NAME" if group == "targets" else f"`--name {name}_2`"
        raise ConfigError(
            f"there is a {kind} `{name}` already",
            where=project.where(group, name),
            hint=f"Change it there, or choose {other}",
        )


def _find_tap(project: Project, name: str) -> None:
    """Raise ConfigError for an unknown plugin; it may be a Singer tap, though."""
    from elt.plugins import find, plugins
    from elt.project.nearest import nearest

    names = [plugin.name for plugin in plugins(project.root) if plugin.kind == "tap"]
    if name in names:
        find("tap", name, project.root)
        return
    plain = _plain_name(name)
    close = nearest(plain, names)
    package = _PACKAGES.get(plain, f"tap-{plain}")
    built_in = f"{' and '.join(f'`{each}`' for each in sorted(names))}"
    what = f"There is {built_in}: `elt add tap {close or 'files'} --name {name}`"
    singer = f"`elt add tap {plain} --package {package}`"
    raise ConfigError(
        f"there is no tap plugin `{name}`",
        hint=(f"Did you mean `{close}`? " if close else "")
        + f"{what}. Or any Singer tap: {singer}",
    )


def _check(project: Project, path: tuple[str, str], table: Mapping[str, Any]) -> None:
    """Refuse what cannot be added before anything is installed or asked."""
    from elt.project.edit import check_table

    check_table(project.root, path, table)


def _tap_program(project: Project, name: str, table: Mapping[str, Any]) -> TapProgram:
    import msgspec

    from elt.plugins import tap_program
    from elt.project.tap_settings import TapTable

    taps = {**project.file.taps, name: msgspec.convert(dict(table), TapTable)}
    with _without_place():
        return tap_program(project_with(project, taps=taps), name, on_line=note)


def _target_program(
    project: Project, name: str, table: Mapping[str, Any]
) -> TapProgram:
    import msgspec

    from elt.plugins import target_program
    from elt.project.tap_settings import TargetTable

    targets = {**project.file.targets, name: msgspec.convert(dict(table), TargetTable)}
    with _without_place():
        changed = project_with(project, targets=targets)
        return target_program(changed, name, on_line=note)


@contextmanager
def _without_place() -> Iterator[None]:
    """Take out of an error the line of a table that is not written yet."""
    try:
        yield
    except EltError as error:
        lines = (error.where or "").splitlines()
        kept = [line for line in lines if not line.startswith("elt.toml")]
        error.where = "\n".join(kept) or None
        raise


def _about(program: TapProgram) -> About:
    from elt.singer.about import fetch_about

    about = fetch_about(program)
    if about.version[:1].isdigit():
        note(f"{program.name}: version {about.version}")
    return about


def _addition(
    group: str, name: str, table: Mapping[str, Any], about: About
) -> Addition:
    from elt.project.plugin_settings import declared_settings

    told = declared_settings(about.settings)
    hint = "" if about.is_told else "It does not tell its settings; they go here"
    return Addition(group=group, name=name, table=table, settings=told, hint=hint)


def _destination_settings(project: Project, name: str) -> tuple[Setting, ...] | None:
    """Give what a destination declares, None where it declares nothing."""
    from elt.plugins import find, load
    from elt.project.plugin_settings import declared_settings

    found = load(find("destination", name, project.root))
    declared = _declared_struct(found)
    if declared is None:
        return None
    import msgspec

    return declared_settings(msgspec.json.schema(declared))


def _declared_struct(destination: object) -> Any:
    """Find the Struct beside the class: WebhookConfig for WebhookDestination."""
    import msgspec

    module = sys.modules.get(getattr(destination, "__module__", ""))
    name = getattr(destination, "__name__", "").removesuffix("Destination")
    found = getattr(module, f"{name}Config", None)
    is_struct = isinstance(found, type) and issubclass(found, msgspec.Struct)
    return found if is_struct else None
