"""What a person is told of an import: what was taken over, what was not."""

from __future__ import annotations

from elt.project.meltano import targets
from elt.project.meltano.plan import Plan, Tables
from elt.project.meltano.plugins import resolve
from elt.project.meltano.runs import Job, say_schedules
from elt.project.meltano.source import Plugin
from elt.remote.masking import SHORTEST

_ONE = {
    "mappers": "mapper",
    "orchestrators": "orchestrator",
    "files": "file bundle",
    "utilities": "utility",
}
_DBT_ELSEWHERE = "The taps load elsewhere; dbt runs where the warehouse is DuckDB"


def say(plan: Plan, base: Tables) -> None:
    """Fill the report of a plan whose tables are written."""
    _say_tables(plan, base)
    _say_dbt(plan, base)
    _say_others(plan)
    for job in plan.jobs:
        _say_job(plan, job)
    schedules = say_schedules(plan.source, plan.jobs, plan.taps, plan.move.into)
    plan.report.schedules += schedules.schedules
    for what, hint in schedules.left.items():
        plan.report.leave(what, hint)


def _say_tables(plan: Plan, base: Tables) -> None:
    for theirs, ours in plan.taps.items():
        plan.report.take(theirs, f"[taps.{ours}]")
    for name, table in base.get("targets", {}).items():
        program = table.get("package") or table.get("executable")
        plan.report.take(f"target {program}", f"[targets.{name}]")
    for name in plan.source.environments:
        plan.report.take(f"environment {name}", f"[environments.{name}]")


def _say_others(plan: Plan) -> None:
    for plugin in plan.source.of_kind("loaders"):
        is_used = plugin.name in plan.loaders.values()
        if not is_used and not targets.is_duckdb(resolve(plan.source, plugin, None)):
            plan.report.leave(f"loader {plugin.name}", "No tap loads by it now")
    dbt = targets.dbt_plugin(plan.source)
    for plugin in plan.source.of_kind(*_ONE):
        if plugin is not dbt:
            plan.report.leave(f"{_ONE[plugin.kind]} {plugin.name}", _hint(plugin))
    for name in sorted(plan.short):
        plan.report.leave(
            f"the secret {name} of .env, as it is",
            f"elt takes none of fewer than {SHORTEST} characters: use a longer one",
        )


def _say_dbt(plan: Plan, base: Tables) -> None:
    dbt = targets.dbt_plugin(plan.source)
    if dbt is None:
        return
    if "transform" in base:
        plan.report.take(dbt.name, "[transform]")
        if "duckdb" not in dbt.name:
            plan.report.leave(
                f"{dbt.name}: its adapter",
                "elt builds with dbt-duckdb; models in another dialect need a change",
            )
        return
    no_folder = "No dbt_project.yml was found; set [transform] project_dir"
    hint = no_folder if plan.has_warehouse else _DBT_ELSEWHERE
    plan.report.leave(dbt.name, hint)


def _say_job(plan: Plan, job: Job) -> None:
    if job.taps:
        plan.report.take(f"job {job.name}", f"`elt run {job.selection}`")
    elif job.has_dbt:
        plan.report.leave(f"job {job.name}", "dbt is part of every `elt run`")
    for other in dict.fromkeys(job.others):
        plan.report.leave(f"job {job.name}: its task `{other}`")


def _hint(plugin: Plugin) -> str:
    if plugin.kind == "mappers":
        return "Most taps take `stream_maps` in their own config; or map in a dbt model"
    return ""
