"""What goes into a memory when a person states a parent, or joins twins: pure functions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

from gm_assets.library.authoring import AGENT, now
from gm_assets.memory.record import Event, Memory, Parent, Placement

#: Single values of a memory that one file may know and another not.
_SINGLE = (
    *("domain", "subject", "environment", "shot", "camera", "title", "description", "rights"),
    *("creator_tool", "create_date", "digital_source_type", "ai_system", "ai_system_version"),
    *("ai_prompt", "ai_prompt_writer", "recipe", "original_document_id"),
)
_LISTS = ("placements", "parents", "gaps", "creators", "keywords", "embeddings", "unknown")


def linked(memory: Memory, parent: Parent, *, person: str, note: str | None = None) -> Memory:
    """`memory` with one more asserted parent, and the event that tells who stated it."""
    named = parent.document_id or parent.content_id
    event = Event(
        action="linked",
        when=now(),
        software_agent=AGENT,
        parameters=f"{parent.role} {named}",
        note=note,
        person=person,
    )
    return memory.model_copy(
        update={"parents": (*memory.parents, parent), "history": (*memory.history, event)}
    )


def stands(memory: Memory, placement: Placement) -> bool:
    """Whether a memory has that placement, primary or not."""
    return any(_place(one) == _place(placement) for one in memory.placements)


def named(parents: Iterable[Parent], parent: Parent) -> Parent | None:
    """The link by which a memory names that parent, in whatever role."""
    for one in parents:
        if parent.document_id is not None and one.document_id == parent.document_id:
            return one
        if parent.document_id is None and one.content_id == parent.content_id:
            return one
    return None


def merged(
    kept: Memory, others: Sequence[Memory], *, person: str, note: str | None = None
) -> tuple[Memory, tuple[str, ...], tuple[str, ...]]:
    """`kept` with all that memories of the same content know and it does not.

    Lists become unions, single values are taken where `kept` is silent; where both speak and
    differ, `kept` stays. Events of the others come before its own, so that what was last said
    of it stays last. Parents that are one of the joined documents themselves are left out.

    Returns:
        The memory, what it gained, and what differs and was left as it is.
    """
    own = {kept.document_id, *(other.document_id for other in others)}
    contents = {memory.written.content_id for memory in (kept, *others) if memory.written}
    update: dict[str, Any] = {}
    gained, differs = [], []
    for name in _SINGLE:
        there, value = getattr(kept, name), None
        for other in others:
            said = getattr(other, name)
            if said is None or said == there:
                continue
            if there is not None or value is not None:
                if said != value:
                    differs.append(f"{name} of {other.document_id}")
                continue
            value = said
        if value is not None:
            update[name] = value
            gained.append(name)
    for name in _LISTS:
        there, known = list(getattr(kept, name)), {_mark(name, one) for one in getattr(kept, name)}
        for one in (one for other in others for one in getattr(other, name)):
            if name == "parents" and (one.document_id in own or one.content_id in contents):
                continue
            if _mark(name, one) not in known:
                known.add(_mark(name, one))
                there.append(_secondary(one) if name == "placements" else one)
                gained.append(f"{name[:-1]} {_said(one)}")
        update[name] = tuple(there)
    history = _joined_history(kept, others)
    gained += ["history"] if len(history) > len(kept.history) else []
    if gained:
        event = Event(
            action="merged",
            when=now(),
            software_agent=AGENT,
            parameters=" ".join(sorted(own - {kept.document_id})) or None,
            note=note,
            person=person,
        )
        update["history"] = (*history, event)
    return kept.model_copy(update=update), tuple(gained), tuple(differs)


def facts_of(memory: Memory) -> Iterator[str]:
    """What a memory says, each fact in words; equal words are equal facts."""
    for placement in memory.placements:
        yield f"placed {_said(placement)}"
    for parent in memory.parents:
        yield f"parent {_said(parent)}"
    for gap in memory.gaps:
        yield f"gap {_said(gap)}"
    for name in _SINGLE:
        value = getattr(memory, name)
        if value is not None:
            said = f" {value}" if isinstance(value, str) and len(value) <= 60 else ""
            yield f"{name.replace('_', ' ')}{said}"
    for name in ("creators", "keywords"):
        for text in getattr(memory, name):
            yield f"{name[:-1]} {text}"
    for event in memory.history:
        if event.action != "ingested":
            who = f" by {event.person}" if event.person else ""
            yield f"{event.action} {event.when}{who}"
    for embedding in memory.embeddings:
        yield f"vector of {embedding.model[:12]}"


def _joined_history(kept: Memory, others: Sequence[Memory]) -> tuple[Event, ...]:
    known = set(kept.history)
    before = []
    for event in (event for other in others for event in other.history):
        if event not in known:
            known.add(event)
            before.append(event)
    before.sort(key=lambda event: event.when)
    return (*before, *kept.history)


def _mark(name: str, one: Any) -> Hashable:
    """What makes an entry of a list the same as another."""
    if name == "placements":
        return _place(one)
    if name == "parents":
        return one.document_id or one.content_id, one.role
    if name == "embeddings":
        return str(one.model)
    if name == "unknown":
        return str(one[0])
    marked: Hashable = one
    return marked


def _place(placement: Placement) -> Placement:
    return placement.model_copy(update={"primary": False})


def _secondary(placement: Placement) -> Placement:
    """A placement that does not take the first place of its stage from another file."""
    return _place(placement)


def _said(one: Any) -> str:
    if isinstance(one, Placement):
        return f"{one.key} {one.stage} {one.part}"
    if isinstance(one, Parent):
        return f"{one.role} {one.document_id or one.content_id}"
    if isinstance(one, tuple):
        return str(one[0])
    if hasattr(one, "reason"):
        return f"{one.stage or one.role or ''} {one.reason}".strip()
    return str(one.model)[:12] if hasattr(one, "model") else str(one)
