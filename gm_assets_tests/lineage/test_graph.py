"""The ancestry as a graph: cycles, reach and order, also where it is absurdly deep or wide."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gm_assets.lineage.graph import Ancestry

links = st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), max_size=14)


def ancestry(pairs: list[tuple[str, str]]) -> Ancestry:
    """A graph of (child, parent) pairs."""
    columns = list(zip(*pairs, strict=True)) or [(), ()]
    child, parent = (pa.chunked_array([pa.array(column, pa.string())]) for column in columns)
    return Ancestry(child, parent)


def reachable(pairs: list[tuple[str, str]], start: str) -> set[str]:
    """Parents, parents of parents and so on, found naively."""
    found: set[str] = set()
    waiting = [parent for child, parent in pairs if child == start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [parent for child, parent in pairs if child == name]
    return found


@settings(max_examples=60, deadline=None)
@given(links)
def test_a_link_is_cyclic_when_its_child_is_among_its_ancestors(pairs):
    expected = [child == parent or child in reachable(pairs, parent) for child, parent in pairs]
    assert ancestry(pairs).cyclic().tolist() == expected


@settings(max_examples=60, deadline=None)
@given(links, st.sampled_from("abcdefg"))
def test_reach_upwards_is_every_ancestor(pairs, start):
    graph = ancestry(pairs)
    index = graph.index(start)
    if index is None:
        assert start not in {name for pair in pairs for name in pair}
        return
    reached = set(graph.names(graph.reach(np.array([index]), up=True)))
    assert reached == reachable(pairs, start) | {start}
    back = set(graph.names(graph.reach(np.array([index]))))
    assert back == reachable([(parent, child) for child, parent in pairs], start) | {start}
    family = set(graph.names(graph.reach(np.array([index]), both=True)))
    either = [*pairs, *((parent, child) for child, parent in pairs)]
    assert family == reachable(either, start) | {start}


@settings(max_examples=60, deadline=None)
@given(links, st.sets(st.sampled_from("abcdefg"), min_size=1))
def test_topological_order_puts_parents_first_unless_they_are_on_one_cycle(pairs, wanted):
    graph = ancestry(pairs)
    members = graph.indices(pa.array(sorted(wanted)))
    order = graph.names(graph.topological(members))
    assert sorted(order) == sorted(graph.names(members))
    place = {name: number for number, name in enumerate(order)}
    for child, parent in pairs:
        on_cycle = child == parent or child in reachable(pairs, parent)
        if child in place and parent in place and not on_cycle:
            assert place[parent] < place[child]


def test_cycles_are_listed_once_with_all_their_members():
    graph = ancestry([("a", "b"), ("b", "c"), ("c", "a"), ("d", "d"), ("e", "a"), ("a", "f")])
    assert graph.cycles() == [["a", "b", "c"], ["d"]]


def test_an_ancestry_without_links_has_neither_cycles_nor_reach():
    graph = ancestry([])
    assert graph.cycles() == []
    assert graph.index("a") is None
    assert graph.reach(np.zeros(0, np.int64)).tolist() == []


def test_a_hundred_thousand_generations_are_only_a_long_array():
    names = [f"{number:06d}" for number in range(100_001)]
    graph = ancestry(list(zip(names[1:], names[:-1], strict=True)))
    assert not graph.cyclic().any()
    below = graph.reach(graph.indices(pa.array(names[:1])))
    assert graph.names(below) == names
    assert graph.names(graph.topological(below)) == names


def test_a_cycle_of_a_hundred_thousand_documents_is_found():
    names = [f"{number:06d}" for number in range(100_000)]
    graph = ancestry(list(zip(names, [*names[1:], names[0]], strict=True)))
    assert graph.cyclic().all()
    assert graph.cycles() == [names]


def test_ten_thousand_parents_of_one_child_are_followed_once():
    graph = ancestry([("child", f"p{number}") for number in range(10_000)] * 2)
    child = graph.index("child")
    assert child is not None
    assert len(graph.reach(np.array([child]), up=True)) == 10_001
