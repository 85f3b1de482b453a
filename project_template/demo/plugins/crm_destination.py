"""The destination `crm`: the built-in one for HubSpot, and a HubSpot to write to.

The same one that the tap `crm` reads: each write is kept in `crm/writes.jsonl`, and
whoever plays it next begins with them. In a project of your own:

    [destinations.crm]
    plugin = "hubspot"
    send_in = ["prod"]
    [destinations.crm.config]
    access_token = "${env:HUBSPOT_TOKEN}"
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elt import destination
from elt.reverse.destinations.hubspot import HubspotDestination
from elt.testing.apis.playing import Playing


@destination("crm")
class CrmDestination(HubspotDestination):
    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        self._hubspot = Playing("hubspot", root, keep="crm")
        super().__init__({**config, "base_url": self._hubspot.origin}, root)
