"""Stream maps: columns that are renamed, dropped or hashed, and rows that stay out.

All of it is SQL over whole batches; no record is touched in Python.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from elt.targets.columns import Column
from elt.targets.reading.values import digest
from elt.warehouse.dialect import literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """What a stream's table leaves out or shows in another way.

    Names are properties of the stream; `filter` is SQL over the table's columns.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    drop: Collection[str] = ()
    hash: Collection[str] = ()
    salt: str = ""
    filter: str | None = None
    # Values may be digests that a reject was kept with, which are not hashed again.
    retried: bool = False

    @property
    def hides(self) -> bool:
        """Whether some values must reach the warehouse nowhere, not even as rejects."""
        return bool(self.drop or self.hash)


NO_MAPS = Maps()


def mapped(columns: Iterable[Column], maps: Maps) -> tuple[Column, ...]:
    """Give the columns as a stream's maps have them; what is mapped already stays so.

    A renamed one has its wish as `name`; a hashed one is text, whatever it was.
    """
    kept = (column for column in columns if column.property not in maps.drop)
    return tuple(_mapped(column, maps) for column in kept)


def _mapped(column: Column, maps: Maps) -> Column:
    name = maps.rename.get(column.property)
    if name is not None:
        column = replace(column, name=name)
    if column.property in maps.hash:
        column = replace(column, type="VARCHAR", hashed=True)
    return column


def digest_in(column: Column, text: str, maps: Maps) -> str:
    """Give the SQL of what a hashed column holds for a value."""
    value = digest(text, maps.salt)
    if maps.retried:
        known = f"regexp_full_match({text}, '{_KEPT}[0-9a-f]{{64}}')"
        value = f"CASE WHEN {known} THEN ({text})[{len(_KEPT) + 1}:] ELSE {value} END"
    return f"to_json({value})" if column.type == "JSON" else value


def kept_digest(text: str, maps: Maps) -> str:
    """Give the SQL of what a reject has in place of a value that is hashed."""
    column = Column("", "", "VARCHAR", hashed=True)
    return f"{literal(_KEPT)} || {digest_in(column, text, maps)}"


def record_without(record: str, texts: Mapping[str, str], maps: Maps) -> str:
    """Give the SQL of a record as JSON without what is dropped, and with digests.

    `texts` are the SQL of the hashed properties' values. NULL where the record is no
    object, or has a key twice.
    """
    # The DECIMAL makes DuckDB keep the digits of numbers.
    structure = literal('{"r":"MAP(VARCHAR,JSON)","d":"DECIMAL(1,0)"}')
    wrapped = f"'{{\"r\":' || {record} || '}}'"
    entries = f"map_entries(json_transform({wrapped}, {structure}).r)"
    if maps.drop:
        dropped = ", ".join(literal(name) for name in sorted(maps.drop))
        entries = f"list_filter({entries}, lambda e: e.key NOT IN ({dropped}))"
    cases = "".join(
        f" WHEN {literal(name)} THEN to_json({kept_digest(text, maps)})::VARCHAR"
        for name, text in texts.items()
    )
    value = f"CASE e.key{cases} ELSE e.value::VARCHAR END" if cases else "e.value"
    pair = f"to_json(e.key) || ':' || coalesce({value}, 'null')"
    pairs = f"list_transform({entries}, lambda e: {pair})"
    return f"'{{' || array_to_string({pairs}, ',') || '}}'"


# A reject has this in front of a digest, so that a retry knows it for one.
_KEPT = "sha256:"
