"""What the library sensor sees and decides, as values and functions without Dagster's runtime.

A tick compares twice. The files with the catalogue, by signature: what is new, moved,
changed or vanished concerns certain chains and stages. The catalogue with what Dagster has
recorded: an ingest from the command line, a revision or a rebuild changes chains without
Dagster. Both end in the same list of chains and stages.

The sensor's own writes do not come back: a run that writes a memory commits the new
signature of the file to the catalogue, so the next comparison finds it unchanged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal, cast

from gm_assets.memory.record import STAGES, Stage
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library.values import Affected, Changes, Entry

#: A scan that takes longer than this is continued, folder by folder, in the next tick
#: (Dagster ends a tick after 60 s and its work is lost).
BUDGET_S = 20.0
#: Up to so many chains get a run each, which shows them singly; more share one run.
SINGLE_RUNS = 20
#: Paths named in a run's config; beyond, their top folders stand for them.
PATHS_NAMED = 200
#: While files are still arriving, so many ticks wait for the whole of them.
HOLDS = 20
#: Request marks kept in the cursor.
MARKS = 500


@dataclass(frozen=True)
class Cursor:
    """What one tick leaves for the next, as JSON.

    Attributes:
        phase: `recording` until the catalogue agrees with the files for the first time;
            nothing is verified before. `watching` from then on.
        generation: of the store, when it was last compared with Dagster's records.
        marks: requests for changes that are still open, so that they are made once.
        waiting: chains and stages whose chain had an unfinished run when they changed.
        unwritten: which files without a memory were asked to get one, as a digest.
        held: for how many ticks arriving files have held everything up.
        slow: the library takes longer to scan than a tick may: go folder by folder.
        folder: the last folder looked at, where `slow`.
    """

    phase: Literal["recording", "watching"] = "recording"
    generation: int = 0
    marks: tuple[str, ...] = ()
    waiting: tuple[tuple[str, Stage], ...] = ()
    unwritten: str = ""
    held: int = 0
    slow: bool = False
    folder: str = ""

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor; one that is not ours, or damaged, starts over."""
        try:
            values = json.loads(text or "{}")
            values["marks"] = tuple(values.get("marks", ()))
            values["waiting"] = tuple((key, stage) for key, stage in values.get("waiting", ()))
            cursor = cls(**values)
        except (ValueError, TypeError, AttributeError):
            return cls()
        return cursor if cursor.phase in ("recording", "watching") else cls()

    def text(self) -> str:
        """The JSON form."""
        return json.dumps(asdict(self), separators=(",", ":"))


@dataclass(frozen=True)
class Recorded:
    """What Dagster knows: its chain partitions, and data versions by stage and chain."""

    chains: frozenset[str]
    versions: Mapping[Stage, Mapping[str, str]]

    def has(self, key: str) -> bool:
        """Whether any stage of the chain was ever recorded."""
        return any(key in versions for versions in self.versions.values())


@dataclass(frozen=True)
class Request:
    """A run that the sensor asks for.

    `chains` empty: only take files in (`ingest_library`). One chain: `verify_chain` for its
    partition. Several: `verify_chains` with the list.
    """

    mark: str
    chains: tuple[str, ...] = ()
    stages: tuple[Stage, ...] = ()
    take_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What a tick does."""

    cursor: Cursor
    requests: tuple[Request, ...] = ()
    new_chains: tuple[str, ...] = ()
    words: str = ""
    #: The store has a new generation: whatever is derived from the files may follow.
    report: bool = False


@dataclass(frozen=True)
class Seen:
    """What a tick saw on disk and in the catalogue (gm_assets.defs.library.look)."""

    changes: Changes
    #: Files that are new or changed and have not settled yet.
    arriving: int
    affected: tuple[Affected, ...]
    generation: int
    versions: Mapping[Stage, Mapping[str, str]]
    keys: tuple[str, ...]
    #: Files that an ingest could still write a memory into, with their places.
    unwritten: Mapping[str, Sequence[tuple[str, Stage]]]

    @property
    def unwritten_digest(self) -> str:
        """Names the set of files without a memory; empty where there are none."""
        return _digest(sorted(self.unwritten)) if self.unwritten else ""


def settled(changes: Changes, now_ns: int, settle_s: float) -> Changes:
    """The changes without files that were touched less than `settle_s` seconds ago.

    The time of the last status change counts: copying tools set back the modification time
    while they are still writing. A time in the future counts as settled.
    """

    def still(entry: Entry) -> bool:
        age = now_ns - entry.signature[2]
        return age < 0 or age >= settle_s * 1e9

    return replace(
        changes,
        new=tuple(entry for entry in changes.new if still(entry)),
        changed=tuple(entry for entry in changes.changed if still(entry)),
        moved=tuple((old, entry) for old, entry in changes.moved if still(entry)),
    )


def paths_of(changes: Changes, more: Iterable[str] = ()) -> tuple[str, ...]:
    """The paths to take in for these changes; of very many, the folders that hold them."""
    paths = sorted(
        {
            *(entry.path for entry in (*changes.new, *changes.changed)),
            *(path for old, entry in changes.moved for path in (old, entry.path)),
            *changes.vanished,
            *more,
        }
    )
    if len(paths) <= PATHS_NAMED:
        return tuple(paths)
    folders = sorted({path.split("/")[0] if "/" in path else "." for path in paths})
    return tuple(folders) if len(folders) <= PATHS_NAMED and "." not in folders else (".",)


def decide(
    seen: Seen, cursor: Cursor, recorded: Recorded, busy: Collection[str] | None
) -> Decision:
    """What to do about what was seen.

    Args:
        busy: chains that unfinished runs work on; None where one of those runs works on a
            list or a range of chains, and everything else waits for it.
    """
    if busy is None:
        return Decision(cursor, words="a run over several chains is not finished")
    if seen.arriving and cursor.held < HOLDS:
        # A folder that is being copied is taken in once, not file by file.
        words = f"{counted(seen.arriving, 'file')} still arriving"
        return Decision(replace(cursor, held=cursor.held + 1), words=words)
    cursor = replace(cursor, held=0)
    new_chains = tuple(key for key in seen.keys if key not in recorded.chains)
    if cursor.phase == "recording":
        return _record(seen, cursor, new_chains)
    bare = seen.unwritten if seen.unwritten_digest != cursor.unwritten else {}
    paths = paths_of(seen.changes, bare)
    wanted = _grouped(
        [
            *((item.key, cast(Stage, item.stage)) for item in seen.affected),
            *(place for places in bare.values() for place in places),
            *cursor.waiting,
        ]
    )
    if cursor.generation != seen.generation:
        for key, stages in _from_catalogue(seen, recorded, new_chains).items():
            wanted.setdefault(key, set()).update(stages)
    ready = {key: stages for key, stages in wanted.items() if key not in busy}
    waiting = {key: stages for key, stages in wanted.items() if key in busy}
    requests = () if waiting and not ready else _requests(ready, paths, seen)
    fresh = tuple(request for request in requests if request.mark not in cursor.marks)
    return Decision(
        cursor=replace(
            cursor,
            generation=seen.generation,
            marks=_marks(cursor, requests, seen),
            waiting=tuple((key, stage) for key in sorted(waiting) for stage in sorted(wanted[key])),
            unwritten=seen.unwritten_digest,
        ),
        requests=fresh,
        new_chains=tuple(sorted({*new_chains, *(ready.keys() - recorded.chains)})),
        words=_words(seen, fresh, waiting),
        report=cursor.generation != seen.generation,
    )


def _record(seen: Seen, cursor: Cursor, new_chains: tuple[str, ...]) -> Decision:
    """The first ticks: bring the catalogue up to the files, verify nothing."""
    if seen.changes.quiet:
        return Decision(
            Cursor("watching", seen.generation, unwritten=seen.unwritten_digest),
            new_chains=new_chains,
            words=f"recorded {counted(len(seen.keys), 'chain')}; from now on changes start runs",
            report=bool(seen.generation),
        )
    request = _ingest(paths_of(seen.changes), seen)
    fresh = () if request.mark in cursor.marks else (request,)
    return Decision(
        replace(cursor, marks=(request.mark,)),
        requests=fresh,
        new_chains=new_chains,
        words="files are not in the catalogue yet: taking them in first",
    )


def _grouped(places: Iterable[tuple[str, Stage]]) -> dict[str, set[Stage]]:
    wanted: dict[str, set[Stage]] = {}
    for key, stage in places:
        wanted.setdefault(key, set()).add(stage)
    return wanted


def _from_catalogue(
    seen: Seen, recorded: Recorded, new_chains: Collection[str]
) -> dict[str, set[Stage]]:
    """Chains whose stages are not what Dagster recorded.

    A chain that was never recorded at all waits for a person's backfill, unless it is new.
    """
    wanted: dict[str, set[Stage]] = {}
    for stage in STAGES:
        here, there = seen.versions.get(stage, {}), recorded.versions.get(stage, {})
        for key in here.keys() | there.keys():
            if here.get(key) != there.get(key) and (key in new_chains or recorded.has(key)):
                wanted.setdefault(key, set()).add(stage)
    return wanted


def _requests(
    wanted: Mapping[str, set[Stage]], paths: tuple[str, ...], seen: Seen
) -> tuple[Request, ...]:
    if not wanted:
        return (_ingest(paths, seen),) if paths else ()
    if len(wanted) <= SINGLE_RUNS:
        return tuple(
            Request(_mark(seen, key, *sorted(stages)), (key,), tuple(sorted(stages)), paths)
            for key, stages in sorted(wanted.items())
        )
    keys = tuple(sorted(wanted))
    stages = tuple(sorted({stage for found in wanted.values() for stage in found}))
    return (Request(_mark(seen, *keys, *stages), keys, stages, paths),)


def _ingest(paths: tuple[str, ...], seen: Seen) -> Request:
    return Request(_mark(seen, "ingest", *paths), take_in=paths)


def _mark(seen: Seen, *words: str) -> str:
    """Names a request by what it is about, so that the same one is made once."""
    changes = seen.changes
    facts = (
        words,
        seen.generation,
        [(entry.path, entry.signature) for entry in (*changes.new, *changes.changed)],
        [(old, entry.path, entry.signature) for old, entry in changes.moved],
        changes.vanished,
    )
    return _digest(facts)


def _digest(facts: object) -> str:
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:20]


def _marks(cursor: Cursor, requests: tuple[Request, ...], seen: Seen) -> tuple[str, ...]:
    """Marks are kept while their changes are still open."""
    if seen.changes.quiet and cursor.generation == seen.generation:
        return ()
    return tuple(dict.fromkeys((*cursor.marks, *(r.mark for r in requests))))[-MARKS:]


def _words(seen: Seen, requests: tuple[Request, ...], waiting: Collection[str]) -> str:
    changes = seen.changes
    counts = ", ".join(
        f"{len(found)} {name}"
        for name, found in (
            ("new", changes.new),
            ("changed", changes.changed),
            ("moved", changes.moved),
            ("vanished", changes.vanished),
        )
        if found
    )
    held = f"; waiting for the runs of {counted(len(waiting), 'chain')}" if waiting else ""
    if not requests:
        return (f"{counts}: already asked for" if counts else "nothing changed") + held
    return (counts or "the catalogue changed outside Dagster") + held
