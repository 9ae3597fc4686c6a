"""What the assets of describing show: counts of vectors, and how they are searched."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.store import ROWS, bytes_below
from gm_assets.defs.tables import as_table

if TYPE_CHECKING:
    from gm_assets.encoding import EncoderSpec
    from gm_assets.finding.values import SyncReport
    from gm_assets.library import Library
    from gm_assets.library.values import EmbedReport


@dataclass(frozen=True)
class Shard:
    """Vectors of one shard after a run.

    Attributes:
        name: a hexadecimal digit.
        pictures: of the catalogue.
        content_ids: those of them that have a vector.
        now: how many came by this run, from memories or the model.
        reasons: why the model could not take a picture, one for each.
    """

    name: str
    pictures: int
    content_ids: tuple[str, ...]
    now: int
    reasons: tuple[str, ...]


def shard_metadata(shard: Shard, report: EmbedReport | None) -> dict[str, dg.MetadataValue]:
    """Metadata of one shard of `embeddings`.

    Args:
        report: of the run over all its shards; None where nothing had to be done.
    """
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(len(shard.content_ids)),
        "pictures": dg.MetadataValue.int(shard.pictures),
        "new in this run": dg.MetadataValue.int(shard.now),
        "without a vector": dg.MetadataValue.int(shard.pictures - len(shard.content_ids)),
    }
    if shard.reasons:
        metadata["reasons"] = reason_table(shard.reasons)
    if report is None:
        return metadata
    return metadata | {
        "run: taken from memories": dg.MetadataValue.int(report.from_memories),
        "run: computed": dg.MetadataValue.int(report.computed),
        "run: written into files": dg.MetadataValue.int(report.written),
        "run: seconds": dg.MetadataValue.float(round(report.seconds, 2)),
    }


def model_metadata(spec: EncoderSpec, fingerprint: str) -> dict[str, dg.MetadataValue]:
    """Which model, in words and as the fingerprint that stands on its vectors."""
    return {
        "model": dg.MetadataValue.text(f"{spec.name} on {spec.runtime}"),
        "model fingerprint": dg.MetadataValue.text(fingerprint),
    }


def store_metadata(
    library: Library, spec: EncoderSpec, report: SyncReport
) -> tuple[str, dict[str, dg.MetadataValue]]:
    """The data version of `vectors`, and its metadata in the order in which it is read.

    The data version tells the model and the contents that have a vector: a change of titles
    or placements changes the store's filters, and no label.
    """
    store = library.vectors
    index = store.indexed(report.model)
    kind = "exact" if index is None else index.kind
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(report.vectors),
        "dimension": dg.MetadataValue.int(store.dimension(report.model) or 0),
        "pictures without a vector": dg.MetadataValue.int(report.missing),
        **model_metadata(spec, report.model),
        "search": dg.MetadataValue.text(
            "exact: every vector is compared"
            if index is None or kind == "exact"
            else f"{kind}, {index.partitions:,} cells, {index.probes:,} looked into"
        ),
        "recall@10 of the search": dg.MetadataValue.float(
            1.0 if index is None else round(index.recall, 4)
        ),
        "read from memories": dg.MetadataValue.int(report.read),
        "removed": dg.MetadataValue.int(report.dropped),
        "described anew": dg.MetadataValue.int(report.described),
    }
    if report.unreadable:
        metadata["not read"] = as_table(("file", "reason"), report.unreadable[:ROWS])
    metadata["models"] = as_table(
        ("model", "vectors", "active"),
        [(model[:16], store.count(model), model == report.model) for model in store.models()],
    )
    metadata["megabytes"] = dg.MetadataValue.float(round(bytes_below(store.root) / 1e6, 2))
    metadata["store"] = dg.MetadataValue.path(store.root)
    metadata["seconds"] = dg.MetadataValue.float(round(report.seconds, 2))
    return data_version(report.model, store.known(report.model).to_pylist()), metadata


def data_version(model: str, content_ids: Iterable[str]) -> str:
    """The model, and the sha256 of the contents that it has seen, in whatever order they come."""
    digest = hashlib.sha256("\n".join(sorted(content_ids)).encode())
    return f"{model[:16]}-{digest.hexdigest()}"


def is_of(model: str, version: str) -> bool:
    """Whether a data version is of that model."""
    return version.startswith(f"{model[:16]}-")


def reason_table(reasons: Iterable[str]) -> dg.TableMetadataValue:
    """How often each reason was given."""
    return as_table(("reason", "pictures"), Counter(reasons).most_common(ROWS))
