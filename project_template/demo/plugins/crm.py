"""The tap `crm`: the built-in one for HubSpot, and a HubSpot for it to ask.

This process plays HubSpot's API for as long as the tap runs, as billing.py does with
Stripe's. What syncs wrote to it (crm_destination.py) is in `crm/writes.jsonl`, and
the tap reads it back. In a project of your own:

    [taps.crm]
    plugin = "hubspot"
    [taps.crm.config]
    access_token = "${env:HUBSPOT_TOKEN}"
"""

from datetime import datetime

from elt.taps.hubspot.tap import HubSpotTap
from elt.taps.rest.api import Api
from elt.testing.apis.playing import Playing


class CrmTap(HubSpotTap):
    name = "tap-crm"
    hubspot = Playing("hubspot", keep="crm")

    def make_api(self) -> Api:
        self._config["base_url"] = self.hubspot.origin
        return super().make_api()

    def now(self) -> datetime:
        return self.hubspot.now()
