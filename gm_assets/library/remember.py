"""One file of an ingest: read it, decide what it should remember, write that into it.

`decide` is a pure function over what was read; `Remember` is what the workers of an ingest
run for each path. A memory that exists is never replaced here: rules add a placement to a
memory that has none, and everything else is for people (`place`, `revise`, `recover`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import Enum

from gm_assets.containers import is_sealed, refusal
from gm_assets.errors import GmError, MemoryConflict, UnreadableFile
from gm_assets.library.adopting import Adoption
from gm_assets.library.authoring import first_memory, placed_by_rule
from gm_assets.library.config import LibraryConfig
from gm_assets.library.encoders import Embedder
from gm_assets.library.examine import Examined, examine, failed, rehearse, write
from gm_assets.library.recovery import Lost
from gm_assets.library.rules import Ruling, rule_for
from gm_assets.library.values import Action, Outcome, Recovery
from gm_assets.lineage.evidence import is_altered
from gm_assets.memory.record import Memory, Placement

NO_ADOPTION = Adoption()


@dataclass(frozen=True, slots=True)
class Decision:
    """What should become of one file; `memory` is the one to write where action is WRITTEN."""

    action: Action
    detail: str | None = None
    memory: Memory | None = None
    altered: bool = False
    recovery: Recovery | None = None


@dataclass(frozen=True, slots=True)
class Handled:
    """One file as it is after it was handled, ready for the store."""

    examined: Examined
    outcome: Outcome
    managed: bool
    placement_by_rule: Placement | None
    bare: bool  # it came without a memory
    recovery: Recovery | None = None
    embedded: bool = False  # a memory was written with the active encoder's vector
    seconds: float = 0.0  # that the worker spent on it


def decide(
    examined: Examined,
    managed: bool,
    ruling: Ruling | None,
    lost: Lost,
    adoption: Adoption = NO_ADOPTION,
) -> Decision:
    """What should become of a file that was read.

    Args:
        examined: what it is and remembers.
        managed: whether memories may be written into it.
        ruling: what the placement rules say of its path.
        lost: what was known before, to tell files that lost their memory.
        adoption: DocumentIDs of other programs that first memories may take over.
    """
    if examined.waiting is not None:
        return Decision(Action.WAITING, examined.waiting)
    if examined.error is not None:
        return Decision(Action.QUARANTINED, _words(examined.error))
    assert examined.identity is not None
    memory, identity = examined.memory, examined.identity
    if memory is None:
        return _decide_without_memory(examined, managed, ruling, lost, adoption)
    if is_altered(identity, memory.written):
        advice = "its content is not the one that its memory states: gm revise, or restore it"
        return Decision(Action.REMEMBERED, advice, altered=True)
    if memory.newer:
        return Decision(
            Action.REMEMBERED,
            f"its memory was written by a newer version (schema {memory.schema_version})",
        )
    if ruling is not None and managed and not memory.placements:
        return Decision(Action.WRITTEN, "placed by rule", placed_by_rule(memory, ruling))
    return Decision(Action.REMEMBERED)


def _decide_without_memory(
    examined: Examined, managed: bool, ruling: Ruling | None, lost: Lost, adoption: Adoption
) -> Decision:
    assert examined.identity is not None
    identity = examined.identity
    former = adoption.ids.get(examined.path)
    recovery = lost.recovery(examined.path, identity.content_id, former)
    if is_sealed(identity.format):
        detail = _words(refusal(identity.format, examined.path))
        return Decision(Action.RECORDED, detail, recovery=recovery)
    if examined.memory_error is not None:
        return Decision(Action.RECORDED, _words(examined.memory_error), recovery=recovery)
    if recovery is not None:
        # Writing a fresh memory over a lost one would settle what a person should decide.
        detail = f"it lost its memory ({recovery.reason}): gm recover gives it back"
        return Decision(Action.RECORDED, detail, recovery=recovery)
    if not managed:
        return Decision(Action.RECORDED, "its folder is not managed, so no memory is written")
    adopted = adoption.document_id(examined.path, identity.content_id)
    memory = first_memory(
        identity,
        ruling,
        adopted=adopted,
        former=former,
        foreign=examined.foreign,
        parents=adoption.parents.get(examined.path, ()),
    )
    return Decision(Action.WRITTEN, memory=memory)


class Mode(Enum):
    """How far the work on a file goes."""

    WRITE = "write"  # write memories where they are due
    PLAN = "plan"  # say what would be written (dry run)
    CATALOGUE = "catalogue"  # take every file as it is (refresh, rebuild --verify)


@dataclass(frozen=True)
class Remember:
    """The work of an ingest on one path: examine, decide, write. Never raises."""

    root: str
    config: LibraryConfig
    lost: Lost
    mode: Mode
    adoption: Adoption = NO_ADOPTION
    embedder: Embedder | None = None

    def __call__(self, path: str) -> Handled:
        managed = self.config.manages(path)
        ruling = rule_for(self.config.places, path)
        started = time.perf_counter()
        examined = examine(self.root, path)
        bare = examined.identity is not None and examined.memory is None
        bare = bare and not is_sealed(examined.format)  # it cannot have lost one
        decision = decide(examined, managed, ruling, self.lost, self.adoption)
        if decision.action is Action.WRITTEN:
            examined, decision = self._write(examined, decision)
        handled = self._handled(examined, decision, managed, ruling)
        return replace(
            handled,
            bare=bare,
            embedded=self._embedded(examined, decision),
            seconds=time.perf_counter() - started,
        )

    def crashed(self, path: str) -> Handled:
        """The result for a file whose reading ended its process, twice."""
        error = UnreadableFile(
            "reading it ended the process (a decoder's fault, or too little memory)",
            where=f"{self.root}/{path}",
            remedy="If other programs open it, please report it with the file",
        )
        examined = failed(self.root, path, error)
        decision = decide(examined, False, None, self.lost)
        return self._handled(examined, decision, self.config.manages(path), None)

    def _write(self, examined: Examined, decision: Decision) -> tuple[Examined, Decision]:
        memory = decision.memory
        assert memory is not None and examined.signature is not None
        assert examined.identity is not None
        if self.mode is Mode.PLAN:
            refused = rehearse(self.root, examined.path, memory, examined.signature)
            if refused is not None:
                return examined, _refused(refused, "would be")
            return replace(examined, memory=memory), decision
        if self.mode is Mode.CATALOGUE:
            action = Action.RECORDED if examined.memory is None else Action.REMEMBERED
            return examined, Decision(action, "gm ingest writes its memory")
        if self.embedder is not None:
            full = f"{self.root}/{examined.path}"
            memory, reason = self.embedder.given(memory, examined.identity.kind, full)
            if reason is not None:
                words = (decision.detail, f"no vector: {reason}")
                decision = replace(decision, detail="; ".join(filter(None, words)))
        wrote = write(self.root, examined.path, memory, examined.signature)
        if isinstance(wrote, GmError):
            return examined, _refused(wrote, "was")
        identity = replace(examined.identity, file_hash=wrote.file_hash, size=wrote.signature.size)
        examined = replace(
            examined, signature=wrote.signature, identity=identity, memory=wrote.memory
        )
        return examined, decision

    def _embedded(self, examined: Examined, decision: Decision) -> bool:
        """Whether a memory was written that holds the active encoder's vector."""
        if self.embedder is None or self.mode is not Mode.WRITE or examined.memory is None:
            return False
        held = (embedding.model for embedding in examined.memory.embeddings)
        return decision.action is Action.WRITTEN and self.embedder.fingerprint in held

    def _handled(
        self, examined: Examined, decision: Decision, managed: bool, ruling: Ruling | None
    ) -> Handled:
        memory = examined.memory
        by_rule = None if ruling is None else ruling.placement
        placement = memory.placements[0] if memory and memory.placements else by_rule
        outcome = Outcome(
            path=examined.path,
            action=decision.action,
            document_id=memory.document_id if memory else None,
            content_id=examined.identity.content_id if examined.identity else None,
            placement=placement,
            altered=decision.altered,
            detail=decision.detail,
        )
        return Handled(examined, outcome, managed, by_rule, False, decision.recovery)


def _refused(error: GmError, tense: str) -> Decision:
    """What becomes of a file into which no memory was, or would be, written."""
    if isinstance(error, MemoryConflict):
        return Decision(Action.WAITING, error.what)
    return Decision(Action.RECORDED, f"no memory {tense} written: {_words(error)}")


def _words(error: GmError) -> str:
    """An error's message without the path, which the outcome has already."""
    return error.what if error.remedy is None else f"{error.what}. {error.remedy}"
