"""Extractors as `[taps]`: their program, settings, selection, streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, get_args

from elt.project.meltano.plugins import Resolved, guessed_package, requirements
from elt.project.meltano.report import Move, Report
from elt.project.meltano.variables import Variables, variable_of
from elt.project.plugin_settings import nested
from elt.project.references import REFERENCE
from elt.project.stream_settings import ReplicationMethod
from elt.remote.masking import SHORTEST

_WILD = frozenset("*?[")
_METHODS = frozenset(get_args(ReplicationMethod))
_KEYS = ("table-key-properties", "view-key-properties", "key-properties")
# Meltano's own settings of a plugin that need no word: they change nothing here.
_SILENT = frozenset(
    {
        *("name", "variant", "namespace", "label", "description", "docs", "repo"),
        *("pip_url", "executable", "config", "settings", "settings_group_validation"),
        *("inherit_from", "capabilities", "select", "select_filter", "metadata"),
        *("load_schema", "schema", "logo_url", "hidden", "env", "commands", "python"),
        *("use_cached_catalog", "log_parser", "settings_preamble", "next_steps"),
        *("maintenance_status", "keywords", "domain_url", "dialect", "target_schema"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is at hand while one environment is taken over."""

    move: Move
    report: Report
    variables: Variables
    prefixes: frozenset[str]  # of the variables of all plugins
    environment: str | None = None


def plain_name(name: str) -> str:
    """Name a table after a plugin: `tap-github` is `github`."""
    short = name.removeprefix("tap-").removeprefix("target-")
    letters = "".join(c if c.isalnum() and c.isascii() else "-" for c in short)
    return letters.strip("-") or "plugin"


def program_table(plugin: Resolved, work: Work) -> dict[str, Any]:
    """Say by what a plugin runs: `package`, `executable` or both."""
    table: dict[str, Any] = {}
    pip_url = plugin.told.get("pip_url")
    executable = plugin.told.get("executable")
    if pip_url:
        package, options = requirements(work.variables.plain(str(pip_url)))
        table["package"] = _moved_package(package, work.move)
        for option in options:
            work.report.leave(
                f"{plugin.name}: `{option}` of its pip_url",
                "A variable does the same, as PIP_CONSTRAINT or PIP_EXTRA_INDEX_URL",
            )
    if executable:
        table["executable"] = work.move.path(work.variables.plain(str(executable)))
    if not table:
        table["package"] = guessed_package(plugin)
        work.report.leave(
            f"{plugin.name}: no pip_url is known; `{table['package']}` is a guess",
            "Correct `package` in elt.toml if it is another one",
        )
    return table


def config_table(plugin: Resolved, work: Work) -> dict[str, Any]:
    """Write the settings: variables as references, secrets moved into `.env`."""
    flat: dict[str, Any] = {}
    for name, value in plugin.config.items():
        if _has_null(value):
            work.report.leave(
                f"{plugin.name}: the nulls in `{name}`",
                "Meltano passes none on, nor can TOML say them; where a stream map"
                ' drops a column, write `"__NULL__"`',
            )
        if value is not None:
            expanded = work.variables.expand(value, plugin.definition(name))
            flat[name] = _without_secret(plugin, name, expanded, work)
    flat |= _from_variables(plugin, flat, work)
    for name in (n for n, value in flat.items() if isinstance(value, str)):
        flat[name] = work.move.path(flat[name])
    return nested({tuple(name.split(".")): value for name, value in flat.items()})


def selection(plugin: Resolved) -> list[str]:
    """Give `select`, with `select_filter` applied."""
    chosen = [str(each) for each in plugin.own("select") or ()]
    filters = [str(each) for each in plugin.own("select_filter") or ()]
    wanted = [each for each in filters if not each.startswith("!")]
    if wanted and not chosen:
        chosen = list(wanted)
    elif wanted:
        chosen = [each for each in chosen if _passes(each, wanted)]
    return chosen + [each for each in filters if each.startswith("!")]


def stream_tables(plugin: Resolved, work: Work) -> dict[str, dict[str, Any]]:
    """Write `metadata` as `[taps.X.streams]`."""
    tables: dict[str, dict[str, Any]] = {}
    for stream, rules in _by_stream(plugin.own("metadata") or {}):
        known = dict(_rules(plugin.name, stream, rules, work.report))
        if known and _WILD & set(stream):
            lines = ", ".join(f"{key} = {value!r}" for key, value in known.items())
            work.report.leave(
                f"{plugin.name}: metadata of the streams `{stream}`",
                f"Write it for each stream: [taps.{plain_name(plugin.name)}"
                f".streams.NAME] {lines}",
            )
        elif known:
            tables.setdefault(stream, {}).update(known)
    return tables


def say_what_is_left(plugin: Resolved, report: Report) -> None:
    """Tell what elt has no word for."""
    schema = plugin.own("schema")
    if isinstance(schema, Mapping) and schema:
        report.leave(
            f"{plugin.name}: schema overrides of {', '.join(map(str, schema))}",
            "Tables follow the tap's own schema; cast in a dbt model",
        )
    known = _SILENT | {name for name in plugin.told if str(name).startswith("_")}
    for name in sorted(map(str, plugin.told.keys() - known)):
        report.leave(f"{plugin.name}: `{name}`")


def _moved_package(package: str, move: Move) -> str:
    first, space, rest = package.partition(" ")
    return move.path(first) + space + rest


def _without_secret(plugin: Resolved, name: str, value: Any, work: Work) -> Any:
    """Move a secret that meltano.yml holds in clear into `.env`."""
    if isinstance(value, Mapping):
        return {
            key: _without_secret(plugin, f"{name}.{key}", inner, work)
            for key, inner in value.items()
        }
    is_secret = plugin.definition(name).secret
    if not (is_secret and isinstance(value, str) and value):
        return value
    if REFERENCE.search(value):
        return value
    if len(value) < SHORTEST:
        work.report.leave(
            f"{plugin.name}: `{name}` is in elt.toml in clear",
            f"A secret of fewer than {SHORTEST} characters cannot be kept out of logs",
        )
        return value
    variable = variable_of(plugin.name, name)
    if work.report.secrets.setdefault(variable, value) != value:
        variable = variable_of(plugin.name, name, work.environment or "other")
        work.report.secrets[variable] = value
    return f"${{env:{variable}}}"


def _has_null(value: Any) -> bool:
    match value:
        case Mapping():
            inner = list(value.values())
        case list():
            inner = value
        case _:
            return False
    return any(each is None or _has_null(each) for each in inner)


def _from_variables(
    plugin: Resolved, flat: Mapping[str, Any], work: Work
) -> dict[str, Any]:
    """Find what only `.env` or `env:` says: Meltano reads TAP_NAME_SETTING, too."""
    found: dict[str, Any] = {}
    there = work.variables.dotenv.keys() | work.variables.known.keys()
    names = {*plugin.definitions, *flat}
    for name in sorted(each for each in names if not each.startswith("_")):
        definition = plugin.definition(name)
        own = [variable_of(prefix, name) for prefix in plugin.prefixes]
        variable = next((v for v in (*definition.env, *own) if v in there), None)
        if variable is not None:
            found[name] = work.variables.refer(variable, definition)
    known = {variable_of(p, name) for p in plugin.prefixes for name in names}
    for variable in sorted(there - known):
        setting = _setting_of(variable, plugin, work)
        if setting and setting.startswith("_"):
            work.report.leave(f"{plugin.name}: the variable {variable}")
        elif setting and not plugin.definitions:
            definition = plugin.definition(setting)
            found[setting] = work.variables.refer(variable, definition)
    return found


def _setting_of(variable: str, plugin: Resolved, work: Work) -> str | None:
    """Tell which setting of this plugin a variable means, unless it is another's."""
    for prefix in plugin.prefixes:
        longer = (p for p in work.prefixes if p.startswith(f"{prefix}_"))
        others = any(variable.startswith(f"{each}_") for each in longer)
        if variable.startswith(f"{prefix}_") and not others:
            return variable.removeprefix(f"{prefix}_").lower()
    return None


def _passes(pattern: str, wanted: Sequence[str]) -> bool:
    stream = pattern.removeprefix("!").partition(".")[0]
    return any(
        fnmatchcase(stream, each) or fnmatchcase(each, stream) for each in wanted
    )


def _by_stream(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, rules in metadata.items():
        if isinstance(rules, Mapping):
            yield str(key), rules
        else:
            stream, _, rule = str(key).rpartition(".")
            yield stream, {rule: rules}


def _rules(
    plugin: str, stream: str, rules: Mapping[str, Any], report: Report
) -> Iterator[tuple[str, Any]]:
    for key, value in rules.items():
        match key, value:
            case "replication-method", str() if value.upper() in _METHODS:
                yield "replication_method", value.upper()
            case "replication-key", str():
                yield "replication_key", value
            case _, list() if key in _KEYS:
                yield "key", [str(each) for each in value]
            case _, {"is-replication-key": True}:
                yield "replication_key", str(key)
            case _:
                report.leave(f"{plugin}: metadata `{stream}`: `{key}`")
