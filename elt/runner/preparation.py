"""What steps.py must offer to run.py: the facts before, and the function that does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from elt.events import Listener
from elt.project.secrets import Secrets
from elt.project.settings import Project
from elt.runner.attempt import Do, Stop
from elt.runner.plan import Facts, RunRequest
from elt.runner.store.database import Store
from elt.transform.manifest import Manifest


class Prepared(Protocol):
    """What is known before deciding; `close` is called when the run has ended."""

    @property
    def catalogs(self) -> Mapping[str, Mapping[str, Any]]:
        """Give the selected catalog of each tap; none of a tap that did not answer."""

    @property
    def manifest(self) -> Manifest | None:
        """Give what dbt found; None without a `[transform]` table."""

    @property
    def facts(self) -> Facts:
        """Tell modes, full reads and notes, under asset ids; not the history."""

    @property
    def warehouse_id(self) -> str | None:
        """Name the warehouse by its own id; None while there is no warehouse.

        Asked again for each bookmark that was committed.
        """

    @property
    def bookmarks(self) -> Mapping[str, str]:
        """Give the states of the taps that the warehouse has, as JSON text."""

    @property
    def last_loads(self) -> Sequence[tuple[str, str, datetime]]:
        """Give asset, run and moment of the streams' last loads.

        Only where the run log knows nothing: on a new machine, or in CI.
        """

    def warm(self) -> None:
        """Begin, beside the first steps, what dbt's step would wait for."""

    def doing(self, run: str, listen: Listener) -> Do:
        """Give the function that does a step of this run."""

    def close(self) -> None: ...


class Prepare(Protocol):
    """Discover, read dbt's manifest, look into the warehouse.

    For a preview nothing may be written but caches. Raises an EltError when the run
    cannot go on; a tap that does not answer is left out of `catalogs` and fails in
    its step.
    """

    def __call__(  # noqa: PLR0913  the edges of a run, each named
        self,
        project: Project,
        request: RunRequest,
        *,
        secrets: Secrets,
        store: Store,
        listen: Listener,
        stop: Stop,
        preview: bool,
    ) -> Prepared: ...
