"""How one stream of a tap ended, told in a SCHEMA message before the tap's own end.

`{"type": "SCHEMA", "stream": "teams", ..., "elt": {"end": "complete"}}`: a target that
knows nothing of it reads a SCHEMA.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from elt.errors import EltError
from elt.singer.messages import Message

End = Literal["complete", "partial", "skipped", "failed"]
# A schema out of a catalog has decimals, as in `multipleOf`, which are no texts.
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Ending(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a tap says of a stream behind its last row.

    `complete`: all its rows are here; `why` says what to look at. `partial`: all that
    could be read is here; rows with the values of one of `stay` are not gone though
    they did not come, and without `stay` no row is. `skipped`: the tap may not
    read it and left it out. `failed`: it could not be read to its end, and the tap goes
    on with the others; `temporary` where another try may do.
    """

    end: End
    why: str = ""
    temporary: bool = False
    stay: tuple[dict[str, str], ...] = ()

    @property
    def has_rows(self) -> bool:
        """Whether the rows that came are to be loaded, also where there are none."""
        return self.end in ("complete", "partial")


def tell_apart(endings: Iterable[Ending]) -> bool:
    """Say whether these are ends that a tap's own bad end does not take back.

    One that was skipped says nothing of the others: a tap that may read none of its
    streams skips all, and ends badly for just that.
    """
    return any(ending.end != "skipped" for ending in endings)


def ending_message(
    stream: str, schema: Mapping[str, Any], key: Sequence[str], ending: Ending
) -> bytes:
    """Write the message, one line with its newline.

    `schema` and `key` are those of the stream's other SCHEMA messages; the schema of
    a skipped stream may be empty.
    """
    message = {
        "type": "SCHEMA",
        "stream": stream,
        "schema": schema,
        "key_properties": list(key),
        "elt": ending,
    }
    return _encode(message) + b"\n"


def ending_of(message: Message) -> Ending | None:
    """Read what a SCHEMA says of its stream's end; None where it says nothing.

    Raises EltError where that is not to be understood.
    """
    told = bytes(message.elt)
    if not told or told == b"null":
        return None
    try:
        ending = msgspec.json.decode(told, type=Ending)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(message, str(error)) from None
    if not message.stream:
        raise _malformed(message, "it names no `stream`")
    if ending.end != "complete" and not ending.why.strip():
        raise _malformed(message, f"`{ending.end}` needs a `why`")
    if ending.temporary and ending.end != "failed":
        raise _malformed(message, f"`{ending.end}` is not `temporary`")
    if ending.stay and ending.end != "partial":
        raise _malformed(message, f"`{ending.end}` has no rows that `stay`")
    return ending


def _malformed(message: Message, why: str) -> EltError:
    return EltError(
        f"the tap does not say in known words how stream `{message.stream}` ended:"
        f" {why}",
        where=bytes(message.elt)[:200].decode("utf-8", "replace"),
        hint='`elt` of a SCHEMA is {"end": "complete" | "partial" | "skipped" |'
        ' "failed", "why": "...", "temporary": true | false, "stay": [{...}]};'
        " that is a bug of the tap",
    )
