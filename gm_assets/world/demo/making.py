"""One chain of the demo, made in the order in which its plan says things came about.

Every file is made from what its memory names: the drawing of a chain that begins with a
drawing seeds its sculptor, hulls are carved from the mattes of the turntable files, frames
take their body mask from the id pass beside them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gm_assets.library.encoders import Embedder
from gm_assets.lifting.hull import agreement, carve
from gm_assets.lifting.protocol import Plate
from gm_assets.lifting.surface import sculpt_of
from gm_assets.making.keeping import Kept, Label
from gm_assets.memory.record import Event, Stage
from gm_assets.sculpt.cameras import turntable
from gm_assets.sculpt.clay import Studio as ClayStudio
from gm_assets.sculpt.clay import clay
from gm_assets.sculpt.glb import glb_bytes
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.world.demo.desk import Desk, body
from gm_assets.world.demo.framing import make_frame
from gm_assets.world.demo.pictures import (
    make_clay,
    make_elevation,
    make_passes,
    make_reference,
    make_study,
    make_views,
)
from gm_assets.world.demo.plans import Chain
from gm_assets.world.demo.studio import TOOL, webp

#: Voxels along the longest side of a hull.
RESOLUTION = 96


@dataclass(frozen=True)
class Made:
    """A finished chain and the paths of its files, relative to the library."""

    chain: str
    paths: tuple[str, ...]


def make_chain(
    plan: Chain, root: Path, when: str, size: int, embedder: Embedder | None = None
) -> Made:
    """Make all files of one chain below `root`.

    Args:
        when: ISO 8601 time of the build.
        size: long side of the large pictures in pixels.
        embedder: gives the pictures the vectors that their memories hold.
    """
    desk = Desk.of(plan, root, when, size, embedder)
    _run(desk)
    return Made(plan.name, tuple(kept.path for kept in desk.studio.kept if kept.path))


def _run(desk: Desk) -> None:
    plan = desk.plan
    if plan.drawing == "views":
        make_views(desk)  # all that follows is made from these, as it would be for a person
        return
    if plan.drawing == "elevation":
        desk.drawing = make_elevation(desk)
        # The sculptor's seed comes from the drawing's content: that is the recorded link.
        desk.seed = int(desk.drawing.content_id[3:11], 16) % 100_000
    sculpt = desk.subject.build(desk.seed, plan.detail)
    scene = Scene(sculpt)
    if plan.sculpt_kept and not plan.plates_first:
        desk.mesh = _make_sculpt(desk, sculpt)
    if plan.drawing == "mesh":
        desk.drawing = make_study(desk, scene)
    if plan.reference is not None:
        desk.reference = make_reference(desk, sculpt, scene)
    if desk.mesh is not None:
        make_clay(desk, scene)
        if plan.passes:
            make_passes(desk, scene)
    for shot in plan.frames:
        make_frame(desk, sculpt, shot)
    views = _make_turntable(desk, scene)
    if plan.lifted:
        _lift(desk, views)
    if plan.revised:
        _revise(desk)


def _make_sculpt(desk: Desk, sculpt: Sculpt) -> Kept:
    """S3: the mesh."""
    label = Label(
        f"{desk.subject.title}: sculpt",
        desk.subject.description,
        ("sculpt", *desk.subject.identity_marks),
        gaps=desk.gaps(),
    )
    inputs = [desk.drawing] if desk.drawing else []
    recipe = desk.recipe("s3.sculpt", inputs, detail=desk.plan.detail)
    return desk.studio.keep(
        f"sculpt/{desk.plan.subject}.glb",
        glb_bytes(sculpt),
        desk.place("S3", "mesh", primary=True),
        label,
        recipe,
        desk.parents_of(desk.drawing, "seed"),
    )


def _make_turntable(desk: Desk, scene: Scene) -> list[tuple[Kept, Plate]]:
    """Turntable views with the matte in their alpha: of the sculpt, or plates of their own."""
    count = desk.plan.turntable
    elevations = (6.0, 24.0) if count > 8 else (10.0,)
    side = 256 if count > 8 else 224
    stage: Stage = "S4" if desk.plan.plates_first else "S3"
    studio = ClayStudio(samples=1, occlusion=5, shadows=2, floor=False)
    views: list[tuple[Kept, Plate]] = []
    if not count:
        return views
    for number, camera in enumerate(turntable(body(scene.sculpt), count, elevations=elevations)):
        picture = clay(scene, camera, side, side, studio)
        seen = scene.silhouette(camera, side * 2, side * 2)
        matte = seen.reshape(side, 2, side, 2).mean(axis=(1, 3)).astype(np.float32)
        pixels = np.dstack([picture, np.round(matte * 255).astype(np.uint8)])
        # What lies under a clear alpha is not part of the picture.
        pixels[pixels[..., 3] == 0] = 0
        label = Label(
            f"{desk.subject.title}: turntable {number + 1} of {count}",
            "One posed view; its alpha is the matte.",
            ("turntable",),
            shot="turntable",
            camera=camera,
        )
        inputs = [desk.mesh] if desk.mesh else []
        recipe = desk.recipe(f"{stage.lower()}.turntable", inputs, view=number, of=count, side=side)
        placement = desk.place(
            stage, "plate" if stage == "S4" else "turntable", view=f"t{number:02d}"
        )
        folder = "plates" if stage == "S4" else "sculpt/turntable"
        kept = desk.studio.keep(
            f"{folder}/t{number:02d}.webp",
            webp(pixels),
            placement,
            label,
            recipe,
            desk.parents_of(desk.mesh, "geometry"),
        )
        coverage = pixels[..., 3].astype(np.float32) / np.float32(255)
        views.append((kept, Plate(f"t{number:02d}", camera, coverage)))
    return views


def _lift(desk: Desk, views: list[tuple[Kept, Plate]]) -> None:
    """S5: the visual hull of the turntable, its clay render, and re-entry where planned."""
    plates = [plate for _, plate in views]
    sources = [kept for kept, _ in views]
    surface = carve(plates, resolution=RESOLUTION, floor=0.0)
    hull = sculpt_of(surface, f"{desk.plan.subject}-hull")
    score = round(agreement(surface, plates), 4)
    second = desk.plan.second
    history = []
    extra = []
    if second is not None:
        history = [
            Event(
                action="accepted",
                when=desk.studio.when,
                software_agent=TOOL,
                person="gm_assets world (scripted)",
                note="Accepted by the demo's script as the sculpt of the second generation.",
            )
        ]
        extra = [desk.place("S3", "mesh", primary=True, generation=2)]
    label = Label(
        f"{desk.subject.title}: visual hull",
        f"Carved from {len(plates)} posed mattes; concavities that no silhouette shows are "
        f"filled. Mean silhouette agreement {score}.",
        ("visual hull", "structure"),
    )
    recipe = desk.recipe(
        "s5.hull", sources, resolution=RESOLUTION, views=len(plates), agreement=score
    )
    structure = desk.studio.keep(
        "structure/hull.glb",
        glb_bytes(hull),
        desk.place("S5", "hull", primary=True),
        label,
        recipe,
        [kept.parent("source") for kept in sources],
        history=history,
        extra=extra,
    )
    scene = Scene(hull)
    make_clay(desk, scene, folder="structure", of=structure, stage="S5")
    if second is not None:
        bone = Sculpt(
            hull.name,
            tuple(
                dataclasses.replace(part, semantic="architecture", material="wet-basalt")
                for part in hull.parts
            ),
        )
        make_frame(desk, bone, second, generation=2, of=structure)


def _revise(desk: Desk) -> None:
    """A second take of the sculpt in the same document; its children become stale."""
    old = desk.mesh
    assert old is not None and old.path is not None
    desk.seed += 1
    (desk.studio.root / old.path).unlink()
    sculpt = desk.subject.build(desk.seed, desk.plan.detail)
    event = Event(
        action="revised",
        when=desk.studio.when,
        software_agent=TOOL,
        instance_id=old.memory.instance_id,
        content_id=old.content_id,
        note="Second take: the coat hung wrong over the boots. Drawing, renders and frame "
        "are of the first take.",
        person="gm_assets world (scripted)",
    )
    label = Label(
        f"{desk.subject.title}: sculpt, second take",
        desk.subject.description,
        ("sculpt", *desk.subject.identity_marks),
        gaps=old.memory.gaps,
    )
    desk.studio.kept.remove(old)
    desk.mesh = desk.studio.keep(
        f"sculpt/{desk.plan.subject}.glb",
        glb_bytes(sculpt),
        desk.place("S3", "mesh", primary=True),
        label,
        desk.recipe("s3.sculpt", detail=desk.plan.detail),
        history=[event],
        document_id=old.memory.document_id,
        turn=1,
    )
