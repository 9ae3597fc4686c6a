"""Jobs on vectors."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.describing.assets import embeddings, vectors

embed_corpus = dg.define_asset_job(
    "embed_corpus",
    selection=dg.AssetSelection.assets(embeddings),
    description="Give the pictures of some or all shards vectors of the active model: after a "
    "change of the model, or for folders that are not managed. With `into_files` the vectors go "
    "into the memories too.",
)

sync_vectors = dg.define_asset_job(
    "sync_vectors",
    selection=dg.AssetSelection.assets(vectors) | dg.AssetSelection.checks_for_assets(vectors),
    description="Bring the vector store in step with the catalogue and ask its checks. No model "
    "is loaded, save by the check of the demo's captions.",
)
