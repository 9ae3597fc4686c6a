"""Drawings, references, clay renders and passes of a chain (S1, S2, S3)."""

from __future__ import annotations

import dataclasses

import numpy as np

from gm_assets.making.keeping import Kept, Label
from gm_assets.memory.record import Stage
from gm_assets.sculpt.clay import Studio, clay
from gm_assets.sculpt.maps import depth_png, normal_png, png
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.world.demo.desk import Desk
from gm_assets.world.demo.studio import jpeg, pixels_of, webp
from gm_assets.world.looks.elevation import ELEVATIONS
from gm_assets.world.looks.frame import render
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.reference import Palette, archival, wash
from gm_assets.world.looks.sketch import sketch
from gm_assets.world.looks.stages import environment
from gm_assets.world.looks.tower import tower_front, tower_side

#: Clay seen from within: light from beside the camera, occlusion of near things only.
INSIDE = Studio(key=(-0.16, 0.20, 0.97), reach=0.03, floor=False, exposure=1.2)

#: The drawings of the chain that begins with a front and a side.
VIEWS = {"front": tower_front, "side": tower_side}
#: Washes in turn, so that no two neighbours look alike.
WASHES: tuple[Palette, ...] = (
    Palette(),
    Palette((0.80, 0.79, 0.76), (0.20, 0.20, 0.21), (0.30, 0.28, 0.24)),
    Palette((0.845, 0.80, 0.715), (0.24, 0.21, 0.17), (0.40, 0.31, 0.18)),
    Palette((0.76, 0.785, 0.80), (0.13, 0.17, 0.22), (0.27, 0.29, 0.30)),
)


def make_elevation(desk: Desk) -> Kept:
    """S1, drawn first by rule."""
    aspect = min(max(desk.subject.view.aspect, 0.66), 1.35)
    width, height = desk.extent(aspect)
    sheet = desk.sheet()
    picture = ELEVATIONS[desk.plan.subject](width, height, sheet)
    label = Label(
        f"{desk.subject.title}: elevation",
        f"Set out by rule before there was a sculpt. {desk.subject.description}",
        ("drawing", "elevation"),
        gaps=desk.gaps(),
    )
    recipe = desk.recipe("s1.elevation", width=width, height=height, sheet=sheet.seed)
    placement = desk.place("S1", "sketch", primary=True)
    return desk.studio.keep("sketch.jpg", jpeg(picture), placement, label, recipe)


def make_views(desk: Desk) -> None:
    """S1 as two drawings, front and side, with nothing behind them."""
    width, height = desk.extent(2 / 3)
    for view, draw in VIEWS.items():
        sheet = dataclasses.replace(desk.sheet(), seed=desk.number + len(view))
        label = Label(
            f"{desk.subject.title}: {view}",
            f"The {view}, set out by rule; no geometry is behind it.",
            ("drawing", "elevation", view),
        )
        recipe = desk.recipe("s1.view", view=view, width=width, height=height, sheet=sheet.seed)
        placement = desk.place("S1", "sketch", view=view, primary=view == "front")
        data = jpeg(draw(width, height, sheet))
        desk.studio.keep(f"{view}.jpg", data, placement, label, recipe)


def make_study(desk: Desk, scene: Scene) -> Kept:
    """S1 from the geometry: the mesh is its parent where the mesh was kept."""
    camera, aspect = desk.hero(scene.sculpt)
    width, height = desk.extent(aspect)
    sheet = desk.sheet()
    picture = sketch(scene, camera, width, height, sheet, chalk=desk.number % 3 != 0)
    label = Label(
        f"{desk.subject.title}: study",
        f"Pencil study drawn by program from the sculpt. {desk.subject.description}",
        ("drawing", "study"),
        camera=camera,
        gaps=desk.gaps(),
    )
    data = jpeg(picture)
    desk.drawn = pixels_of(data)
    made_from = [desk.mesh] if desk.mesh else []
    return desk.studio.keep(
        "sketch.jpg",
        data,
        desk.place("S1", "sketch", primary=True),
        label,
        desk.recipe("s1.study", made_from, width=width, height=height, sheet=sheet.seed),
        desk.parents_of(desk.mesh, "geometry"),
        write=desk.plan.drawing_kept,
    )


def make_reference(desk: Desk, sculpt: Sculpt, scene: Scene) -> Kept:
    """S2: a wash, laid over the study where there is one, or an archival print."""
    kind = desk.plan.reference
    made_from = [desk.mesh] if desk.mesh else []
    if kind == "wash":
        camera, aspect = desk.hero(sculpt)
        width, height = desk.extent(aspect)
        palette = WASHES[desk.number % len(WASHES)]
        over = desk.drawn if desk.plan.drawing == "mesh" else None
        picture = wash(scene, camera, width, height, palette, desk.number, over)
        data, name, what = webp(picture, quality=90), "reference.webp", "Wash painted by program"
        parents = desk.parents_of(desk.mesh, "geometry")
        if over is not None and desk.drawing is not None:
            made_from = [desk.drawing, *made_from]
            parents = [desk.drawing.parent("source"), *parents]
            what = "Wash laid by program over the pencil study"
    else:
        camera, aspect = desk.hero(sculpt, margin=0.20)
        width, height = desk.extent(aspect, 0.75)
        if desk.from_inside:
            setting = within(sculpt)
        else:
            setting = environment(desk.subject.environment, sculpt, camera, desk.number)
        # A study of the subject, made on a calmer day than the frames.
        air = dataclasses.replace(setting.air, flakes=setting.air.flakes * 0.3)
        setting = dataclasses.replace(setting, air=air)
        frame = render(sculpt, setting, camera, width, height, desk.number)
        data = jpeg(archival(frame, kind or "silver", desk.number))
        name, what = "reference.jpg", f"Procedural picture in the manner of a {kind} print"
        parents = desk.parents_of(desk.mesh, "geometry")
    desk.referred = pixels_of(data)
    label = Label(
        f"{desk.subject.title}: reference",
        f"{what}; no photograph was used. {desk.subject.description}",
        ("reference", str(kind)),
        environment=desk.subject.environment,
        camera=camera,
        gaps=desk.gaps(),
    )
    recipe = desk.recipe("s2.reference", made_from, kind=kind, width=width, height=height)
    placement = desk.place("S2", "reference", primary=True)
    return desk.studio.keep(name, data, placement, label, recipe, parents)


def make_clay(
    desk: Desk,
    scene: Scene,
    generation: int = 1,
    folder: str = "sculpt",
    of: Kept | None = None,
    stage: Stage = "S3",
) -> Kept:
    """A clay render of the chain's mesh, or of `of`."""
    mesh = of or desk.mesh
    assert mesh is not None
    camera, aspect = desk.hero(scene.sculpt, margin=0.12)
    width, height = desk.extent(aspect)
    picture = clay(scene, camera, width, height, INSIDE if desk.from_inside else None)
    label = Label(
        f"{desk.subject.title}: clay",
        "Clay render of the geometry, lit as in a studio.",
        ("clay",),
        camera=camera,
    )
    recipe = desk.recipe(
        f"{stage.lower()}.clay", [mesh], width=width, height=height, generation=generation
    )
    return desk.studio.keep(
        f"{folder}/clay.png",
        png(picture),
        desk.place(stage, "clay", generation=generation),
        label,
        recipe,
        [mesh.parent("geometry")],
    )


def make_passes(desk: Desk, scene: Scene) -> None:
    """Depth, normals and silhouette of the hero camera."""
    assert desk.mesh is not None
    camera, aspect = desk.hero(scene.sculpt, margin=0.12)
    width, height = desk.extent(aspect, 0.8)
    passes = scene.passes(camera, width, height)
    depth, near, far = depth_png(passes.depth)
    normal = normal_png(passes.normal, passes.silhouette)
    shape = png(passes.silhouette.astype(np.uint8) * 255)
    for part, data, more in (
        ("depth", depth, {"near": near, "far": far}),
        ("normal", normal, {}),
        ("silhouette", shape, {}),
    ):
        label = Label(
            f"{desk.subject.title}: {part}",
            f"The {part} pass of the hero camera.",
            (part, "pass"),
            camera=camera,
        )
        recipe = desk.recipe(f"s3.{part}", [desk.mesh], width=width, height=height, **more)
        desk.studio.keep(
            f"sculpt/passes/{part}.png",
            data,
            desk.place("S3", part),
            label,
            recipe,
            [desk.mesh.parent("geometry")],
        )
