"""`elt testing serve`: a vendor's API, played on this machine."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from elt.cli.options import examples, note, say
from elt.errors import ConfigError


@examples(
    ("elt testing serve hubspot --port 8700", "HubSpot, with a made-up company in it"),
    (
        "elt testing serve stripe --at 2025-06-01 --keep stripe.jsonl",
        "on that day, with what was written to it before",
    ),
    ("elt testing serve github --empty", "an account with nothing in it"),
    ("""curl -d '{"days": 7}' localhost:8700/_simulation/clock""", "a week goes by"),
    (
        (
            """curl -d '{"trouble": {"kind": "hangs_up"}}' """
            "localhost:8700/_simulation/troubles"
        ),
        "the next request fails",
    ),
    (
        """curl -d '{"token": "mine"}' localhost:8700/_simulation/tokens""",
        "a token of your own is let in; `scopes` says what it may do",
    ),
    ("curl -X DELETE localhost:8700/_simulation/tokens/mine", "it is revoked"),
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
    is written to it. Point the `base_url` of a tap or of a client to it. Its time,
    what fails, and what tokens may do, are set at its `/_simulation`.
    """
    from elt.runner.spans import moment_of
    from elt.runner.store.moments import now_utc
    from elt.testing.apis.registry import make
    from elt.testing.apis.serving import served

    started_at = now_utc() if at is None else moment_of(at)
    api = make(name, seed=seed, at=started_at, writes=keep, company=not empty)
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
