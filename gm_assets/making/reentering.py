"""Re-entry: an accepted structure becomes the sculpt of its chain's next generation.

Nothing is copied: the same document gets one more placement, and its history says who wanted
it. A reference (S2) or a plate (S4) may begin a chain of its own in the same way. Generations
come about by these calls alone, which a person or a plan makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gm_assets.errors import GmError, InvalidMemory, LibraryError, NotFound, WriteRefused
from gm_assets.library import acceptance, place
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory, Placement, Stage, chain_key, parse_chain_key

if TYPE_CHECKING:
    import os

    from gm_assets.library import Library

#: Stages whose pictures may begin a chain, as what they are.
_BEGINNINGS: tuple[Stage, ...] = ("S2", "S4")
_PARTS = {"S2": "reference", "S4": "plate"}

_THERE = """
select a.path, a.document_id from placements p join assets a using (document_id)
where p.key = ? and p.stage = 'S3' and p.part = 'mesh' and a.document_id <> ? order by a.path"""
_LAST = "select max(generation) from placements where chain = ?"

#: Structures that a person accepted as they are, and that are no sculpt of the next generation.
_WAITING = """
with accepted as (
    select document_id, max(ordinal) as last from events
    where action = 'accepted' and person is not null and parameters is null
    group by document_id
), changed as (
    select document_id, max(ordinal) as last from events
    where content_id is not null or changed = 'content' group by document_id
)
select a.path, a.document_id, a.instance_id, p.chain, p.generation
from accepted t join assets a using (document_id)
join placements p using (document_id)
left join changed c using (document_id)
where p.stage = 'S5' and p.part <> 'splats' and not a.altered and t.last > coalesce(c.last, -1)
  and not exists (
    select 1 from placements n where n.document_id = a.document_id and n.stage = 'S3'
      and n.chain = p.chain and n.generation = p.generation + 1)
order by a.path"""


@dataclass(frozen=True)
class Waiting:
    """A structure that a person accepted and that has not re-entered yet.

    Attributes:
        path: of a file that carries it, relative to the library.
        mark: names this acceptance's document and content.
        key: of the generation that it would begin.
    """

    path: str
    mark: str
    key: str


def waiting(library: Library) -> tuple[Waiting, ...]:
    """The structures that wait to re-enter, by path; acceptances by a plan do not count.

    Raises:
        LibraryError: nothing was ingested yet.
    """
    return tuple(
        Waiting(path, f"{document} {instance}", chain_key(chain, generation + 1))
        for path, document, instance, chain, generation in library.catalogue()
        .execute(_WAITING)
        .fetchall()
    )


@dataclass(frozen=True)
class Reentered:
    """A document that stands in one more place.

    Attributes:
        path: relative to the library.
        memory: as it reads back from the file.
        placement: the place that it has now.
        key: of the chain and generation that it begins.
        added: False where it stood there already.
    """

    path: str
    memory: Memory
    placement: Placement
    added: bool

    @property
    def key(self) -> str:
        """Of the chain and generation that it begins, e.g. `seam-keeper.g02`."""
        return self.placement.key


def reenter(
    library: Library,
    path: str | os.PathLike[str],
    *,
    chain: str | None = None,
    person: str | None = None,
    note: str | None = None,
) -> Reentered:
    """Begin a generation with an accepted structure, or a chain with a reference or a plate.

    A structure (S5) becomes the sculpt (S3) of its chain's next generation. A reference or a
    plate keeps its stage and begins the chain that `chain` names.

    Args:
        path: of the file.
        chain: a chain or key that it begins instead of the next generation of its own.
        person, note: who wants it and why, for the history.

    Raises:
        NotFound: there is no such file, or it carries no memory.
        WriteRefused: nobody accepted the structure, it is no mesh, its place is taken by
            another sculpt, or it was altered or cannot be written (as `library.place`).
        InvalidMemory: `chain` is no name of a chain.
        LibraryError, LibraryLocked: as `library.place`.
    """
    relative = library.relative(path)
    memory = read_memory(library.root / relative).memory
    if memory is None:
        raise NotFound(
            "it carries no memory, so it stands in no chain",
            where=library.root / relative,
            remedy="Give it a place: gm place FILE --chain NAME --stage S5",
        )
    target = _target(library, relative, memory, chain)
    same = target.model_copy(update={"primary": False})
    there = any(one.model_copy(update={"primary": False}) == same for one in memory.placements)
    if not there:
        if target.stage == "S3":
            _check_structure(library, relative, memory, target)
        memory = place(library, relative, target, person=person, note=note)
    return Reentered(relative, memory, target, added=not there)


def _target(library: Library, path: str, memory: Memory, chain: str | None) -> Placement:
    """The placement that begins the generation or the chain."""
    structures = [one for one in memory.placements if one.stage == "S5"]
    pictures = [one for one in memory.placements if one.stage in _BEGINNINGS]
    where = library.root / path
    if not structures and not pictures:
        raise WriteRefused(
            "it is neither a structure (S5) nor a reference (S2) or a plate (S4)",
            where=where,
            remedy="gm place puts any file into a chain",
        )
    if structures:
        name, generation = _named(library, chain) if chain else _next(structures, where)
        return Placement(
            chain=name, generation=generation, stage="S3", part="mesh", frame=None, primary=True
        )
    if chain is None:
        raise WriteRefused(
            "a picture is no sculpt, so it cannot begin the next generation of its chain",
            where=where,
            remedy="Begin a chain of its own with --chain NAME, or lift it first (gm lift)",
        )
    name, generation = _named(library, chain)
    stage = pictures[0].stage
    return Placement(
        chain=name,
        generation=generation,
        stage=stage,
        part=_PARTS[stage],
        view=pictures[0].view,
        frame=None,
        primary=True,
    )


def _next(structures: list[Placement], where: object) -> tuple[str, int]:
    """The generation after the one that a structure came from."""
    chains = {one.chain: one.generation for one in sorted(structures, key=lambda p: p.generation)}
    if len(chains) > 1:
        raise WriteRefused(
            f"it is a structure of {len(chains)} chains: {', '.join(sorted(chains))}",
            where=str(where),
            remedy="Say which generation it begins: --chain NAME.g02",
        )
    ((name, generation),) = chains.items()
    return name, generation + 1


def _named(library: Library, chain: str) -> tuple[str, int]:
    """The generation that a name or key means; a bare name is that of a new chain."""
    try:
        name, generation = parse_chain_key(chain)
    except ValueError as error:
        raise InvalidMemory(
            str(error), where="--chain", remedy="Use lower-case letters, digits and single hyphens"
        ) from None
    last = _last(library, name)
    if name == chain and last is not None:
        raise WriteRefused(
            f"the chain {name} is there already",
            where=library.root,
            remedy=f"Name its generation, e.g. --chain {chain_key(name, last + 1)}, "
            "or another chain",
        )
    if generation > (last or 0) + 1:
        raise WriteRefused(
            f"{chain_key(name, generation)} would leave a generation out",
            where=library.root,
            remedy=f"The next one is {chain_key(name, (last or 0) + 1)}",
        )
    return name, generation


def _last(library: Library, chain: str) -> int | None:
    """The last generation of a chain in the catalogue."""
    try:
        row = library.catalogue().execute(_LAST, [chain]).fetchone()
    except LibraryError:  # nothing was ingested yet
        return None
    return row[0] if row else None


def _check_structure(library: Library, path: str, memory: Memory, target: Placement) -> None:
    """Refuse what cannot be the sculpt of a generation.

    Raises:
        WriteRefused: nobody accepted it, it is no mesh, or its place is taken.
    """
    from gm_assets.sculpt.reading import read_sculpt

    where = library.root / path
    if acceptance(memory) is None:
        raise WriteRefused(
            "nobody accepted this structure as it is now",
            where=where,
            remedy="Look at it, then: gm accept FILE",
        )
    try:
        read_sculpt(where)
    except GmError as error:
        raise WriteRefused(
            f"it cannot be a sculpt: {error.what}",
            where=where,
            remedy="Lift the plates to a mesh (gm lift CHAIN --method field), and accept that",
        ) from error
    key = chain_key(target.chain, target.generation)
    others = library.catalogue().execute(_THERE, [key, memory.document_id]).fetchall()
    if others:
        raise WriteRefused(
            f"{key} has its sculpt already: {others[0][0]}",
            where=where,
            remedy="Begin a chain of its own with it: --chain NAME",
        )
