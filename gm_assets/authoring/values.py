"""The values of authoring: suggestions, statements of people, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gm_assets.authoring.measures import Measures
from gm_assets.memory.record import Memory, Placement, Role

Action: TypeAlias = Literal["place", "link"]
Decision: TypeAlias = Literal["accept", "reject"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A place or a parent that a file may have. A person decides; nothing stores it.

    Attributes:
        action: `place` (then `placement` is set) or `link` (then the parent and `role` are).
        path, content_id: the file; a decision is about this content.
        because: in words, what it was made from.
        score: 0 to 1, to rank by; `measures` are the facts behind it.
    """

    action: Action
    path: str
    content_id: str
    because: str
    score: float
    measures: Measures
    placement: Placement | None = None
    parent: str | None = None
    parent_content_id: str | None = None
    role: Role | None = None


@dataclass(frozen=True)
class Suggestions:
    """What was found for a library.

    Attributes:
        places, links: best first.
        documents: of the library; `unplaced` of them stand in no chain.
        rejected: suggestions left out because a person rejected them before.
        vectors: items whose vectors could be compared.
        seconds: wall time.
    """

    places: tuple[Suggestion, ...]
    links: tuple[Suggestion, ...]
    documents: int
    unplaced: int
    rejected: int
    vectors: int
    seconds: float

    @property
    def all(self) -> tuple[Suggestion, ...]:
        """Places before links: a parent's stage is known once it is placed."""
        return (*self.places, *self.links)


@dataclass(frozen=True, slots=True)
class Statement:
    """What a person says about one file: one line of a table, or one call.

    Attributes:
        line: of the table it comes from; 0 where there is none.
        path: the file as the person names it.
        decision: accepted, or rejected.
        placement, parent and role: what is stated; a line may state both.
        content_id, parent_content_id: the contents it was said about; None: those of now.
    """

    line: int
    path: str
    decision: Decision = "accept"
    placement: Placement | None = None
    parent: str | None = None
    role: Role = "source"
    content_id: str | None = None
    parent_content_id: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a line of a table cannot be done."""

    line: int
    path: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Done:
    """One statement and what it led to.

    `outcome` is `written`, `planned` (dry run), `already` (the file says so), `rejected`
    (remembered as such) or `failed`, with the reason in `detail`.
    """

    line: int
    path: str
    outcome: str
    detail: str


@dataclass(frozen=True)
class LinkReport:
    """What became of a table of statements.

    Where `troubles` is not empty nothing was written at all.

    Attributes:
        done: one entry a statement, by line.
        files: files that were written (or would be).
        placed, linked: placements and links among them.
        rejected: rejections that are remembered now.
    """

    dry_run: bool
    troubles: tuple[Trouble, ...]
    done: tuple[Done, ...] = ()
    files: int = 0
    placed: int = 0
    linked: int = 0
    rejected: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> tuple[Done, ...]:
        """Statements whose file refused the write; the same call again tries only these."""
        return tuple(one for one in self.done if one.outcome == "failed")


@dataclass(frozen=True, slots=True)
class Renaming:
    """A name that a file's memory gives it. `problem` says why it cannot have it."""

    old: str
    new: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Twin:
    """One file of a group of duplicates.

    Attributes:
        distance: different bits between its perceptual hash and that of the kept one.
        knows: facts of its memory that no other file of the group has.
    """

    path: str
    content_id: str
    document_id: str | None
    format: str
    width: int
    height: int
    size: int
    distance: int | None
    knows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TwinGroup:
    """Files that are, or look, the same; the first is the one that is proposed to be kept.

    Attributes:
        level: `file` (equal bytes), `content` (equal picture or geometry), `stream` (equal
            encoded picture), `geometry` (equal mesh) or `near` (perceptual hash).
        reason: why the first is proposed.
    """

    level: str
    twins: tuple[Twin, ...]
    reason: str

    @property
    def kept(self) -> Twin:
        """The one that is proposed to be kept."""
        return self.twins[0]


@dataclass(frozen=True, slots=True)
class Merged:
    """What merging gave one file: its memory now, and what could not be joined."""

    path: str
    memory: Memory
    gained: tuple[str, ...]
    differs: tuple[str, ...]
