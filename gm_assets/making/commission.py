"""A commission: a chain, its plan and a shader, resolved against the library.

It knows what the frames of each entry obey and where they go; `generating` runs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.diffusion.protocol import Guide, Picture
from gm_assets.errors import GmError, ModelError
from gm_assets.library.encoders import Embedder, embedder_of
from gm_assets.library.recovery import carriers
from gm_assets.making.frames import Easel, Frame, Model, Told
from gm_assets.making.guides import SKETCH, Stand, sketch_stand, stand_of
from gm_assets.making.housing import refuse_planned
from gm_assets.making.keeping import GENERATOR, PROGRAM, Keeper, Kept, Maker
from gm_assets.making.plans import Changes, FramePlan, Made, Plan
from gm_assets.making.sources import Chain, NothingToObey
from gm_assets.memory.record import Placement
from gm_assets.settings import Settings, chosen_profile

if TYPE_CHECKING:
    from gm_assets.diffusion.profiles import ShaderSpec
    from gm_assets.library import Library
    from gm_assets.making.passes import Mesh, PassSet
    from gm_assets.sculpt.views import View

#: Long side of frames whose plan names no size, in pixels.
SIDE = 512
#: Sides of such frames are multiples of this, which every model here can make.
STEP = 16
#: Passes that are made for frames; a plan that weighs `pose` gets that one too.
PASSES: tuple[str, ...] = ("depth", "normal", "silhouette", "ids")
#: Outlines of other subjects that a frame is compared with, and their side in pixels.
OTHERS, OTHERS_SIDE = 11, 256

#: Frames that were made as a plan asks, by the model and from the source at hand.
_FRAMES = """
select json_extract_string(a.recipe, '$.plan'), min(a.path)
from placements p join assets a using (document_id)
where p.key = $key and p.stage = $stage and not a.altered
  and json_extract_string(a.recipe, '$.model.fingerprint') = $model
  and $source in (json_extract_string(a.recipe, '$.manifest.sculpt'),
                  json_extract_string(a.recipe, '$.manifest.sketch'))
group by 1"""


@dataclass
class Commission:
    """What one call of `generate` was asked.

    Attributes:
        chain: whose frames are made.
        plan: what is wanted of it, changes included.
        spec: the shader.
        source: the sculpt or the sketch.
        kept: all files that were made or verified, passes included; some stand twice.
    """

    chain: Chain
    plan: Plan
    spec: ShaderSpec
    source: Kept
    kept: list[Kept] = field(default_factory=list)

    @classmethod
    def of(
        cls, library: Library, key: str, stage: Made, changes: Changes, spec: ShaderSpec | None
    ) -> Commission:
        """Resolve chain, plan, shader and source.

        Raises:
            NotFound, InvalidPlan, ModelError, LibraryError, WriteRefused: as `generate`.
        """
        chain = Chain.of(library, key)
        plan = changes.of(chain.plan(stage))
        source = chain.source("S3" if stage == "S4" else "S1")
        made = cls(chain, plan, spec or _spec_of(library, plan), source)
        refuse_planned(library, made.folder, "frame.png")
        return made

    @property
    def library(self) -> Library:
        """The library of the chain."""
        return self.chain.library

    @property
    def folder(self) -> str:
        """Where the files go, relative to the library."""
        return self.plan.folder or self.chain.folder

    # -------------------------------------------------------------- what the frames obey

    @cached_property
    def sculpt(self) -> Kept | None:
        """The sculpt that frames obey.

        For S2 it is the one that the sketch was drawn from: the sketch names its content as
        its geometry, and remembers the camera. Then its passes bind the frame as the lines do.
        """
        if self.plan.stage == "S4":
            return self.source
        drawn = {link.content_id for link in self.source.memory.parents if link.role == "geometry"}
        if not drawn or self.source.memory.camera is None:
            return None
        try:
            sculpt = self.chain.source("S3")
        except NothingToObey:
            return None
        return sculpt if sculpt.content_id in drawn else None

    @cached_property
    def mesh(self) -> Mesh:
        """The sculpt as read, its passes standing in this chain."""
        from gm_assets.making.passes import mesh_of

        assert self.sculpt is not None and self.sculpt.path is not None
        mesh = mesh_of(self.library.root, self.sculpt.path)
        stands = Placement(
            chain=self.chain.name,
            generation=self.chain.generation,
            stage="S3",
            part="mesh",
            frame=None,
        )
        return replace(mesh, placement=stands)

    def size(self, entry: FramePlan) -> tuple[int, int]:
        """Width and height of an entry's frames; those of a sketch keep its proportions."""
        if entry.width is not None and entry.height is not None:
            return entry.width, entry.height
        written = self.source.memory.written
        if self.plan.stage == "S4" or not (written and written.width and written.height):
            return SIDE, SIDE
        turned = (written.orientation or 1) > 4  # EXIF 2.32: 5 to 8 lie on their side
        width, height = written.width, written.height
        width, height = (height, width) if turned else (width, height)
        scale = SIDE / max(width, height) / STEP
        return max(1, round(width * scale)) * STEP, max(1, round(height * scale)) * STEP

    def cameras(self, entry: FramePlan) -> tuple[View, ...]:
        """The cameras of an entry's views in the mesh's own coordinates, each name once."""
        from gm_assets.sculpt.cameras import frame
        from gm_assets.sculpt.views import View, subject_points, views_of

        width, height = self.size(entry)
        sculpt, restored = self.mesh.sculpt, self.mesh.model.normalisation.restored
        views: dict[str, View] = {}
        for wanted in entry.views:
            if isinstance(wanted, str):
                for view in views_of(sculpt, [wanted], aspect=width / height):
                    views.setdefault(view.name, View(view.name, restored(view.camera)))
                continue
            camera = frame(
                subject_points(sculpt),
                azimuth=wanted.azimuth,
                elevation=wanted.elevation,
                focal_length=wanted.lens,
                aspect=width / height,
                margin=wanted.margin,
                lift=wanted.lift,
            )
            views.setdefault(wanted.name, View(wanted.name, restored(camera)))
        return tuple(views.values())

    def views(self, entry: FramePlan) -> tuple[str, ...]:
        """Names of an entry's views."""
        if self.plan.stage == "S2":
            return (SKETCH,)
        return tuple(view.name for view in self.cameras(entry))

    def stands(self, entry: FramePlan) -> list[Stand]:
        """What an entry's frames obey: its passes are made, or verified where they lie.

        Raises:
            GmError: a view cannot be set up, or sees nothing.
        """
        root, size = self.library.root, self.size(entry)
        if self.plan.stage == "S4":
            sets = self._passes(entry, self.cameras(entry), size)
            return [stand_of(root, one, self.source) for one in sets]
        if self.sculpt is None and self.spec.takes_lines:
            return [sketch_stand(root, self.source, size)]
        if self.sculpt is None:
            return [stand_of(root, self._drawn(size), sketch=self.source)]
        from gm_assets.sculpt.views import View

        camera = self.source.memory.camera
        assert camera is not None  # else it would not count as drawn from the sculpt
        (one,) = self._passes(entry, (View(SKETCH, camera),), size)
        return [stand_of(root, one, self.sculpt, sketch=self.source)]

    def _drawn(self, size: tuple[int, int]) -> PassSet:
        """The passes of the sketch itself, for a model that takes no lines; made or verified."""
        from gm_assets.making.drawn import drawn_passes

        keeper = self.keeper(PROGRAM)
        stands = Placement(
            chain=self.chain.name,
            generation=self.chain.generation,
            stage="S1",
            part="sketch",
            frame=None,
        )
        try:
            passes = drawn_passes(keeper, self.source, stands, size)
        finally:
            self.kept += keeper.kept
        self.kept += passes.files.values()
        return passes

    def _passes(
        self, entry: FramePlan, cameras: Sequence[View], size: tuple[int, int]
    ) -> tuple[PassSet, ...]:
        """The passes of an entry's views, made or verified."""
        from gm_assets.making.passes import PassOrder, make_passes

        names = (*PASSES, "pose") if entry.passes.get("pose") else PASSES
        order = PassOrder(tuple(view.name for view in cameras), names, *size)
        keeper = self.keeper(PROGRAM)
        try:
            sets = make_passes(self.mesh, keeper, order, cameras=cameras)
        finally:
            self.kept += keeper.kept
        self.kept += [kept for one in sets for kept in one.files.values()]
        return sets

    # -------------------------------------------------------------------- how they are made

    def keeper(self, maker: Maker) -> Keeper:
        """What keeps the files."""
        found = embedder_of(self.library)  # without it ingest says why there are no vectors
        return Keeper(
            self.library.root,
            self.folder,
            maker,
            self._when,
            self.chain.domain,
            self.chain.subject,
            found if isinstance(found, Embedder) else None,
        )

    @cached_property
    def _when(self) -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")

    @cached_property
    def easel(self) -> Easel:
        """Where the frames are made.

        Raises:
            ModelError: the shader's files are missing or not the sealed ones.
        """
        from gm_assets.diffusion.opening import active_fingerprint, shared_shader

        return Easel(
            keeper=self.keeper(GENERATOR),
            model=Model(self.spec, active_fingerprint(self.spec), shared_shader),
            stage=self.plan.stage,
            key=self.chain.key,
            names=self.chain.names,
            identity=self._identity(),
            judge=self.judge,
            found=self._lying,
            first=not self.chain.has(self.plan.stage),
        )

    def frames(self, told: Told | None = None) -> Iterator[Frame]:
        """Make or verify all frames of the plan; see `Easel.frames`."""
        easel = self.easel  # a model that is missing is told before any pass is made
        stands = {entry.name: self.stands(entry) for entry in self.plan.frames}
        for frame in easel.frames(self.plan, stands, told):
            self.kept.append(frame.kept)
            yield frame

    def catalogued(self) -> Mapping[str, str]:
        """Paths of frames that the catalogue knows of this source and model, by plan hash."""
        values = {
            "key": self.chain.key,
            "stage": self.plan.stage,
            "model": self.easel.model.fingerprint,
            "source": self.source.content_id,
        }
        return dict(self.library.catalogue().execute(_FRAMES, values).fetchall())

    def judge(self, picture: Picture, guide: Guide) -> dict[str, Any]:
        """What is measured of a frame."""
        from gm_assets.diffusion.obedience import measure

        others = () if guide.silhouette is None else self._others
        return measure(picture, guide, others).record()

    @cached_property
    def _others(self) -> tuple[NDArray[np.bool_], ...]:
        """Silhouettes of other chains' sculpts, for the null; those that cannot be read are not."""
        from gm_assets.sculpt.glb import read_glb
        from gm_assets.sculpt.rays import Scene
        from gm_assets.sculpt.views import views_of

        found = []
        for path in self.chain.meshes_of_others(OTHERS):
            try:
                scene = Scene(read_glb(self.library.root / path))
                camera = views_of(scene.sculpt, ["hero"])[0].camera
            except GmError:
                continue
            found.append(scene.silhouette(camera, OTHERS_SIDE, OTHERS_SIDE))
        return tuple(found)

    def _identity(self) -> Kept | None:
        """The reference that shows what the subject looks like, where there is one."""
        wanted = any(entry.identity for entry in self.plan.frames)
        able = any(part.role == "identity" for part in self.spec.parts)
        if self.plan.stage != "S4" or not (wanted and able):
            return None
        try:
            return self.chain.source("S2")
        except NothingToObey:
            return None

    def _lying(self, document_id: str) -> str | None:
        return carriers(self.library, {document_id}).get(document_id)


def _spec_of(library: Library, plan: Plan) -> ShaderSpec:
    """The shader of the plan's profile, else of `GM_PROFILE`, else the embedded one.

    gm.toml's `[encoder]` has no say: a library may go without vectors and still make frames.
    """
    from gm_assets.diffusion.profiles import shader_spec

    profile = plan.profile or chosen_profile() or Settings.profile
    spec = shader_spec(profile)
    if spec is None:
        raise ModelError(
            "models are switched off: the active profile is `none`",
            where=plan.source or library.root,
            remedy="Choose another with --profile, the plan's `profile` or GM_PROFILE",
        )
    return spec
