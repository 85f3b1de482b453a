"""How a stream ended (stub until the loader's part is merged)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec


class Ending(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    end: Literal["complete", "skipped", "failed"]
    why: str = ""
    temporary: bool = False


def ending_message(
    stream: str, schema: Mapping[str, Any], key: Sequence[str], ending: Ending
) -> bytes:
    message = {
        "type": "SCHEMA",
        "stream": stream,
        "schema": schema,
        "key_properties": list(key),
        "elt": ending,
    }
    return msgspec.json.encode(message) + b"\n"
