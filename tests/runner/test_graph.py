from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elt.errors import ConfigError
from elt.runner.graph import Asset, Graph
from elt.runner.plan import plan
from elt.runner.selection import select


def model(name: str, *upstream: str) -> Asset:
    return Asset(f"model:{name}", "model", name, upstream)


def test_needs_come_first_and_otherwise_the_given_order_stays():
    graph = Graph([model("c", "model:a"), model("b"), model("a")])

    assert graph.order == ("model:b", "model:a", "model:c")


def test_upstream_and_downstream_reach_as_far_as_asked():
    graph = Graph([model("a"), model("b", "model:a"), model("c", "model:b")])

    assert graph.upstream(["model:c"]) == {"model:a", "model:b"}
    assert graph.upstream(["model:c"], depth=1) == {"model:b"}
    assert graph.downstream(["model:a"]) == {"model:b", "model:c"}
    assert graph.downstream(["model:a"], depth=1) == {"model:b"}


def test_an_edge_leads_through_assets_that_are_left_out():
    graph = Graph([model("a"), model("view", "model:a"), model("c", "model:view")])

    assert graph.among({"model:a", "model:c"}) == {
        "model:a": (),
        "model:c": ("model:a",),
    }


def test_a_circle_is_named():
    parts = [model("a", "model:c"), model("b", "model:a"), model("c", "model:b")]

    with pytest.raises(ConfigError, match="`model:a` -> `model:c` -> `model:b` -> "):
        Graph([*parts, model("outside", "model:a")])


def test_a_name_given_twice_is_refused():
    with pytest.raises(ConfigError, match="two assets are called `model:a`"):
        Graph([model("a"), model("a")])


def test_an_unknown_need_is_refused():
    with pytest.raises(ConfigError, match="needs `model:x`, which does not exist"):
        Graph([model("a", "model:x")])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph, given in any order."""
    count = draw(st.integers(1, 12))
    assets = [
        model(f"m{n}", *(f"model:m{i}" for i in draw(st.sets(st.integers(0, n - 1)))))
        if n
        else model("m0")
        for n in range(count)
    ]
    return Graph(draw(st.permutations(assets)))


@given(graphs())
def test_order_respects_every_edge(graph: Graph):
    place = {asset_id: n for n, asset_id in enumerate(graph.order)}

    assert set(place) == {asset.id for asset in graph}
    assert all(place[n] < place[asset.id] for asset in graph for n in asset.upstream)


@given(graphs(), st.data())
def test_what_is_left_out_hides_no_dependency(graph: Graph, data: st.DataObject):
    kept = data.draw(st.sets(st.sampled_from(graph.order)))

    among = graph.among(kept)

    narrowed = Graph(Asset(i, "model", i, among[i]) for i in among)
    for asset_id in kept:
        assert narrowed.upstream([asset_id]) == graph.upstream([asset_id]) & kept


def test_ten_thousand_assets_are_planned_in_a_moment():
    streams = [
        Asset(
            f"stream:t{n % 50}.s{n}",
            "stream",
            f"t{n % 50}.s{n}",
            detail={"tap": f"t{n % 50}"},
        )
        for n in range(1_000)
    ]
    models = [
        model(
            f"m{n}",
            streams[n % 1_000].id,
            *(f"model:m{n // k}" for k in (2, 3) if n > 3),
        )
        for n in range(9_000)
    ]
    started = time.process_time()

    graph = Graph([*streams, *models])
    steps = plan(graph, select(graph))

    assert len(steps) == 51
    # 0.1 s; far more where the work grows with the square of the graph.
    assert time.process_time() - started < 5
