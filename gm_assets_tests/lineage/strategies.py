"""Random small libraries: few documents and contents, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from gm_assets.memory.record import Memory
from gm_assets_tests.lineage.worlds import File, link, memory, place, stream

NAMES = ("a", "b", "c", "d")
CONTENTS = ("p", "q", "r")

names = st.sampled_from(NAMES)
contents = st.sampled_from(CONTENTS)
places = st.builds(
    place,
    st.sampled_from(["keeper", "gate"]),
    st.sampled_from(["S1", "S2", "S3", "S4", "S5"]),
    generation=st.sampled_from([1, 2]),
)
links = st.builds(
    link,
    st.none() | names | st.just("elsewhere"),
    holds=contents,
    stream_hash=st.none() | contents.map(stream),
    basis=st.sampled_from(["asserted", "recorded", "reproduced", "signed"]),
)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """A memory whose rank among copies of its document is its own.

    The time of the last event is drawn wide, so that two different memories of one document
    have the same rank only where they are equal.
    """
    microsecond = draw(st.integers(0, 999_999))
    return memory(
        draw(names),
        draw(contents),
        *draw(st.lists(links, max_size=3)),
        placements=tuple(draw(st.lists(places, max_size=2, unique=True))),
        was=(draw(contents),),
        when=f"2026-01-01T00:00:00.{microsecond:06d}Z",
    )


@st.composite
def libraries(draw: st.DrawFn) -> list[File]:
    """Files at different paths; some memories lie in several of them."""
    pool = draw(st.lists(memories(), min_size=1, max_size=6, unique_by=_rank))
    count = draw(st.integers(1, 9))
    files = []
    for number in range(count):
        remembered = draw(st.none() | st.sampled_from(pool))
        files.append(
            File(
                path=f"{number}.png",
                memory=remembered,
                holds=draw(st.none() | contents),
                rule=draw(st.none() | places) if remembered is None else None,
            )
        )
    return files


def _rank(remembered: Memory) -> tuple[str, str]:
    return remembered.document_id, max(event.when for event in remembered.history)
