"""Jobs over the whole corpus."""

from __future__ import annotations

import dagster as dg

from gm_assets.defs.corpus.assets import catalogue, fingerprints

fingerprint_corpus = dg.define_asset_job(
    "fingerprint_corpus",
    selection=dg.AssetSelection.assets(fingerprints),
    description="Identify the files of some or all shards that are new, changed, or known from "
    "their memory alone.",
)

rebuild_catalogue = dg.define_asset_job(
    "rebuild_catalogue",
    selection=dg.AssetSelection.assets(catalogue) | dg.AssetSelection.checks_for_assets(catalogue),
    description="Make the catalogue and ask its checks. Its config says from what: the current "
    "generation, the memories alone, or every file read and decoded.",
)
