"""A result of a run with something of everything, and its parts, for tests."""

from __future__ import annotations

from typing import Any

from elt.report.result import AssetResult, Failure, Result, StepResult

AT = "2026-11-21T09:00:00.000000+00:00"


def asset(name: str, status: str = "done", **changes: Any) -> AssetResult:
    known: dict[str, Any] = {
        "asset": name,
        "kind": name.partition(":")[0],
        "status": status,
        "rows": None,
        "rejects": 0,
        "seconds": 0.5,
        "error": "",
        "message": "",
        "hint": "",
        "file": None,
        "line": None,
    }
    return AssetResult(**known | changes)


def step(
    name: str, *assets: AssetResult, status: str = "done", **changes: Any
) -> StepResult:
    known: dict[str, Any] = {
        "step": name,
        "kind": name.partition(":")[0],
        "status": status,
        "reason": "selected",
        "attempts": 1,
        "started_at": AT,
        "ended_at": AT,
        "seconds": 2.0,
        "error": "",
        "message": "",
        "hint": "",
        "assets": list(assets),
        "state": None,
    }
    return StepResult(**known | changes)


def result(*steps: StepResult, status: str = "done", **changes: Any) -> Result:
    known: dict[str, Any] = {
        "version": 1,
        "run": "20261121T090000-a1b2",
        "project": "shop",
        "environment": "default",
        "status": status,
        "exit_code": 0,
        "started_at": AT,
        "ended_at": AT,
        "seconds": 9.87,
        "message": "",
        "selection": [],
        "exclude": [],
        "options": {},
        "errors": [],
        "steps": list(steps),
    }
    return Result(**known | changes)


def unreadable() -> Failure:
    """Give what is wrong with a project whose file is."""
    return Failure(
        error="ConfigError",
        message="tap `crm` needs a `token`",
        where="elt.toml:14  [taps.crm]",
        hint='Add `token = "${env:CRM_TOKEN}"`',
    )


def bad_night() -> Result:
    """Give a run in which something of everything happened."""
    return result(
        step(
            "tap:crm",
            asset("stream:crm.customers", "warned", rows=12_000, rejects=2, line=7),
            asset("stream:crm.deals", rows=800),
            status="warned",
        ),
        step(
            "tap:billing",
            asset(
                "stream:billing.invoices",
                "failed",
                message="billing answered 503",
                error="Unavailable",
                file="elt.toml",
                line=9,
            ),
            status="failed",
            message="billing answered 503",
            hint="Try again later: `elt run tap:billing+`",
            attempts=3,
        ),
        step(
            "dbt",
            asset("model:customers"),
            asset(
                "test:customers_id",
                "stopped",
                message="3 rows failed the test",
                error="Guarded",
                file="transform/models/schema.yml",
            ),
            asset("model:mrr", "skipped", message="because of `tap:billing`"),
            status="stopped",
            message="3 rows failed the test",
        ),
        step(
            "sync:health",
            asset("sync:health", "planned", rows=90),
            status="planned",
        ),
        status="failed",
        exit_code=1,
    )
