"""Workflow runs and their jobs, which change for a while after they were made."""

from __future__ import annotations

from datetime import datetime

from elt.testing.apis.github.deeds import MAIN
from elt.testing.apis.github.tables import Repository, Row, stamp
from elt.testing.apis.github.world import World

_JOBS = ("lint", "tests")


def start_run(
    world: World,
    repository: Repository,
    actor: str,
    at: datetime,
    *,
    branch: str = MAIN,
    event: str = "push",
) -> Row:
    """Queue a run of the one workflow, `ci.yml`."""
    runs = repository.tables["runs"]
    head = repository.tables["branches"].find("name", branch)
    made = {
        "id": world.new_id("runs"),
        "run_number": len(runs) + 1,
        "run_attempt": 1,
        "event": event,
        "status": "queued",
        "conclusion": None,
        "actor": actor,
        "branch": branch,
        "sha": head["sha"] if head else None,
        "created_at": stamp(at),
        "updated_at": stamp(at),
        "run_started_at": stamp(at),
    }
    runs.add(made)
    for name in _JOBS:
        _queue_job(world, repository, made, name)
    return made


def begin_run(repository: Repository, run: Row, at: datetime) -> None:
    values = {"status": "in_progress", "updated_at": stamp(at)}
    repository.tables["runs"].update(run, values)
    for job in jobs_of(repository, run):
        values = {"status": "in_progress", "started_at": stamp(at)}
        repository.tables["jobs"].update(job, values)


def end_run(repository: Repository, run: Row, at: datetime, *, conclusion: str) -> None:
    """End a run; where it failed, its last job did."""
    for job in jobs_of(repository, run):
        values = {"status": "completed", "completed_at": stamp(at)}
        is_last = job["name"] == _JOBS[-1]
        values["conclusion"] = conclusion if is_last else "success"
        repository.tables["jobs"].update(job, values)
    values = {"status": "completed", "conclusion": conclusion, "updated_at": stamp(at)}
    repository.tables["runs"].update(run, values)


def run_again(world: World, repository: Repository, run: Row, at: datetime) -> None:
    """Run once more: the same id and `created_at`, a new attempt with new jobs.

    docs.github.com, Re-run a workflow: `run_attempt` counts, `run_started_at` moves.
    """
    values = {"run_attempt": run["run_attempt"] + 1, "status": "queued"}
    values |= {"conclusion": None, "updated_at": stamp(at), "run_started_at": stamp(at)}
    repository.tables["runs"].update(run, values)
    for name in _JOBS:
        _queue_job(world, repository, run, name)


def jobs_of(repository: Repository, run: Row) -> list[Row]:
    """Give the jobs of a run's latest attempt."""
    every = repository.tables["jobs"].rows
    return [every[number] for number in run["jobs"][run["run_attempt"]]]


def _queue_job(world: World, repository: Repository, run: Row, name: str) -> None:
    job = {
        "id": world.new_id("jobs"),
        "run": run["id"],
        "run_attempt": run["run_attempt"],
        "name": name,
        "status": "queued",
        "conclusion": None,
        "branch": run["branch"],
        "sha": run["sha"],
        "created_at": run["run_started_at"],
        "started_at": run["run_started_at"],
        "completed_at": None,
    }
    repository.tables["jobs"].add(job)
    run.setdefault("jobs", {}).setdefault(run["run_attempt"], []).append(job["id"])
