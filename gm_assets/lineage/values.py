"""What lineage answers with: documents, links, stages and strips as values."""

from __future__ import annotations

from dataclasses import dataclass

from gm_assets.memory.record import Stage


@dataclass(frozen=True, slots=True)
class Document:
    """One document of the library.

    `path` is one file that carries it, relative to the library's root; `copies` says how
    many do. `altered`: that file's content is not the one that its memory states.
    """

    document_id: str
    instance_id: str | None
    content_id: str | None
    kind: str | None
    path: str
    copies: int
    title: str | None
    altered: bool
    verified: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A declared link from a child to a parent, judged (`docs/lineage.md`).

    `parent_document` is the document that the link leads to: the named one wherever it is
    in the library, else the one that holds the content; None otherwise. `content_id` is the
    parent's content that the link names.
    """

    child: str
    ordinal: int
    role: str
    parent_document: str | None
    content_id: str
    stage: str | None
    resolution: str
    basis: str
    proven: bool
    verified: bool
    cyclic: bool
    detail: str


@dataclass(frozen=True, slots=True)
class EvidenceCounts:
    """Links counted by resolution and by basis."""

    links: int = 0
    proven: int = 0
    resolved: int = 0
    absent: int = 0
    superseded: int = 0
    ambiguous: int = 0
    altered: int = 0
    cyclic: int = 0
    asserted: int = 0
    recorded: int = 0
    reproduced: int = 0
    signed: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """A document with all that is known of where it came from and what came from it."""

    document: Document
    parents: tuple[Link, ...]
    counts: EvidenceCounts
    children: int
    stale: bool


@dataclass(frozen=True, slots=True)
class StageState:
    """One stage of one turn of a chain.

    `state` is `present`, `gap` or `not_applicable`; `reason` explains the latter two where a
    reason is known. `count` is the number of documents placed here.
    """

    stage: Stage
    state: str
    reason: str | None
    count: int
    primary: str | None
    primary_content_id: str | None
    stale: int
    altered: int
    data_version: str | None


@dataclass(frozen=True, slots=True)
class StageDocument:
    """A document in a stage, with the place that it has there."""

    document: Document
    part: str
    view: str | None
    frame: int | None
    variant: str | None
    primary: bool
    stale: bool


@dataclass(frozen=True, slots=True)
class StageStrip(StageState):
    """A stage with its documents (at most as many as were asked for) and their evidence.

    `evidence` counts the links of all documents of the stage, shown or not.
    """

    documents: tuple[StageDocument, ...]
    evidence: EvidenceCounts


@dataclass(frozen=True, slots=True)
class Strip:
    """One turn of a chain, S1 to S5."""

    key: str
    chain: str
    generation: int
    stages: tuple[StageStrip, ...]


@dataclass(frozen=True, slots=True)
class ChainSummary:
    """One turn of a chain in a list: the states of its five stages.

    `domain` is the one that most of its documents state.
    """

    key: str
    chain: str
    generation: int
    domain: str | None
    stages: tuple[StageState, ...]


@dataclass(frozen=True, slots=True)
class StaleDocument:
    """A document that must be redone.

    `direct`: one of its own parents was revised; otherwise a parent of it is stale.
    `because`: the revised or stale parents. `cyclic`: it lies on a cycle of declared
    ancestry, so that no order is right for it.
    """

    document: Document
    direct: bool
    because: tuple[str, ...]
    cyclic: bool
