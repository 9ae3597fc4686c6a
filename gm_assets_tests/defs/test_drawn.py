"""Sculpts from drawings as assets: made where views say enough, left alone elsewhere."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from gm_assets.defs.lifting.drawn import DRAWN, drawn_chains
from gm_assets.library import ingest, place
from gm_assets.memory.record import Placement
from gm_assets_tests.defs import small
from gm_assets_tests.making.drawings import draw, make_drawn

POST, SINGLE = "post.g01", "single.g01"


def test_a_chain_with_two_views_gets_a_sculpt_and_one_with_a_single_sketch_is_left_alone(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    library = make_drawn(tmp_path / "library")
    draw(library.root / "single.png", [(40, 280), (200, 280), (120, 40)])
    ingest(library)
    place(
        library,
        library.root / "single.png",
        Placement(chain="single", stage="S1", part="sketch", primary=True),
    )
    ingest(library)
    instance.add_dynamic_partitions("chains", [POST, SINGLE])

    def run(key: str) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [drawn_chains],
            instance=instance,
            resources={"library": small.resource(library)},
            partition_key=key,
            run_config={"ops": {"drawn_chains": {"config": {"resolution": 48}}}},
        )

    result = run(POST)
    found = {
        event.asset_key.to_user_string(): event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    assert set(found) == {"drawn_sculpts", "s3_sculpt"}
    metadata = found["drawn_sculpts"].metadata
    assert float(metadata["outline IoU side"].value) > 0.9  # type: ignore[arg-type]
    assert "ellipses" in str(metadata["knows"].value)
    (made,) = list(library.root.rglob("*.glb"))
    assert run(POST).success and list(library.root.rglob("*.glb")) == [made]
    assert run(SINGLE).success
    (seen,) = instance.fetch_observations(DRAWN, limit=5).records
    assert seen.partition_key == SINGLE
    assert list(library.root.rglob("*.glb")) == [made]
