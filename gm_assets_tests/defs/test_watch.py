"""Decisions of the library sensor as values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gm_assets.defs.library.watch import (
    HOLDS,
    PATHS_NAMED,
    SINGLE_RUNS,
    Cursor,
    Recorded,
    Seen,
    decide,
    paths_of,
    settled,
)
from gm_assets.library.values import Affected, Changes, Entry

NAMES = st.text("abc", min_size=1, max_size=2)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
NOTHING = Recorded(frozenset(), {})


def changes(
    *, new: list[str] | None = None, moved: dict[str, str] | None = None, gone: tuple[str, ...] = ()
) -> Changes:
    return Changes(
        new=tuple(Entry(path, (1, 0, 0, 1)) for path in new or ()),
        changed=(),
        moved=tuple((old, Entry(path, (1, 0, 0, 1))) for old, path in (moved or {}).items()),
        vanished=gone,
        unchanged=0,
        quarantined=0,
        problems=(),
        unreachable=(),
        littered=(),
        ignored=0,
    )


def seen(found: Changes, *affected: Affected, generation: int = 1, arriving: int = 0) -> Seen:
    return Seen(found, arriving, affected, generation, {}, (), {})


@given(st.lists(PATHS, max_size=2 * PATHS_NAMED, unique=True))
def test_every_changed_file_is_named_or_lies_below_a_folder_that_is(paths: list[str]) -> None:
    named = paths_of(changes(new=paths))
    assert len(named) <= PATHS_NAMED
    for path in paths:
        assert any(name == "." or path == name or path.startswith(f"{name}/") for name in named)


def test_a_move_names_both_places() -> None:
    assert paths_of(changes(moved={"a/old.png": "b/new.png"})) == ("a/old.png", "b/new.png")


@given(st.integers(0, 10**19), st.integers(0, 10**19), st.floats(0, 86_400))
def test_a_file_counts_when_it_was_still_for_the_settle_time(
    touched: int, now: int, settle: float
) -> None:
    found = Changes((Entry("a.png", (1, 0, touched, 1)),), (), (), (), 0, 0, (), (), (), 0)
    kept = bool(settled(found, now, settle).new)
    assert kept == (touched > now or now - touched >= settle * 1e9)


def test_a_request_is_made_once_while_its_change_is_open() -> None:
    watching = Cursor("watching", generation=1)
    found = seen(changes(new=["a/S1/sketch.png"]), Affected("a.g01", "S1"))
    first = decide(found, watching, NOTHING, set())
    assert [request.chains for request in first.requests] == [("a.g01",)]
    assert not decide(found, first.cursor, NOTHING, set()).requests


def test_a_further_change_of_the_same_chain_is_a_further_request() -> None:
    watching = Cursor("watching", generation=1)
    first = decide(
        seen(changes(new=["a/S1/x.png"]), Affected("a.g01", "S1")), watching, NOTHING, set()
    )
    more = seen(changes(new=["a/S1/x.png", "a/S1/y.png"]), Affected("a.g01", "S1"))
    assert len(decide(more, first.cursor, NOTHING, set()).requests) == 1


def test_arriving_files_hold_everything_up_but_not_for_ever() -> None:
    cursor = Cursor("watching", generation=1)
    found = seen(changes(new=["a/S1/x.png"]), Affected("a.g01", "S1"), arriving=3)
    for _ in range(HOLDS):
        held = decide(found, cursor, NOTHING, set())
        assert not held.requests
        cursor = held.cursor
    acted = decide(found, cursor, NOTHING, set())
    assert acted.requests and acted.cursor.held == 0


def test_twenty_chains_run_singly_and_one_more_makes_a_list() -> None:
    watching = Cursor("watching", generation=1)
    for count, runs in ((SINGLE_RUNS, SINGLE_RUNS), (SINGLE_RUNS + 1, 1)):
        affected = [Affected(f"c{n}.g01", "S3") for n in range(count)]
        found = seen(changes(new=["x.png"]), *affected)
        assert len(decide(found, watching, NOTHING, set()).requests) == runs


def test_while_a_list_of_chains_runs_nothing_is_lost() -> None:
    watching = Cursor("watching", generation=1)
    found = seen(changes(new=["a/S1/x.png"]), Affected("a.g01", "S1"), generation=2)
    held = decide(found, watching, NOTHING, None)
    assert not held.requests and held.cursor == watching
    assert decide(found, held.cursor, NOTHING, set()).requests


def test_a_busy_chain_is_asked_for_when_its_run_is_over_though_its_file_was_taken_in() -> None:
    watching = Cursor("watching", generation=1)
    found = seen(changes(moved={"a/S1/x.png": "b/x.png"}), Affected("a.g01", "S1"))
    held = decide(found, watching, NOTHING, {"a.g01"})
    assert not held.requests
    later = decide(seen(changes()), held.cursor, NOTHING, set())
    assert [(r.chains, r.stages) for r in later.requests] == [(("a.g01",), ("S1",))]
    assert not decide(seen(changes()), later.cursor, NOTHING, set()).requests


def test_a_chain_that_was_never_recorded_waits_for_a_person() -> None:
    watching = Cursor("watching", generation=1)
    known = Recorded(frozenset({"a.g01"}), {})
    found = Seen(changes(), 0, (), 2, {"S1": {"a.g01": "v"}}, ("a.g01",), {})
    assert not decide(found, watching, known, set()).requests


def test_a_record_that_differs_from_the_catalogue_is_made_again() -> None:
    watching = Cursor("watching", generation=1)
    known = Recorded(frozenset({"a.g01", "b.g01"}), {"S1": {"a.g01": "v", "b.g01": "v"}})
    found = Seen(changes(), 0, (), 2, {"S1": {"a.g01": "w", "b.g01": "v"}}, ("a.g01", "b.g01"), {})
    (request,) = decide(found, watching, known, set()).requests
    assert (request.chains, request.stages, request.take_in) == (("a.g01",), ("S1",), ())
