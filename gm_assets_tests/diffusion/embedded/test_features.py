from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gm_assets.diffusion.embedded.features import (
    CHANNELS,
    GEOMETRY,
    SUBSTANCES,
    features,
    flipped,
    scaled,
)
from gm_assets.diffusion.protocol import Guide, Identified
from gm_assets.sculpt.cameras import frame
from gm_assets.sculpt.rays import Scene
from gm_assets.world.subjects import SUBJECTS


@pytest.fixture(scope="module")
def guide() -> Guide:
    sculpt = SUBJECTS["recon-pilot"].build(7, 0.2)
    camera = frame(sculpt.bounds, azimuth=20, elevation=6, margin=0.3)
    passes = Scene(sculpt).passes(camera, 96, 96)
    return Guide(
        "hero",
        camera,
        passes.depth,
        passes.normal,
        passes.silhouette,
        passes.ids,
        {
            number + 1: Identified(part.name, part.semantic, part.material)
            for number, part in enumerate(sculpt.parts)
        },
    )


def channel(values: np.ndarray, name: str) -> np.ndarray:
    return np.asarray(values[CHANNELS.index(name)])


def test_channels_hold_the_silhouette_and_one_substance_a_pixel(guide: Guide) -> None:
    values = features(guide)
    assert values.shape == (len(CHANNELS), 96, 96)
    assert values.dtype == np.float32
    assert np.array_equal(values[0] > 0, guide.silhouette)
    assert np.array_equal(values[len(GEOMETRY) :].sum(0), values[0])


def test_nothing_is_said_of_the_subject_outside_its_silhouette(guide: Guide) -> None:
    values = features(guide)
    outside = ~guide.map("silhouette")
    told = [name for name in CHANNELS if name not in ("ray-up", "plane")]
    assert not any(channel(values, name)[outside].any() for name in told)


def test_nearer_points_have_the_greater_depth_channel(guide: Guide) -> None:
    values = channel(features(guide), "depth")
    seen = guide.map("silhouette")
    order = np.argsort(guide.map("depth")[seen])
    assert np.all(np.diff(values[seen][order]) <= 1e-6)


def test_words_paint_what_may_be_painted_and_never_a_body(guide: Guide) -> None:
    plain, painted = features(guide), features(guide, "bone")
    body = channel(plain, "living-body") > 0
    assert body.any()
    assert np.array_equal(painted[:, body], plain[:, body])
    assert channel(painted, "bone")[~body & guide.map("silhouette")].mean() > 0.9
    assert np.array_equal(channel(painted, "red-cloth"), channel(plain, "red-cloth"))


def test_without_a_table_everything_is_unknown_or_what_the_words_say(guide: Guide) -> None:
    bare = dataclasses.replace(guide, table={})
    assert np.array_equal(channel(features(bare), "unknown"), features(bare)[0])
    assert np.array_equal(channel(features(bare, "frost"), "frost"), features(bare)[0])
    assert np.array_equal(features(guide, known=False), features(bare))


def test_materials_of_other_worlds_count_as_unknown(guide: Guide) -> None:
    odd = {number: Identified("x", "armour", "adamantium") for number in guide.table}
    values = features(dataclasses.replace(guide, table=odd))
    assert channel(values, "unknown").sum() == values[0].sum()
    assert len(SUBSTANCES) == 12


def test_the_horizon_divides_ground_and_sky(guide: Guide) -> None:
    values = features(guide)
    climb, plane = channel(values, "ray-up"), channel(values, "plane")
    assert np.all(plane[climb >= 0] == 0)
    assert np.all(plane[climb < -0.01] > 0)
    # Where the subject stands, the ground is about as far as the subject.
    foot = np.argwhere(guide.map("silhouette"))[-1]
    assert 0.35 < plane[tuple(foot)] < 0.65


def test_weights_scale_their_maps_alone(guide: Guide) -> None:
    values = features(guide)
    weak = scaled(values, {"depth": 0.0, "normal": 0.5})
    assert not channel(weak, "depth").any()
    assert np.array_equal(channel(weak, "normal-y"), channel(values, "normal-y") * 0.5)
    assert np.array_equal(weak[0], values[0])


def test_a_mirrored_view_is_the_view_of_mirrored_channels(guide: Guide) -> None:
    values = features(guide)
    assert np.array_equal(flipped(flipped(values)), values)
    assert np.array_equal(flipped(values)[2], -values[2, :, ::-1])


def test_a_guide_that_says_too_little_is_refused(guide: Guide) -> None:
    with pytest.raises(ValueError, match="camera"):
        features(dataclasses.replace(guide, camera=None))
    with pytest.raises(ValueError, match="nothing is seen"):
        features(dataclasses.replace(guide, silhouette=np.zeros((96, 96), bool)))
    with pytest.raises(KeyError):
        features(dataclasses.replace(guide, normal=None))
