"""Retrieval of the demo's captions against its recorded level."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from gm_assets.defs.describing.checks import retrieval_quality
from gm_assets.defs.describing.quality import NAME, level_of, measure
from gm_assets.encoding import EncoderSpec, active_fingerprint
from gm_assets.library import Library, ingest
from gm_assets.library.embedding import embed
from gm_assets.memory.files import read_memory, write_memory
from gm_assets.training.facts import TERMS
from gm_assets.world.demo.resuming import Record
from gm_assets_tests.defs import small

CHAINS = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Clay renders of as many subjects as there are, which their memories name."""
    spread = {f"chain-{number}": ["S3/clay.png"] for number in range(CHAINS)}
    library = small.make(tmp_path_factory.mktemp("quality") / "library", spread)
    for number in range(CHAINS):
        path = library.root / f"chain-{number}/S3/clay.png"
        memory = read_memory(path).memory
        assert memory is not None
        subject = TERMS["subject"][number % len(TERMS["subject"])]
        write_memory(path, memory.model_copy(update={"subject": subject}))
    ingest(library)
    return library


@pytest.fixture
def demo(made: Library, first_model: Path) -> tuple[Library, EncoderSpec]:
    """The same as a demo, with vectors and without a level."""
    Record("0", 96).save(made.state)
    (made.state / NAME).unlink(missing_ok=True)
    spec = made.encoder_spec()
    assert spec is not None
    embed(made, spec, workers=1)
    return made, spec


def answer(library: Library) -> dg.AssetCheckResult:
    result = retrieval_quality(small.resource(library))
    assert isinstance(result, dg.AssetCheckResult)
    return result


def point_at_captions(library: Library, spec: EncoderSpec, *, right: bool) -> None:
    """Replace every vector by that of a caption: its own, or that of another subject."""
    from gm_assets.defs.describing.quality import _shown
    from gm_assets.encoding import shared_encoder
    from gm_assets.training.captions import full_caption

    shown = _shown(library)
    ids = sorted(shown)
    texts = [full_caption(shown[content_id]).text for content_id in ids]
    rows = shared_encoder(spec).texts(texts)
    library.vectors.put(active_fingerprint(spec), ids, rows if right else -rows)


def test_the_first_figure_becomes_the_level_and_is_kept(demo: tuple[Library, EncoderSpec]) -> None:
    library, spec = demo
    found = measure(library, spec)
    assert found is not None and found.gallery == CHAINS
    assert answer(library).passed
    assert level_of(library, found) == found
    assert answer(library).passed


def test_worse_retrieval_fails_until_it_is_accepted(demo: tuple[Library, EncoderSpec]) -> None:
    library, spec = demo
    point_at_captions(library, spec, right=True)
    found = measure(library, spec)
    assert found is not None and found.at_5 == 1.0
    assert answer(library).passed
    point_at_captions(library, spec, right=False)
    worse = answer(library)
    assert not worse.passed and worse.severity is dg.AssetCheckSeverity.WARN
    assert "recorded level 1.000" in (worse.description or "")
    (library.state / NAME).unlink()
    assert answer(library).passed


def test_other_captions_have_a_level_of_their_own(demo: tuple[Library, EncoderSpec]) -> None:
    library, spec = demo
    point_at_captions(library, spec, right=True)
    assert answer(library).passed
    point_at_captions(library, spec, right=False)
    library.vectors.drop(
        active_fingerprint(spec), library.vectors.known(active_fingerprint(spec)).to_pylist()[:1]
    )
    assert answer(library).passed


def test_a_level_that_is_damaged_is_recorded_anew(demo: tuple[Library, EncoderSpec]) -> None:
    library, _ = demo
    (library.state / NAME).write_text('{"captions": [', "utf-8")
    assert answer(library).passed
    assert "captions" in (library.state / NAME).read_text("utf-8")


def test_few_pictures_measure_nothing(demo: tuple[Library, EncoderSpec]) -> None:
    library, spec = demo
    model = active_fingerprint(spec)
    library.vectors.drop(model, library.vectors.known(model).to_pylist()[: CHAINS - 5])
    found = answer(library)
    assert found.passed and "too few" in (found.description or "")
