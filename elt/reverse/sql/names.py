"""Names of tables as somebody wrote them, and hosts that are this machine."""

from __future__ import annotations

import re

from elt.errors import ConfigError
from elt.warehouse.dialect import quote

PART = r'(?:"(?:[^"]|"")+"|[^".]+)'
OBJECT = re.compile(rf"(?:({PART})\.)?({PART})")


def table_name(text: str) -> tuple[str, str]:
    """Read `table` or `schema.table`; a part with a dot in it stands in quotes.

    The schema is empty where none is given. Raises ConfigError.
    """
    found = OBJECT.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"`{text}` is not the name of a table",
            hint='Write `table` or `schema.table`, a name with a dot as `"my.table"`',
        )
    schema, table = (_bare(part or "") for part in found.groups())
    return schema, table


def written(schema: str, table: str) -> str:
    """Write a table's name for a person."""
    return f"{schema}.{table}" if schema else table


def quoted(schema: str, table: str) -> str:
    """Write a table's name in standard SQL."""
    return f"{quote(schema)}.{quote(table)}" if schema else quote(table)


def _bare(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
