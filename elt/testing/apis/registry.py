"""Simulations by name; making one imports only its own code."""

from __future__ import annotations

import importlib
from datetime import datetime
from pathlib import Path
from typing import cast

from elt.errors import ConfigError
from elt.testing.apis.clock import Clock
from elt.testing.apis.kept import Kept
from elt.testing.apis.serving import Simulation

NAMES = {
    "github": "elt.testing.apis.github.api:GitHub",
    "hubspot": "elt.testing.apis.hubspot.api:HubSpot",
    "recurly": "elt.testing.apis.recurly.api:Recurly",
    "stripe": "elt.testing.apis.stripe.api:Stripe",
}


def make(  # noqa: PLR0913, what may be asked for
    name: str,
    *,
    seed: int,
    at: datetime,
    runs: bool = True,
    writes: Path | None = None,
    company: bool = True,
    limited: bool = True,
) -> Simulation:
    """Make a simulated API as it is at a moment.

    `writes` is the file of what was written to it before, and of what will be;
    without `company` the account is empty. `limited=False` lets it be asked as often
    as one likes.
    Raises ConfigError for a name that there is not, and for writes that cannot be made
    again.
    """
    if name not in NAMES:
        raise ConfigError(
            f"there is no simulated API `{name}`",
            hint=f"There are {', '.join(NAMES)}",
        )
    module, _, kind = NAMES[name].partition(":")
    begun = Kept(writes).begins_at if writes else None
    clock = Clock(min(at, begun or at), runs=runs)
    make_it = getattr(importlib.import_module(module), kind)
    with clock.held():
        made = make_it(
            seed=seed, clock=clock, writes=writes, company=company, limited=limited
        )
    if at > clock.now():
        clock.move_to(at)
    return cast("Simulation", made)
