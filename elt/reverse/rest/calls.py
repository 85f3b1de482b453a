"""From a table of settings to calls: what goes out, in which shape, and what for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from elt.errors import ConfigError
from elt.project.nearest import did_you_mean, listed
from elt.reverse.destination import Change, Receipt, Route
from elt.reverse.http import idempotency_key, merged
from elt.reverse.rest.answers import Reading, read_reading
from elt.reverse.rest.settings import (
    BODILESS,
    WHERE,
    CallName,
    CallTable,
    Meaning,
    statuses,
)
from elt.reverse.rest.template import (
    CALL_NAMES,
    ROWS,
    Hole,
    Template,
    Text,
    Unusable,
    Values,
    as_json,
    as_text,
    call_values,
    check_names,
    holes,
    in_header,
    in_url,
    needed,
    read_template,
    read_text,
    row_values,
)

Shape = Literal["row", "list", "lines"]
JSON, JSON_LINES = "application/json", "application/x-ndjson"
LONGEST_PATH = 30_000  # servers stop at 8,000 or so; httpx itself at 65,536
DESTINATION_ID = Hole("row", "destination_id", "destination_id")
NO_ID = "`{destination_id}` is not known for this row"
PAYLOAD, ALL_ROWS = "{payload}", "{rows}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One kind of call, as it was declared."""

    name: CallName
    shape: Shape
    method: str
    path: Text
    query: tuple[tuple[str, Text], ...]
    headers: tuple[tuple[str, Text], ...]
    body: Template | None  # of a call for many, `{rows}` is in here
    row: tuple[Template, ...]  # one, or the lines of one row
    statuses: Mapping[int, Meaning]
    reading: Reading

    @property
    def names_a_row(self) -> bool:
        """Tell whether the address is of one row: it may be gone, and others there."""
        return any(hole.scope != "call" for hole in self._address)

    @property
    def is_repeatable(self) -> bool:
        """Guess whether the same call twice does no harm: all but a bare POST."""
        names = {name.lower() for name, _ in self.headers}
        return self.method != "POST" or "idempotency-key" in names

    @property
    def needs_id(self) -> bool:
        named = (hole for _, template in self.templates for hole in holes(template))
        return any(hole == DESTINATION_ID for hole in named)

    @property
    def _address(self) -> Iterator[Hole]:
        for text in (self.path, *(text for _, text in self.query)):
            yield from holes(text)

    @property
    def templates(self) -> Iterator[tuple[str, Template]]:
        yield "path", self.path
        yield from ((f"query `{name}`", text) for name, text in self.query)
        yield from ((f"headers `{name}`", text) for name, text in self.headers)
        if self.body is not None:
            yield "body", self.body
        yield from (("lines" if self.shape == "lines" else "row", r) for r in self.row)

    def check_names(self, columns: Collection[str], sync: str) -> None:
        """Find a `{name}` that is no field of this sync. Raises ConfigError."""
        for part, template in self.templates:
            check_names(
                template,
                columns,
                where=f"{WHERE}, `{self.name}` {part}, for [syncs.{sync}]",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One call for certain rows, but for who we are."""

    call: Call
    changes: Sequence[Change]
    address: str  # path and query, escaped
    headers: Mapping[str, str]
    content: bytes | None


def read_call(name: CallName, table: CallTable) -> Call:
    """Compile a table of settings. Raises ConfigError for what cannot be meant."""
    where = f"{WHERE}, `{name}`"
    shape, body, row = _content(table, where)
    call = Call(
        name=name,
        shape=shape,
        method=table.method,
        path=_path(table.path, f"{where} path"),
        query=_texts(table.query, f"{where} query"),
        headers=_texts(table.headers, f"{where} headers"),
        body=body,
        row=row,
        statuses=statuses(table, where),
        reading=read_reading(table, where),
    )
    _check_scopes(call, where)
    return call


def drafts(
    call: Call, route: Route, changes: Sequence[Change]
) -> Iterator[Draft | Receipt]:
    """Write the calls for these changes; a row that fits into none is rejected."""
    known = [change for change in changes if not _lacks_id(call, change)]
    for change in changes:
        if _lacks_id(call, change):
            yield Receipt(change.key, "rejected", NO_ID)
    if call.shape != "row":
        yield from [_draft(call, route, known)] if known else []
        return
    for change in known:
        try:
            yield _draft(call, route, [change])
        except Unusable as error:
            yield Receipt(change.key, "rejected", str(error))


def _lacks_id(call: Call, change: Change) -> bool:
    """Miss the id over there, without which nothing says which row is meant.

    An upsert may well name it, and leaves it out where the row is new.
    """
    if not call.needs_id or call.name == "upsert":
        return False
    return getattr(change, "destination_id", None) is None


def _draft(call: Call, route: Route, changes: Sequence[Change]) -> Draft:
    shared = call_values(route, idempotency_key(route, changes))
    rows = [
        row_values(shared, change, key_field=route.key, position=position)
        for position, change in enumerate(changes)
    ]
    here = rows[0] if call.shape == "row" else {**_NO_ROW, "call": shared}
    content = _written(call, here, rows)
    kind = JSON_LINES if call.shape == "lines" else JSON
    headers = {} if content is None else {"Content-Type": kind}
    return Draft(
        call=call,
        changes=changes,
        address=_address(call, here),
        headers=merged(headers, dict(_filled(call.headers, here, in_header))),
        content=content,
    )


_NO_ROW: Values = {"call": {}, "row": {}, "payload": {}, "old": {}}


def _written(call: Call, here: Values, rows: Sequence[Values]) -> bytes | None:
    if call.shape == "lines":
        lines = (as_json(line, row) or "null" for row in rows for line in call.row)
        return "".join(f"{line}\n" for line in lines).encode()
    if call.body is None:
        return None
    if call.shape == "list":
        texts = (as_json(each, row) or "null" for row in rows for each in call.row)
        here = {**here, "row": {ROWS: f"[{','.join(texts)}]"}}
    return (as_json(call.body, here) or "null").encode()


def _filled(
    named: tuple[tuple[str, Text], ...], values: Values, escape: Callable[[str], str]
) -> Iterator[tuple[str, str]]:
    """Write texts by name; one with a value that is not there is left out."""
    for name, text in named:
        found = as_text(text, values, escape)
        if found is not None:
            yield name, found


def _address(call: Call, values: Values) -> str:
    path = needed(call.path, values, in_url)
    # Escaped or not, servers and proxies read these as the way up.
    if {".", ".."} & set(path.split("/")):
        raise Unusable("`.` and `..` cannot be a part of a path")
    if len(path) > LONGEST_PATH:
        raise Unusable(f"its address would be longer than {LONGEST_PATH:,} characters")
    pairs = _filled(call.query, values, in_url)
    query = "&".join(f"{in_url(name)}={value}" for name, value in pairs)
    return f"{path}?{query}" if query else path


def _content(
    table: CallTable, where: str
) -> tuple[Shape, Template | None, tuple[Template, ...]]:
    """Tell a call's shape by what is declared: `lines`, `{rows}`, or neither."""
    if table.lines is not msgspec.UNSET:
        return "lines", None, _lines(table, where)
    has_row = table.row is not msgspec.UNSET
    bare = table.method in BODILESS
    default = ALL_ROWS if has_row else None if bare else PAYLOAD
    given = default if table.body is msgspec.UNSET else table.body
    if given is None:
        return "row", None, ()
    body = read_template(given, f"{where} body")
    lists = any(hole.name == ROWS and hole.scope == "row" for hole in holes(body))
    if has_row and not lists:
        raise ConfigError(
            "`row` is of a call for many rows, and `body` does not say where they go",
            where=where,
            hint='Write `body = "{rows}"`, or as in `body = { inputs = "{rows}" }`',
        )
    if not lists:
        return "row", body, ()
    row = table.row if has_row else PAYLOAD
    return "list", body, (read_template(row, f"{where} row"),)


def _lines(table: CallTable, where: str) -> tuple[Template, ...]:
    assert table.lines is not msgspec.UNSET  # noqa: S101
    if table.body is not msgspec.UNSET or table.row is not msgspec.UNSET:
        raise ConfigError("`lines` excludes `body` and `row`", where=where)
    if not table.lines:
        raise ConfigError(
            "`lines` has no line", where=where, hint='Write `lines = ["{payload}"]`'
        )
    return tuple(read_template(line, f"{where} lines") for line in table.lines)


def _path(text: str, where: str) -> Text:
    path = read_text(text, where)
    fixed = "".join(part if isinstance(part, str) else "x" for part in path.parts)
    wrong = (
        "it is added to `url`: leave the origin out"
        if "://" in fixed or fixed.startswith("//")
        else "write a query as `query`, in a table"
        if set(fixed) & {"?", "#"}
        else "`.` and `..` are not followed"
        if {".", ".."} & set(fixed.split("/"))
        else ""
    )
    if wrong:
        raise ConfigError(f"`{text}` is no path here", where=where, hint=wrong)
    return path


def _texts(table: Mapping[str, str], where: str) -> tuple[tuple[str, Text], ...]:
    return tuple(
        (name, read_text(text, f"{where} `{name}`")) for name, text in table.items()
    )


def _check_scopes(call: Call, where: str) -> None:
    """Keep what is of one row out of what a call for many says once."""
    for part, template in call.templates:
        of_a_row = call.shape == "row" or part in {"row", "lines"}
        for hole in holes(template):
            is_rows = hole.name == ROWS and hole.scope == "row"
            if is_rows and part != "body":
                raise ConfigError("`{rows}` stands in `body` only", where=where)
            if of_a_row or is_rows or hole.scope == "call":
                continue
            raise ConfigError(
                f"`{{{hole.written}}}` is of one row, and {part} is said once for many",
                where=where,
                hint=did_you_mean(hole.name, CALL_NAMES)
                or f"Use it in `row`; here are {listed(CALL_NAMES)}",
            )
