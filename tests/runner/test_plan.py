from __future__ import annotations

from datetime import UTC, datetime, timedelta

from elt.runner.graph import Asset, Graph
from elt.runner.plan import Facts, Step, due_tests, plan

START = datetime(2026, 11, 21, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def stream(tap: str, name: str) -> Asset:
    full = f"{tap}.{name}"
    return Asset(f"stream:{full}", "stream", full, detail={"tap": tap})


DEALS = stream("crm", "deals")
CONTACTS = stream("crm", "contacts")
INVOICES = stream("billing", "invoices")
STG = Asset("model:stg", "model", "stg", ("stream:crm.deals",))
CUSTOMERS = Asset("model:customers", "model", "customers", ("model:stg",))
UNIQUE = Asset("test:unique", "test", "unique", ("model:customers",))
HEALTH = Asset("sync:health", "sync", "health", ("model:customers", "test:unique"))
GRAPH = Graph([DEALS, CONTACTS, INVOICES, STG, CUSTOMERS, UNIQUE, HEALTH])
EVERYTHING = set(GRAPH.order)


def by_id(steps: list[Step]) -> dict[str, Step]:
    return {step.id: step for step in steps}


def test_each_tap_and_each_sync_is_a_step_and_dbt_is_one():
    steps = plan(GRAPH, EVERYTHING)

    assert [step.id for step in steps] == [
        "tap:crm",
        "tap:billing",
        "dbt",
        "sync:health",
    ]
    assert by_id(steps)["tap:crm"].assets == ("stream:crm.deals", "stream:crm.contacts")
    assert by_id(steps)["dbt"].assets == (
        "model:stg",
        "model:customers",
        "test:unique",
    )


def test_dbt_waits_only_for_taps_that_it_reads():
    steps = by_id(plan(GRAPH, EVERYTHING))

    assert steps["dbt"].needs == ("tap:crm",)
    assert steps["sync:health"].needs == ("dbt",)


def test_a_step_waits_for_another_through_a_model_that_is_not_chosen():
    steps = by_id(plan(GRAPH, {"stream:crm.deals", "model:customers"}))

    assert steps["dbt"].needs == ("tap:crm",)


def test_dbt_is_split_only_where_a_sync_stands_between_models():
    answers = Asset("model:answers", "model", "answers", ("sync:health",))
    graph = Graph(
        [*GRAPH, answers, Asset("model:last", "model", "last", (answers.id,))]
    )

    steps = by_id(plan(graph, set(graph.order)))

    assert list(steps)[-3:] == ["dbt", "sync:health", "dbt:2"]
    assert steps["dbt:2"].assets == ("model:answers", "model:last")
    assert steps["dbt:2"].needs == ("sync:health",)


def test_every_asset_has_its_reason_and_a_stream_its_mode():
    facts = Facts(
        modes={"stream:crm.deals": ("upsert", "keyed by id")},
        full_reads={"stream:crm.deals": "its table is missing"},
        notes={"sync:health": "planned only: `crm` does not send in `default`"},
        last_success={"stream:crm.contacts": at(0)},
    )

    steps = by_id(plan(GRAPH, EVERYTHING, facts))

    deals, contacts = steps["tap:crm"].planned
    assert (deals.reason, deals.mode, deals.mode_reason, deals.note) == (
        "never loaded",
        "upsert",
        "keyed by id",
        "read in full: its table is missing",
    )
    assert (contacts.reason, contacts.note) == ("selected", "")
    assert steps["tap:crm"].reason == "1 never loaded, 1 selected"
    assert steps["dbt"].reason == "2 never built, 1 never passed"
    assert steps["sync:health"].planned[0].note.startswith("planned only")


def test_a_sync_brings_its_tests_when_they_have_no_result():
    steps = by_id(plan(GRAPH, {"sync:health"}))

    assert list(steps) == ["dbt", "sync:health"]
    assert steps["dbt"].assets == ("test:unique",)
    assert steps["dbt"].reason == "sync `health` needs a result newer than its model"


def passed_at(minutes: int, **changed_at: int) -> Facts:
    names = {"stg": "model:stg", "deals": "stream:crm.deals", "unique": "test:unique"}
    built = {"stream:crm.deals": at(0), "model:stg": at(1), "model:customers": at(2)}
    changed = built | {names[name]: at(minute) for name, minute in changed_at.items()}
    return Facts(last_success=built | {"test:unique": at(minutes)}, last_change=changed)


def test_a_result_newer_than_the_model_and_all_above_it_is_enough():
    assert due_tests(GRAPH, {"sync:health"}, passed_at(3)) == {}


def test_a_result_older_than_the_model_is_not_enough():
    assert due_tests(GRAPH, {"sync:health"}, passed_at(1)) == {"test:unique": "health"}


def test_a_result_older_than_a_load_above_is_not_enough():
    assert due_tests(GRAPH, {"sync:health"}, passed_at(3, deals=4))


def test_a_pass_is_not_enough_when_the_test_failed_later():
    assert due_tests(GRAPH, {"sync:health"}, passed_at(3, unique=5))


def test_a_model_built_outside_counts_as_untested():
    facts = Facts(last_success={"test:unique": at(3)})

    assert due_tests(GRAPH, {"sync:health"}, facts)


def test_tests_are_due_when_anything_above_is_about_to_change():
    chosen = {"sync:health", "stream:crm.deals"}

    assert due_tests(GRAPH, chosen, passed_at(3)) == {"test:unique": "health"}


def test_tests_are_added_even_when_they_were_excluded():
    chosen = EVERYTHING - {"test:unique"}

    assert "test:unique" in by_id(plan(GRAPH, chosen))["dbt"].assets
