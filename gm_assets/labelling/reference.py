"""The frozen reference: the pictures that percentiles and z-scores are told against.

A reference is an input and not a derived store: it changes only when somebody makes another.
A studio's own lies in `references/` of its vocabulary folder, one for an encoder; without one
the reference that comes with the embedded model serves that model. A reference of another
encoder is never used.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gm_assets.encoding.profiles import models_folder
from gm_assets.errors import LibraryError, NotFound, WriteRefused
from gm_assets.labelling.home import Home
from gm_assets.labelling.labelled import InvalidReference, Labelled, encoder_of, read
from gm_assets.labelling.scores import MINIMUM_PICTURES
from gm_assets.memory.record import SLUG
from gm_assets.settings import vocabulary_folder
from gm_assets.stores.vectors import VectorStore

FOLDER = "references"
#: Pictures of a reference where nobody says otherwise.
USUAL_SIZE = MINIMUM_PICTURES


@dataclass(frozen=True, eq=False)
class Reference:
    """A reference in force and the file it was read from."""

    path: Path
    pictures: Labelled

    @property
    def name(self) -> str:
        """Of the file, without its suffix."""
        return self.path.stem

    @property
    def digest(self) -> str:
        """Of its contents."""
        return self.pictures.digest

    @property
    def size(self) -> int:
        """Number of pictures."""
        return len(self.pictures.content_ids)


def references_folder(home: Home) -> Path:
    """Where a studio's own references lie: below `GM_VOCAB`, else below the library's `vocab/`."""
    return (vocabulary_folder() or home.root / "vocab") / FOLDER


def reference_for(home: Home, encoder: str) -> Reference | None:
    """The reference for the vectors of an encoder; None where there is none.

    Raises:
        LibraryError: the studio has several for this encoder.
        InvalidReference: the one to use is damaged.
    """
    own = [path for path in _own(home) if encoder_of(path) == encoder]
    if len(own) > 1:
        raise LibraryError(
            f"two references are for this encoder: {own[0].name} and {own[1].name}",
            where=own[0].parent,
            remedy="Move one of them elsewhere: labels are told against one reference",
        )
    shipped = models_folder("encoder") / "reference.parquet"
    found = own or ([shipped] if shipped.is_file() and encoder_of(shipped) == encoder else [])
    return Reference(found[0], read(found[0], "reference")) if found else None


def other_references(home: Home, encoder: str) -> tuple[Path, ...]:
    """The studio's own references that are of other encoders, and so are not used here."""
    return tuple(path for path in _own(home) if encoder_of(path) != encoder)


def heldout_for(encoder: str) -> Labelled | None:
    """The labelled pictures that come with a model of ours; None for other encoders.

    Raises:
        InvalidReference: the file is damaged.
    """
    path = models_folder("encoder") / "heldout.parquet"
    if not path.is_file() or encoder_of(path) != encoder:
        return None
    return read(path, "heldout")


def open_reference(path: Path, encoder: str) -> Reference:
    """Read a reference for the vectors of an encoder.

    Raises:
        InvalidReference: damaged, or made by another encoder; the message names both.
    """
    made_by = encoder_of(path)
    if made_by != encoder:
        raise InvalidReference(
            f"this reference was made by the encoder {(made_by or 'unknown')[:16]}, "
            f"the vectors here are of {encoder[:16]}",
            where=path,
            remedy="Make one for the encoder in use: `gm vocab reference --name NAME`",
        )
    return Reference(path, read(path, "reference"))


def make_reference(
    home: Home,
    encoder: str,
    name: str,
    *,
    size: int = USUAL_SIZE,
    seed: int = 0,
    replace: bool = False,
) -> Reference:
    """Freeze a reference from the library's own pictures.

    The pictures are drawn evenly from the stages, as far as each has any, so that a library
    of many frames and few sketches still knows what a sketch scores. Which are drawn depends
    on `seed` and their content alone.

    Args:
        name: slug; the file's name.
        size: pictures to take; fewer where the library has fewer.
        replace: put it in the place of the one of that name.

    Raises:
        NotFound: no picture has a vector of this encoder.
        WriteRefused: one of that name, or another for this encoder, is there.
        OSError: the folder cannot be written.
    """
    path = _free_path(home, name, encoder, replace)
    store = VectorStore(home.state / "vectors")
    known = set(store.known(encoder).to_pylist())
    if not known:
        raise NotFound(
            "no picture of this library has a vector of the active encoder",
            where=home.root,
            remedy="Run `gm embed` first",
        )
    chosen = _stratified(_stages(home, known), size, seed)
    found = store.get(encoder, chosen)
    ids = found.content_ids.to_pylist()
    made = Labelled.of("reference", encoder, ids, found.rows, _labels(home, ids))
    path.parent.mkdir(parents=True, exist_ok=True)
    made.write(path)
    return Reference(path, made)


def _own(home: Home) -> list[Path]:
    return sorted(references_folder(home).glob("*.parquet"))


def _free_path(home: Home, name: str, encoder: str, replace: bool) -> Path:
    """Where a reference of that name is written. Raises WriteRefused."""
    if not SLUG.match(name):
        raise WriteRefused(
            f"`{name}` is not a name for a reference",
            remedy="Use lower-case letters, digits and single hyphens",
        )
    path = references_folder(home) / f"{name}.parquet"
    if path.exists() and not replace:
        raise WriteRefused(
            "there is a reference of this name",
            where=path,
            remedy="Use another name; --replace changes every percentile that is told against it",
        )
    for other in _own(home):
        if other != path and encoder_of(other) == encoder:
            raise WriteRefused(
                f"{other.name} is the reference for this encoder",
                where=other.parent,
                remedy="Move it elsewhere first: labels are told against one reference",
            )
    return path


def _stages(home: Home, known: set[str]) -> dict[str, list[str]]:
    """The contents with a vector by the first of their stages; '' for those without a place."""
    rows = home.catalogue().execute(
        "select a.content_id, coalesce(min(p.stage), '') from assets a "
        "left join placements p using (document_id) group by 1"
    )
    stages: dict[str, list[str]] = defaultdict(list)
    for content_id, stage in rows.fetchall():
        if content_id in known:
            stages[stage].append(content_id)
    return stages


def _stratified(strata: dict[str, list[str]], size: int, seed: int) -> list[str]:
    """`size` members, evenly from the strata: one of each in turn until all are used up."""

    def drawn(member: str) -> str:
        return hashlib.sha256(f"{seed} {member}".encode()).hexdigest()

    queues = [sorted(members, key=drawn) for _, members in sorted(strata.items())]
    chosen: list[str] = []
    for turn in range(max(map(len, queues), default=0)):
        chosen += (queue[turn] for queue in queues if turn < len(queue))
        if len(chosen) >= size:
            break
    return chosen[:size]


def _labels(home: Home, ids: list[str]) -> dict[str, list[str | None]]:
    """What people or makers confirmed of these contents."""
    known = {content_id: labels for content_id, *labels in confirmed(home)}
    names = ("subject", "environment", "shot")
    return {
        name: [known[id][index] if id in known else None for id in ids]
        for index, name in enumerate(names)
    }


def confirmed(home: Home) -> Iterator[tuple[str, str | None, str | None, str | None]]:
    """`(content_id, subject, environment, shot)` of unaltered contents with any of the three.

    Where there is no subject, the domain is one: domains are terms of the facet of subjects.
    A content that several documents call differently is left out.
    """
    rows = home.catalogue().execute(
        "select content_id, any_value(coalesce(subject, domain)), any_value(environment), "
        "any_value(shot) from assets where not altered and content_id is not null "
        "and coalesce(subject, domain, environment, shot) is not null group by content_id "
        "having count(distinct coalesce(subject, domain)) <= 1 "
        "and count(distinct environment) <= 1 and count(distinct shot) <= 1 order by content_id"
    )
    yield from rows.fetchall()
