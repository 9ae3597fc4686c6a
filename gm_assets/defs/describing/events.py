"""Work on vectors turned into what Dagster records of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.describing.metadata import (
    Shard,
    data_version,
    is_of,
    model_metadata,
    shard_metadata,
    store_metadata,
)
from gm_assets.defs.models import active_encoder
from gm_assets.defs.progress import log_progress
from gm_assets.defs.stages.events import DATA_VERSION_TAG
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.encoding import EncoderSpec
    from gm_assets.library import Library
    from gm_assets.library.values import Unembedded

EMBEDDINGS = dg.AssetKey("embeddings")


def embed_shards(
    library: Library,
    shards: Sequence[str],
    *,
    into_files: bool,
    automatic: bool,
    instance: dg.DagsterInstance,
    log: dg.DagsterLogManager,
) -> Iterator[dg.AssetMaterialization]:
    """Give the pictures of some shards their vectors; yields one record a shard.

    An automatic run leaves shards alone that are on record with another model, since a new
    model is for a person to roll out, and records only shards that came out differently. The
    model is opened only where a vector is missing.

    Raises:
        MissingExtra, ModelError: the active encoder cannot be opened.
    """
    from gm_assets.encoding import active_fingerprint
    from gm_assets.library.embedding import embed

    spec = active_encoder(library)
    model = active_fingerprint(spec)
    recorded = records(instance)
    wanted = list(shards)
    if automatic:
        wanted = [s for s in wanted if s not in recorded or is_of(model, recorded[s])]
        if left := sorted(set(shards) - set(wanted)):
            log.warning(
                f"{counted(len(left), 'shard')} left alone: on record with another model. "
                "Run embed_corpus over all shards to roll the new one out."
            )
    if not wanted or not library.store.generation:
        return
    before, report = set(known(library, model)), None
    missing = missing_by_shard(library, spec)[1]
    if into_files or missing.keys() & set(wanted):
        progress = log_progress(log)
        report = embed(library, spec, shards=wanted, into_files=into_files, progress=progress)
        log.info(
            f"{spec.name}: {counted(report.contents, 'picture')}, {report.known:,} had a vector, "
            f"{report.from_memories:,} taken from memories, {report.computed:,} computed, "
            f"{report.failed:,} without; {report.seconds:.1f} s"
        )
    failures = report.failures if report is not None else ()
    for shard in tally(library, model, wanted, before, failures):
        version = data_version(model, shard.content_ids)
        if automatic and recorded.get(shard.name) == version:
            continue
        yield dg.AssetMaterialization(
            EMBEDDINGS,
            partition=shard.name,
            metadata={**shard_metadata(shard, report), **model_metadata(spec, model)},
            tags={DATA_VERSION_TAG: version},
        )


def records(instance: dg.DagsterInstance) -> dict[str, str]:
    """The data version of each shard as last recorded."""
    found = instance.event_log_storage.get_latest_tags_by_partition(
        EMBEDDINGS, dg.DagsterEventType.ASSET_MATERIALIZATION, [DATA_VERSION_TAG]
    )
    return {shard: tags[DATA_VERSION_TAG] for shard, tags in found.items()}


def known(library: Library, model: str) -> list[str]:
    """The contents that have a vector of a model, in no order."""

    contents: list[str] = library.vectors.known(model).to_pylist()
    return contents


def tally(
    library: Library,
    model: str,
    shards: Sequence[str],
    before: set[str],
    failures: Iterable[Unembedded],
) -> list[Shard]:
    """What stands in each shard after a run.

    Args:
        before: contents that had a vector before it.
        failures: pictures that have none, with the reasons.
    """
    from gm_assets.library.refreshing import shard_of

    after = _by_shard(known(library, model))
    pictures = _by_shard(images(library))
    files = library.store.read("files", ["path", "content_id"])
    contents = dict(zip(files["path"].to_pylist(), files["content_id"].to_pylist(), strict=True))
    reasons: dict[str, list[str]] = defaultdict(list)
    for failure in failures:
        if content_id := contents.get(failure.path):
            reasons[shard_of(failure.path, content_id)].append(failure.reason)
    return [
        Shard(
            name=shard,
            pictures=len(pictures[shard]),
            content_ids=tuple(sorted(after[shard] & pictures[shard])),
            now=len(after[shard] - before),
            reasons=tuple(reasons[shard]),
        )
        for shard in shards
    ]


def missing_by_shard(library: Library, spec: EncoderSpec) -> tuple[int, dict[str, int]]:
    """How many pictures there are, and how many of each shard lack a vector of `spec`."""
    from gm_assets.encoding import active_fingerprint

    if not library.store.generation:
        return 0, {}
    there = set(known(library, active_fingerprint(spec)))
    pictures = images(library)
    lacking = _by_shard(content_id for content_id in pictures if content_id not in there)
    return len(pictures), {shard: len(contents) for shard, contents in lacking.items()}


def images(library: Library) -> list[str]:
    """The contents of the catalogue that are pictures."""
    import pyarrow.compute as pc

    contents = library.store.read("contents", ["content_id", "kind"])
    found: list[str] = contents.filter(pc.equal(contents["kind"], "image"))[
        "content_id"
    ].to_pylist()
    return found


def _by_shard(content_ids: Iterable[str]) -> dict[str, set[str]]:
    from gm_assets.library.refreshing import shard_of

    found: dict[str, set[str]] = defaultdict(set)
    for content_id in content_ids:
        found[shard_of("", content_id)].add(content_id)
    return found


def sync_store(
    library: Library, log: dg.DagsterLogManager
) -> tuple[str, dict[str, dg.MetadataValue]]:
    """Bring the vector store in step with the catalogue; its data version and metadata.

    Raises:
        MissingExtra, ModelError: the active encoder, which names the vectors, is not there.
    """
    from gm_assets.encoding import active_fingerprint
    from gm_assets.finding import sync

    spec = active_encoder(library)
    report = sync(library, active_fingerprint(spec), progress=log_progress(log))
    return store_metadata(library, spec, report)
