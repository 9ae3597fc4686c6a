"""Standing questions to the vector store, answered after each of its runs."""

import dagster as dg

from gm_assets.defs.describing.assets import vectors
from gm_assets.defs.describing.events import missing_by_shard
from gm_assets.defs.describing.quality import TOLERANCE, is_demo, level_of, measure
from gm_assets.defs.models import active_encoder
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.tables import as_table
from gm_assets.errors import GmError
from gm_assets.words import counted


@dg.asset_check(
    asset=vectors,
    description="Every picture has a vector of the active model. After a change of the model "
    "none has: the job embed_corpus over all shards, or `gm embed`, brings them.",
)
def every_picture_has_a_vector(library: LibraryResource) -> dg.AssetCheckResult:
    opened = library.open(read_only=True)
    if opened.encoder_spec() is None:
        return _answer(True, "Not applicable: vectors are switched off.")
    try:
        spec = active_encoder(opened)
        pictures, missing = missing_by_shard(opened, spec)
    except GmError as error:
        return _answer(False, str(error))
    total = sum(missing.values())
    if not total:
        return _answer(True, f"{counted(pictures, 'picture')}, each with a vector of {spec.name}.")
    shards = ", ".join(sorted(missing))
    return dg.AssetCheckResult(
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{total:,} of {counted(pictures, 'picture')} without a vector of "
        f"{spec.name}. Materialize embeddings of the shards {shards} (job embed_corpus).",
        metadata={"missing": as_table(("shard", "pictures"), sorted(missing.items()))},
    )


@dg.asset_check(
    asset=vectors,
    description="Of the demo's captions as many find a picture that they are true of among the "
    "first five as when the level was recorded. In other libraries it has nothing to measure.",
)
def retrieval_quality(library: LibraryResource) -> dg.AssetCheckResult:
    opened = library.open()
    if opened.encoder_spec() is None:
        return _answer(True, "Not applicable: vectors are switched off.")
    if not is_demo(opened):
        return _answer(True, "Not applicable: only the demo's memories say what to find.")
    try:
        found = measure(opened, active_encoder(opened))
        level = None if found is None else level_of(opened, found)
    except GmError as error:
        return _answer(False, str(error))
    if found is None or level is None:
        return _answer(True, "Not applicable: too few pictures of the demo have vectors.")
    passed = found.at_5 >= level.at_5 - TOLERANCE
    said = f"recall@5 {found.at_5:.3f} of {counted(found.gallery, 'caption')}"
    if level.model != found.model:
        said += f", model {found.model[:16]}; recorded with model {level.model[:16]}"
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{said}; recorded level {level.at_5:.3f}."
        + ("" if passed else " To accept it, delete .gm/quality.json and run the check again."),
        metadata={
            "recall@1": dg.MetadataValue.float(found.at_1),
            "recall@5": dg.MetadataValue.float(found.at_5),
            "recorded recall@5": dg.MetadataValue.float(level.at_5),
            "gallery": dg.MetadataValue.int(found.gallery),
        },
    )


def _answer(passed: bool, words: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed, severity=dg.AssetCheckSeverity.WARN, description=words
    )
