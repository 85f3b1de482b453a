"""`elt testing serve`: a vendor's API, played on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elt.cli.options import examples, note, say
from elt.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime


@examples(
    ("elt testing serve hubspot --port 8700", "HubSpot, with a made-up company in it"),
    (
        "elt testing serve stripe --at 2025-06-01 --keep stripe.jsonl",
        "on that day, with what was written to it before",
    ),
    ("elt testing serve github --empty", "an account with nothing in it"),
)
def serve(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="`github`, `hubspot`, `recurly` or `stripe`."
        ),
    ],
    *,
    seed: Annotated[
        int, typer.Option("--seed", help="Decides all data that is made up.")
    ] = 7,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")
    ] = 0,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="Its time at the start; by default, now."
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="Write down what changes it, and begin with what is there.",
        ),
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Without the made-up company.")
    ] = False,
) -> None:
    """Play a vendor's API on this machine, until Ctrl-C.

    It answers as the vendor does, errors and limits included, and forgets nothing that
    is written to it. Point the `base_url` of a tap or of a client to it. Its clock
    goes on by itself, and by hand: POST `{"days": 7}` to `/_simulation/clock`.
    """
    from elt.testing.apis.registry import make
    from elt.testing.apis.serving import served

    api = make(name, seed=seed, at=_moment(at), writes=keep, company=not empty)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    try:
        with served(api, port) as listening:
            say(listening.origin)
            sys.stdout.flush()  # a script reads it from a pipe, and goes on
            note(f"It is {api.clock.now():%Y-%m-%d %H:%M} UTC in the simulated {name}")
            note(f"Its credential is {api.token}")
            note("Ctrl-C ends it")
            over.wait()
    except OSError as error:
        raise ConfigError(
            f"port {port} cannot be had: {error.strerror}",
            hint="Leave `--port` out, and any free one is taken",
        ) from error
    except KeyboardInterrupt:
        note("")


def _moment(text: str | None) -> datetime:
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"`{text}` is no time: write `2025-06-01` or `2025-06-01T12:00`",
            param_hint="--at",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
