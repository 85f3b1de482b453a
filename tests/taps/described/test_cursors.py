from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from taps.described.anything import Listed
from taps.described.conftest import bare_catalog
from taps.told import Told

from elt.errors import EltError
from elt.taps.described.settings import CursorSettings
from elt.taps.described.spans import written
from elt.testing.apis.troubles import Says

PAGED = {"type": "page", "param": "page"}
MOMENT = datetime(2025, 1, 31, 8, 30, 15, 250_000, tzinfo=UTC)


def rows(*days):
    return [
        {"id": n, "updated_at": f"2025-05-{day:02}T10:00:00Z"}
        for n, day in enumerate(days)
    ]


def stream(**more):
    cursor = {"field": "updated_at", "param": "updated_since"}
    return {
        "path": "orders",
        "records": "data",
        "key": "id",
        "cursor": cursor,
        **more,
    }


def state(mark, field="updated_at"):
    kept = {"replication_key": field, "replication_key_value": mark}
    return {"bookmarks": {"orders": kept}}


def test_the_first_run_asks_for_everything_and_the_next_from_the_bookmark_on(api, read):
    api.lists["orders"] = Listed(rows(1, 3, 2))

    first = read(orders=stream())
    api.lists["orders"].rows += rows(1, 2, 3, 3, 4)[3:]
    told = read(orders=stream(), state=first.state)

    assert first.mark() == "2025-05-03T10:00:00Z"
    assert told.ids() == [1, 3, 4]
    assert told.mark() == "2025-05-04T10:00:00Z"
    assert api.asked == [
        ("/v1/orders", {}),
        ("/v1/orders", {"updated_since": "2025-05-03T10:00:00Z"}),
    ]


def test_a_start_date_is_asked_for_where_there_is_no_bookmark(api, read):
    api.lists["orders"] = Listed(rows(1, 3))

    told = read(orders=stream(), config={"start_date": "2025-05-02"})

    assert told.ids() == [1]
    assert api.asked[0][1] == {"updated_since": "2025-05-02T00:00:00Z"}


def test_without_a_parameter_older_records_are_left_out_here(api, read):
    api.lists["orders"] = Listed([*rows(1, 3, 2), {"id": 9, "updated_at": None}])

    told = read(orders=stream(cursor="updated_at"), state=state("2025-05-02T10:00:00Z"))

    assert told.ids() == [1, 2, 9]


def test_an_end_date_bounds_what_is_read(api, read):
    api.lists["orders"] = Listed(rows(1, 2, 3, 4))
    config = {"start_date": "2025-05-02", "end_date": "2025-05-04"}

    without = read(orders=stream(), config=config)
    asked_for = read(orders=stream(window={"until": "updated_before"}), config=config)

    assert without.ids() == asked_for.ids() == [1, 2]
    assert api.asked[1][1]["updated_before"] == "2025-05-04T00:00:00Z"


def test_ranges_of_days_are_read_one_after_the_other(api, read):
    api.lists["orders"] = Listed(rows(9, 1, 4, 6))
    config = {"start_date": "2025-05-01", "end_date": "2025-05-11"}
    window = {"until": "updated_before", "days": 4}

    told = read(orders=stream(window=window), config=config)

    assert told.ids() == [1, 2, 3, 0]
    assert [tuple(query.values()) for _, query in api.asked] == [
        ("2025-05-01T00:00:00Z", "2025-05-05T00:00:00Z"),
        ("2025-05-05T00:00:00Z", "2025-05-09T00:00:00Z"),
        ("2025-05-09T00:00:00Z", "2025-05-11T00:00:00Z"),
    ]
    assert told.mark() == "2025-05-09T10:00:00Z"


def test_ranges_in_which_nothing_is_are_not_read_in_every_run(api, read):
    api.lists["orders"] = Listed(rows(2))
    window = {"until": "updated_before", "days": 4}
    config = {"start_date": "2025-05-01", "end_date": "2025-05-20"}

    first = read(orders=stream(window=window), config=config)
    api.front.requests.clear()
    read(orders=stream(window=window), config=config, state=first.state)

    # A whole range stays behind the bookmark, for what shows up late.
    assert first.mark() == "2025-05-13T00:00:00.000Z"
    assert [tuple(query.values()) for _, query in api.asked] == [
        ("2025-05-13T00:00:00Z", "2025-05-17T00:00:00Z"),
        ("2025-05-17T00:00:00Z", "2025-05-20T00:00:00Z"),
    ]


def test_what_is_before_a_range_that_failed_is_covered_by_a_bookmark(api, read):
    api.lists["orders"] = Listed(rows(6, 1, 4, 9))
    window = {"until": "updated_before", "days": 4}
    config = {"start_date": "2025-05-01", "end_date": "2025-05-12"}
    api.front.troubles.add(Says(500), path="/v1/orders", after=1, times=1)

    failed = read(orders=stream(window=window), config=config, fails=EltError)
    told = read(orders=stream(window=window), config=config, state=failed.state)

    assert failed.ids() == [1, 2]
    assert failed.mark() == "2025-05-04T10:00:00Z"
    assert told.ids() == [0, 2, 3]


def test_sorted_pages_move_the_bookmark_before_the_end_and_others_do_not(api, read):
    api.lists["orders"] = Listed(
        rows(1, 2, 3, 4, 5, 6), style="page", cap=2, order="updated_at"
    )
    paging = {"type": "page", "param": "page"}
    trouble = Says(500)
    api.front.troubles.add(trouble, path="/v1/orders", after=2, times=1)

    sorted_ = read(orders=stream(paging=paging, sorted=True), fails=EltError)
    api.front.troubles.add(trouble, path="/v1/orders", after=2, times=1)
    unsorted = read(orders=stream(paging=paging), fails=EltError)

    assert sorted_.ids() == unsorted.ids() == [0, 1, 2, 3]
    # A STATE is written once a second, so it may be the first page's alone.
    assert sorted_.mark() in {"2025-05-02T10:00:00Z", "2025-05-04T10:00:00Z"}
    assert unsorted.marks == []


@pytest.fixture
def busy(api):
    """Let a record be made with each request, thirty in all."""
    made = api.lists["orders"] = Listed(
        rows(1, 2, 3, 4), style="page", cap=1, order="updated_at"
    )

    def make(request):
        del request
        if len(made.rows) < 34:
            now = datetime.now(UTC).isoformat()
            made.rows.append({"id": len(made.rows), "updated_at": now})

    api.guard = make


@pytest.mark.usefixtures("busy")
def test_a_sorted_list_ends_where_the_run_began_however_busy_its_source_is(read):
    cursor = {
        "field": "updated_at",
        "param": "updated_since",
        "format": "%Y-%m-%dT%H:%M:%S",
    }
    table = stream(cursor=cursor, paging=PAGED, sorted=True)

    first = read(orders=table)
    second = read(orders=table, state=first.state)

    assert first.ids() == [0, 1, 2, 3, 4]
    assert {*first.ids(), *second.ids()} >= set(range(7))


@pytest.mark.usefixtures("busy")
def test_a_full_read_of_a_sorted_list_goes_on_to_its_end(read):
    table = stream(paging=PAGED, sorted=True)
    catalog = bare_catalog({"orders": table})
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"

    read.tap({"orders": table}, catalog=catalog).sync_all()

    told = Told(read.capsysbinary.readouterr().out)
    assert told.ids("orders") == list(range(34))


def test_moments_that_are_still_to_come_end_no_list(api, read):
    ahead = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    found = [{"id": n, "updated_at": ahead} for n in range(5)]
    api.lists["orders"] = Listed(found, style="page", cap=1, order="updated_at")

    assert read(orders=stream(paging=PAGED, sorted=True)).ids() == [0, 1, 2, 3, 4]


def test_a_bookmark_never_passes_the_start_of_the_run(api, read):
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    api.lists["orders"] = Listed([{"id": 1, "updated_at": later}])

    told = read(orders=stream())

    assert datetime.fromisoformat(told.mark()) < datetime.now(UTC)


@pytest.mark.parametrize(
    ("kind", "value", "param", "newer"),
    [
        ("unix_seconds", 1_746_000_000, "1746000000", 1_746_000_001),
        ("unix_milliseconds", 1_746_000_000_250, "1746000000250", 1_746_000_000_251),
        ("plain", 41, "41", 42),
    ],
)
def test_numbers_are_cursors_as_the_api_writes_them(
    api, read, kind, value, param, newer
):
    cursor = {"field": "seq", "kind": kind, "param": "updated_since"}
    found = [{"id": 1, "seq": value - 1}, {"id": 2, "seq": value}]
    api.lists["orders"] = Listed(found, field="seq")

    first = read(orders=stream(cursor=cursor), state=None)
    found.append({"id": 3, "seq": newer})
    told = read(orders=stream(cursor=cursor), state=first.state)

    assert first.mark() == value
    assert api.asked[1][1] == {"updated_since": param}
    assert told.ids() == [2, 3]
    assert told.mark() == newer


PLAIN = {"field": "seq", "kind": "plain", "param": "since"}


def numbered(*values):
    found = [{"id": n, "seq": seq} for n, seq in enumerate(values)]
    return Listed(found, style="page", cap=2, since="since", field="seq")


@pytest.fixture
def changing(api):
    """Let a record of the first page change while the second one is asked for."""

    def change(request):
        listed = api.lists["orders"]
        if listed.rows[0]["seq"] == 1 and request.query_params.get("page") == "2":
            listed.rows[0]["seq"] = 100
            listed.rows.append({"id": 6, "seq": 101})

    api.guard = change
    api.lists["orders"] = numbered(1, 2, 3, 4)


@pytest.mark.usefixtures("changing")
@pytest.mark.parametrize("is_sorted", [True, False])
def test_a_record_that_changes_between_pages_of_numbers_comes_in_the_next_run(
    api, read, is_sorted
):
    api.lists["orders"].order = "seq" if is_sorted else ""
    table = stream(cursor=PLAIN, paging=PAGED, sorted=is_sorted)

    first = read(orders=table)
    second = read(orders=table, state=first.state)
    third = read(orders=table, state=second.state)

    came = [*first.rows(), *second.rows()]
    assert {"id": 0, "seq": 100} in came
    assert {"id": 6, "seq": 101} in came
    # Sorted by their numbers, changes come at the end of the list.
    assert first.mark() == (101 if is_sorted else 2)
    assert second.mark() == 101
    assert third.mark() == 101
    assert third.ids() == [6]
    assert not third.bookmark().get("memory")


def test_the_bookmark_of_a_list_of_one_page_is_its_largest_number(api, read):
    api.lists["orders"] = numbered(7, 9)
    api.lists["orders"].rows.append({"id": 5, "seq": None})
    api.lists["orders"].cap = 3

    told = read(orders=stream(cursor=PLAIN, paging=PAGED))

    assert told.mark() == 9
    assert "memory" not in told.bookmark()


@pytest.mark.usefixtures("changing")
def test_what_was_seen_of_another_cursor_moves_no_bookmark(api, read):
    first = read(orders=stream(cursor=PLAIN, paging=PAGED))
    api.guard = lambda _: None
    api.lists["orders"] = Listed(
        [{"id": n, "number": n} for n in range(4)], style="page", cap=2
    )

    other = {"field": "number", "kind": "plain"}
    told = read(orders=stream(cursor=other, paging=PAGED), state=first.state)

    assert first.bookmark()["memory"] == {"seen": {"seq": 101}}
    assert told.mark() == 1
    assert told.bookmark()["memory"] == {"seen": {"number": 3}}


def test_a_run_that_fails_moves_no_bookmark_of_an_unsorted_list_of_numbers(api, read):
    api.lists["orders"] = numbered(1, 5, 3, 4)
    table = stream(cursor=PLAIN, paging=PAGED)
    api.front.troubles.add(Says(500), after=1, times=1)

    failed = read(orders=table, fails=EltError)
    told = read(orders=table, state=failed.state)

    assert failed.marks == []
    assert told.ids() == [0, 1, 2, 3]
    assert told.mark() == 5


def test_an_api_that_gives_only_what_is_later_is_asked_for_a_second_more(api, read):
    api.lists["orders"] = Listed(rows(1, 2, 2), exclusive=True)
    cursor = {"field": "updated_at", "param": "updated_since", "inclusive": False}

    told = read(orders=stream(cursor=cursor), state=state("2025-05-02T10:00:00Z"))

    assert told.ids() == [1, 2]
    assert api.asked[0][1] == {"updated_since": "2025-05-02T09:59:59Z"}


def keyless(**more):
    return {name: value for name, value in stream(**more).items() if name != "key"}


EVENTS = [
    {"id": n, "updated_at": at}
    for n, at in enumerate(
        [
            "2025-05-02T10:00:00.100Z",
            "2025-05-02T10:00:00.700Z",
            "2025-05-02T23:00:00.000Z",
        ]
    )
]


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_without_a_key_only_what_is_at_the_bookmark_comes_again(
    api, read, form, inclusive
):
    api.lists["orders"] = Listed(EVENTS)
    cursor = {
        "field": "updated_at",
        "param": "updated_since",
        "format": form,
        "inclusive": inclusive,
    }
    mark = state("2025-05-02T10:00:00.700Z")

    keyed = read(orders=stream(cursor=cursor), state=mark)
    told = read(orders=keyless(cursor=cursor), state=mark)

    assert keyed.ids() == [0, 1, 2]
    assert told.ids() == [1, 2]


def test_without_a_key_a_record_at_the_border_of_ranges_comes_once(api, read):
    api.lists["orders"] = Listed(EVENTS)
    window = {"until": "updated_before", "days": 1}
    cursor = {"field": "updated_at", "param": "updated_since", "format": "%Y-%m-%d"}
    config = {"start_date": "2025-05-01T10:00:00.500Z", "end_date": "2025-05-03"}

    told = read(orders=keyless(window=window, cursor=cursor), config=config)

    assert [tuple(query.values()) for _, query in api.asked] == [
        ("2025-05-01", "2025-05-03"),
        ("2025-05-02", "2025-05-03"),
    ]
    assert told.ids() == [0, 1, 2]


def test_without_a_key_an_end_that_is_rounded_up_is_still_the_end(api, read):
    api.lists["orders"] = Listed(EVENTS)
    cursor = {"field": "updated_at", "param": "updated_since", "format": "%Y-%m-%d"}
    table = keyless(window={"until": "updated_before"}, cursor=cursor)
    config = {"start_date": "2025-05-01", "end_date": "2025-05-02T10:00:00.700Z"}

    assert read(orders=table, config=config).ids() == [0]


@pytest.mark.parametrize(
    ("form", "since", "until"),
    [
        ("", "2025-01-31T08:30:15Z", "2025-01-31T08:30:16Z"),
        ("iso", "2025-01-31T08:30:15Z", "2025-01-31T08:30:16Z"),
        ("unix_seconds", 1_738_312_215, 1_738_312_216),
        ("unix_milliseconds", 1_738_312_215_250, 1_738_312_215_250),
        ("%Y-%m-%d", "2025-01-31", "2025-02-01"),
        ("%Y-%m-%d %H:%M", "2025-01-31 08:30", "2025-01-31 08:31"),
        ("%Y%m%dT%H", "20250131T08", "20250131T09"),
        (
            "%Y-%m-%dT%H:%M:%S.%f",
            "2025-01-31T08:30:15.250000",
            "2025-01-31T08:30:15.250000",
        ),
    ],
)
def test_bounds_are_rounded_so_that_nothing_is_left_out(form, since, until):
    cursor = CursorSettings(field="at", format=form)

    assert written(cursor, MOMENT) == since
    assert written(cursor, MOMENT, as_end=True) == until


def test_bounds_may_stand_inside_of_a_body_and_of_other_text(api, read):
    api.lists["orders"] = Listed(rows(3), since="none")
    body = {
        "filter": {"and": [{"gte": "{since}"}, {"text": "before {until}"}]},
        "limit": 100,
    }
    cursor = {"field": "updated_at", "format": "unix_seconds"}
    table = stream(method="POST", body=body, cursor=cursor)

    read(orders=table, config={"end_date": "2025-05-11"})
    read(orders=table, config={"start_date": "2025-05-02", "end_date": "2025-05-11"})

    assert [asked.json["filter"] for asked in api.front.requests] == [
        {"and": [{"text": "before 1746921600"}]},
        {"and": [{"gte": 1746144000}, {"text": "before 1746921600"}]},
    ]


def test_a_cursor_in_the_body_is_left_out_with_its_tables_when_there_is_none(api, read):
    api.lists["orders"] = Listed(rows(3))
    body = {"filter": {"updated": {"gte": "{since}"}}, "sort": []}

    read(orders=stream(method="POST", body=body, cursor="updated_at"))

    assert api.front.requests[0].json == {"sort": []}
