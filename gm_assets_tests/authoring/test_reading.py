"""What the names of a whole library say: shelves, endings, structure."""

from __future__ import annotations

from itertools import product

from gm_assets.authoring.reading import read_names
from gm_assets_tests.authoring.files import item


def places(*paths: str, chains: dict[str, int] | None = None) -> dict[str, tuple]:
    """Chain, stage, part and variant of each path."""
    kinds = {path: "model" if path.endswith(".glb") else "image" for path in paths}
    items = [item(path, kind=kinds[path]) for path in paths]
    readings = read_names(items, chains or {})
    return {
        path: None
        if reading is None
        else (
            reading.placement.chain,
            reading.placement.stage,
            reading.placement.part,
            reading.placement.variant,
        )
        for path, reading in zip(paths, readings, strict=True)
    }


def test_endings_that_recur_tell_variants_of_one_subject() -> None:
    names = ("avar", "norse", "hittite", "gupta")
    found = places(*(f"flags/{n}{end}.png" for n, end in product(names, ("", "-shield"))))
    assert found["flags/avar.png"][0] == found["flags/avar-shield.png"][0] == "avar"
    assert found["flags/avar-shield.png"][3] == "shield"


def test_an_ending_that_does_not_recur_is_part_of_the_name() -> None:
    found = places("flags/guinea.png", "flags/guinea-bissau.png", "flags/norse.png")
    assert found["flags/guinea-bissau.png"][0] == "guinea-bissau"


def test_folders_in_which_names_recur_are_subjects() -> None:
    tracks = ("abyss", "hacienda", "mines", "scotland")
    paths = [f"tracks/{t}/{n}.png" for t, n in product(tracks, ("screenshot", "minimap"))]
    found = places(*paths, "tracks/abyss/rock_wall.jpg")
    assert found["tracks/abyss/screenshot.png"] == ("abyss", "S3", "clay", None)
    assert found["tracks/abyss/rock_wall.jpg"] == ("abyss", "S2", "reference", "rock-wall")


def test_folders_of_the_trade_tell_stage_and_part() -> None:
    found = places(
        "figures/keeper/sculpt/keeper.glb",
        "figures/keeper/sculpt/turntable/t00.webp",
        "figures/keeper/sketch.jpg",
        "figures/keeper/frames/passes/storm-ids.png",
        "figures/keeper/structure/clay.png",
        "figures/keeper/frames/storm.png",
        *(f"figures/{name}/{part}.jpg" for name in ("gate", "ship") for part in ("sketch", "ref")),
    )
    assert found["figures/keeper/sculpt/keeper.glb"][:3] == ("keeper", "S3", "mesh")
    assert found["figures/keeper/sculpt/turntable/t00.webp"][:3] == ("keeper", "S3", "turntable")
    assert found["figures/keeper/sketch.jpg"][:3] == ("keeper", "S1", "sketch")
    assert found["figures/keeper/frames/passes/storm-ids.png"] == ("keeper", "S3", "ids", "storm")
    assert found["figures/keeper/structure/clay.png"][:3] == ("keeper", "S5", "clay")
    assert found["figures/keeper/frames/storm.png"] == ("keeper", "S4", "frame", "storm")


def test_one_name_in_unlike_folders_means_different_subjects() -> None:
    found = places("hats/pirate.png", "graves/pirate.png")
    assert found["hats/pirate.png"][0] == "hats-pirate"
    assert found["graves/pirate.png"][0] == "graves-pirate"


def test_one_name_in_unlike_folders_means_a_chain_that_the_library_has() -> None:
    found = places("hats/pirate.png", "graves/pirate.png", chains={"pirate": 2})
    assert found["hats/pirate.png"][0] == found["graves/pirate.png"][0] == "pirate"


def test_one_picture_in_folders_of_sizes_is_one_subject() -> None:
    items = [
        item(f"icons/{size}/apps/client.png", "00ff00ff00ff00ff")
        for size in ("16x16", "32x32", "64x64")
    ]
    found = [reading.placement for reading in read_names(items, {}) if reading]
    assert {place.chain for place in found} == {"client"}
    assert {place.variant for place in found} == {"16x16", "32x32", "64x64"}


def test_numbers_of_a_series_are_frames_and_a_single_one_is_a_variant() -> None:
    paths = [f"shots/storm_{number:03d}.png" for number in (1, 2, 3)] + ["shots/rock_7.png"]
    readings = read_names([item(path) for path in paths], {})
    found = [reading.placement for reading in readings if reading]
    assert [place.frame for place in found] == [1, 2, 3, None]
    assert found[3].variant == "7"


def test_a_name_without_letters_at_the_root_says_nothing() -> None:
    assert places("0001.png") == {"0001.png": None}


def test_very_long_names_stay_within_a_slug() -> None:
    (found,) = places(f"{'long-' * 60}name.png").values()
    assert len(found[0]) <= 96 and not found[0].endswith("-")
