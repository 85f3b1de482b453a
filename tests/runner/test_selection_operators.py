"""Over any graph, what each operator chooses is what its definition says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from elt.runner.graph import Asset, Graph
from elt.runner.selection import select

Edges = frozenset[tuple[str, str]]  # who needs whom


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Graph, Edges]:
    """Draw functions, which have no tests that come along, needing those before."""
    number = draw(st.integers(1, 12))
    names = [f"n{index}" for index in range(number)]
    pairs = [(a, b) for at, a in enumerate(names) for b in names[:at]]
    edges = frozenset(draw(st.sets(st.sampled_from(pairs)))) if pairs else frozenset()
    assets = [
        Asset(
            f"function:{name}",
            "function",
            name,
            tuple(f"function:{need}" for who, need in sorted(edges) if who == name),
            tuple(draw(st.sets(st.sampled_from(["red", "blue"])))),
        )
        for name in names
    ]
    return Graph(draw(st.permutations(assets))), edges


def nearer(edges: Edges, start: str, end: str, most: float) -> bool:
    """Whether some path of needs leads from one to the other in so many steps."""
    if most < 0:
        return False
    if start == end:
        return True
    return any(nearer(edges, b, end, most - 1) for a, b in edges if a == start)


def chosen(graph: Graph, *words: str, **more: str) -> set[str]:
    return {graph[asset].name for asset in select(graph, words, **more)}


@given(graphs(), st.data())
def test_plus_and_its_number_choose_by_the_length_of_a_path(
    drawn: tuple[Graph, Edges], data: st.DataObject
):
    graph, edges = drawn
    one = data.draw(st.sampled_from([asset.name for asset in graph]))
    up = data.draw(st.sampled_from(["", "+", "0+", "1+", "2+", "3+"]))
    down = data.draw(st.sampled_from(["", "+", "+0", "+1", "+2"]))
    most_up = float(up.strip("+") or "inf") if up else 0
    most_down = float(down.strip("+") or "inf") if down else 0

    found = chosen(graph, f"{up}{one}{down}")

    assert found == {
        each.name
        for each in graph
        if nearer(edges, one, each.name, most_up)
        or nearer(edges, each.name, one, most_down)
    }


@given(graphs(), st.data())
def test_at_chooses_all_below_and_all_above_any_of_these(
    drawn: tuple[Graph, Edges], data: st.DataObject
):
    graph, edges = drawn
    one = data.draw(st.sampled_from([asset.name for asset in graph]))

    found = chosen(graph, f"@{one}")

    below = [each.name for each in graph if nearer(edges, each.name, one, 99)]
    assert found == {
        each.name
        for each in graph
        if any(nearer(edges, down, each.name, 99) for down in below)
    }


@given(graphs(), st.data())
def test_spaces_commas_and_exclude_are_the_operations_of_sets(
    drawn: tuple[Graph, Edges], data: st.DataObject
):
    graph, _ = drawn
    first, second, third = (
        data.draw(st.sampled_from([f"+{each.name}" for each in graph]))
        for _ in range(3)
    )
    # Without it an empty set would be an error: nothing matches `state:new` twice.
    a, b, c = (chosen(graph, word) for word in (first, second, third))

    found = chosen(graph, first, f"{second},state:new", exclude=f"{third},state:new")

    assert found == (a | b) - c
