"""Finals: what they show, that they repeat, and what is said where they cannot be traced.

All but the refusals need Mitsuba, the extra `mitsuba`, and are skipped without it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from gm_assets.errors import GmError, MissingExtra
from gm_assets.memory.record import Camera
from gm_assets.sculpt.cameras import look_at
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.pathtrace import Final, pathtraced
from gm_assets.sculpt.rays import Scene
from gm_assets_tests.sculpt.shapes import cube

needs_mitsuba = pytest.mark.skipif(find_spec("mitsuba") is None, reason="mitsuba is an extra")
QUICK = Final(paths=8)
SIZE = (96, 64)


def lamps(material: str) -> Scene:
    """A large cube low on the left and a small one high on the right."""
    large = cube("large", 0.8, (-0.5, 0.4, 0.0), material=material)
    small = cube("small", 0.5, (0.8, 1.5, 0.3), material=material)
    return Scene(Sculpt("lamps", (large, small)))


def camera() -> Camera:
    return look_at((1.2, 1.8, 7.0), (0.1, 0.8, 0.0), focal_length=70, aspect=SIZE[0] / SIZE[1])


def digest(threads: int) -> str:
    """sha256 of a final that another process traced."""
    code = (
        f"import drjit; drjit.set_thread_count({threads})\n"
        "import hashlib\n"
        "from gm_assets_tests.sculpt import test_pathtrace as t\n"
        "picture = t.pathtraced(t.lamps('bone'), t.camera(), *t.SIZE, t.QUICK)\n"
        "print(hashlib.sha256(picture.tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@needs_mitsuba
def test_a_final_shows_the_subject_where_the_passes_have_it() -> None:
    scene = lamps("glow")
    picture = pathtraced(scene, camera(), *SIZE, QUICK)
    bright = picture.min(axis=2) > 180
    seen = scene.silhouette(camera(), *SIZE)
    assert picture.shape == (SIZE[1], SIZE[0], 3) and picture.dtype == np.uint8
    assert (bright & seen).sum() / (bright | seen).sum() > 0.9


@needs_mitsuba
def test_parts_look_like_their_materials() -> None:
    seen = lamps("").silhouette(camera(), *SIZE)

    def mean(material: str) -> np.ndarray:
        picture: np.ndarray = pathtraced(lamps(material), camera(), *SIZE, QUICK)
        return picture[seen].mean(axis=0)

    snow, basalt, red = mean("snow"), mean("wet-basalt"), mean("red-cloth")
    assert snow.mean() > 2 * basalt.mean()
    assert red[0] > 1.8 * red[1:].max()


@needs_mitsuba
def test_a_final_is_the_same_in_every_process_with_one_thread_or_two() -> None:
    here = hashlib.sha256(pathtraced(lamps("bone"), camera(), *SIZE, QUICK).tobytes()).hexdigest()
    assert digest(threads=1) == digest(threads=2) == here


@needs_mitsuba
def test_a_tracer_that_crashes_on_this_machine_is_refused_before_it_can(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nothing = tmp_path / "libLLVM.so"
    nothing.write_bytes(b"no library")
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(nothing))
    with pytest.raises(GmError, match="LLVM variant does not work") as caught:
        pathtraced(lamps("bone"), camera(), *SIZE, Final(paths=8, variant="llvm_ad_rgb"))
    assert "DRJIT_LIBLLVM_PATH" in str(caught.value)


@pytest.mark.skipif(find_spec("mitsuba") is not None, reason="mitsuba is installed")
def test_without_the_extra_a_final_says_what_to_install() -> None:
    with pytest.raises(MissingExtra, match=r"gm-assets\[mitsuba\]"):
        pathtraced(lamps("bone"), camera(), *SIZE, QUICK)


@pytest.mark.parametrize("paths", [0, -1, 4097])
def test_paths_are_bounded(paths: int) -> None:
    with pytest.raises(GmError, match="paths for each pixel"):
        Final(paths=paths)


def test_a_picture_out_of_proportion_is_refused() -> None:
    with pytest.raises(ValueError, match="proportion"):
        pathtraced(lamps("bone"), camera(), 96, 96, QUICK)
