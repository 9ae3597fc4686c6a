"""Labelling: the scores of a facet's terms on every picture that has a vector.

Reads vectors, never a picture. The rows of a shard (the first hexadecimal digit of a content's
hash) are one Parquet part. A part is written again when the facet, the reference or the
vectors of its shard are other ones than it was made of; a score that did not change comes out
the same, bit for bit (`scores.cosines`), so rows need no bookkeeping of their own.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gm_assets.errors import LibraryLocked, ModelError
from gm_assets.labelling import scores
from gm_assets.labelling.home import Home, TextEncoder, Told
from gm_assets.labelling.ready import Ready, prepare
from gm_assets.labelling.reference import reference_for
from gm_assets.labelling.roc import measurable
from gm_assets.settings import available_cpus
from gm_assets.stores import labels
from gm_assets.stores.labels import SCORES, TERMS, LabelStore, Part, Standard
from gm_assets.stores.vectors import Vectors, VectorStore
from gm_assets.vocabulary import Facet

Item = TypeVar("Item")
Result = TypeVar("Result")

SHARDS: tuple[str, ...] = tuple("0123456789abcdef")
#: Vectors of a table that are read at once.
MEMORY_BYTES = 1 << 29
#: Rows of a row group. Content ids are written once for each, so that few are better.
GROUP_ROWS = 1_000_000
#: Content ids of a row group stay a dictionary up to this many bytes.
DICTIONARY_BYTES = 1 << 27


@dataclass(frozen=True, slots=True)
class TermFacts:
    """What is known of a term besides its scores.

    `measurable` is False below an area of 0.7 and None where the term is unmeasured.
    """

    term: str
    name: str
    auc: float | None
    auc_from: str | None
    measurable: bool | None


@dataclass(frozen=True, slots=True)
class ShardLabels:
    """One shard: its pictures, and whether its part had to be written."""

    shard: str
    pictures: int
    written: bool


@dataclass(frozen=True, slots=True)
class LabelReport:
    """What labelling one facet came to.

    Attributes:
        facet, version, encoder: what was labelled with what.
        reference: digest; None where this encoder has no reference.
        reference_pictures: how many it has; with fewer than 2,000 percentiles are withheld.
        percentiles: whether there are any.
        terms: facts of each term, by id.
        shards: in their order.
        encoded: terms whose vector had to be computed.
        seconds: wall clock.
    """

    facet: str
    version: str
    encoder: str
    reference: str | None
    reference_pictures: int
    percentiles: bool
    terms: tuple[TermFacts, ...]
    shards: tuple[ShardLabels, ...]
    encoded: int
    seconds: float

    @property
    def pictures(self) -> int:
        """Pictures in these shards."""
        return sum(shard.pictures for shard in self.shards)

    @property
    def written(self) -> int:
        """Shards whose rows were written again."""
        return sum(shard.written for shard in self.shards)


@dataclass(frozen=True, slots=True)
class FacetState:
    """Whether the labels of a facet are those of the vocabulary, the encoder and the reference.

    `state` is `current`, `stale` or `missing`, `reason` says why it is not current.
    """

    facet: str
    state: str
    reason: str | None = None


def label_facet(
    home: Home,
    facet: Facet,
    encoder: TextEncoder,
    shards: Iterable[str] | None = None,
    progress: Told | None = None,
) -> LabelReport:
    """Bring the labels of a facet up to date.

    Readers see the old labels until all of these shards are done. Shards that are not named
    and were labelled by another vocabulary, reference or encoder vanish from the `labels`
    view until they are labelled again: it never mixes two standards.

    Args:
        home: the library.
        facet: of the vocabulary in force.
        encoder: only its fingerprint is asked where the vectors of all terms are known.
        shards: hexadecimal digits; all sixteen by default.

    Raises:
        InvalidReference: the reference is damaged.
        LibraryError: the labels are damaged.
        ModelError: vectors of pictures and texts differ in length, or a text has no vector.
        ValueError: one of `shards` is no hexadecimal digit.
        OSError: the disk is full; the labels stay as they were.
    """
    began = time.perf_counter()
    chosen = sorted(set(SHARDS if shards is None else shards))
    if unknown := set(chosen) - set(SHARDS):
        raise ValueError(f"not shards: {', '.join(sorted(unknown))}")
    ready = prepare(home, facet, encoder)
    standard = _standard(ready)
    store, vectors = LabelStore(home.state / labels.FOLDER), VectorStore(home.state / "vectors")
    known = {part.shard: part for part in store.parts(facet.id, standard)}

    def labelled(each: tuple[str, Vectors]) -> tuple[Part, ShardLabels]:
        shard, found = each
        before = known.get(shard)
        part = before if before is not None and _is_current(before, found, store) else None
        report = ShardLabels(shard, len(found.content_ids), part is None)
        return part or _write(ready, standard, shard, found, store), report

    parts: list[Part] = []
    reports: list[ShardLabels] = []
    for part, report in _side_by_side(labelled, _by_shard(vectors, ready.encoder, chosen)):
        if progress is not None:
            progress(len(parts), len(chosen), f"{facet.id}/{report.shard}")
        parts.append(part)
        reports.append(report)
    file = store.write(_folder(ready), "terms", _parquet(len(ready.terms), [_terms(ready)]))
    store.switch(labels.LabelledFacet(facet.id, standard, file), parts)
    _show(home)
    return LabelReport(
        facet=facet.id,
        version=facet.version,
        encoder=ready.encoder,
        reference=standard.reference,
        reference_pictures=0 if ready.reference is None else ready.reference.size,
        percentiles=any(scale.speaks for scale in ready.scales),
        terms=tuple(_facts(ready)),
        shards=tuple(reports),
        encoded=ready.encoded,
        seconds=round(time.perf_counter() - began, 3),
    )


def forget(home: Home, facets: Iterable[Facet]) -> tuple[str, ...]:
    """Remove the labels of facets that the vocabulary no longer has.

    Args:
        facets: all that it has.

    Returns:
        The ids of those that went.

    Raises:
        LibraryError: the labels are damaged.
        OSError: the disk is full; the labels stay as they were.
    """
    gone = LabelStore(home.state / labels.FOLDER).keep({facet.id for facet in facets})
    if gone:
        _show(home)
    return gone


def _show(home: Home) -> None:
    """Let other DuckDB clients see the labels as they are now."""
    if home.store.generation:
        with suppress(LibraryLocked):  # who commits now writes the catalogue with these labels
            home.store.refresh_catalogue()


def states(home: Home, facets: Iterable[Facet], encoder: str) -> tuple[FacetState, ...]:
    """Whether each facet is labelled by its present version, this encoder and its reference.

    Read from the manifest and the reference alone; whether vectors came since is told by
    `label_facet`, which reads them.

    Raises:
        InvalidReference: the reference is damaged.
        LibraryError: the labels are damaged.
    """
    reference = reference_for(home, encoder)
    digest = None if reference is None else reference.digest
    manifest = LabelStore(home.state / labels.FOLDER).manifest()
    return tuple(
        _state(manifest, facet, Standard(encoder, facet.version, digest)) for facet in facets
    )


def _state(manifest: labels.Manifest, facet: Facet, wanted: Standard) -> FacetState:
    found = manifest.facet(facet.id)
    if found is None:
        return FacetState(facet.id, "missing", "it was never labelled")
    made = found.standard
    if made.encoder != wanted.encoder:
        return FacetState(facet.id, "stale", "its labels are of another encoder")
    if made.version != wanted.version:
        return FacetState(facet.id, "stale", "its terms changed since it was labelled")
    if made.reference != wanted.reference:
        return FacetState(facet.id, "stale", "the reference changed since it was labelled")
    absent = set(SHARDS) - {part.shard for part in manifest.current(facet.id)}
    if absent:
        return FacetState(facet.id, "stale", f"shards without labels: {', '.join(sorted(absent))}")
    return FacetState(facet.id, "current")


def _by_shard(store: VectorStore, encoder: str, shards: list[str]) -> Iterator[tuple[str, Vectors]]:
    """The vectors of each shard, by content id.

    A search for one shard reads the whole table, so a table that fits into memory is read once.
    """
    size = store.count(encoder) * (store.dimension(encoder) or 0) * 2
    if len(shards) == 1 or not 0 < size <= MEMORY_BYTES:
        yield from ((shard, store.shard(encoder, shard)) for shard in shards)
        return
    blocks = list(store.all(encoder))
    ids = pa.concat_arrays([block.content_ids for block in blocks])
    digits = pc.utf8_slice_codeunits(ids, 3, 4)  # two letters, a colon, the hash
    table = pa.table({"digit": digits, "id": ids})
    order = pc.sort_indices(table, [("digit", "ascending"), ("id", "ascending")])
    rows = np.concatenate([block.rows for block in blocks])[order.to_numpy()]
    ids = ids.take(order)
    starts = np.searchsorted(digits.take(order).to_numpy(zero_copy_only=False), [*SHARDS, "g"])
    for shard in shards:
        number = SHARDS.index(shard)
        start, end = int(starts[number]), int(starts[number + 1])
        yield shard, Vectors(ids[start:end], rows[start:end])


def _side_by_side(call: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map` over as many threads as there are cores, in order, few items ahead.

    Products, interpolation, compression and the disk all leave the interpreter free.
    """
    workers = available_cpus()
    if workers == 1:
        yield from map(call, items)
        return
    flying: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as threads:
        for item in items:
            flying.append(threads.submit(call, item))
            if len(flying) > workers:
                yield flying.popleft().result()
        while flying:
            yield flying.popleft().result()


# -- rows ------------------------------------------------------------------------------------


def _standard(ready: Ready) -> Standard:
    reference = None if ready.reference is None else ready.reference.digest
    return Standard(ready.encoder, ready.facet.version, reference)


def _folder(ready: Ready) -> str:
    return f"{ready.encoder[:16]}/{ready.facet.id}"


def _is_current(part: Part, found: Vectors, store: LabelStore) -> bool:
    return part.vectors == _digest(found) and store.holds(part)


def _write(ready: Ready, standard: Standard, shard: str, found: Vectors, store: LabelStore) -> Part:
    """Score the pictures of a shard and write the part."""
    pictures = len(found.content_ids)
    if pictures and found.rows.shape[1] != ready.vectors.shape[1]:
        raise ModelError(
            f"the vectors of the pictures have {found.rows.shape[1]} numbers, those of the terms "
            f"{ready.vectors.shape[1]}",
            remedy="Look at the model with `gm models verify`",
        )
    data = scores_parquet(ready, found)
    file = store.write(_folder(ready), shard, data)
    return Part(
        facet=ready.facet.id,
        shard=shard,
        standard=standard,
        vectors=_digest(found),
        pictures=pictures,
        rows=pictures * len(ready.terms),
        file=file,
    )


def _digest(found: Vectors) -> str:
    digest = hashlib.sha256("\n".join(found.content_ids.to_pylist()).encode())
    digest.update(np.ascontiguousarray(found.rows, "<f2").tobytes())
    return digest.hexdigest()


def scores_parquet(ready: Ready, found: Vectors) -> pa.Buffer:
    """The rows of some pictures as Parquet: by term, then content, in blocks of whole terms."""
    pictures = len(found.content_ids)
    step = max(1, GROUP_ROWS // max(1, pictures))
    blocks = (
        _block(ready, found, slice(start, start + step))
        for start in range(0, len(ready.terms), step)
    )
    return _parquet(step * max(1, pictures), blocks)


def _block(ready: Ready, found: Vectors, chosen: slice) -> pa.Table:
    """The rows of some of the terms."""
    terms, pictures = range(*chosen.indices(len(ready.terms))), len(found.content_ids)
    cosines = scores.cosines(ready.vectors[chosen], found.rows)
    percentiles = z = pa.nulls(cosines.size, pa.float32())
    if ready.scales:
        spread = [scores.z(row, ready.scales[i]) for i, row in zip(terms, cosines, strict=True)]
        z = pa.array(np.concatenate(spread), from_pandas=True)  # NaN becomes null
        if ready.scales[0].speaks:
            ranks = (
                scores.percentile(row, ready.scales[i])
                for i, row in zip(terms, cosines, strict=True)
            )
            percentiles = pa.array(np.concatenate(list(ranks)))
    names = pa.array([term.id for term in ready.terms], pa.string())
    ordinals = np.repeat(np.asarray(terms, np.int32), pictures)
    contents = np.tile(np.arange(pictures, dtype=np.int32), len(terms))
    return pa.table(
        [
            pa.DictionaryArray.from_arrays(contents, found.content_ids),
            pa.DictionaryArray.from_arrays(ordinals, names),
            pa.array(cosines.reshape(-1)),
            percentiles,
            z,
        ],
        schema=SCORES,
    )


def _terms(ready: Ready) -> pa.Table:
    scales = ready.scales or (None,) * len(ready.terms)
    rows = [
        {
            "term": term.id,
            "name": term.name,
            "version": term.version,
            "pictures": 0 if scale is None else scale.pictures,
            "mean": None if scale is None else scale.mean,
            "deviation": None if scale is None else scale.deviation,
            "maximum": None if scale is None else scale.maximum,
            "knots": None if scale is None else scale.knots.tolist(),
            "auc": area.auc,
            "auc_from": area.source,
            "measurable": measurable(area.auc),
        }
        for term, scale, area in zip(ready.terms, scales, ready.areas, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=TERMS)


def _facts(ready: Ready) -> Iterator[TermFacts]:
    for term, area in zip(ready.terms, ready.areas, strict=True):
        yield TermFacts(term.id, term.name, area.auc, area.source, measurable(area.auc))


def _parquet(group_rows: int, blocks: Iterable[pa.Table]) -> pa.Buffer:
    """Tables of one schema as one Parquet file."""
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    writer: pq.ParquetWriter | None = None
    for block in blocks:
        if writer is None:
            writer = pq.ParquetWriter(
                sink,
                block.schema,
                compression="zstd",
                compression_level=1,
                use_dictionary=["content_id", "term"],
                dictionary_pagesize_limit=DICTIONARY_BYTES,
                write_page_checksum=True,
            )
        writer.write_table(block, row_group_size=group_rows)
    assert writer is not None  # a facet has terms
    writer.close()
    return sink.getvalue()
