"""Figures: right on vectors whose answer is known, silent where there is nothing to measure."""

from __future__ import annotations

import hashlib

import numpy as np

from gm_assets.training.captions import codes, full_caption
from gm_assets.training.evaluate import accuracy, measure, recall, term_vectors
from gm_assets.training.facts import TERMS, Facts


def scattered(texts) -> np.ndarray:
    """Unit vectors that have nothing to do with each other."""
    rows = []
    for text in texts:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
        rows.append(np.random.Generator(np.random.PCG64(seed)).standard_normal(64))
    found = np.stack(rows).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


FACTS = [
    Facts("frame", subject, environment, material, "overcast", "full")
    for subject in ("arch", "walker", "seam-keeper")
    for environment in TERMS["environment"][:4]
    for material in TERMS["material"][:3]
]


def test_vectors_at_their_own_captions_are_found_and_others_are_not() -> None:
    captions = [full_caption(facts).text for facts in FACTS]
    own = scattered(captions)
    perfect = recall(own, FACTS, scattered)
    assert (perfect.at_1, perfect.at_5, perfect.right) == (1.0, 1.0, 1.0)
    assert perfect.gallery == len(FACTS)
    assert recall(np.roll(own, 1, axis=0), FACTS, scattered).at_1 == 0.0


def test_a_hit_is_any_picture_of_which_the_caption_is_true() -> None:
    facts = [Facts("clay", "arch", shot="full")] * 3 + [Facts("clay", "walker", shot="full")] * 3
    texts = scattered([full_caption(one).text for one in facts])
    found = recall(texts, facts, scattered)
    assert found.right == 3.0
    assert found.at_1 == 1.0


def test_accuracy_counts_only_pictures_that_have_a_term() -> None:
    facts = [*FACTS, *[Facts("frame", "arch")] * 40]
    terms = term_vectors("environment", scattered)
    known = codes(facts)
    column = list(TERMS).index("environment")
    vectors = terms[np.maximum(known[:, column], 0)]
    found = accuracy(vectors, known, "environment", terms)
    assert found is not None
    assert (found.pictures, found.value) == (len(FACTS), 1.0)
    assert found.chance == 1 / 7


def test_facets_that_a_stage_does_not_show_have_no_figure() -> None:
    facts = [Facts("clay", name, shot="full") for name in TERMS["subject"] for _ in range(4)]
    vectors = scattered([full_caption(one).text for one in facts])
    found = measure(vectors, facts, scattered)
    assert set(found.retrieval) == {"S3", "all"}
    assert set(found.zero_shot) == {"S3"}
    assert "material" not in found.zero_shot["S3"]
    assert "subject" in found.zero_shot["S3"]
