"""What may stand in the rest tap's config, as JSON Schema; no other place says it."""

from __future__ import annotations

from typing import Any

from elt.taps.rest.checking import TYPES
from elt.taps.rest.settings import common_settings

Schema = dict[str, Any]


def _text(about: str, **more: Any) -> Schema:
    return {"type": "string", "description": about, **more}


def _secret(about: str) -> Schema:
    return _text(about, secret=True, writeOnly=True)


def _choice(about: str, *options: str) -> Schema:
    return {"type": "string", "enum": list(options), "description": about}


def _flag(about: str) -> Schema:
    return {"type": "boolean", "description": about}


def _count(about: str, least: int = 1) -> Schema:
    return {"type": "integer", "minimum": least, "description": about}


def _table(about: str, properties: Schema, **more: Any) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "description": about,
        **more,
    }


def _named(about: str, values: Schema) -> Schema:
    """Declare a table whose names are the user's."""
    return {"type": "object", "additionalProperties": values, "description": about}


_NAMES: Schema = {"type": ["string", "array"], "items": {"type": "string"}}
_SCALAR: Schema = {"type": ["string", "integer", "number", "boolean"]}
_VALUE: Schema = {"type": [*_SCALAR["type"], "array"], "items": _SCALAR}

AUTH = _table(
    "Who we say we are",
    {
        "type": _choice(
            "How the API wants to be told",
            *("none", "bearer", "basic", "header", "query", "oauth2"),
        ),
        "token": _secret("bearer: the token"),
        "username": _text("basic"),
        "password": _secret("basic"),
        "name": _text("header, query: the name of the header or parameter"),
        "value": _secret("header, query: the API key"),
        "token_url": _text("oauth2: the address that gives tokens"),
        "client_id": _text("oauth2"),
        "client_secret": _secret("oauth2"),
        "refresh_token": _secret("oauth2: without one, client credentials are used"),
        "scope": _text("oauth2: the scopes to ask for, separated by spaces"),
        "audience": _text("oauth2: where the server wants one"),
        "send_as": _choice(
            "oauth2: where the server wants id and secret, default header",
            *("header", "body"),
        ),
    },
    required=["type"],
    **{
        TYPES: {
            "none": ((), ()),
            "bearer": (("token",), ()),
            "basic": (("username",), ("password",)),
            "header": (("name", "value"), ()),
            "query": (("name", "value"), ()),
            "oauth2": (
                ("token_url", "client_id"),
                ("client_secret", "refresh_token", "scope", "audience", "send_as"),
            ),
        }
    },
)
_SIZES = ("size", "size_param", "into")
PAGING = _table(
    "How the next page is asked for",
    {
        "type": _choice(
            "What leads to the next page",
            *("none", "cursor", "link", "link_header", "page", "offset", "last_id"),
        ),
        "path": _text("cursor, link: where it is in the answer, as `meta.next`"),
        "param": _text("The parameter that takes it"),
        "into": _choice(
            "Whether `param` and `size_param` are parameters or fields of the body,"
            " default params",
            *("params", "body"),
        ),
        "size_param": _text("The parameter that takes the size of a page"),
        "size": _count("How many records to ask for at a time"),
        "first": _count("page: the number of the first, default 1", 0),
        "field": _text("last_id: the field of a record, default the key"),
        "more": _text("Where the answer says whether there is more, as `has_more`"),
        "end": _text("Where the answer says that it is the last, as `end_of_stream`"),
        "pages": _text("page: where the answer has the number of pages"),
        "total": _text("offset: where the answer has the number of records"),
        "short_page_ends": _flag(
            "page, offset, last_id: a page of fewer than `size` records is the last"
        ),
    },
    required=["type"],
    **{
        TYPES: {
            "none": ((), _SIZES),
            "cursor": (("path", "param"), ("more", "end", *_SIZES)),
            "link": (("path",), ("more", "end", *_SIZES)),
            "link_header": ((), _SIZES),
            "page": (
                ("param",),
                ("first", "more", "pages", "short_page_ends", *_SIZES),
            ),
            "offset": (("param",), ("more", "total", "short_page_ends", *_SIZES)),
            "last_id": (("param",), ("field", "more", "short_page_ends", *_SIZES)),
        }
    },
)
KINDS = ("iso", "unix_seconds", "unix_milliseconds", "plain")
CURSOR: Schema = {
    **_table(
        "The field that orders change; a stream without one is read in full",
        {
            "field": _text("Its name in the records"),
            "kind": _choice("How it is written, default iso", *KINDS),
            "param": _text("The parameter that takes where to begin"),
            "format": _text(
                "How `{since}` and `{until}` are written: a kind, or as `%Y-%m-%d`;"
                " default: as the kind"
            ),
            "time_zone": _text(
                "Where the API takes the moments of a `format` to be, as"
                " `America/New_York`, default UTC"
            ),
            "inclusive": _flag(
                "Whether the API gives records that are exactly at `{since}`,"
                " default true"
            ),
        },
        required=["field"],
    ),
    "type": ["object", "string"],
}
WINDOW = _table(
    "An end for each request of records, and how many days one may be long",
    {
        "until": _text("The parameter that takes the end"),
        "days": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Ask for so many days at a time, one after the other",
        },
    },
)
STREAM = _table(
    "",
    {
        "path": _text("Behind the `base_url`; `{id}` is a field of the parent"),
        "method": _choice("Default GET", "GET", "POST"),
        "params": _named(
            "Parameters; `{since}` and `{until}` may stand in them", _VALUE
        ),
        "body": _named("POST: what is sent, as JSON", {}),
        "headers": _named("For this stream", {"type": "string"}),
        "records": _text(
            'Where records are in the answer: `data.items`; "" is the top'
        ),
        "key": {**_NAMES, "description": "The column, or columns, a row is known by"},
        "cursor": CURSOR,
        "window": WINDOW,
        "paging": PAGING,
        "sorted": _flag("The API gives records in the order of the cursor, ascending"),
        "parent": _text("A stream; this one is read for each of its records"),
        "parent_fields": _named(
            'Columns that get a field of the parent, as `order_id = "id"`',
            {"type": "string"},
        ),
        "columns": _named(
            "Types in place of those found, as `decimal(18,2)`", {"type": "string"}
        ),
        "drop": {**_NAMES, "description": "Fields to leave out"},
    },
    required=["path"],
)
CONFIG = _table(
    "",
    {
        **common_settings(None),
        "auth": AUTH,
        "headers": _named("Sent with every request", {"type": "string"}),
        "params": _named("Sent with every request", _SCALAR),
        "requests_per_second": {
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "No more requests than that",
        },
        "streams": _named(
            "Each stream by a name of yours, which its table gets", STREAM
        ),
    },
    required=["base_url", "streams"],
)
