"""From encoded bytes to a file that remembers: identity, memory, writing.

Whatever makes files goes through here: the demo, geometry passes, generated frames. A document
is named by its recipe (UUIDv5 of the sha256 of its RFC 8785 form), so that the same recipe
names the same document in every process, and a run that was killed finds what it had finished.
Files are written whole or not at all, and nothing that lies there is overwritten.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gm_assets
from gm_assets import containers
from gm_assets.errors import GmError, LibraryError
from gm_assets.identity import Identity, identify, identify_bytes
from gm_assets.memory.files import dump_packet, read_memory, write_new
from gm_assets.memory.record import (
    SOURCE_TYPE,
    Camera,
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    Role,
    Stage,
    mint_document_id,
    mint_instance_id,
)

if TYPE_CHECKING:
    from gm_assets.library.encoders import Embedder

#: IPTC: made by a program alone, from no training data.
ALGORITHMIC = SOURCE_TYPE + "algorithmicMedia"
#: IPTC: made by a program with a model that was trained on sampled content.
TRAINED = SOURCE_TYPE + "trainedAlgorithmicMedia"


@dataclass(frozen=True)
class Maker:
    """The program that makes files, as their memories name it.

    Attributes:
        generator: the first word of its recipes, e.g. `gm_assets.world`.
        tool: `xmp:CreatorTool` and the agent of the history, with its version.
        source_type: IPTC digital source type of what it makes; None where only the original
            could say.
        creators, rights: `dc:creator` and `dc:rights`; left out where empty.
        keywords: those of everything that it makes.
    """

    generator: str
    tool: str
    source_type: str | None = ALGORITHMIC
    creators: tuple[str, ...] = ()
    rights: str | None = None
    keywords: tuple[str, ...] = ()


#: This program where no trained model takes part: geometry passes.
PROGRAM = Maker(generator="gm_assets.making", tool=f"gm_assets {gm_assets.__version__}")
#: This program with a trained model: generated frames.
GENERATOR = replace(PROGRAM, source_type=TRAINED)


@dataclass(frozen=True)
class Machine:
    """The trained model that took part (IPTC Photo Metadata 2025.1, AI properties).

    Attributes:
        system, version: name of the model, and what tells its weights from others.
        prompt: what it was told.
        prompt_writer: who wrote that; None where nobody said.
    """

    system: str
    version: str
    prompt: str
    prompt_writer: str | None = None


@dataclass(frozen=True)
class Label:
    """What a memory says besides its identity and its making."""

    title: str
    description: str
    keywords: tuple[str, ...] = ()
    environment: str | None = None
    shot: str | None = None
    camera: Camera | None = None
    gaps: tuple[Gap, ...] = ()
    machine: Machine | None = None


@dataclass(frozen=True)
class Kept:
    """A document in the library, or one that was made: enough to name it as a parent.

    Attributes:
        path: relative to the library, or None where the file was not kept.
        memory: with its identity as written.
        stage: where it stands; None where it stands nowhere yet.
    """

    path: str | None
    memory: Memory
    stage: Stage | None

    def parent(self, role: Role) -> Parent:
        """The link that a child declares, recorded by the process that makes it."""
        written = self.memory.written
        assert written is not None  # whatever is kept has an identity
        return Parent(
            role=role,
            document_id=self.memory.document_id,
            instance_id=self.memory.instance_id,
            content_id=written.content_id,
            stream_hash=written.stream_hash,
            stage=self.stage,
            basis="recorded",
        )

    @property
    def content_id(self) -> str:
        """The typed content id of the file as written."""
        written = self.memory.written
        assert written is not None
        return written.content_id


@dataclass
class Keeper:
    """Gives bytes their memory and writes them below one folder of a library.

    Attributes:
        root: the library's folder.
        folder: below the root, `/` between the parts; names of files are relative to it.
        maker: the program at work.
        when: ISO 8601 time that memories name as their creation.
        domain, subject: vocabulary ids of what the files show.
        embedder: gives pictures the vectors that their memories hold; None leaves them out.
        replaces: another content of the same document may take its file's place. For builds
            that go on after a stop and revise what they made; all others refuse.
        kept: all documents made so far.
    """

    root: Path
    folder: str
    maker: Maker
    when: str
    domain: str | None = None
    subject: str | None = None
    embedder: Embedder | None = None
    replaces: bool = False
    kept: list[Kept] = field(default_factory=list)

    def keep(
        self,
        name: str,
        data: bytes,
        placement: Placement | None,
        label: Label,
        recipe: Mapping[str, Any],
        parents: Sequence[Parent] = (),
        *,
        results: Mapping[str, Any] | None = None,
        write: bool = True,
        history: Sequence[Event] = (),
        document_id: str | None = None,
        turn: int = 0,
        extra: Sequence[Placement] = (),
    ) -> Kept:
        """Give bytes their memory and write them as `<folder>/<name>`.

        A file that holds this document with this content already stays as it is.

        Args:
            placement: None for a document that stands nowhere yet.
            recipe: what makes the content again, JSON values; `step` names the kind of work.
                Generator and version are added. It names the document.
            results: further entries of the memory's recipe that came out of the making, such
                as measures; they do not name the document.
            write: False gives the document its identity but leaves the file out of the library.
            document_id: of the document that this is a new content of.
            turn: how many contents that document had before.
            extra: further placements of the same document.

        Raises:
            LibraryError: something else lies under that name.
            WriteRefused: it cannot be written.
            UnsupportedFormat, UnreadableFile: the bytes are no file that carries a memory.
        """
        where = f"{self.folder}/{name}" if self.folder else name
        identity = identify_bytes(data, where)
        memory = self._memory(
            identity,
            extra if placement is None else (placement, *extra),
            label,
            self.complete(recipe),
            parents,
            results or {},
            history,
            document_id or self.document_id(recipe),
            turn,
        )
        if write:
            if self.embedder is not None:
                memory, _ = self.embedder.given(memory, identity.kind, data)
            _write(self.root / where, data, identity, memory, replaces=self.replaces)
        made = Kept(where if write else None, memory, placement.stage if placement else None)
        self.kept.append(made)
        return made

    def complete(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """A recipe with the generator and its version."""
        return {"generator": self.maker.generator, "version": gm_assets.__version__, **recipe}

    def document_id(self, recipe: Mapping[str, Any]) -> str:
        """The id of the document that a recipe makes, known before it is made."""
        return mint_document_id(recipe_hash(self.complete(recipe)))

    def _memory(
        self,
        identity: Identity,
        placements: Sequence[Placement],
        label: Label,
        recipe: Mapping[str, Any],
        parents: Sequence[Parent],
        results: Mapping[str, Any],
        history: Sequence[Event],
        document: str,
        turn: int,
    ) -> Memory:
        machine = label.machine
        created = Event(
            action="created",
            when=self.when,
            software_agent=self.maker.tool,
            parameters=str(recipe["step"]),
        )
        return Memory(
            document_id=document,
            instance_id=mint_instance_id(document, identity.content_id, turn),
            original_document_id=document,
            placements=tuple(placements),
            domain=self.domain,
            subject=self.subject,
            environment=label.environment,
            shot=label.shot,
            camera=label.camera,
            parents=tuple(parents),
            gaps=label.gaps,
            history=(created, *history),
            title=label.title,
            description=label.description,
            creators=self.maker.creators,
            keywords=(*self.maker.keywords, *label.keywords),
            rights=self.maker.rights,
            creator_tool=self.maker.tool,
            create_date=self.when,
            digital_source_type=self.maker.source_type,
            ai_system=machine.system if machine else None,
            ai_system_version=machine.version if machine else None,
            ai_prompt=machine.prompt if machine else None,
            ai_prompt_writer=machine.prompt_writer if machine else None,
            written=identity.written(),
            recipe={**recipe, **results},
        )


def kept_at(root: Path, path: str, document_id: str, stage: Stage | None) -> Kept | None:
    """The document at a path, read and identified now; None where that is not what lies there.

    A file whose content is not the one that its memory states is not what was made.

    Args:
        path: relative to `root`.

    Raises:
        UnreadableFile: what lies there cannot be read as a file.
    """
    full = root / path
    memory = _memory_at(full) if os.path.lexists(full) else None
    if memory is None or memory.written is None or memory.document_id != document_id:
        return None
    if identify(full).content_id != memory.written.content_id:
        return None
    return Kept(path, memory, stage)


def recipe_hash(recipe: Mapping[str, Any]) -> str:
    """sha256 of a recipe as canonical JSON (RFC 8785), in hexadecimal."""
    import rfc8785

    return hashlib.sha256(rfc8785.dumps(dict(recipe))).hexdigest()


def _write(path: Path, data: bytes, identity: Identity, memory: Memory, *, replaces: bool) -> None:
    """Write one file, unless it is there.

    Raises:
        LibraryError: something else lies there.
        WriteRefused: it cannot be written.
    """
    packet = dump_packet(identity.format, memory)
    path.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(path):
        there = _memory_at(path)
        document = there is not None and there.document_id == memory.document_id
        if there is not None and document:
            same = there.instance_id == memory.instance_id and there.written == memory.written
            if same and identify(path).content_id == identity.content_id:
                return
        if not (document and replaces):
            raise LibraryError(
                "another content of this document lies there"
                if document
                else "a file of that name is to be made, and another one lies there",
                where=path,
                remedy="Move it away, or keep the edit with `gm revise`"
                if document
                else "Move it away, or make the files in another folder",
            )
    write_new(path, containers.embed(data, packet, str(path)), overwrite=replaces)


def _memory_at(path: Path) -> Memory | None:
    """The memory of the file at `path`; None where there is none that can be read."""
    with suppress(GmError):
        return read_memory(path).memory
    return None
