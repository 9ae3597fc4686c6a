"""The studio shader end to end, with random weights of the classes that the hub's models have."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rfc8785

from gm_assets.diffusion import Guide, Settings, Shaded, ShaderSpec, Words, open_shader
from gm_assets.diffusion.studio.loading import Place, load_pipeline
from gm_assets.diffusion.studio.shader import UnionShader
from gm_assets.errors import GmError
from gm_assets_tests.diffusion.guides import SIDE, ball, sketch
from gm_assets_tests.diffusion.studio.models import FACTOR

WORDS = Words("a bone queen", "blur")
SMALL = Settings(width=SIDE, height=SIDE)
FACE = np.random.default_rng(5).integers(0, 256, (50, 40, 3), np.uint8)


def frames(shader: UnionShader, *guides: Guide, **more: object) -> list[Shaded]:
    """Frames of the guides; `more` are settings, `words` or an `identity`."""
    words = more.pop("words", WORDS)
    identity = more.pop("identity", None)
    settings = replace(SMALL, **more)  # type: ignore[arg-type]
    return list(shader.shade(words, settings, guides, identity=identity))  # type: ignore[arg-type]


def picture(shader: UnionShader, *guides: Guide, **more: object) -> np.ndarray:
    return frames(shader, *guides, **more)[0].picture


def same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one == other).all())


def test_every_guide_gets_a_frame_in_order_and_progress_is_told(shader: UnionShader) -> None:
    told: list[tuple[int, int]] = []
    made = shader.shade(
        WORDS, SMALL, [ball("t00"), ball("t01")], progress=lambda *n: told.append(n)
    )
    assert [frame.view for frame in made] == ["t00", "t01"]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_frame_depends_on_no_other_frame_of_its_call(shader: UnionShader) -> None:
    alone = picture(shader, ball())
    _, second = frames(shader, ball("small", radius=0.3), ball())
    assert same(alone, second.picture)
    assert alone.shape == (SIDE, SIDE, 3) and alone.dtype == np.uint8 and alone.std() > 1


def test_sides_that_the_network_cannot_halve_evenly_are_made(shader: UnionShader) -> None:
    side = 17 * FACTOR
    assert picture(shader, ball(side=side), width=side, height=side).shape == (side, side, 3)


def test_words_seed_guide_guidance_and_steps_each_change_the_frame(shader: UnionShader) -> None:
    first = picture(shader, ball())
    assert same(first, picture(shader, ball()))
    for change in (
        {"words": Words("fog over iron", "blur")},
        {"words": Words("a bone queen", "gold")},
        {"seed": 1},
        {"guidance": 2.0},
        {"steps": 3},
    ):
        assert not same(first, picture(shader, ball(), **change)), change
    assert not same(first, picture(shader, ball(radius=0.4)))


@pytest.mark.parametrize("name", ["depth", "normal", "ids"])
def test_each_pass_is_obeyed_by_its_weight(shader: UnionShader, name: str) -> None:
    without = {"silhouette": None, name: None}
    full = picture(shader, ball(silhouette=None))
    half = picture(shader, ball(silhouette=None), weights={name: 0.5})
    none = picture(shader, ball(silhouette=None), weights={name: 0.0})
    assert not same(full, half) and not same(half, none)
    assert same(none, picture(shader, ball(**without)))


def test_a_sketch_is_shaded_from_its_lines_as_line_art_or_scribble(
    shader: UnionShader, studio: ShaderSpec
) -> None:
    (drawn,) = frames(shader, sketch())
    assert drawn.recipe["control_modes"] == {"lines": 3}
    loose = open_shader(replace(studio, lines="scribble"))
    (followed,) = loose.shade(WORDS, SMALL, [sketch()])
    assert followed.recipe["control_modes"] == {"lines": 2}
    assert not same(drawn.picture, followed.picture)


def test_an_identity_changes_the_frame_and_leaves_no_trace_in_the_next(
    shader: UnionShader,
) -> None:
    before = picture(shader, ball())
    with_face = picture(shader, ball(), identity=FACE)
    assert not same(before, with_face)
    assert not same(with_face, picture(shader, ball(), identity=255 - FACE))
    assert same(before, picture(shader, ball()))
    assert same(with_face, picture(shader, ball(), identity=FACE))


def test_calls_may_alternate_between_frames(shader: UnionShader) -> None:
    guides = [ball("a"), ball("b")]
    plain = shader.shade(WORDS, SMALL, guides)
    faced = shader.shade(WORDS, SMALL, guides, identity=FACE)
    turns = [next(plain), next(faced), next(plain), next(faced)]
    assert same(turns[0].picture, turns[2].picture) and same(turns[1].picture, turns[3].picture)
    assert not same(turns[0].picture, turns[1].picture)


def test_weights_that_leave_the_device_between_uses_change_no_pixel(
    shader: UnionShader, studio: ShaderSpec
) -> None:
    """Here to and from the CPU itself: the same hooks as on a GPU."""
    folders = {part.role: Path(part.source) for part in studio.parts}
    place = Place("cpu", "float32", "model")
    hooked = UnionShader(studio, "", folders, place, load_pipeline(studio, folders, place))
    for identity in (None, FACE, None):
        expected = picture(shader, ball(), identity=identity)
        assert same(expected, picture(hooked, ball(), identity=identity))


def test_the_recipe_holds_what_makes_the_frame_again(shader: UnionShader) -> None:
    (frame,) = frames(shader, ball(), identity=FACE, seed=7, weights={"depth": 0.5})
    recipe = frame.recipe
    assert rfc8785.dumps(dict(recipe))  # plain JSON values
    assert (recipe["seed"], recipe["steps"], recipe["guidance"]) == (7, 2, 5.0)
    assert recipe["understood"] == {"prompt": "a bone queen", "negative": "blur"}
    assert recipe["passes"] == {"depth": 0.5, "normal": 1.0, "ids": 1.0}
    assert recipe["scheduler"]["class"] == "EulerDiscreteScheduler"
    assert recipe["determinism"]["dtype"] == "float32" and recipe["determinism"]["torch"]
    assert len(recipe["identity"]["rgb8_sha256"]) == 64


def test_words_beyond_the_length_of_the_text_encoder_are_named(shader: UnionShader) -> None:
    short = shader.reading(WORDS)
    assert short.understood == {"prompt": "a bone queen", "negative": "blur"} and not short.unknown
    long = shader.reading(Words(" ".join(f"word{n}" for n in range(40))))
    read = long.understood["prompt"].split()
    assert long.unknown[0] == f"word{len(read)}" and long.unknown[-1] == "word39"
    # The tiny tokenizer reads letters, 77 of them with both ends.
    assert 60 < sum(map(len, read)) <= 75


def test_the_settings_of_the_process_are_as_they_were_after_a_frame(shader: UnionShader) -> None:
    import torch

    torch.set_num_threads(2)
    try:
        running = shader.shade(WORDS, SMALL, [ball("a"), ball("b")])
        next(running)
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("guide", "change", "says"),
    [
        (ball(), {"width": 66}, "width of 66"),
        (ball(), {"weights": {"clay": 1.0}}, "no pass is called 'clay'"),
        (
            ball(),
            {"weights": dict.fromkeys(("depth", "normal", "ids", "silhouette"), 0.0)},
            "are 0",
        ),
        (ball(radius=0.0), {}, "no camera sees"),
        (ball(side=32), {}, "32 x 32"),
    ],
)
def test_what_cannot_be_obeyed_is_refused_before_the_first_frame(
    shader: UnionShader, guide: Guide, change: dict, says: str
) -> None:
    with pytest.raises(GmError, match=says) as raised:
        shader.shade(WORDS, replace(SMALL, **change), [ball(), guide])
    assert raised.value.remedy


@pytest.mark.parametrize("face", [FACE[..., 0], FACE.astype(np.float32), FACE[:0]])
def test_an_identity_that_is_no_picture_is_refused(shader: UnionShader, face: np.ndarray) -> None:
    with pytest.raises(GmError, match="no picture"):
        shader.shade(WORDS, SMALL, [ball()], identity=face)


#: Opened and run in a process of its own, whose audit hook sees every attempt to connect (PEP 578).
PROGRAM = """
import hashlib, sys
from pathlib import Path
attempts = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        attempts.append((event, arguments[1:]))
sys.addaudithook(hook)

from dataclasses import replace
from gm_assets.diffusion import open_shader
from gm_assets_tests.diffusion.guides import ball
from gm_assets_tests.diffusion.studio.models import studio_at
from gm_assets_tests.diffusion.studio.test_shader import FACE, SMALL, WORDS
import torch
shader = open_shader(studio_at(Path(sys.argv[1])), threads=int(sys.argv[2]))
assert torch.get_num_threads() == int(sys.argv[2])
settings = replace(SMALL, seed=3)
for frame in shader.shade(WORDS, settings, [ball("a"), ball("b", radius=0.4)], identity=FACE):
    print(hashlib.sha256(frame.picture.tobytes()).hexdigest())
print("attempts:", attempts)
"""


@pytest.mark.slow
def test_two_processes_one_thread_or_two_give_the_same_pixels_and_open_no_connection(
    studio: ShaderSpec,
) -> None:
    root = Path(studio.part("pipeline").source).parent
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    said = [
        subprocess.run(
            [sys.executable, "-W", "error::FutureWarning", "-c", PROGRAM, str(root), threads],
            env=environment | {"PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert said[0] == said[1] and said[0].endswith("attempts: []\n")
    first, second, _ = said[0].splitlines()
    assert len(first) == 64 and first != second
