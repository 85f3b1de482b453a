"""Which hosts are this machine: syncs to them send in every environment."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell it from the name alone; an IPv6 address may stand in brackets."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
