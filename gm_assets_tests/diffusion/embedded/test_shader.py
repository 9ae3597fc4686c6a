from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gm_assets.diffusion import Guide, Settings, Words
from gm_assets.diffusion.embedded.shader import EmbeddedShader
from gm_assets.diffusion.opening import open_shader
from gm_assets.errors import GmError, ModelError
from gm_assets.sculpt.cameras import look_at
from gm_assets_tests.diffusion.embedded.models import make_leash
from gm_assets_tests.diffusion.guides import ball

SIDE = 128
SETTINGS = Settings(SIDE, SIDE, seed=5, steps=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "leash"
    make_leash(path)
    return path


@pytest.fixture(scope="module")
def shader(folder: Path) -> EmbeddedShader:
    from gm_assets.diffusion.profiles import folder_shader

    opened = open_shader(folder_shader(folder))
    assert isinstance(opened, EmbeddedShader)
    return opened


def guide(side: int = SIDE, radius: float = 0.6, view: str = "hero") -> Guide:
    return ball(view, side=side, radius=radius, camera=look_at((0, 0.2, 3), (0, 0, 0)))


def frames(shader: EmbeddedShader, prompt: str, *guides: Guide, **changes: object) -> list:
    settings = dataclasses.replace(SETTINGS, **changes)
    return list(shader.shade(Words(prompt), settings, guides))


def test_a_frame_depends_on_geometry_words_and_seed(shader: EmbeddedShader) -> None:
    (frame,) = frames(shader, "night city", guide())
    assert frame.picture.shape == (SIDE, SIDE, 3) and frame.picture.dtype == np.uint8
    others = [
        frames(shader, "ash plain", guide())[0],
        frames(shader, "night city, bone", guide())[0],
        frames(shader, "night city", guide(radius=0.4))[0],
        frames(shader, "night city", guide(), seed=6)[0],
        frames(shader, "night city", guide(), weights={"normal": 0.0})[0],
        frames(shader, "night city", guide(), guidance=4.0)[0],
    ]
    assert all(not np.array_equal(frame.picture, one.picture) for one in others)


def test_a_frame_depends_on_no_other_guide_of_its_call(shader: EmbeddedShader) -> None:
    two = frames(shader, "overcast", guide(radius=0.3, view="a"), guide(view="b"))
    (alone,) = frames(shader, "overcast", guide(view="b"))
    assert [one.view for one in two] == ["a", "b"]
    assert np.array_equal(two[1].picture, alone.picture)


def test_unknown_words_change_nothing(shader: EmbeddedShader) -> None:
    (plain,) = frames(shader, "night city", guide())
    (more,) = frames(shader, "night city with an octopus", guide())
    assert np.array_equal(plain.picture, more.picture)
    reading = shader.reading(Words("night city with an octopus", negative="torchlight"))
    assert reading.unknown == ("octopus",)
    assert reading.understood == {"environment": "night-city", "not light": "torchlight"}


def test_two_processes_and_two_threads_give_the_same_pixels(
    shader: EmbeddedShader, folder: Path
) -> None:
    (frame,) = frames(shader, "ash plain, cast iron", guide())
    code = (
        "import sys, hashlib, torch\n"
        "from pathlib import Path\n"
        "from gm_assets_tests.diffusion.embedded.test_shader import frames, guide\n"
        "from gm_assets.diffusion.opening import open_shader\n"
        "from gm_assets.diffusion.profiles import folder_shader\n"
        "shader = open_shader(folder_shader(sys.argv[1]), threads=int(sys.argv[2]))\n"
        "frame = frames(shader, 'ash plain, cast iron', guide())[0]\n"
        "print(torch.get_num_threads(), hashlib.sha256(frame.picture.tobytes()).hexdigest())\n"
    )
    import hashlib

    expected = hashlib.sha256(frame.picture.tobytes()).hexdigest()
    for threads in (1, 2):
        ran = subprocess.run(
            [sys.executable, "-c", code, str(folder), str(threads)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ran.stdout.split() == [str(threads), expected]


def test_sizes_that_do_not_fold_are_made_all_the_same(shader: EmbeddedShader) -> None:
    (frame,) = frames(shader, "overcast", guide(side=136), width=136, height=136)
    assert frame.picture.shape == (136, 136, 3)


def test_progress_reaches_its_end(shader: EmbeddedShader) -> None:
    told: list[tuple[int, int]] = []
    list(
        shader.shade(
            Words("overcast"), SETTINGS, [guide(), guide()], progress=lambda *one: told.append(one)
        )
    )
    assert told == [(step + 1, len(told)) for step in range(len(told))]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"camera": None}, "needs the camera"),
        ({"normal": None}, "normal is missing"),
        ({"silhouette": np.zeros((SIDE, SIDE), bool)}, "sees the subject|nothing"),
    ],
)
def test_a_guide_that_cannot_be_obeyed_is_refused_before_any_frame(
    shader: EmbeddedShader, changed: dict[str, object], words: str
) -> None:
    broken = dataclasses.replace(guide(), **changed)  # type: ignore[arg-type]
    with pytest.raises(GmError, match=words):
        shader.shade(Words("overcast"), SETTINGS, [guide(), broken])


def test_an_identity_is_refused_with_the_profile_that_takes_one(shader: EmbeddedShader) -> None:
    with pytest.raises(GmError, match="takes no picture") as caught:
        shader.shade(Words(""), SETTINGS, [guide()], identity=np.zeros((8, 8, 3), np.uint8))
    assert "studio" in str(caught.value.remedy)


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    spec = make_leash(tmp_path / "leash", seed=1)
    weights = tmp_path / "leash/base/diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError):
        open_shader(spec)


def test_a_sealed_folder_that_is_no_leash_is_refused(tmp_path: Path) -> None:
    from gm_assets.encoding import seal

    spec = make_leash(tmp_path / "leash", seed=1)
    (tmp_path / "leash/lexicon.json").write_text("[]")
    seal(tmp_path / "leash")
    with pytest.raises(ModelError, match="cannot be loaded"):
        open_shader(spec)
