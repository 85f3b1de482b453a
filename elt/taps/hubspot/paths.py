"""Where each API of HubSpot is, in the classic version and in those with a date.

`/crm/v3/objects/contacts` is `/crm/objects/2026-03/contacts` (HubSpot, API versioning;
the paths of both are in HubSpot/hubspot-sdk-python).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paths:
    version: str = "v3"

    def objects(self, kind: str, *more: str) -> str:
        return self._crm("objects", kind, *more)

    def properties(self, kind: str) -> str:
        return self._crm("properties", kind)

    def pipelines(self, kind: str) -> str:
        return self._crm("pipelines", kind)

    def associations(self, start: str, end: str) -> str:
        """Give the batch read: the third version forgets what is behind the 100th."""
        version = "v4" if self._is_classic else self.version
        return self._crm("associations", start, end, "batch", "read", version=version)

    @property
    def owners(self) -> str:
        return self._crm("owners")

    @property
    def lists(self) -> str:
        return self._crm("lists", "search")

    @property
    def schemas(self) -> str:
        return f"/crm-object-schemas/{self.version}/schemas"

    @property
    def forms(self) -> str:
        if self._is_classic:
            return f"/marketing/{self.version}/forms"
        return f"/marketing/forms/{self.version}"

    @property
    def email_events(self) -> str:
        """Give the only version that there is."""
        return "/email/public/v1/events"

    @property
    def token(self) -> str:
        return f"/oauth/{'v1' if self._is_classic else self.version}/token"

    @property
    def _is_classic(self) -> bool:
        return self.version.startswith("v")

    def _crm(self, area: str, *more: str, version: str | None = None) -> str:
        version = version or self.version
        middle = (version, area) if self._is_classic else (area, version)
        return "/".join(("/crm", *middle, *more))
