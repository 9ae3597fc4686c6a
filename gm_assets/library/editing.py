"""What people do to single files: place, revise, accept, recover.

Each reads the file again, writes the new memory with the whole write sequence, and brings
the store up to date, all under the writer lock.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gm_assets.containers import is_sealed, refusal
from gm_assets.errors import LibraryError, NotFound, WriteRefused
from gm_assets.library.adopting import find_adoption
from gm_assets.library.authoring import (
    acceptance,
    accepted,
    first_memory,
    placed,
    recovered,
    revised,
)
from gm_assets.library.encoders import Embedder, embedder_of
from gm_assets.library.examine import Examined, examine
from gm_assets.library.folder import special
from gm_assets.library.recording import Recorder
from gm_assets.library.recovery import CARRIED, Offers, carriers, holders
from gm_assets.library.rules import Ruling
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.memory.record import Memory, Placement
from gm_assets.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    from gm_assets.identity import Identity
    from gm_assets.library.library import Library


def place(
    library: Library,
    path: str | os.PathLike[str],
    placement: Placement,
    *,
    replace: bool = False,
    note: str | None = None,
    person: str | None = None,
    break_credentials: bool = False,
    domain: str | None = None,
    subject: str | None = None,
    environment: str | None = None,
    shot: str | None = None,
) -> Memory:
    """Give a file a place in a chain, and a memory if it has none.

    Args:
        path: the file; it need not have been ingested.
        placement: added to those that its memory has.
        replace: put it in the place of those that its memory has.
        note, person: kept in the history.
        break_credentials: write although C2PA credentials in the file become invalid.
        domain, subject, environment, shot: vocabulary ids; None leaves what is there.

    Returns:
        The memory as it reads back from the file.

    Raises:
        NotFound: there is no such file.
        WriteRefused: its folder is not managed, its content was altered, or as `write_memory`.
        LibraryError, LibraryLocked: as `Library.relative` and `Library.writing`.
        UnreadableFile, UnsupportedFormat, TooLarge, MemoryConflict, InvalidMemory.
    """
    words = {"domain": domain, "subject": subject, "environment": environment, "shot": shot}
    with library.writing():
        relative, examined, identity = _read(library, path)
        memory = examined.memory
        if memory is None:
            adoption = find_adoption(library, [relative])
            memory = first_memory(
                identity,
                Ruling(placement, **words),
                adopted=adoption.document_id(relative, identity.content_id),
                former=adoption.ids.get(relative),
                foreign=examined.foreign,
                parents=adoption.parents.get(relative, ()),
            )
            if note or person:
                event = memory.history[0].model_copy(update={"note": note, "person": person})
                memory = memory.model_copy(update={"history": (event,)})
        else:
            _refuse_altered(library.root / relative, identity, memory)
            memory = placed(memory, placement, replace=replace, note=note, person=person, **words)
        return _remember(library, relative, examined, memory, break_credentials)


def revise(
    library: Library,
    path: str | os.PathLike[str],
    note: str | None = None,
    person: str | None = None,
    break_credentials: bool = False,
) -> Memory:
    """Accept an edit: the content that the file has now becomes its document's content.

    The document keeps its id and gets a new InstanceID; its old content id goes into the
    history, and links that name the old content become `superseded`. `note`, `person` and
    `break_credentials` are as for `place`.

    Returns:
        The memory as it reads back from the file.

    Raises:
        NotFound: there is no such file, or it carries no memory.
        WriteRefused: its content is the one that its memory states, or as for `place`.
        LibraryError, LibraryLocked and the reading errors as for `place`.
    """
    with library.writing():
        relative, examined, identity = _read(library, path)
        memory = examined.memory
        if memory is None:
            raise NotFound(
                "it carries no memory that could be revised",
                where=library.root / relative,
                remedy="If an editor dropped it, gm recover gives it back; else gm place",
            )
        if not is_altered(identity, memory.written):
            raise WriteRefused(
                "its content is the one that its memory states: there is nothing to revise",
                where=library.root / relative,
                remedy="gm place changes where it stands",
            )
        memory = revised(memory, identity, note=note, person=person)
        return _remember(library, relative, examined, memory, break_credentials)


def accept(
    library: Library,
    path: str | os.PathLike[str],
    *,
    person: str | None,
    note: str | None = None,
    plan: str | None = None,
    break_credentials: bool = False,
) -> Memory:
    """Write into a file's history that the content which it states is accepted.

    An acceptance of the same content by the same hand stands once. A later edit ends it.

    Args:
        person: who accepts it; None only where a plan without a writer does.
        note: why.
        plan: where a plan accepts instead of a person: its file and hash, for the history.
        break_credentials: as for `place`.

    Returns:
        The memory as it reads back from the file.

    Raises:
        NotFound: there is no such file, or it carries no memory.
        WriteRefused: its content was altered, or as for `place`.
        LibraryError, LibraryLocked and the reading errors as for `place`.
    """
    with library.writing():
        relative, examined, identity = _read(library, path)
        memory = examined.memory
        if memory is None:
            raise NotFound(
                "it carries no memory that an acceptance could be written into",
                where=library.root / relative,
                remedy="Give it a place first: gm place FILE --chain NAME --stage S5",
            )
        _refuse_altered(library.root / relative, identity, memory)
        there = acceptance(memory)
        if there is not None and (there.person, there.note, there.parameters) == (
            person,
            note,
            plan,
        ):
            return memory
        memory = accepted(memory, person=person, note=note, plan=plan)
        return _remember(library, relative, examined, memory, break_credentials)


def recover(
    library: Library,
    path: str | os.PathLike[str],
    *,
    document_id: str | None = None,
    note: str | None = None,
    person: str | None = None,
    break_credentials: bool = False,
) -> Memory:
    """Accept a recovery offer: give a file back the memory that it lost.

    The memory comes from another file that carries the document, or from the open offer.
    Where the content was changed as well, the change is recorded as a revision.

    Args:
        document_id: which document; by default the one that was offered for this path.
        note, person, break_credentials: as for `place`.

    Returns:
        The memory as it reads back from the file.

    Raises:
        NotFound: there is no such file, or no offer for it.
        WriteRefused: the file carries that memory already, or another with a history of its own;
            or as for `place`.
        LibraryError, LibraryLocked and the reading errors as for `place`.
    """
    with library.writing():
        relative, examined, identity = _read(library, path)
        full = library.root / relative
        offers = Offers.load(library)
        wanted = document_id or _offered(library, relative, examined, offers)
        if examined.memory is not None and examined.memory.document_id == wanted:
            raise WriteRefused("it carries the memory of that document", where=full)
        if examined.memory is not None and not _only_ingested(examined.memory):
            raise WriteRefused(
                "it carries a memory with a history of its own, which would be lost",
                where=full,
                remedy="Work on a copy without that memory",
            )
        memory = _lost_memory(library, wanted, offers)
        memory = recovered(memory, identity, note=note, person=person)
        found = _remember(library, relative, examined, memory, break_credentials)
        offers.changed(closed={wanted}).save(library)
        return found


def _read(library: Library, path: str | os.PathLike[str]) -> tuple[str, Examined, Identity]:
    """The file as it is now, where a memory may be written into it."""
    relative = library.relative(path)
    full = library.root / relative
    if not os.path.lexists(full):
        raise NotFound("there is no such file", where=full)
    if full.is_symlink() and (error := special(full, library.root)):
        raise error
    if not library.managed(relative):
        raise WriteRefused(
            "its folder is not managed: gm.toml forbids writing memories here",
            where=full,
            remedy="Set managed = true for the folder in gm.toml, or copy the file",
        )
    examined = examine(str(library.root), relative)
    if examined.error is not None:
        raise examined.error
    if examined.memory_error is not None:
        raise examined.memory_error
    if examined.identity is None:
        raise LibraryError(examined.waiting or "it cannot be read", where=full, remedy="Try again")
    if is_sealed(examined.identity.format):
        raise refusal(examined.identity.format, os.fspath(full))
    return relative, examined, examined.identity


def _refuse_altered(full: Path, identity: Identity, memory: Memory) -> None:
    if is_altered(identity, memory.written):
        raise WriteRefused(
            "its content was altered since its memory was written",
            where=full,
            remedy="Accept the edit first: gm revise FILE --note TEXT",
        )


def _remember(
    library: Library,
    relative: str,
    examined: Examined,
    memory: Memory,
    break_credentials: bool,
) -> Memory:
    """Write the memory, read the file again and bring its row up to date.

    Where the memory lacks the picture's vector, it gets it in the same write.
    """
    full = library.root / relative
    embedder = embedder_of(library)
    if isinstance(embedder, Embedder) and examined.identity is not None:
        memory, _ = embedder.given(memory, examined.identity.kind, full)
    write_memory(full, memory, expected=examined.signature, break_credentials=break_credentials)
    fresh = examine(str(library.root), relative)
    ruling = library.ruling(relative)
    recorder = Recorder(library)
    recorder.add(fresh, library.managed(relative), ruling.placement if ruling else None)
    recorder.commit()
    return fresh.memory or memory


def _only_ingested(memory: Memory) -> bool:
    """Whether nobody has said anything in a memory yet: ingest alone made it."""
    said = any(event.action != "ingested" for event in memory.history)
    return not (said or memory.parents or memory.placements or memory.recipe)


def _offered(library: Library, relative: str, examined: Examined, offers: Offers) -> str:
    """The document that is offered for a file: by an open offer, or by another file.

    Raises:
        NotFound: none is, or several are.
    """
    assert examined.identity is not None
    content = examined.identity.content_id
    if offer := offers.at(relative) or offers.of_content(content):
        return offer.memory.document_id
    own = None if examined.memory is None else examined.memory.document_id
    held = holders(library.store.read("files", CARRIED), {content}).get(content, {})
    others = sorted(document for document in held if document != own)
    if len(others) == 1:
        return others[0]
    raise NotFound(
        f"{counted(len(others), 'document')} with its content"
        if others
        else "there is no offer for it",
        where=library.root / relative,
        remedy=f"Name one with --document: {', '.join(others[:5])}"
        if others
        else "Ingest it first, or name the document with --document",
    )


def _lost_memory(library: Library, document_id: str, offers: Offers) -> Memory:
    """The memory of a document: from a file that carries it, else from its offer."""
    path = carriers(library, {document_id}).get(document_id)
    if path is not None:
        memory = read_memory(library.root / path).memory
        if memory is not None and memory.document_id == document_id:
            return memory
    offer = offers.by_document.get(document_id)
    if offer is None:
        raise NotFound(
            "no file carries that document, and there is no offer for it", where=document_id
        )
    return offer.memory
