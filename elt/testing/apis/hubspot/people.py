"""Who works with the made-up company's HubSpot, and what they set up in it."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from elt.testing.apis.hubspot.kinds import PORTAL_ID
from elt.testing.apis.hubspot.values import iso, to_milliseconds

_BEGAN = "2024-07-01T08:00:00Z"
_NAMES = (
    ("Ines", "Almeida"),
    ("Tomasz", "Kowalski"),
    ("Freya", "Lindqvist"),
    ("Marek", "Horvat"),
)
_LISTS = (
    ("All contacts", "DYNAMIC", "0-1"),
    ("Fair in Porto", "MANUAL", "0-1"),
    ("Customers", "DYNAMIC", "0-2"),
    ("Won in autumn", "SNAPSHOT", "0-2"),
)
_FORMS = ("Ask for a demo", "Newsletter")


@cache
def owners() -> tuple[dict[str, Any], ...]:
    """Give the owners of records; the last one has left."""
    return tuple(
        _owner(number, given, family, has_left=given == "Marek")
        for number, (given, family) in enumerate(_NAMES, start=1)
    )


def _owner(number: int, given: str, family: str, *, has_left: bool) -> dict[str, Any]:
    user_id = 76_070_030 + number
    return {
        "id": str(600_000_000 + number),
        "email": f"{given.lower()}@kettleandcrew.example",
        "type": "PERSON",
        "firstName": given,
        "lastName": family,
        # Of an archived owner only the second one is left (HubSpot, Owners).
        "userId": None if has_left else user_id,
        "userIdIncludingInactive": user_id,
        "createdAt": _BEGAN,
        "updatedAt": "2025-01-10T09:30:00.250Z" if has_left else _BEGAN,
        "archived": has_left,
        "teams": [{"id": "178588", "name": "Sales", "primary": True}],
    }


def lists() -> list[dict[str, Any]]:
    return [
        {
            "listId": str(number),
            "listVersion": 1,
            "createdAt": _BEGAN,
            "updatedAt": _BEGAN,
            "filtersUpdatedAt": _BEGAN,
            "processingStatus": "COMPLETE",
            "createdById": "76070031",
            "updatedById": "76070031",
            "processingType": kind,
            "objectTypeId": type_id,
            "name": name,
            "additionalProperties": {
                "hs_list_size": "12",
                "hs_list_reference_count": "0",
            },
        }
        for number, (name, kind, type_id) in enumerate(_LISTS, start=1)
    ]


def forms() -> list[dict[str, Any]]:
    return [
        {
            "id": f"591e2731-c869-445d-b422-26f4314500{number:02}",
            "name": name,
            "createdAt": _BEGAN,
            "updatedAt": _BEGAN,
            "archived": False,
            "fieldGroups": [{"groupType": "default_group", "richTextType": "text"}],
            "configuration": _configuration(),
            "displayOptions": _display_options(),
            "legalConsentOptions": {"type": "none"},
            "formType": "hubspot",
        }
        for number, name in enumerate(_FORMS, start=1)
    ]


def _configuration() -> dict[str, Any]:
    return {
        "language": "en",
        "cloneable": True,
        "postSubmitAction": {"type": "thank_you", "value": ""},
        "editable": True,
        "archivable": True,
        "recaptchaEnabled": False,
        "notifyContactOwner": False,
        "notifyRecipients": ["76070031"],
        "createNewContactForNewEmail": False,
        "prePopulateKnownValues": True,
        "allowLinkToResetKnownValues": False,
        "embedType": "V3",
    }


def _display_options() -> dict[str, Any]:
    return {
        "renderRawHtml": False,
        "theme": "default_style",
        "submitButtonText": "Submit",
        "style": {
            "fontFamily": "arial, helvetica, sans-serif",
            "backgroundWidth": "100%",
            "labelTextColor": "#33475b",
            "labelTextSize": "11px",
            "helpTextColor": "#7C98B6",
            "helpTextSize": "11px",
            "legalConsentTextColor": "#33475b",
            "legalConsentTextSize": "14px",
            "submitColor": "#ff7a59",
            "submitAlignment": "left",
            "submitFontColor": "#ffffff",
            "submitSize": "12px",
        },
        "cssClass": None,
    }


def email_events(
    at: datetime, recipient: str, *, opens: bool
) -> list[tuple[dict[str, Any], datetime]]:
    """Give what became of one welcome e-mail: HubSpot, Email Analytics v1."""
    kinds = ("SENT", "DELIVERED", "OPEN") if opens else ("SENT", "DELIVERED")
    sent = {"id": _event_id("SENT", recipient, at), "created": to_milliseconds(at)}
    found = []
    for minutes, kind in enumerate(kinds):
        moment = at + timedelta(minutes=7 * minutes)
        event: dict[str, Any] = {
            "appId": 113,
            "appName": "Batch",
            "created": to_milliseconds(moment),
            "emailCampaignId": 285771108,
            "id": _event_id(kind, recipient, moment),
            "portalId": PORTAL_ID,
            "recipient": recipient,
            "type": kind,
        }
        if kind == "SENT":
            event["subject"] = "Welcome to Kettle & Crew"
        else:
            event["sentBy"] = sent
        found.append((event, moment))
    return found


def _event_id(kind: str, recipient: str, at: datetime) -> str:
    text = f"{kind}/{recipient}/{iso(at)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
