"""meltano.yml, the files that it includes, the lock files of its plugins, `.env`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from elt.errors import ConfigError
from elt.project.meltano.shapes import check_document
from elt.project.secrets import read_dotenv

FILE_NAME = "meltano.yml"
KINDS = (
    *("extractors", "loaders", "mappers", "utilities"),
    *("transformers", "orchestrators", "files"),
)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plugin:
    """`told` is what meltano.yml says of it, `locked` what its lock file says."""

    kind: str
    name: str
    told: Mapping[str, Any]
    locked: Mapping[str, Any]

    @property
    def parent(self) -> str | None:
        found = self.told.get("inherit_from")
        return str(found) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Meltano project as it was read. `environments` are overlays, by name."""

    root: Path
    plugins: Mapping[tuple[str, str], Plugin]
    environments: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    default_environment: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    dotenv: Mapping[str, str] = field(default_factory=dict)
    jobs: tuple[Mapping[str, Any], ...] = ()
    schedules: tuple[Mapping[str, Any], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> list[Plugin]:
        return [p for (kind, _), p in self.plugins.items() if kind in kinds]


class _Yaml(yaml.SafeLoader):  # type: ignore[misc]
    """YAML 1.2 as Meltano reads it: `on` is a word, and a date is its text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - yaml's own way
        letter: [
            (tag, pattern)
            for tag, pattern in found
            if tag not in {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"}
        ]
        for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Yaml.add_implicit_resolver(
    "tag:yaml.org,2002:bool",
    re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"),
    list("tTfF"),
)


def read_source(path: Path) -> Source:
    """Read a Meltano project by its folder or its meltano.yml.

    Raises ConfigError when there is none, or when it is not YAML.
    """
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise ConfigError(
            f"there is no {FILE_NAME} here",
            where=str(path),
            hint="Name the folder of a Meltano project: `elt import meltano PATH`",
        )
    root = file.resolve().parent
    documents = [_read(file)]
    documents += [_read(each) for each in _included(root, documents[0])]
    return _source(root, documents)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> Document:
    """Lay one table over another, as Meltano lays environments and heirs."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        are_tables = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[key] = merged(old or {}, value) if are_tables else value
    return found


def _source(root: Path, documents: Iterable[Document]) -> Source:
    plugins: dict[tuple[str, str], Plugin] = {}
    environments: dict[str, Mapping[str, Any]] = {}
    jobs: list[Document] = []
    schedules: list[Document] = []
    settings: Document = {}
    for document in documents:
        for plugin in _plugins(root, document):
            plugins[plugin.kind, plugin.name] = plugin
        for each in _named(document.get("environments")):
            name = each["name"]
            environments[name] = merged(environments.get(name, {}), each)
        jobs += _named(document.get("jobs"))
        schedules += _named(document.get("schedules"))
        settings |= document
    dotenv, problems = _dotenv(root)
    return Source(
        root=root,
        plugins=plugins,
        environments=environments,
        default_environment=str(settings.get("default_environment") or ""),
        env=_texts(settings.get("env")),
        dotenv=dotenv,
        jobs=tuple(jobs),
        schedules=tuple(schedules),
        settings=settings,
        problems=problems,
    )


def _read(file: Path) -> Document:
    try:
        # A safe loader, made stricter.
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=_Yaml)  # noqa: S506
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            f"`{file.name}` cannot be read: {reason}", where=str(file)
        ) from error
    except RecursionError:
        raise ConfigError("this is too deep to be read", where=str(file)) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(
            f"this is not YAML: {getattr(error, 'problem', None) or error}",
            where=f"{file}{line}",
            hint="`meltano config` would refuse it, too",
        ) from error
    if found is not None and not isinstance(found, dict):
        raise ConfigError("this is no table of settings", where=str(file))
    check_document(found or {}, file)
    return found or {}


def _included(root: Path, document: Document) -> list[Path]:
    patterns = [str(each) for each in document.get("include_paths") or ()]
    try:
        found = {
            path
            for pattern in patterns
            for path in root.glob(pattern.removeprefix("./"))
            if path.is_file() and path != root / FILE_NAME
        }
    except (ValueError, NotImplementedError) as error:
        raise ConfigError(
            f"`include_paths` cannot be followed: {error}",
            where=str(root / FILE_NAME),
            hint="Meltano takes patterns of files below meltano.yml",
        ) from None
    return sorted(found)


def _plugins(root: Path, document: Document) -> Iterable[Plugin]:
    tables = document.get("plugins")
    for kind in KINDS:
        for told in _named(tables.get(kind) if isinstance(tables, dict) else None):
            yield Plugin(kind, told["name"], told, _locked(root, kind, told))


def _named(entries: Any) -> list[Document]:
    """Take the entries of a list that are tables with a name."""
    found = entries if isinstance(entries, list) else []
    named = [each for each in found if isinstance(each, dict) and each.get("name")]
    return [{**each, "name": str(each["name"])} for each in named]


def _locked(root: Path, kind: str, told: Document) -> Document:
    """Read what the lock file says: the program, its settings and their kinds."""
    folder = root / "plugins" / kind
    name = str(told.get("inherit_from") or told["name"])
    variant = told.get("variant")
    names = [f"{name}--{variant}.lock", f"{name}.lock"] if variant else [f"{name}.lock"]
    files = [folder / each for each in names]
    files += sorted(folder.glob(f"{name}--*.lock"))
    for file in files:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return {}


def _dotenv(root: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    try:
        return read_dotenv(root / ".env"), ()
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        return {}, (f"`.env` cannot be read: {error}",)


def _texts(table: Any) -> dict[str, str]:
    found = table if isinstance(table, dict) else {}
    return {str(key): str(value) for key, value in found.items() if value is not None}
