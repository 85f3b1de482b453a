"""POST /oauth/v1/token: access tokens that live for 30 minutes.

HubSpot, OAuth tokens; its errors have a shape of their own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from elt.testing.apis.hubspot.access import (
    CLIENT_ID,
    CLIENT_SECRET,
    LIFE_SECONDS,
    REFRESH_TOKEN,
    Access,
)
from elt.testing.apis.hubspot.kinds import PORTAL_ID

_CODE = "simulated-code"  # what a browser would bring back


def token(
    access: Access, content: bytes, content_type: str
) -> tuple[int, dict[str, Any]]:
    """Give a new access token for a refresh token or a code."""
    if "x-www-form-urlencoded" not in content_type:
        return 415, {"status": "error", "message": "Unsupported Media Type"}
    given = dict(parse_qsl(content.decode()))
    if given.get("client_id") != CLIENT_ID:
        return _no("BAD_CLIENT_ID", "missing or invalid client id", "invalid_client")
    if given.get("client_secret") != CLIENT_SECRET:
        why = "missing or invalid client secret"
        return _no("BAD_CLIENT_SECRET", why, "invalid_client")
    match given.get("grant_type"):
        case "refresh_token":
            refresh = given.get("refresh_token", "")
        case "authorization_code":
            refresh = REFRESH_TOKEN if given.get("code") == _CODE else ""
        case _:
            why = "missing or unknown grant type"
            return _no("BAD_GRANT_TYPE", why, "unsupported_grant_type")
    if refresh not in access.refresh_tokens:
        why = "missing or unknown refresh token"
        return _no("BAD_REFRESH_TOKEN", why, "invalid_grant")
    return 200, {
        "token_type": "bearer",
        "refresh_token": refresh,
        "access_token": access.new_access_token(refresh),
        "hub_id": PORTAL_ID,
        "expires_in": LIFE_SECONDS,
    }


def _no(status: str, message: str, error: str) -> tuple[int, dict[str, Any]]:
    return 400, {
        "status": status,
        "message": message,
        "error": error,
        "error_description": message,
    }
