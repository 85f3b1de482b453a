"""The tap `billing`: the built-in one for Stripe, and a Stripe for it to ask.

The demo must need no account, so this process plays Stripe's API for as long as the
tap runs, at the made-up company's time. In a project of your own there is no such
file; `elt add tap stripe` writes this:

    [taps.billing]
    plugin = "stripe"
    [taps.billing.config]
    api_key = "${env:STRIPE_API_KEY}"
"""

from datetime import datetime

from elt.taps.rest.api import Api
from elt.taps.stripe.tap import StripeTap
from elt.testing.apis.playing import Playing


class BillingTap(StripeTap):
    name = "tap-billing"
    stripe = Playing("stripe")

    def make_api(self) -> Api:
        self._config["base_url"] = self.stripe.origin
        return super().make_api()

    def now(self) -> datetime:
        return self.stripe.now()
