"""docs/roundtrips.md from what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.roundtrips import tools
from benchmarks.roundtrips.journey import Journey
from benchmarks.roundtrips.lineage import Return

#: What stands above the measured tables.
_ADVICE = Path(__file__).with_name("advice.md")
_HEADS = ("program", "way", "format", "memory", "content", "saved over the old file",
          "another name, old one gone", "another name, old one there", "healed by")  # fmt: skip


def text(journeys: Sequence[Journey], family: Return, skipped: Iterable[tuple[str, str]]) -> str:
    """The document."""
    parts = [
        _ADVICE.read_text("utf-8"),
        _family(family),
        "## The table\n\n",
        _table(_HEADS, map(_row, journeys)),
    ]
    versions = dict.fromkeys((j.trip.tool, tools.version(j.trip) or "") for j in journeys)
    parts += ["\n## Programs\n\n", _table(("program", "version"), versions)]
    if left := list(skipped):
        parts += ["\nNot measured:\n\n", _table(("way", "why"), left)]
    return "".join(parts)


def _row(journey: Journey) -> tuple[str, ...]:
    own = (journey.trip.tool, journey.trip.does, journey.format)
    if journey.failure is not None:
        return (*own, f"it did not come back: {journey.failure}", "", "", "", "", "")
    told = (journey.memory, journey.content, journey.answer, journey.elsewhere)
    return (*own, *told, journey.beside, journey.healed)


def _family(family: Return) -> str:
    whole = [link for link in family.links if link.resolution == "resolved"]
    tool_count = len({way.partition(":")[0] for sent in family.sent for way in sent.ways})
    story = (
        f"{len(family.sent)} files with {family.declared} recorded links went through "
        f"{tool_count} programs and came back over the old files. After `gm ingest` "
        f"{family.at_first} of the links could be judged resolved. Then every offer was "
        f"accepted and every edit revised: {len(whole)} of the {len(family.links)} links are "
        "resolved, and each of the others says why it is not."
    )
    sent = [(s.file, ", then ".join(s.ways), s.came_back, s.done) for s in family.sent]
    links = [(k.child, k.parent, k.resolution, k.basis, k.detail) for k in family.links]
    lines = [
        f"## A family, there and back\n\n{story}\n\n",
        _table(("file", "went through", "came back", "healed by"), sent),
        "\n",
        _table(("child", "parent", "resolution", "basis", "why"), links),
    ]
    if family.redo:
        lines.append(f"\nTo redo, in this order (`gm stale`): {', '.join(family.redo)}.\n")
    return "".join([*lines, "\n"])


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    listed = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(_cell(c) for c in row)} |\n" for row in listed)


def _cell(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
