"""The CRM that the sync `customer_health` writes to, for as long as it writes.

It is the built-in destination `webhook` and, because the demo must need no account, a
small server for it to talk to: started on this machine for each batch, stopped again
afterwards. What it was sent is in the folder `crm_app/`. In a project of your own:

    [destinations.crm_app]
    plugin = "webhook"
    send_in = ["prod"]
    [destinations.crm_app.config]
    url = "https://crm.example.com/hooks/customers"
    secret = "${env:CRM_APP_SECRET}"
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elt import destination
from elt.reverse.destination import Change, Receipt, Route, Traits
from elt.reverse.destinations.webhook import WebhookDestination
from elt.testing.inbox import Inbox
from elt.testing.webhooks import Receiver


@destination("crm_app")
class CrmApp:
    def __init__(self, config: Mapping[str, Any], root: Path) -> None:
        self._config = config
        self._root = root

    @property
    def traits(self) -> Traits:
        return self._webhook("http://127.0.0.1", secret=None).traits

    def check(self) -> None:
        with self._served() as webhook:
            webhook.check()

    def send(self, route: Route, changes: Sequence[Change]) -> Iterable[Receipt]:
        with self._served() as webhook:
            return list(webhook.send(route, changes))

    @contextmanager
    def _served(self) -> Iterator[WebhookDestination]:
        secret = secrets.token_hex()  # both sides are here, so nobody else needs it
        inbox = Inbox(secret=secret, folder=self._root / "crm_app")
        with Receiver(inbox.answer) as receiver:
            yield self._webhook(receiver.url, secret=secret)

    def _webhook(self, url: str, *, secret: str | None) -> WebhookDestination:
        config = {**self._config, "url": url, "secret": secret}
        return WebhookDestination(config, self._root)
