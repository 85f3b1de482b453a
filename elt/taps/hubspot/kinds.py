"""The types of objects that every account has, as a table."""

from __future__ import annotations

from dataclasses import dataclass

_MODIFIED = "hs_lastmodifieddate"


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of objects: its stream, how paths call it, and what orders change.

    Contacts alone have the old name of the cursor (supaglue-labs/supaglue#478).
    """

    name: str
    path: str
    cursor: str = _MODIFIED


STANDARD = tuple(
    Kind(name, name, "lastmodifieddate" if name == "contacts" else _MODIFIED)
    for name in (
        *("contacts", "companies", "deals", "tickets"),
        *("products", "line_items", "quotes"),
        *("calls", "emails", "meetings", "notes", "tasks"),
    )
)
NAMES = frozenset(kind.name for kind in STANDARD)
WITH_PIPELINES = ("deals", "tickets")


def custom_name(name: str) -> str:
    """Name the stream of a custom object, which may be called like a standard one."""
    return f"custom_{name}" if name in NAMES or name in _TAKEN else name


_TAKEN = frozenset(
    {
        *("owners", "pipelines", "stages", "lists", "forms", "email_events"),
        *("properties", "schemas"),
    }
)
