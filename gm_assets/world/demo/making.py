"""One chain of the demo, made in the order in which its plan says things came about.

Every file is made from what its memory names: the drawing of a chain that begins with a
drawing seeds its sculptor, hulls are carved from the mattes of the turntable files, frames
take their body mask from the id pass beside them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.memory.record import Camera, Event, Gap, Parent, Placement, Role, Stage
from gm_assets.sculpt.cameras import frame as framed
from gm_assets.sculpt.cameras import look_at, turntable
from gm_assets.sculpt.clay import Studio as ClayStudio
from gm_assets.sculpt.clay import clay
from gm_assets.sculpt.model import Sculpt
from gm_assets.sculpt.rays import Scene
from gm_assets.world.demo.plans import Chain, Shot
from gm_assets.world.demo.studio import (
    TOOL,
    Kept,
    Label,
    Studio,
    depth_png,
    glb,
    jpeg,
    normal_png,
    png,
    webp,
)
from gm_assets.world.looks.elevation import ELEVATIONS
from gm_assets.world.looks.frame import Frame, render
from gm_assets.world.looks.frame import Stage as Setting
from gm_assets.world.looks.hull import Plate, agreement, carve
from gm_assets.world.looks.indoors import within
from gm_assets.world.looks.light import Lamp
from gm_assets.world.looks.reference import Palette, archival, wash
from gm_assets.world.looks.sketch import sketch
from gm_assets.world.looks.stages import environment
from gm_assets.world.looks.strokes import Sheet
from gm_assets.world.subjects import SUBJECTS, Subject

Pixels = NDArray[np.uint8]

#: Papers and washes in turn, so that no two neighbours look alike.
PAPERS: tuple[tuple[float, float, float], ...] = (
    (0.735, 0.695, 0.620),
    (0.640, 0.645, 0.640),
    (0.800, 0.775, 0.715),
    (0.665, 0.610, 0.535),
    (0.575, 0.600, 0.625),
)
WASHES: tuple[Palette, ...] = (
    Palette(),
    Palette((0.80, 0.79, 0.76), (0.20, 0.20, 0.21), (0.30, 0.28, 0.24)),
    Palette((0.845, 0.80, 0.715), (0.24, 0.21, 0.17), (0.40, 0.31, 0.18)),
    Palette((0.76, 0.785, 0.80), (0.13, 0.17, 0.22), (0.27, 0.29, 0.30)),
)


@dataclass(frozen=True)
class Made:
    """What a chain came to: its files' paths and the pixels of none."""

    chain: str
    paths: tuple[str, ...]


def make_chain(plan: Chain, root: Path, when: str, size: int) -> Made:
    """Make all files of one chain below `root`.

    Args:
        when: ISO 8601 time of the build.
        size: long side of the large pictures in pixels.
    """
    maker = _Maker(plan, root, when, size)
    maker.run()
    return Made(plan.subject, tuple(kept.path for kept in maker.studio.kept if kept.path))


class _Maker:
    """The state of one chain while it is made."""

    def __init__(self, plan: Chain, root: Path, when: str, size: int) -> None:
        self.plan = plan
        self.size = size
        self.subject: Subject = SUBJECTS[plan.subject]
        self.studio = Studio(root, self.subject.domain, plan.subject, when)
        self.number = sum(plan.subject.encode()) + plan.seed
        self.seed = plan.seed
        self.drawing: Kept | None = None
        self.reference: Kept | None = None
        self.mesh: Kept | None = None
        self.stated: set[Stage] = set()

    # ------------------------------------------------------------------ story

    def run(self) -> None:
        plan = self.plan
        if plan.drawing == "elevation":
            self.drawing = self.elevation()
            # The sculptor's seed comes from the drawing's content: that is the recorded link.
            self.seed = int(self.drawing.content_id[3:11], 16) % 100_000
        sculpt = self.subject.build(self.seed, plan.detail)
        scene = Scene(sculpt)
        if plan.sculpt_kept and not plan.plates_first:
            self.mesh = self.sculpt(sculpt)
        if plan.drawing == "mesh":
            self.drawing = self.sketch(scene)
        if plan.reference is not None:
            self.reference = self.refer(sculpt, scene)
        if self.mesh is not None:
            self.clay(scene)
            if plan.passes:
                self.passes(scene)
        frames = [self.frame(sculpt, shot) for shot in plan.frames]
        views = self.turn(scene, frames)
        if plan.lifted:
            self.lift(views)
        if plan.revised:
            self.revise()

    # ------------------------------------------------------------------ parts

    def place(
        self, stage: Stage, part: str, *, primary: bool = False, generation: int = 1, **more: Any
    ) -> Placement:
        return Placement(
            chain=self.plan.subject,
            generation=generation,
            stage=stage,
            part=part,
            primary=primary,
            **more,
        )

    def recipe(
        self, step: str, inputs: list[Kept] | None = None, **parameters: Any
    ) -> dict[str, Any]:
        return {
            "step": step,
            "subject": self.plan.subject,
            "seed": self.seed,
            "inputs": [kept.content_id for kept in inputs or []],
            "parameters": parameters,
        }

    def gaps(self) -> tuple[Gap, ...]:
        """The plan's gaps, stated once, by the first document of the chain that is kept."""
        wanted = [one for one in self.plan.missing if one.stage not in self.stated]
        self.stated |= {one.stage for one in wanted}
        return tuple(Gap(stage=one.stage, reason=one.reason) for one in wanted)

    def extent(self, aspect: float, large: float = 1.0) -> tuple[int, int]:
        """Even width and height of a picture whose long side is `large` of the demo's size."""
        side = self.size * large
        width, height = (side, side / aspect) if aspect >= 1 else (side * aspect, side)
        return round(width / 2) * 2, round(height / 2) * 2

    def hero(self, sculpt: Sculpt, margin: float = 0.14) -> tuple[Camera, float]:
        """The subject's hero camera, with an aspect kept within 0.6 to 1.6."""
        view = self.subject.view
        aspect = min(max(view.aspect, 0.6), 1.6)
        camera = framed(
            body(sculpt),
            azimuth=view.azimuth,
            elevation=view.elevation,
            focal_length=view.focal_length,
            aspect=aspect,
            margin=margin,
        )
        return camera, aspect

    def seedless_parent(self, kept: Kept | None, role: Role) -> list[Parent]:
        return [] if kept is None else [kept.parent(role)]

    def elevation(self) -> Kept:
        """S1, drawn first by rule."""
        aspect = min(max(self.subject.view.aspect, 0.66), 1.35)
        width, height = self.extent(aspect)
        sheet = self.sheet()
        picture = ELEVATIONS[self.plan.subject](width, height, sheet)
        label = Label(
            f"{self.subject.title}: elevation",
            f"Set out by rule before there was a sculpt. {self.subject.description}",
            ("drawing", "elevation"),
            gaps=self.gaps(),
        )
        recipe = self.recipe("s1.elevation", width=width, height=height, sheet=sheet.seed)
        placement = self.place("S1", "sketch", primary=True)
        return self.studio.keep("sketch.jpg", jpeg(picture), placement, label, recipe)

    def sheet(self) -> Sheet:
        return Sheet(
            paper=PAPERS[self.number % len(PAPERS)],
            hatch=38.0 + self.number % 5 * 8,
            stains=0.35 + 0.1 * (self.number % 4),
            seed=self.number,
        )

    def sketch(self, scene: Scene) -> Kept:
        """S1 from the geometry: the mesh is its parent where the mesh was kept."""
        camera, aspect = self.hero(scene.sculpt)
        width, height = self.extent(aspect)
        sheet = self.sheet()
        picture = sketch(scene, camera, width, height, sheet, chalk=self.number % 3 != 0)
        label = Label(
            f"{self.subject.title}: study",
            f"Pencil study drawn by program from the sculpt. {self.subject.description}",
            ("drawing", "study"),
            camera=camera,
            gaps=self.gaps(),
        )
        return self.studio.keep(
            "sketch.jpg",
            jpeg(picture),
            self.place("S1", "sketch", primary=True),
            label,
            self.recipe("s1.study", width=width, height=height, sheet=sheet.seed),
            self.seedless_parent(self.mesh, "geometry"),
            write=self.plan.drawing_kept,
        )

    def sculpt(self, sculpt: Sculpt) -> Kept:
        """S3: the mesh."""
        label = Label(
            f"{self.subject.title}: sculpt",
            self.subject.description,
            ("sculpt", *self.subject.identity_marks),
            gaps=self.gaps(),
        )
        inputs = [self.drawing] if self.drawing else []
        recipe = self.recipe("s3.sculpt", inputs, detail=self.plan.detail)
        return self.studio.keep(
            f"sculpt/{self.plan.subject}.glb",
            glb(sculpt),
            self.place("S3", "mesh", primary=True),
            label,
            recipe,
            self.seedless_parent(self.drawing, "seed"),
        )

    def refer(self, sculpt: Sculpt, scene: Scene) -> Kept:
        """S2: a wash over the drawing's view, or an archival print."""
        camera, aspect = self.hero(sculpt, margin=0.20)
        width, height = self.extent(aspect, 0.92)
        kind = self.plan.reference
        parents = self.seedless_parent(self.mesh, "geometry")
        if kind == "wash":
            palette = WASHES[self.number % len(WASHES)]
            data = webp(wash(scene, camera, width, height, palette, self.number), quality=90)
            name, what = "reference.webp", "Ink and wash painted by program"
            parents = self.seedless_parent(self.drawing, "source") + parents
        else:
            setting = environment(self.subject.environment, sculpt, camera, self.number)
            frame = render(sculpt, setting, camera, width, height, self.number)
            data = jpeg(archival(frame, kind or "silver", self.number))
            name, what = (
                "reference.jpg",
                f"Procedural picture printed in the manner of a {kind} print",
            )
        label = Label(
            f"{self.subject.title}: reference",
            f"{what}; no photograph was used. {self.subject.description}",
            ("reference", str(kind)),
            environment=self.subject.environment,
            camera=camera,
            gaps=self.gaps(),
        )
        inputs = [kept for kept in (self.drawing, self.mesh) if kept]
        recipe = self.recipe("s2.reference", inputs, kind=kind, width=width, height=height)
        placement = self.place("S2", "reference", primary=True)
        return self.studio.keep(name, data, placement, label, recipe, parents)

    def clay(
        self,
        scene: Scene,
        generation: int = 1,
        folder: str = "sculpt",
        of: Kept | None = None,
        stage: Stage = "S3",
    ) -> Kept:
        """A clay render of the chain's mesh, or of `of`."""
        mesh = of or self.mesh
        assert mesh is not None
        camera, aspect = self.hero(scene.sculpt, margin=0.12)
        width, height = self.extent(aspect)
        picture = clay(scene, camera, width, height)
        label = Label(
            f"{self.subject.title}: clay",
            "Clay render of the geometry, lit as in a studio.",
            ("clay",),
            camera=camera,
        )
        recipe = self.recipe(
            f"{stage.lower()}.clay", [mesh], width=width, height=height, generation=generation
        )
        return self.studio.keep(
            f"{folder}/clay.png",
            png(picture),
            self.place(stage, "clay", generation=generation),
            label,
            recipe,
            [mesh.parent("geometry")],
        )

    def passes(self, scene: Scene) -> None:
        """Depth, normals and silhouette of the hero camera."""
        assert self.mesh is not None
        camera, aspect = self.hero(scene.sculpt, margin=0.12)
        width, height = self.extent(aspect, 0.8)
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
                f"{self.subject.title}: {part}",
                f"The {part} pass of the hero camera.",
                (part, "pass"),
                camera=camera,
            )
            recipe = self.recipe(f"s3.{part}", [self.mesh], width=width, height=height, **more)
            self.studio.keep(
                f"sculpt/passes/{part}.png",
                data,
                self.place("S3", part),
                label,
                recipe,
                [self.mesh.parent("geometry")],
            )

    # ----------------------------------------------------------------- frames

    def frame(
        self, sculpt: Sculpt, shot: Shot, generation: int = 1, of: Kept | None = None
    ) -> Kept:
        """S4: a frame, with the id pass that its body mask comes from."""
        mesh = of or self.mesh
        camera = shot_camera(shot, sculpt)
        width, height = self.extent(shot.aspect)
        setting = _setting(shot, sculpt, camera, self.number)
        frame = render(sculpt, setting, camera, width, height, self.number)
        folder = "frames" if generation == 1 else f"frames-g{generation:02d}"
        parents: list[Parent] = []
        inputs: list[Kept] = []
        if mesh is not None:
            inputs = [mesh, self.ids(frame, shot, camera, mesh, folder, generation)]
            parents = [kept.parent("geometry") for kept in inputs]
        if self.reference is not None and generation == 1:
            inputs.append(self.reference)
            parents.append(self.reference.parent("style"))
        label = Label(
            shot.title,
            f"{shot.description} Rendered by program; no trained model took part.",
            ("frame", shot.light),
            environment=shot.environment,
            shot=shot.shot,
            camera=camera,
            gaps=self.gaps(),
        )
        recipe = self.recipe(
            "s4.frame",
            inputs,
            shot=dataclasses.asdict(shot),
            width=width,
            height=height,
            generation=generation,
        )
        first = generation > 1 or shot is self.plan.frames[0]
        placement = self.place(
            "S4", "frame", primary=first, generation=generation, variant=shot.name
        )
        return self.studio.keep(
            f"{folder}/{shot.name}.png", png(frame.picture), placement, label, recipe, parents
        )

    def ids(
        self, frame: Frame, shot: Shot, camera: Camera, mesh: Kept, folder: str, generation: int
    ) -> Kept:
        """The object ids of a frame's camera, stage included; the recipe names every id."""
        table = {
            str(number + 1): {"name": part.name, "semantic": part.semantic}
            for number, part in enumerate(frame.parts)
        }
        height, width = frame.ids.shape
        recipe = self.recipe(
            "s3.ids",
            [mesh],
            shot=shot.name,
            width=width,
            height=height,
            generation=generation,
            ids=table,
        )
        label = Label(
            f"{shot.title}: ids",
            "Object ids, 0 for sky; the recipe names them.",
            ("ids", "pass"),
            environment=shot.environment,
            camera=camera,
        )
        placement = self.place("S3", "ids", variant=shot.name, generation=generation)
        return self.studio.keep(
            f"{folder}/passes/{shot.name}-ids.png",
            png(frame.ids.astype(np.uint8)),
            placement,
            label,
            recipe,
            [mesh.parent("geometry")],
        )

    # -------------------------------------------------------------- structure

    def turn(self, scene: Scene, frames: list[Kept]) -> list[tuple[Kept, Plate]]:
        """Turntable views with the matte in their alpha: of the sculpt, or plates of their own."""
        count = self.plan.turntable
        elevations = (6.0, 24.0) if count > 8 else (10.0,)
        side = 256 if count > 8 else 224
        stage: Stage = "S4" if self.plan.plates_first else "S3"
        studio = ClayStudio(samples=1, occlusion=8, shadows=4, floor=False)
        views: list[tuple[Kept, Plate]] = []
        if not count:
            return views
        for number, camera in enumerate(
            turntable(body(scene.sculpt), count, elevations=elevations)
        ):
            picture = clay(scene, camera, side, side, studio)
            seen = scene.passes(camera, side * 2, side * 2).silhouette
            matte = seen.reshape(side, 2, side, 2).mean(axis=(1, 3)).astype(np.float32)
            pixels = np.dstack([picture, np.round(matte * 255).astype(np.uint8)])
            # What lies under a clear alpha is not part of the picture.
            pixels[pixels[..., 3] == 0] = 0
            label = Label(
                f"{self.subject.title}: turntable {number + 1} of {count}",
                "One posed view; its alpha is the matte.",
                ("turntable",),
                shot="turntable",
                camera=camera,
            )
            inputs = [self.mesh] if self.mesh else []
            recipe = self.recipe(
                f"{stage.lower()}.turntable", inputs, view=number, of=count, side=side
            )
            placement = self.place(
                stage, "plate" if stage == "S4" else "turntable", view=f"t{number:02d}"
            )
            folder = "plates" if stage == "S4" else "sculpt/turntable"
            kept = self.studio.keep(
                f"{folder}/t{number:02d}.webp",
                webp(pixels),
                placement,
                label,
                recipe,
                self.seedless_parent(self.mesh, "geometry"),
            )
            coverage = pixels[..., 3].astype(np.float32) / np.float32(255)
            views.append((kept, Plate(camera, coverage.astype(np.float32))))
        return views

    def lift(self, views: list[tuple[Kept, Plate]]) -> None:
        """S5: the visual hull of the turntable, its clay render, and re-entry where planned."""
        plates = [plate for _, plate in views]
        sources = [kept for kept, _ in views]
        hull = carve(plates, name=f"{self.plan.subject}-hull")
        score = round(agreement(hull, plates), 4)
        second = self.plan.second
        history = []
        extra = []
        if second is not None:
            history = [
                Event(
                    action="accepted",
                    when=self.studio.when,
                    software_agent=TOOL,
                    person="gm_assets world (scripted)",
                    note="Accepted by the demo's script as the sculpt of the second generation.",
                )
            ]
            extra = [self.place("S3", "mesh", primary=True, generation=2)]
        label = Label(
            f"{self.subject.title}: visual hull",
            f"Carved from {len(plates)} posed mattes; concavities that no silhouette shows are "
            f"filled. Mean silhouette agreement {score}.",
            ("visual hull", "structure"),
        )
        recipe = self.recipe("s5.hull", sources, resolution=136, views=len(plates), agreement=score)
        structure = self.studio.keep(
            "structure/hull.glb",
            glb(hull),
            self.place("S5", "hull", primary=True),
            label,
            recipe,
            [kept.parent("source") for kept in sources],
            history=history,
            extra=extra,
        )
        scene = Scene(hull)
        self.clay(scene, folder="structure", of=structure, stage="S5")
        if second is not None:
            bone = Sculpt(
                hull.name,
                tuple(
                    dataclasses.replace(part, semantic="architecture", material="wet-basalt")
                    for part in hull.parts
                ),
            )
            self.frame(bone, second, generation=2, of=structure)

    def revise(self) -> None:
        """A second take of the sculpt in the same document; its children become stale."""
        old = self.mesh
        assert old is not None and old.path is not None
        self.seed += 1
        (self.studio.root / old.path).unlink()
        sculpt = self.subject.build(self.seed, self.plan.detail)
        event = Event(
            action="revised",
            when=self.studio.when,
            software_agent=TOOL,
            instance_id=old.memory.instance_id,
            content_id=old.content_id,
            note="Second take: the coat hung wrong over the boots. Drawing, renders and frame "
            "are of the first take.",
            person="gm_assets world (scripted)",
        )
        label = Label(
            f"{self.subject.title}: sculpt, second take",
            self.subject.description,
            ("sculpt", *self.subject.identity_marks),
            gaps=old.memory.gaps,
        )
        self.studio.kept.remove(old)
        self.mesh = self.studio.keep(
            f"sculpt/{self.plan.subject}.glb",
            glb(sculpt),
            self.place("S3", "mesh", primary=True),
            label,
            self.recipe("s3.sculpt", detail=self.plan.detail),
            history=[event],
            document_id=old.memory.document_id,
            turn=1,
        )


def body(sculpt: Sculpt) -> NDArray[np.float32]:
    """The vertices that a camera frames: everything but ground and the person for scale."""
    chosen = [
        part.vertices
        for part in sculpt.parts
        if part.semantic != "ground" and not part.name.startswith("visitor")
    ]
    return np.concatenate(chosen or [part.vertices for part in sculpt.parts])


def shot_camera(shot: Shot, sculpt: Sculpt) -> Camera:
    """The camera of a shot: around the subject, or within it."""
    if shot.inside is not None:
        eye, target = shot.inside
        return look_at(eye, target, focal_length=shot.lens, aspect=shot.aspect)
    return framed(
        body(sculpt),
        azimuth=shot.azimuth,
        elevation=shot.elevation,
        focal_length=shot.lens,
        aspect=shot.aspect,
        margin=shot.margin,
        lift=shot.lift,
    )


def _setting(shot: Shot, sculpt: Sculpt, camera: Camera, seed: int) -> Setting:
    """The environment of a shot, with its exposure and, against the law, its red beacon."""
    if shot.inside is not None:
        setting = within(sculpt)
    else:
        setting = environment(shot.environment, sculpt, camera, seed, person=shot.person)
    develop = dataclasses.replace(
        setting.develop,
        exposure=setting.develop.exposure * shot.exposure,
        free_red=shot.red_beacon,
    )
    setting = dataclasses.replace(setting, develop=develop)
    if not shot.red_beacon:
        return setting
    points = body(sculpt)
    top = points[int(points[:, 1].argmax())]
    at = (float(top[0]), float(top[1]) * 0.97, float(top[2]))
    beacon = Lamp("point", (2.6, 0.03, 0.04), at=at, reach=0.16 * setting.size, size=0.1, beam=2.0)
    return dataclasses.replace(setting, lamps=(*setting.lamps, beacon))
