"""What an account has beside its records: owners, pipelines, lists, forms, events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_EPOCH = "1970-01-01T00:00:00Z"  # HubSpot's own pipelines were never created

_DEAL_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
_TICKET_STAGES = (
    ("1", "New", "OPEN"),
    ("2", "Waiting on contact", "OPEN"),
    ("3", "Waiting on us", "OPEN"),
    ("4", "Closed", "CLOSED"),
)


def _stage(
    order: int, stage_id: str, label: str, metadata: dict[str, str]
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "metadata": metadata,
        "id": stage_id,
        "createdAt": _EPOCH,
        "updatedAt": _EPOCH,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }


def _pipeline(
    pipeline_id: str, label: str, stages: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": 0,
        "id": pipeline_id,
        "stages": stages,
        "createdAt": _EPOCH,
        "updatedAt": _EPOCH,
        "archived": False,
    }


def pipelines() -> dict[str, list[dict[str, Any]]]:
    """Give the pipelines that every account begins with, by kind."""
    deal_stages = [
        _stage(
            order,
            stage_id,
            label,
            {
                "isClosed": "true" if share in {"1.0", "0.0"} else "false",
                "probability": share,
            },
        )
        for order, (stage_id, label, share) in enumerate(_DEAL_STAGES)
    ]
    ticket_stages = [
        _stage(
            order,
            stage_id,
            label,
            {
                "isClosed": "true" if state == "CLOSED" else "false",
                "ticketState": state,
            },
        )
        for order, (stage_id, label, state) in enumerate(_TICKET_STAGES)
    ]
    return {
        "deals": [_pipeline("default", "Sales Pipeline", deal_stages)],
        "tickets": [_pipeline("0", "Support Pipeline", ticket_stages)],
    }


@dataclass(slots=True)
class Around:
    """Each thing is as its API gives it."""

    owners: list[dict[str, Any]] = field(default_factory=list)
    pipelines: dict[str, list[dict[str, Any]]] = field(default_factory=pipelines)
    lists: list[dict[str, Any]] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    email_events: list[dict[str, Any]] = field(default_factory=list)

    def stages(self, kind: str) -> set[str]:
        """Give the ids of all stages of a kind's pipelines."""
        found = self.pipelines.get(kind, [])
        return {stage["id"] for pipeline in found for stage in pipeline["stages"]}

    def owner_ids(self) -> set[str]:
        return {owner["id"] for owner in self.owners}
