"""What goes into a memory when a file is placed: pure functions over values.

Ids are minted from the content and the placement alone, so that an ingest that was killed
and runs again gives every file the same ones.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gm_assets import __version__
from gm_assets.library.rules import Ruling
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import (
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    mint_instance_id,
)

if TYPE_CHECKING:
    from gm_assets.identity import Identity
    from gm_assets.memory.foreign import Foreign

AGENT = f"gm_assets {__version__}"
#: The action of an acceptance in a history.
ACCEPTED = "accepted"
#: Bytes that the words of other programs may take in a recipe, and a prompt beside it. A JPEG's
#: packet is one segment of 64 KB; the words stay in the file in any case.
_ROOM = {"jpeg": 24_000}
_USUAL_ROOM = 1_000_000
#: Named parents that become gaps.
_MAX_GAPS = 32


def now() -> str:
    """The time as XMP writes it: UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def document_id_for(content_id: str, placement: Placement | None) -> str:
    """The DocumentID of a file that has no memory yet.

    The same content at the same place is the same document; at another place it is another
    document that shares the content.
    """
    from gm_assets.stores.rows import provisional_document_id

    return provisional_document_id(content_id, placement)


def first_memory(
    identity: Identity,
    ruling: Ruling | None,
    *,
    adopted: str | None = None,
    former: str | None = None,
    foreign: Foreign | None = None,
    parents: tuple[Parent, ...] = (),
) -> Memory:
    """The memory of a file that had none: who it is, where it stands, what it is.

    Args:
        adopted: the DocumentID that another program gave it, where it may be kept.
        former: the one that may not be kept, which goes into the history.
        foreign: what other programs left in the file: it becomes the recipe, and the parents
            that they name without a hash of ours become gaps.
        parents: those among them that were resolved by hash.
    """
    from gm_assets.memory.foreign import Foreign

    placement = None if ruling is None else ruling.placement
    told = foreign or Foreign()
    room = _ROOM.get(identity.format, _USUAL_ROOM)
    document_id = adopted or document_id_for(identity.content_id, placement)
    instead = f"instead of DocumentID {former}" if former and not adopted else None
    return Memory(
        document_id=document_id,
        instance_id=mint_instance_id(document_id, identity.content_id),
        placements=() if placement is None else (placement,),
        domain=ruling.domain if ruling else None,
        subject=ruling.subject if ruling else None,
        environment=ruling.environment if ruling else None,
        shot=ruling.shot if ruling else None,
        parents=parents,
        gaps=_unlinked(told, parents),
        creator_tool=told.tool,
        digital_source_type=told.source_type,
        ai_prompt=told.prompt(room),
        recipe=told.recipe(room),
        history=(Event(action="ingested", when=now(), software_agent=AGENT, parameters=instead),),
        written=identity.written(),
    )


def _unlinked(foreign: Foreign, parents: tuple[Parent, ...]) -> tuple[Gap, ...]:
    """A gap for each parent that another program names and no hash leads to."""
    linked = {parent.instance_id for parent in parents}
    unlinked = (
        r for r in foreign.references if r.instance_id is None or r.instance_id not in linked
    )
    reasons = dict.fromkeys(f"named without a hash of ours by {r.words}" for r in unlinked)
    return tuple(Gap(role="source", reason=reason) for reason in list(reasons)[:_MAX_GAPS])


def placed(
    memory: Memory,
    placement: Placement,
    *,
    replace: bool = False,
    person: str | None = None,
    note: str | None = None,
    **subject: str | None,
) -> Memory:
    """`memory` with one more placement, and the event that tells of it.

    A placement that differs only in `primary` is replaced, not added. `subject` may hold
    `domain`, `subject`, `environment` and `shot`; None leaves what is there.
    """
    same = placement.model_copy(update={"primary": False})
    kept = (
        ()
        if replace
        else tuple(
            other
            for other in memory.placements
            if other.model_copy(update={"primary": False}) != same
        )
    )
    event = Event(
        action="placed",
        when=now(),
        software_agent=AGENT,
        parameters=describe(placement),
        note=note,
        person=person,
    )
    update = {key: value for key, value in subject.items() if value is not None}
    return memory.model_copy(
        update={
            **update,
            "placements": (*kept, placement),
            "history": (*memory.history, event),
        }
    )


def placed_by_rule(memory: Memory, ruling: Ruling) -> Memory:
    """`memory`, which has no placement, at the place that a rule gives it.

    What the memory says of its subject stays; the rule speaks only where it is silent.
    """
    silent = {
        key: getattr(ruling, key)
        for key in ("domain", "subject", "environment", "shot")
        if getattr(memory, key) is None
    }
    return placed(memory, ruling.placement, **silent)


def revised(
    memory: Memory, identity: Identity, *, note: str | None = None, person: str | None = None
) -> Memory:
    """`memory` of a file whose content was changed, accepting the content that is there now.

    The event carries the content id that was replaced. Embeddings go: they belong to the
    old content.
    """
    old = memory.written.content_id if memory.written else None
    turn = sum(1 for event in memory.history if event.content_id is not None) + 1
    instance_id = mint_instance_id(memory.document_id, identity.content_id, turn)
    event = Event(
        action="edited",
        when=now(),
        software_agent=AGENT,
        changed="content",
        instance_id=instance_id,
        content_id=old,
        note=note,
        person=person,
    )
    return memory.model_copy(
        update={
            "instance_id": instance_id,
            "written": identity.written(),
            "history": (*memory.history, event),
            "embeddings": (),
        }
    )


def accepted(
    memory: Memory, *, person: str | None, note: str | None = None, plan: str | None = None
) -> Memory:
    """`memory` with the acceptance of the content that it states.

    Args:
        person: who accepts it.
        plan: where a plan accepts instead, its file and hash.
    """
    event = Event(
        action=ACCEPTED,
        when=now(),
        software_agent=AGENT,
        parameters=plan,
        instance_id=memory.instance_id,
        note=note,
        person=person,
    )
    return memory.model_copy(update={"history": (*memory.history, event)})


def acceptance(memory: Memory) -> Event | None:
    """The last acceptance of the content that `memory` states; None where nobody accepted it.

    An acceptance speaks of what was there: a later change of the content ends it.
    """
    for event in reversed(memory.history):
        if event.content_id is not None or event.changed == "content":
            return None
        if event.action == ACCEPTED:
            return event
    return None


def recovered(
    memory: Memory, identity: Identity, *, note: str | None = None, person: str | None = None
) -> Memory:
    """A lost `memory` on its way back into a file; other content than it states is a revision."""
    if is_altered(identity, memory.written):
        memory = revised(memory, identity, note=note, person=person)
    else:
        # The store's tables do not hold all of the identity; the file does.
        memory = memory.model_copy(update={"written": identity.written()})
    event = Event(action="recovered", when=now(), software_agent=AGENT, note=note, person=person)
    return memory.model_copy(update={"history": (*memory.history, event)})


def describe(placement: Placement) -> str:
    """A placement in words: `seam-keeper.g01 S2 reference, view left, primary`."""
    words = [f"{placement.key} {placement.stage} {placement.part}"]
    for name in ("view", "frame", "variant"):
        value = getattr(placement, name)
        if value is not None:
            words.append(f"{name} {value}")
    if placement.primary:
        words.append("primary")
    return ", ".join(words)
