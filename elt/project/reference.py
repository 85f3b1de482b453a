"""The reference page of `elt.toml`, written from the declarations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import cleandoc

from msgspec import NODEFAULT, inspect

from elt.project.check import declared_file
from elt.project.words import expected, is_none

_INTRODUCTION = """\
# `elt.toml`

A folder with an `elt.toml` is a project. This page names every table and key that the
file may hold. An unknown key, or a value of the wrong type, is an error with its line,
and all errors of the file are shown at once: run `elt check`. For completion in your
editor, run `elt schema`.

<!-- Written by elt.project.reference from the declarations in elt/project; a test compares. -->

The smallest project that does something:

```toml
{smallest}
```

Names of taps, destinations, syncs and environments hold letters, digits, `_` and `-`.
Paths start at the folder of `elt.toml`. A date without quotes is read as its text.

## Secrets

Texts in `config` tables, `hash_salt` and `[warehouse.dbt]` may refer to secrets, whole or in
part. They are read when a step starts, not before.

| reference | is replaced by |
|---|---|
| `${{env:NAME}}` | the environment variable `NAME`, else `NAME=...` in the file `.env` beside `elt.toml` |
| `${{file:PATH}}` | the text of a file, without the newline at its end |
| `$${{` | `${{`, where it is only text |

A value that was read so is replaced by `***` in everything that is shown or stored. One
of fewer than 6 characters is refused, because it would be found everywhere by chance:
a run that needs it does nothing.
"""  # noqa: E501 - a row of a table is one line

_SMALLEST = """\
[project]
name = "acme"

[taps.exports]
plugin = "files"
[taps.exports.config.streams]
orders = { path = "exports/*.csv" }"""

# Together these are one valid file, which a test reads.
EXAMPLES = {
    "project": '[project]\nname = "acme"',
    "warehouse": '[warehouse]\npath = "data/warehouse.duckdb"\nmemory_limit = "2GB"',
    "warehouse.dbt": '[warehouse.dbt]\nextensions = ["httpfs"]',
    "taps.NAME": """\
[taps.github]
package = "meltanolabs-tap-github==1.30"
select = ["issues", "users.*", "!users.email"]
tags = ["product"]

[taps.github.config]
auth_token = "${env:GITHUB_TOKEN}"
start_date = "2025-01-01\"""",
    "taps.NAME.window": """\
[taps.github.window]
start = "start_date"
end = "end_date"
format = "%Y-%m-%d\"""",
    "taps.NAME.streams.STREAM": """\
[taps.github.streams.issues]
table = "github_issues"
replication_key = "updated_at"
lookback = "3d\"""",
    "targets.NAME": """\
[targets.lake]
package = "target-jsonl==0.1.4"

[targets.lake.config]
destination_path = "lake\"""",
    "transform": '[transform]\nproject_dir = "transform"\nvars = { currency = "EUR" }',
    "destinations.NAME": """\
[destinations.crm]
plugin = "webhook"
send_in = ["prod"]

[destinations.crm.config]
url = "https://crm.example/rows"
secret = "${file:secrets/crm.txt}\"""",
    "syncs.NAME": """\
[syncs.customer_health]
model = "customer_health"
destination = "crm"
object = "contacts"
key = "email"
mode = "update\"""",
    "syncs.NAME.fields.FIELD": """\
[syncs.customer_health.fields]
email = "email"
health_score = "score"
source = { value = "warehouse" }
lifecycle = { column = "stage", on_null = "skip" }
name = { template = "{first_name} {last_name}" }""",
    "syncs.NAME.guards": "[syncs.customer_health.guards]\nmax_removed_percent = 2",
    "selections.NAME": """\
[selections.finance]
select = "tag:finance+ owner:ann@acme.example"
exclude = "tag:slow"
description = "What the finance team looks at in the morning\"""",
    "run": "[run]\njobs = 2\ntimeout_seconds = 3600",
    "run.taps": "[run.taps]\nretries = 5\ntimeout_seconds = 1800",
    "pools": "[pools]\ncrm_api = 1",
    "retention": "[retention]\nlog_days = 14\nreject_days = 90",
    "environments.NAME": """\
[environments.prod.warehouse]
path = "/srv/acme/warehouse.duckdb"

[environments.prod.taps.github]
tags = ["product", "nightly"]""",
}
# The one table whose keys are names: what it holds is declared as a value.
_POOLS = f"""\
## `[pools]`

{{description}}: {{value}}. A step that names a pool which is not
here is an error.

```toml
{EXAMPLES["pools"]}
```
"""
_PLACEHOLDERS = {"streams": "STREAM", "fields": "FIELD"}


def reference_markdown() -> str:
    sections = (_section(path, kind) for path, kind in _tables(declared_file(), ""))
    introduction = _INTRODUCTION.format(smallest=_SMALLEST)
    return "\n".join([introduction, *sections, _pools()])


def _tables(
    kind: inspect.StructType, path: str
) -> Iterator[tuple[str, inspect.StructType]]:
    """Give each kind of table with its path, in the order of the file."""
    for field in kind.fields:
        below = f"{path}.{field.encode_name}".lstrip(".")
        for inner in _alternatives(field.type):
            if isinstance(inner, inspect.DictType):
                name = _PLACEHOLDERS.get(field.encode_name, "NAME")
                entries = _alternatives(inner.value_type)
                tables = [(f"{below}.{name}", entry) for entry in entries]
            else:
                tables = [(below, inner)]
            for table, struct in tables:
                if isinstance(struct, inspect.StructType):
                    yield table, struct
                    yield from _tables(struct, table)


def _alternatives(kind: inspect.Type) -> list[inspect.Type]:
    match kind:
        case inspect.Metadata(type=inner):
            return _alternatives(inner)
        case inspect.UnionType(types=types):
            return [t for t in types if not is_none(t)]
        case _:
            return [kind]


def _section(path: str, kind: inspect.StructType) -> str:
    rows = [_row(field, path) for field in kind.fields]
    parts = [
        f"## `[{path}]`\n",
        cleandoc(kind.cls.__doc__ or "") + "\n",
        "| key | value | default | meaning |\n|---|---|---|---|\n" + "\n".join(rows),
    ]
    if path in EXAMPLES:
        parts.append(f"\n```toml\n{EXAMPLES[path]}\n```")
    return "\n".join(parts) + "\n"


def _pools() -> str:
    field = next(f for f in declared_file().fields if f.encode_name == "pools")
    assert isinstance(field.type, inspect.Metadata)  # noqa: S101
    assert isinstance(field.type.type, inspect.DictType)  # noqa: S101
    return _POOLS.format(
        description=(field.type.extra_json_schema or {})["description"],
        value=expected(field.type.type.value_type),
    )


def _row(field: inspect.Field, path: str) -> str:
    schema = getattr(field.type, "extra_json_schema", None) or {}
    table = f"{path}.{field.encode_name}"
    meaning = str(schema.get("description", "")) or f"See `[{table}]`"
    for example in schema.get("examples", []):
        meaning += f". Example: `{toml(example)}`"
    cells = (
        f"`{field.encode_name}`",
        expected(field.type),
        _default(field),
        meaning.replace("|", "\\|"),
    )
    return "| " + " | ".join(cells) + " |"


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**needed**"
    if field.default is NODEFAULT or field.default is None:
        return ""
    return f"`{toml(field.default)}`"


def toml(value: object) -> str:
    """Write a value on one line of TOML."""
    match value:
        case dict():
            pairs = ", ".join(f"{key} = {toml(below)}" for key, below in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return json.dumps(value, ensure_ascii=False)
