"""Passes against bare Embree, clay by the clock, and memory with millions of triangles.

Bare ray casting is one call of Embree with rays that lie ready, giving triangle, distance and
barycentric coordinates: what every pass begins with. Subjects are those of the procedural
world; the rough ball has as many triangles as is asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.measure import Line, Spent, interleaved, median_ratio, timed

SIDE = 512
#: Subjects whose passes are timed: a narrow figure, a broad gate, a citadel.
SUBJECTS = ("seam-keeper", "seawall-gate", "subterranean-citadel")
#: Triangles of the clay render, at least, and of the large mesh.
CLAY_TRIANGLES, MANY_TRIANGLES = 50_000, 5_000_000
#: Passes and casts of one measurement: a single one takes hundredths of a second.
TURNS = 8


def measure(rounds: int) -> list[Line]:
    """All lines of this group."""
    lines = [_against_embree(name, rounds) for name in SUBJECTS]
    return [*lines, _larger(rounds), _clay(rounds), _many()]


def _scene(name: str, detail: float = 1.0) -> Any:
    from gm_assets.sculpt.rays import Scene
    from gm_assets.world.subjects import SUBJECTS as WORLD

    return Scene(WORLD[name].build(1, detail))


def _against_embree(name: str, rounds: int) -> Line:
    scene = _scene(name)
    passes, bare, seen = _contenders(scene, SIDE)
    spent = interleaved(rounds, [partial(timed, passes), partial(timed, bare)])
    return Line(
        f"all passes : bare Embree, {name} at {SIDE}² (CPU)",
        median_ratio(spent[0], spent[1], lambda one: one.cpu),
        1.5,
        detail={
            "triangles": scene.sculpt.triangles,
            "covered": seen,
            "passes_ms": 1e3 * min(one.cpu for one in spent[0]) / TURNS,
            "bare_ms": 1e3 * min(one.cpu for one in spent[1]) / TURNS,
        },
    )


def _contenders(scene: Any, side: int) -> tuple[Callable[[], None], Callable[[], None], float]:
    """All passes and bare casts of one view, and how much of the picture is covered."""
    from gm_assets.sculpt.cameras import camera_rays
    from gm_assets.sculpt.views import views_of

    camera = views_of(scene.sculpt, ["hero"])[0].camera
    eye, rays = camera_rays(camera, side, side)
    start = np.ascontiguousarray(np.broadcast_to(eye, rays.shape), np.float32)
    seen = float(scene.passes(camera, side, side).silhouette.mean())

    def passes() -> None:
        for _ in range(TURNS):
            scene.passes(camera, side, side)

    def bare() -> None:
        for _ in range(TURNS):
            scene._embree.run(start, rays, output=1)

    return passes, bare, seen


def _larger(rounds: int) -> Line:
    """How the cost of a pixel changes from 512² to 2048²."""
    scene = _scene(SUBJECTS[0])
    small, _, _ = _contenders(scene, SIDE)
    large, _, _ = _contenders(scene, 4 * SIDE)
    spent = interleaved(rounds, [partial(timed, large), partial(timed, small)])
    return Line(
        f"passes of {4 * SIDE}² : 16 times {SIDE}² (CPU)",
        median_ratio(spent[0], spent[1], lambda one: one.cpu) / 16,
        1.2,
        detail={"large_ms": 1e3 * min(one.cpu for one in spent[0]) / TURNS},
    )


def _clay(rounds: int) -> Line:
    from gm_assets.sculpt.clay import clay
    from gm_assets.sculpt.rays import Scene
    from gm_assets.sculpt.views import views_of

    sculpt = _with_at_least(CLAY_TRIANGLES)
    camera = views_of(sculpt, ["hero"])[0].camera

    def run() -> Spent:
        return timed(lambda: clay(Scene(sculpt), camera, SIDE, SIDE))

    (spent,) = interleaved(rounds, [run])
    return Line(
        f"clay at {SIDE}², {sculpt.triangles:,} triangles, scene included (wall)",
        sorted(one.wall for one in spent)[len(spent) // 2],
        3.0,
        unit="s",
        detail={
            "cpu_s": min(one.cpu for one in spent),
            "cpus": len(os.sched_getaffinity(0)),
            "load": os.getloadavg()[0],
        },
    )


def _with_at_least(triangles: int) -> Any:
    """The first subject at the first detail that gives it so many triangles."""
    from gm_assets.world.subjects import SUBJECTS as WORLD

    detail = 0.3
    while (sculpt := WORLD[SUBJECTS[0]].build(1, detail)).triangles < triangles:
        detail += 0.1
    return sculpt


_MANY = """
import json, resource, sys, time
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.sculpt.views import views_of
from gm_assets_tests.sculpt.shapes import big_ball
sculpt = Sculpt("ball", (big_ball(1 + round((int(sys.argv[1]) / 2) ** 0.5)),))
camera = views_of(sculpt, ["hero"])[0].camera
began = time.process_time()
scene = Scene(sculpt)
scene.passes(camera, 2048, 2048)
print(json.dumps({
    "triangles": sculpt.triangles,
    "cpu_s": time.process_time() - began,
    "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
}))
"""


def _many() -> Line:
    """Passes of a mesh of millions of triangles, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", _MANY, str(MANY_TRIANGLES)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = json.loads(run.stdout)
    peak = found.pop("peak_gb")
    return Line(
        f"largest memory, {MANY_TRIANGLES:,} triangles at 2048²", peak, 2.0, unit="GB", detail=found
    )
