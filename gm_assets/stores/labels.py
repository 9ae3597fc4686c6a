"""Where labels lie: Parquet parts below a manifest that is switched atomically.

    <library>/.gm/labels/
        CURRENT.json                            the manifest
        <encoder16>/<facet>/<shard>-<sha>.parquet    scores: content_id, term, cosine, percentile, z
        <encoder16>/<facet>/terms-<sha>.parquet      the terms' scales and what is known of them
        lock                                    held by the one process that switches

The manifest says for every facet which encoder, version and reference count, and the catalogue
shows only parts of exactly these: rows of an older vocabulary are never mixed with newer ones.
Parts are named by the sha256 of their bytes. One that no manifest names any more stays for
`KEEP_SECONDS`, for readers that began before. All of it is derived; the scores are computed by
`gm_assets.labelling`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from gm_assets.errors import LibraryError
from gm_assets.stores.parts import sync_folder, write_durably
from gm_assets.stores.sql import quoted, read_parquet

FOLDER = "labels"
CURRENT = "CURRENT.json"
#: Version of the manifest and of the parts; another one means labelling again.
FORMAT = 1
KEEP_SECONDS = 1800.0
AGAIN = "Delete the folder and run `gm label`: labels are derived from vectors and vocabulary"

_DICTIONARY = pa.dictionary(pa.int32(), pa.string())
#: Rows in order of term, then content. `percentile` is null where the reference is too small,
#: both it and `z` where there is none.
SCORES = pa.schema(
    [
        ("content_id", _DICTIONARY),
        ("term", _DICTIONARY),
        ("cosine", pa.float32()),
        ("percentile", pa.float32()),
        ("z", pa.float32()),
    ]
)
#: One row a term of a facet: its scale over the reference, and how well it can be told.
TERMS = pa.schema(
    [
        ("term", pa.string()),
        ("name", pa.string()),
        ("version", pa.string()),
        ("pictures", pa.int32()),  # of the reference
        ("mean", pa.float64()),
        ("deviation", pa.float64()),
        ("maximum", pa.float64()),
        ("knots", pa.list_(pa.float32())),
        ("auc", pa.float64()),
        ("auc_from", pa.string()),  # library | model: whose labelled pictures
        ("measurable", pa.bool_()),
    ]
)

#: The views of the catalogue and the types of their columns.
VIEWS: dict[str, dict[str, str]] = {
    "labels": {
        "content_id": "varchar",
        "facet": "varchar",
        "term": "varchar",
        "cosine": "float",
        "percentile": "float",
        "z": "float",
        "measurable": "boolean",
        "auc": "double",
        "reference": "varchar",
        "facet_version": "varchar",
        "encoder": "varchar",
    },
    "label_terms": {
        "facet": "varchar",
        "term": "varchar",
        "name": "varchar",
        "version": "varchar",
        "pictures": "integer",
        "mean": "double",
        "deviation": "double",
        "maximum": "double",
        "knots": "float[]",
        "auc": "double",
        "auc_from": "varchar",
        "measurable": "boolean",
        "reference": "varchar",
        "facet_version": "varchar",
        "encoder": "varchar",
    },
    "label_parts": {
        "facet": "varchar",
        "shard": "varchar",
        "pictures": "bigint",
        "rows": "bigint",
        "vectors": "varchar",
        "current": "boolean",
        "reference": "varchar",
        "facet_version": "varchar",
        "encoder": "varchar",
    },
}

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file: sha256 of its bytes, and their number."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Standard:
    """What labels of a facet are made with; labels of another standard are stale.

    Attributes:
        encoder: fingerprint of the model.
        version: of the facet.
        reference: digest of the reference; None where there is none.
    """

    encoder: str
    version: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """The labels of one facet and shard.

    `vectors` is the digest of the contents and vectors that were labelled.
    """

    facet: str
    shard: str
    standard: Standard
    vectors: str
    pictures: int
    rows: int
    file: File

    @property
    def path(self) -> str:
        """Relative to the folder of the labels."""
        return f"{self.standard.encoder[:16]}/{self.facet}/{self.shard}-{self.file.sha256}.parquet"


@dataclass(frozen=True, slots=True)
class LabelledFacet:
    """What counts for a facet now, and the file of its terms."""

    facet: str
    standard: Standard
    terms: File

    @property
    def path(self) -> str:
        """Of the terms, relative to the folder of the labels."""
        return f"{self.standard.encoder[:16]}/{self.facet}/terms-{self.terms.sha256}.parquet"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Which labels there are."""

    facets: tuple[LabelledFacet, ...] = ()
    parts: tuple[Part, ...] = ()

    def facet(self, id: str) -> LabelledFacet | None:
        """The facet of that id, or None where it was never labelled."""
        return next((facet for facet in self.facets if facet.facet == id), None)

    def current(self, facet: str) -> tuple[Part, ...]:
        """The parts of a facet that are of the standard which counts."""
        found = self.facet(facet)
        return tuple(
            part
            for part in self.parts
            if found is not None and part.facet == facet and part.standard == found.standard
        )

    def paths(self) -> set[str]:
        """All files, relative to the folder of the labels."""
        return {facet.path for facet in self.facets} | {part.path for part in self.parts}

    def merged(self, facet: LabelledFacet, parts: Iterable[Part]) -> Manifest:
        """With a facet's new standard and parts; parts of other encoders stay beside them."""
        fresh = {part.shard: part for part in parts}
        kept = (
            part
            for part in self.parts
            if part.facet != facet.facet
            or part.standard.encoder != facet.standard.encoder
            or (part.standard == facet.standard and part.shard not in fresh)
        )
        return Manifest(
            tuple(
                sorted(
                    (facet, *(other for other in self.facets if other.facet != facet.facet)),
                    key=lambda entry: entry.facet,
                )
            ),
            tuple(sorted((*kept, *fresh.values()), key=lambda part: part.path)),
        )

    def dump(self) -> bytes:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def load(cls, data: bytes, where: Path) -> Manifest:
        """Read a manifest. Raises LibraryError where the bytes are none of this format."""
        try:
            document: dict[str, Any] = json.loads(data)
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']!r}")
            return cls(
                tuple(
                    LabelledFacet(_name(entry["facet"]), _standard(entry), _file(entry["terms"]))
                    for entry in document["facets"]
                ),
                tuple(
                    Part(
                        facet=_name(entry["facet"]),
                        shard=_name(entry["shard"]),
                        standard=_standard(entry),
                        vectors=_hex(entry["vectors"]),
                        pictures=int(entry["pictures"]),
                        rows=int(entry["rows"]),
                        file=_file(entry["file"]),
                    )
                    for entry in document["parts"]
                ),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise LibraryError(
                f"the manifest of the labels is damaged ({error})", where=where, remedy=AGAIN
            ) from error


class LabelStore:
    """The labels below `root`; opening it touches nothing."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

    def manifest(self) -> Manifest:
        """What is there now; empty where nothing was labelled. Raises LibraryError."""
        path = self.root / CURRENT
        try:
            return Manifest.load(path.read_bytes(), path)
        except FileNotFoundError:
            return Manifest()

    def check(self) -> None:
        """Raise LibraryError where a file that the manifest names is not whole."""
        manifest = self.manifest()
        self._source([(facet.path, facet.terms) for facet in manifest.facets])
        self._source([(part.path, part.file) for part in manifest.parts])

    def mark(self) -> str:
        """Changes whenever the manifest does; '' where there is none."""
        try:
            return hashlib.sha256((self.root / CURRENT).read_bytes()).hexdigest()
        except FileNotFoundError:
            return ""

    def parts(self, facet: str, standard: Standard) -> tuple[Part, ...]:
        """The parts of a facet that are of one standard. Raises LibraryError."""
        return tuple(
            part
            for part in self.manifest().parts
            if part.facet == facet and part.standard == standard
        )

    def holds(self, part: Part) -> bool:
        """Whether the file of a part is there, whole."""
        return _whole(self.root / part.path, part.file)

    def write(self, folder: str, stem: str, data: bytes | pa.Buffer) -> File:
        """Write a file durably under the name that its bytes give it, unless it is there.

        Args:
            folder: `<encoder16>/<facet>`.
            stem: a shard, or `terms`.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        written = File(hashlib.sha256(data).hexdigest(), len(memoryview(data)))
        path = self.root / folder / f"{stem}-{written.sha256}.parquet"
        if not _whole(path, written):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, data)
        return written

    def switch(self, facet: LabelledFacet, parts: Iterable[Part]) -> Manifest:
        """Make these the labels that count for a facet, at once.

        Raises:
            LibraryError: the manifest is damaged.
            OSError: the disk is full; the labels stay as they were.
        """
        with self._writing():
            old = self.manifest()
            return self._replace(old, old.merged(facet, parts))

    def keep(self, facets: Collection[str]) -> tuple[str, ...]:
        """Forget every facet but these; returns those that went.

        Raises:
            LibraryError: the manifest is damaged.
            OSError: the disk is full; the labels stay as they were.
        """
        if not (set(_facets(self.manifest())) - set(facets)):
            return ()
        with self._writing():
            old = self.manifest()
            new = Manifest(
                tuple(facet for facet in old.facets if facet.facet in facets),
                tuple(part for part in old.parts if part.facet in facets),
            )
            self._replace(old, new)
            return tuple(sorted(set(_facets(old)) - set(facets)))

    def _replace(self, old: Manifest, new: Manifest) -> Manifest:
        if new != old:
            for folder in {(self.root / path).parent for path in new.paths() - old.paths()}:
                sync_folder(folder)
            write_durably(self.root / CURRENT, new.dump())
            sync_folder(self.root)
        self._collect(old, new)
        return new

    def views(self) -> Iterator[str]:
        """The statements that create `labels`, `label_terms` and `label_parts`.

        Where the labels are damaged the views are there and fail when they are asked: the
        rest of the catalogue does not depend on them.
        """
        manifest = Manifest()
        try:
            manifest = self.manifest()
            found = {
                "label_terms": list(self._terms(manifest)),
                "labels": list(self._scores(manifest)),
                "label_parts": [_part_row(manifest, part) for part in manifest.parts],
            }
            trouble = None
        except LibraryError as error:
            found, trouble = {}, str(error)
        # DuckDB does not evaluate what it need not: the error stands wherever it may look
        value = "null" if trouble is None else f"error({quoted(trouble)})"
        for view, columns in VIEWS.items():
            nothing = ", ".join(f"{value}::{kind} as {name}" for name, kind in columns.items())
            none = [f"select {nothing} where {value}::boolean"]
            selects = found.get(view) or none
            yield f"create or replace view {view} as {' union all '.join(selects)}"

    def _terms(self, manifest: Manifest) -> Iterator[str]:
        for facet in manifest.facets:
            names = ", ".join(TERMS.names)
            source = self._source([(facet.path, facet.terms)])
            yield (
                f"select {quoted(facet.facet)} as facet, {names}, {_made_with(facet.standard)} "
                f"from {source}"
            )

    def _scores(self, manifest: Manifest) -> Iterator[str]:
        for facet in manifest.facets:
            files = [(part.path, part.file) for part in manifest.current(facet.facet)]
            if not files:
                continue
            terms = self._source([(facet.path, facet.terms)])
            yield (
                f"select content_id, {quoted(facet.facet)} as facet, term, cosine, percentile, z, "
                f"measurable, auc, {_made_with(facet.standard)} from {self._source(files)} "
                f"left join (select term, measurable, auc from {terms}) using (term)"
            )

    def _source(self, files: Iterable[tuple[str, File]]) -> str:
        """A table function over files. Raises LibraryError where one is not whole."""
        paths = []
        for name, file in files:
            paths.append(self.root / name)
            if not _whole(paths[-1], file):
                raise LibraryError(
                    "a part of the labels is missing or damaged", where=paths[-1], remedy=AGAIN
                )
        return read_parquet(paths)

    def _collect(self, old: Manifest, new: Manifest) -> None:
        """Remove what no manifest has named for a while, and leftovers of killed writers."""
        now = time.time()
        for name in old.paths() - new.paths():
            with suppress(OSError):
                os.utime(self.root / name)
        named = new.paths()
        for path in self.root.glob("*/*/*"):
            with suppress(OSError):
                if (
                    path.relative_to(self.root).as_posix() not in named
                    and path.stat().st_mtime < now - KEEP_SECONDS
                ):
                    path.unlink()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            # held for milliseconds: writers take turns
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _facets(manifest: Manifest) -> Iterator[str]:
    yield from (facet.facet for facet in manifest.facets)
    yield from (part.facet for part in manifest.parts)


def _made_with(standard: Standard) -> str:
    """The last columns of every view."""
    reference = "null::varchar" if standard.reference is None else quoted(standard.reference)
    return (
        f"{reference} as reference, {quoted(standard.version)} as facet_version, "
        f"{quoted(standard.encoder)} as encoder"
    )


def _part_row(manifest: Manifest, part: Part) -> str:
    facet = manifest.facet(part.facet)
    current = facet is not None and facet.standard == part.standard
    return (
        f"select {quoted(part.facet)} as facet, {quoted(part.shard)} as shard, "
        f"{part.pictures}::bigint as pictures, {part.rows}::bigint as rows, "
        f"{quoted(part.vectors)} as vectors, {str(current).lower()} as current, "
        f"{_made_with(part.standard)}"
    )


def _whole(path: Path, file: File) -> bool:
    try:
        return path.stat().st_size == file.size
    except OSError:
        return False


def _name(text: Any) -> str:
    if not isinstance(text, str) or not _NAME.match(text):
        raise ValueError(f"{text!r} is not a name")
    return text


def _hex(text: Any) -> str:
    if not isinstance(text, str) or not _HEX.match(text):
        raise ValueError(f"{text!r} is not a sha256")
    return text


def _standard(entry: dict[str, Any]) -> Standard:
    found = entry["standard"]
    reference = found["reference"]
    return Standard(
        _hex(found["encoder"]),
        _hex(found["version"]),
        None if reference is None else _hex(reference),
    )


def _file(entry: dict[str, Any]) -> File:
    return File(_hex(entry["sha256"]), int(entry["size"]))
