"""What a record tells of a row that it says is gone: often not more than its key.

Taps that read a log send such a row in full, or with the key and `_sdc_deleted_at`
alone (transferwise/pipelinewise-target-snowflake#275). What a record leaves out is
unknown; what it says is null is null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from elt.targets.columns import DELETED_AT, Column
from elt.targets.reading.roads import Road, pointer
from elt.warehouse.dialect import literal

# Beside a row, the properties that its record has; NULL where that is the whole row.
TOLD = Column("", "_elt_told", "VARCHAR[]")


def may_leave_out(
    key_sets: Iterable[Collection[str]], columns: Iterable[Column]
) -> bool:
    """Say whether records with such keys may be gone without telling all columns."""
    wanted = {column.property for column in columns}
    return any(DELETED_AT in keys and not wanted <= {*keys} for keys in key_sets)


def told_sql(road: Road, record: str) -> str:
    """Give the SQL of TOLD for a JSON record, which only one that is gone has."""
    deleted = f"json_extract_string({record}, {literal(pointer(DELETED_AT))})"
    given = ", ".join(literal(name) for name in road.constants)
    keys = f"json_keys({record}) || [{given}]::VARCHAR[]"
    return f"CASE WHEN {deleted} IS NOT NULL THEN {keys} END"
