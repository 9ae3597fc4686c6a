"""What a chain has that frames can be made from: its sculpt, its sketch, its reference, its words.

Answers come from the catalogue, and the files are read and identified again when they are used:
a frame must not name a parent whose content is not the one that it obeyed.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gm_assets.containers import is_model
from gm_assets.errors import InvalidVocabulary, LibraryError, NotFound
from gm_assets.making.keeping import Kept, kept_at
from gm_assets.making.plans import FramePlan, Made, Plan, plan_file, read_plan
from gm_assets.memory.record import Stage, parse_chain_key

if TYPE_CHECKING:
    from gm_assets.library import Library

#: Parts that stand for their stage before others, where no file is marked as primary.
_PARTS: dict[Stage, tuple[str, ...]] = {
    "S1": ("sketch",),
    "S2": ("reference",),
    "S3": ("mesh",),
}
#: Pictures beside a sketch that were made from it, and never stand for it.
_MADE_OF_SKETCHES = frozenset(("silhouette", "depth", "normal"))
_NOUNS: dict[Stage, str] = {"S1": "sketch", "S2": "reference", "S3": "sculpt"}

_FILES = """
select p.part, p."primary", f.path, f.document_id, f.format
from placements p join files f using (document_id)
where p.key = ? and p.stage = ? and f.memory = 'embedded'
order by p."primary" desc, f.path"""
_REASON = "select reason from chains where key = ? and stage = ?"
#: What the documents of a chain say, those of the stages nearest to frames first.
_SAID = """
select a.domain, a.subject, a.environment
from placements p join assets a using (document_id)
where p.key = ? order by p.stage = 'S4' desc, p.stage = 'S2' desc, p."primary" desc, a.path"""
#: Folders of the files that belong to this chain alone.
_FOLDERS = """
select distinct f.path from placements p join files f using (document_id)
where p.chain = ? and not exists
  (select 1 from placements o where o.document_id = p.document_id and o.chain <> p.chain)"""
_OTHERS = """
select p.key, min(f.path)
from placements p join files f using (document_id)
where p.stage = 'S3' and p.part = 'mesh' and f.format = 'glb' and p.chain <> ?
group by p.key order by p.key"""


class NothingToObey(NotFound):
    """A chain has no sculpt, or no sketch, that frames could be made from: a gap, no fault."""


@dataclass(frozen=True)
class Chain:
    """One generation of a chain, as the catalogue knows it.

    Attributes:
        key: such as `seam-keeper.g01`.
        domain, subject, environment: vocabulary ids that its memories agree on first.
        folder: below the root, where its files lie; frames go beside them.
        names: what the vocabulary calls its terms, by id, in plain words.
    """

    library: Library
    key: str
    domain: str | None
    subject: str | None
    environment: str | None
    folder: str
    names: Mapping[str, str]

    @classmethod
    def of(cls, library: Library, key: str) -> Chain:
        """The chain of that key; a bare chain name means its first generation.

        Raises:
            NotFound: the catalogue has no file of it.
            LibraryError: nothing was ingested yet.
        """
        from gm_assets.memory.record import chain_key

        try:
            chain, generation = parse_chain_key(key)
        except ValueError as error:
            raise NotFound(str(error), remedy="`gm chains` lists the chains") from None
        key = chain_key(chain, generation)
        con = library.catalogue()
        said = con.execute(_SAID, [key]).fetchall()
        if not said:
            raise NotFound(
                "no file of that chain is in the catalogue",
                where=key,
                remedy="`gm chains` lists the chains; `gm place` puts files into one",
            )
        paths = [path for (path,) in con.execute(_FOLDERS, [chain]).fetchall()]
        folders = [posixpath.dirname(path) for path in paths]
        common = posixpath.commonpath(folders) if folders and all(folders) else ""
        domain, subject, environment = (_first(said, column) for column in range(3))
        return cls(library, key, domain, subject, environment, common or chain, _names(library))

    @property
    def name(self) -> str:
        """The chain without its generation."""
        return parse_chain_key(self.key)[0]

    @property
    def generation(self) -> int:
        """The turn of the loop, from 1."""
        return parse_chain_key(self.key)[1]

    def source(self, stage: Stage) -> Kept:
        """The file that stands for a stage: a mesh for S3, a picture for S1 and S2.

        It is read and identified now.

        Raises:
            NothingToObey: the stage has none; the message has the reason where a memory states it.
            LibraryError: its content is not the one that its memory states.
            UnreadableFile: it cannot be read.
        """
        rows = self.library.catalogue().execute(_FILES, [self.key, stage]).fetchall()
        chosen = [
            row
            for row in rows
            if is_model(row[4]) is (stage == "S3") and row[0] not in _MADE_OF_SKETCHES
        ]
        usual = _PARTS.get(stage, ())
        ordered = sorted(chosen, key=lambda row: (not row[1], row[0] not in usual, row[2]))
        if not ordered:
            raise self._missing(stage)
        _, _, path, document_id, _ = ordered[0]
        kept = kept_at(self.library.root, path, document_id, stage)
        if kept is None:
            raise LibraryError(
                "its content is not the one that its memory states, or it was moved",
                where=self.library.root / path,
                remedy="`gm revise` keeps the edit, `gm ingest` takes in what was moved",
            )
        return kept

    def has(self, stage: Stage) -> bool:
        """Whether any file stands at a stage."""
        return bool(self.library.catalogue().execute(_FILES, [self.key, stage]).fetchall())

    def _missing(self, stage: Stage) -> NothingToObey:
        row = self.library.catalogue().execute(_REASON, [self.key, stage]).fetchone()
        reason = f" ({row[0]})" if row and row[0] else ""
        noun = _NOUNS.get(stage, "file")
        kind = "a 3D file" if stage == "S3" else "a picture"
        return NothingToObey(
            f"the chain has no {noun}{reason}",
            where=f"{self.key} {stage}",
            remedy=f"Give it {kind}: gm place FILE --chain {self.key} --stage {stage}",
        )

    def meshes_of_others(self, most: int) -> list[str]:
        """Paths of meshes of other chains, at most so many, spread evenly over the library."""
        rows = self.library.catalogue().execute(_OTHERS, [self.name]).fetchall()
        paths = list(dict.fromkeys(path for _, path in rows))
        step = max(1.0, len(paths) / most)
        return [paths[int(number * step)] for number in range(min(most, len(paths)))]

    def plan(self, stage: Made) -> Plan:
        """The chain's plan for a stage: its file, or one made from what its memories say.

        Raises:
            InvalidPlan: the file has problems.
        """
        path = plan_file(self.library.root, self.key)
        if path is not None:
            return read_plan(path, stage)
        return self.default_plan(stage)

    def default_plan(self, stage: Made) -> Plan:
        """The plan of a chain that has none: its subject in its environment, one frame."""
        subject = self.names.get(self.subject or "", (self.subject or self.name).replace("-", " "))
        frame = FramePlan(prompt=subject, environment=self.environment or "")
        return Plan(stage, (frame,))


def _first(rows: Sequence[tuple[Any, ...]], column: int) -> str | None:
    return next((row[column] for row in rows if row[column]), None)


def _names(library: Library) -> dict[str, str]:
    """Names of the vocabulary's terms; none where its files cannot be read."""
    from gm_assets.vocabulary import folder_for, load

    try:
        vocabulary = load(folder_for(library.root))
    except (InvalidVocabulary, NotFound):  # words as they were written do as well
        return {}
    return {term.id: term.name for facet in vocabulary.facets.values() for term in facet.terms}
