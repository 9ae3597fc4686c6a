"""What the library's functions return: reports and their parts, as frozen values.

Nothing here opens a file or knows a store. Paths are relative to the library's root with `/`
between the parts, as in the store's tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from gm_assets.errors import GmError
from gm_assets.memory.files import Signature
from gm_assets.memory.record import Placement
from gm_assets.words import counted


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long call is; handed to the caller's `progress` function now and then.

    `done` and `total` count files, `bytes` those read so far, `current` is the file at hand,
    `phase` one of `find`, `read`, `record`; `make` where files are made.
    """

    done: int
    total: int
    bytes: int
    current: str
    phase: str


ProgressFunction: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One asset file as the file system lists it."""

    path: str
    signature: Signature


@dataclass(frozen=True, slots=True)
class Problem:
    """A name in the library that cannot be catalogued, and why: a row of `quarantine`."""

    path: str
    signature: Signature | None
    error: GmError


@dataclass(frozen=True, slots=True)
class Move:
    """A file that is now at `new` and was at `old`."""

    old: str
    new: str


@dataclass(frozen=True)
class Changes:
    """How the files differ from the store, by signature alone: no file was opened.

    Every asset file found is in exactly one of `new`, `changed`, `moved` (by its new path)
    and the count `unchanged`. `moved` holds the files whose inode, size and modification
    time are those of a file that is gone. `quarantined` counts unchanged files that could
    not be read before; `unreachable` names folders that could not be listed: what the store
    knows below them is kept. `littered` names folders that hold leftovers of killed writes.
    `ignored` counts files whose names are not those of images or
    3D files.
    """

    new: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    moved: tuple[tuple[str, Entry], ...]  # (old path, the file now)
    vanished: tuple[str, ...]
    unchanged: int
    quarantined: int
    problems: tuple[Problem, ...]
    unreachable: tuple[str, ...]
    littered: tuple[str, ...]
    ignored: int

    @property
    def quiet(self) -> bool:
        """Nothing is new, changed, moved or vanished."""
        return not (self.new or self.changed or self.moved or self.vanished)

    @property
    def found(self) -> int:
        """How many asset files are there now."""
        return (
            self.unchanged + self.quarantined + sum(map(len, (self.new, self.changed, self.moved)))
        )


class Action(StrEnum):
    """What ingest did, or in a dry run would do, with one file."""

    WRITTEN = "written"  # a memory (or a first placement) was written into the file
    REMEMBERED = "remembered"  # it carried its memory already: catalogued
    RECORDED = "recorded"  # catalogued without a memory in the file; `detail` says why
    QUARANTINED = "quarantined"  # it cannot be read; `detail` has reason and remedy
    WAITING = "waiting"  # it changed or vanished under our hands; the next ingest takes it up


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    path: str
    action: Action
    document_id: str | None = None
    content_id: str | None = None
    placement: Placement | None = None
    altered: bool = False
    detail: str | None = None


@dataclass(frozen=True)
class Recovery:
    """An offer: `path` has no memory, but its content was known as `document_id`.

    `source` is a file that carries the memory now, or None where only `.gm/recovery.jsonl`
    holds it. Nothing is applied until a person accepts it (`gm recover PATH`).
    """

    path: str
    document_id: str
    content_id: str
    source: str | None
    reason: str


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did.

    `outcomes` lists the files that were handled (of very many only those that need
    attention), `counts` all of them by the names of `Action`; `unchanged` were not opened.
    `unplaced` counts handled files that stand in no chain. `embedded` counts the memories that
    were written with the picture's vector; `vectors` says why pictures got none, and what to
    do, where the encoder could not be used.
    """

    dry_run: bool
    counts: dict[str, int]
    unchanged: int
    unplaced: int
    outcomes: tuple[Outcome, ...]
    moved: tuple[Move, ...]
    vanished: tuple[str, ...]
    recoveries: tuple[Recovery, ...]
    bytes: int
    seconds: float
    generation: int
    embedded: int = 0
    vectors: str | None = None

    def of(self, action: Action) -> tuple[Outcome, ...]:
        """The outcomes with that action, in order of path."""
        return tuple(outcome for outcome in self.outcomes if outcome.action == action)

    def summary(self) -> str:
        """The report in a few lines for people."""
        counts = self.counts
        verb = "would be " if self.dry_run else ""
        lines = [
            f"{counted(counts['written'], 'file')} {verb}given a memory or a placement",
            f"{counts['remembered']} remembered already",
            f"{counts['recorded']} {verb}catalogued without a memory in the file",
            f"{counts['quarantined']} {verb}quarantined",
            f"{self.unchanged} unchanged",
        ]
        if self.moved:
            lines.append(f"{len(self.moved)} moved")
        if self.vanished:
            lines.append(f"{len(self.vanished)} vanished")
        if waiting := counts["waiting"]:
            lines.append(f"{waiting} still changing: run ingest again")
        if self.unplaced:
            lines.append(
                f"{counted(self.unplaced, 'file')} in no chain yet (rules in gm.toml, or gm place)"
            )
        if self.recoveries:
            lines.append(f"{len(self.recoveries)} lost their memory and can have it back")
        if self.embedded:
            lines.append(f"{counted(self.embedded, 'picture')} can be found by description")
        if self.vectors:
            lines.append(self.vectors)
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A picture that has no vector, or whose memory did not take it, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class EmbedReport:
    """What `embed` did for the contents that it was asked for.

    Attributes:
        model: fingerprint of the encoder; `name` is its name in the profiles, `dimension` the
            numbers in a vector.
        contents: pictures asked for; `known` of them had a vector already.
        from_memories, computed: vectors taken from files, and made by the model.
        failed: how many have none; `failures` lists them (of very many the first).
        models: 3D files asked for. They have no vector: their renders have.
        written: files whose memories took a vector (`into_files`); `refused` counts those that
            could not.
        seconds: wall time.
    """

    model: str
    name: str
    dimension: int
    contents: int
    known: int
    from_memories: int
    computed: int
    failed: int
    failures: tuple[Unembedded, ...]
    models: int
    written: int
    refused: int
    seconds: float


@dataclass(frozen=True)
class RebuildReport:
    """What a rebuild found. `unverified` files were read no further than their memory."""

    verified: bool
    files: int
    remembered: int
    without_memory: int
    unverified: int
    altered: tuple[str, ...]
    quarantined: int
    waiting: tuple[str, ...]
    bytes: int
    seconds: float
    generation: int


@dataclass(frozen=True)
class LinkFact:
    """One judged link of a document of the stage, as the store has it."""

    child: str
    role: str
    parent: str | None
    parent_content_id: str
    parent_stage: str | None
    resolution: str
    basis: str
    proven: bool
    detail: str | None


@dataclass(frozen=True)
class StageFile:
    """One file of a stage as it is now, read and decoded again.

    `state` is `sound` (its content is the one that its memory states), `altered`,
    `provisional` (no memory in the file; a rule places it), `vanished`, `unreadable` (the
    file, or the memory that it should have) or `changed` (sound, but not what was ingested:
    ingest it again). `content_id` is the one found now.
    """

    path: str
    state: str
    document_id: str | None
    content_id: str | None
    part: str | None
    primary: bool
    format: str | None
    width: int | None
    height: int | None
    size: int
    detail: str | None


@dataclass(frozen=True, slots=True)
class Completed:
    """The vectors of a few pictures: already in the store, from memories, and made now.

    `without` names the pictures that have none, with the reason; `reason` says why no encoder
    was used at all.
    """

    known: int = 0
    from_memories: int = 0
    computed: int = 0
    without: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True)
class StageReport:
    """What stands at one stage of one chain now (`verify_stage`).

    `links` are as the store judged them at its last commit. `gap` is the reason of a gap
    where a memory states one. `primary` is the file that stands for the stage;
    `data_version` is `lineage.data_version` of the content ids found now. `vectors` tells
    which pictures have a vector.
    """

    key: str
    stage: str
    files: tuple[StageFile, ...]
    links: tuple[LinkFact, ...]
    gap: str | None
    not_applicable: bool
    primary: StageFile | None
    data_version: str | None
    vectors: Completed = Completed()

    def of(self, state: str) -> tuple[StageFile, ...]:
        """The files in that state."""
        return tuple(file for file in self.files if file.state == state)

    @property
    def problems(self) -> tuple[StageFile, ...]:
        """Files that are altered, vanished or unreadable."""
        return tuple(f for f in self.files if f.state in ("altered", "vanished", "unreadable"))

    @property
    def sound(self) -> bool:
        """There are files, and none is altered, vanished or unreadable."""
        return bool(self.files) and not self.problems

    @property
    def documents(self) -> int:
        """How many documents the files carry."""
        return len({file.document_id for file in self.files if file.document_id})

    @property
    def proven(self) -> int:
        """How many links are proven."""
        return sum(1 for link in self.links if link.proven)


@dataclass(frozen=True)
class CheckResult:
    """One finding of `check`.

    `check` is `memory`, `content`, `links`, `leftovers`, `quarantine` or `catalogue`;
    `severity` is `ok`, `warning` or `error`.
    """

    check: str
    path: str | None
    severity: str
    detail: str


@dataclass(frozen=True, order=True)
class Affected:
    """A stage of a chain that changed files concern."""

    key: str
    stage: str


@dataclass(frozen=True)
class ShardReport:
    """What `refresh` did in one shard.

    `files` and `verified` count the shard's files and those whose content was read at some
    time; `read`, `altered`, `quarantined` and `bytes` are of this run; `seconds` is the time
    that workers spent on its files.
    """

    shard: str
    files: int
    verified: int
    read: int
    altered: int
    quarantined: int
    bytes: int
    seconds: float
