"""Money as Stripe has it: whole numbers of a currency's smallest unit.

docs.stripe.com, Supported currencies: some have no smaller unit (100 JPY are 100),
some have thousandths, of which the last digit has to be 0 (5.120 KWD are 5120). UGX is
listed as one without, but counts hundredths (there, Special cases).
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from elt.testing.apis.stripe.errors import Refused, invalid

_ZERO = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ]
)
_THREE = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_TWO = frozenset(
    ["eur", "usd", "gbp", "chf", "sek", "pln", "dkk", "nok", "cad", "aud", "ugx"]
)

# What one unit is worth in euros; made up, and always the same.
_IN_EUROS = {
    "eur": Decimal(1),
    "usd": Decimal("0.875"),
    "gbp": Decimal("1.15"),
    "jpy": Decimal("0.0058"),
    "kwd": Decimal("2.86"),
}


def decimals(currency: str) -> int:
    return 0 if currency in _ZERO else 3 if currency in _THREE else 2


def check_currency(currency: str) -> str:
    currency = currency.lower()
    if currency not in _ZERO | _THREE | _TWO:
        said = f"Invalid currency: {currency}. Stripe currently supports these "
        raise invalid("currency", f"{said}currencies: usd, aed, afn, ...")
    return currency


def check_amount(amount: int, currency: str, name: str = "amount") -> int:
    if amount < 0:
        said = "This value must be greater than or equal to 0."
        raise Refused(400, said, "parameter_invalid_integer", name)
    if currency in _THREE and amount % 10:
        said = f"Amounts in {currency} must be a multiple of 10."
        raise Refused(400, said, "parameter_invalid_integer", name)
    return amount


def exchanged(amount: int, currency: str, into: str) -> tuple[int, float | None]:
    """Give an amount in another currency, and the rate; none where there is none."""
    if currency == into:
        return amount, None
    rate = _IN_EUROS.get(currency, Decimal(1)) / _IN_EUROS.get(into, Decimal(1))
    units = Decimal(amount).scaleb(-decimals(currency)) * rate
    minor = units.scaleb(decimals(into)).quantize(Decimal(1), ROUND_HALF_UP)
    return int(minor), float(round(rate, 6))


def times(decimal: str, quantity: int) -> int:
    """Give the amount of a quantity at a price of decimal minor units."""
    return int((Decimal(decimal) * quantity).quantize(Decimal(1), ROUND_HALF_UP))
