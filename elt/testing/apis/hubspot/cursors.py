"""Where the rest of a record's associations is: a cursor, and a link with it."""

from __future__ import annotations

import base64
from typing import Any

from elt.testing.apis.hubspot.kinds import Kind
from elt.testing.apis.hubspot.refusals import Refused


def write_cursor(other: Kind, last: int) -> str:
    """Make a cursor as recorded in HubSpot/hubspot-api-python#135: `0-0-2-7502`."""
    return base64.b64encode(f"0-{other.type_id}-{last}".encode()).decode()


def read_cursor(after: str | None) -> int:
    """Give the id behind which the page begins."""
    if not after:
        return 0
    try:
        return int(base64.b64decode(after).decode().rpartition("-")[2])
    except ValueError:
        raise Refused(400, "Invalid paging token: after") from None


def rest_of(
    origin: str, kind: Kind, record_id: int, other: Kind, last: int
) -> dict[str, Any]:
    """Give `paging` of one record's associations; its link is of v4."""
    cursor = write_cursor(other, last)
    path = f"{kind.type_id}/{record_id}/associations/{other.type_id}"
    link = f"{origin}/crm/v4/objects/{path}?after={cursor}"
    return {"next": {"after": cursor, "link": link}}
