"""All kinds of objects."""

from __future__ import annotations

from elt.testing.apis.parameters import whole
from elt.testing.apis.stripe.kinds_billing import BILLING
from elt.testing.apis.stripe.kinds_payments import PAYMENTS

KINDS = (*BILLING, *PAYMENTS)

BY_NAME = {kind.name: kind for kind in KINDS}
# These have no address of their own, they are read with what they belong to.
_WITHOUT_ADDRESS = frozenset({"line_item", "credit_note_line_item", "discount"})
BY_PATH = {kind.path: kind for kind in KINDS if kind.name not in _WITHOUT_ADDRESS}

LIMIT = whole(1, 100)  # docs.stripe.com: Pagination
