"""What `serve` can serve: one class a model, each a card and a way from an order to a GLB.

`outline` needs no weights and runs everywhere: it tries out the way. `shap-e` runs through
diffusers. The others run in the checkout of their authors' repository with its own
requirements, on a GPU; they follow the scripts in those repositories.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gm_assets.errors import LiftError, MissingExtra, ModelError
from gm_assets.lifting.protocol import Plate, Surface
from gm_assets.lifting.remote.catalogue import known_model
from gm_assets.lifting.remote.contract import MOST_PLATES, ModelCard, Order

#: Files of a model folder that decide what it makes.
_WEIGHTS = ("*.safetensors", "*.json", "*.yaml", "*.bin", "*.ckpt", "*.pt")


class Backend(Protocol):
    """A model that is served."""

    @property
    def card(self) -> ModelCard:
        """What it says of itself."""

    def make(self, order: Order) -> bytes:
        """A GLB of what the order asks for.

        Raises:
            GmError: it cannot be made; the message is sent to whoever asked.
        """


@dataclass(frozen=True)
class Source:
    """Where a model lies on this machine.

    Attributes:
        folder: of its weights; None for a method without.
        code: checkout of the repository that runs it; None where none is needed.
        device: of torch.
        steps: of the sampler; None for what the model's authors use.
    """

    folder: Path | None = None
    code: Path | None = None
    device: str = "cuda"
    steps: int | None = None

    @property
    def weights(self) -> Path:
        """The folder of the weights.

        Raises:
            ModelError: it was not named, or is none.
        """
        if self.folder is None or not self.folder.is_dir():
            raise ModelError(
                "the folder of the weights is missing",
                where=self.folder,
                remedy="Name it with --weights; docs/lift-models.md says how to get it",
            )
        return self.folder


def open_backend(name: str, source: Source) -> Backend:
    """Load a model.

    Raises:
        LiftError: it is not known. ModelError: its weights or its code are not there.
        MissingExtra: packages that it needs are not installed.
    """
    if name not in BACKENDS:
        raise LiftError(f"{name!r} cannot be served", remedy=f"There are {', '.join(BACKENDS)}")
    return BACKENDS[name](source)


class Outline:
    """No model: a relief of one outline, a visual hull of three and more with their cameras."""

    card = ModelCard(
        "outline", version("gm-assets"), "Apache-2.0", least=1, most=MOST_PLATES, cameras=True
    )

    def __init__(self, source: Source) -> None:
        del source  # it has no weights

    def make(self, order: Order) -> bytes:
        """A GLB of the outlines; seed and prompt change nothing."""
        from gm_assets.lifting.drawn_solid import lift_drawing
        from gm_assets.lifting.hull import lift_hull
        from gm_assets.lifting.surface import surface_glb

        if len(order.plates) == 2:
            raise LiftError("two plates make neither a relief nor a hull", remedy="Send 1 or 3")
        lifted = (lift_drawing if len(order.plates) == 1 else lift_hull)(order.plates)
        assert lifted.surface is not None  # both make one
        return surface_glb(lifted.surface, "outline")


class ShapE:
    """Shap-E (Jun and Nichol 2023) through diffusers: small, quick and coarse."""

    def __init__(self, source: Source) -> None:
        weights = source.weights
        try:
            import torch
            from diffusers import ShapEImg2ImgPipeline
        except ImportError as error:
            raise MissingExtra.of(error.name or "diffusers") from None
        try:
            pipeline = ShapEImg2ImgPipeline.from_pretrained(
                weights, local_files_only=True, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise ModelError(f"it cannot be loaded: {error}", where=weights) from None
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline: Any = pipeline.to(source.device)
        self._torch: Any = torch
        self._steps = source.steps or 64
        self.card = _card("shap-e", source, _package("diffusers"))

    def make(self, order: Order) -> bytes:
        """A GLB with vertex colours, Y up."""
        from gm_assets.lifting.surface import surface_glb

        generator = self._torch.Generator("cpu").manual_seed(order.seed)
        mesh = self._pipeline(
            _on_white(order.plates[0]),
            generator=generator,
            num_inference_steps=self._steps,
            guidance_scale=3.0,
            output_type="mesh",
        ).images[0]
        vertices = mesh.verts.detach().float().cpu().numpy()
        light = [mesh.vertex_channels[name].detach().float().cpu().numpy() for name in "RGB"]
        colours = _srgb(np.stack(light, axis=1))
        surface = _surface(_y_up(vertices), mesh.faces.cpu().numpy(), colours)
        return surface_glb(surface, "shap-e")


class TripoSG:
    """TripoSG (Li et al. 2025), from one picture."""

    def __init__(self, source: Source) -> None:
        torch = self._torch = _foreign("torch", source)
        loader = _foreign("triposg.pipelines.pipeline_triposg", source).TripoSGPipeline
        self._pipeline = loader.from_pretrained(str(source.weights)).to(
            source.device, _dtype(torch, source.device)
        )
        self._device, self._steps = source.device, source.steps or 50
        self.card = _card("triposg", source)

    def make(self, order: Order) -> bytes:
        """A GLB without colours."""
        with self._torch.no_grad():
            vertices, faces = self._pipeline(
                image=_on_white(order.plates[0]),
                generator=self._torch.Generator(self._device).manual_seed(order.seed),
                num_inference_steps=self._steps,
                guidance_scale=7.0,
            ).samples[0]
        return _bare(vertices, faces, "triposg")


class TripoSGScribble:
    """TripoSG's pipeline for scribbles: a sketch (S1) and words."""

    def __init__(self, source: Source) -> None:
        torch = self._torch = _foreign("torch", source)
        home = _foreign("triposg.pipelines.pipeline_triposg_scribble", source)
        self._pipeline = home.TripoSGScribblePipeline.from_pretrained(str(source.weights)).to(
            source.device, _dtype(torch, source.device)
        )
        self._device, self._steps = source.device, source.steps or 16
        self.card = _card("triposg-scribble", source, prompt=True)

    def make(self, order: Order) -> bytes:
        """A GLB without colours."""
        with self._torch.no_grad():
            vertices, faces = self._pipeline(
                image=_on_white(order.plates[0]),
                prompt=order.prompt,
                generator=self._torch.Generator(self._device).manual_seed(order.seed),
                num_inference_steps=self._steps,
                guidance_scale=0,  # it is distilled: guidance is built in
                attention_kwargs={"cross_attention_scale": 1.0, "cross_attention_2_scale": 0.4},
                use_flash_decoder=False,
                dense_octree_depth=8,
                hierarchical_octree_depth=8,
            ).samples[0]
        return _bare(vertices, faces, "triposg-scribble")


class Trellis2:
    """TRELLIS.2 (Microsoft 2025): a textured mesh from one picture."""

    def __init__(self, source: Source) -> None:
        loader = _foreign("trellis2.pipelines", source).Trellis2ImageTo3DPipeline
        self._finish = _foreign("o_voxel", source).postprocess.to_glb
        self._pipeline = loader.from_pretrained(str(source.weights))
        self._pipeline.cuda()
        self.card = _card("trellis2", source)

    def make(self, order: Order) -> bytes:
        """A GLB with its textures."""
        mesh = self._pipeline.run(_cut_out(order.plates[0]), seed=order.seed)[0]
        made = self._finish(
            vertices=mesh.vertices,
            faces=mesh.faces,
            attr_volume=mesh.attrs,
            coords=mesh.coords,
            attr_layout=mesh.layout,
            voxel_size=mesh.voxel_size,
            aabb=[[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]],
            decimation_target=500_000,
            texture_size=2048,
            remesh=True,
            remesh_band=1,
            remesh_project=0,
            verbose=False,
        )
        data = made.export(file_type="glb")
        return bytes(data)


class Hunyuan:
    """Hunyuan3D 2.1 (Tencent 2025), its shape without paint, from one picture."""

    def __init__(self, source: Source) -> None:
        self._torch = _foreign("torch", source, "hy3dshape")
        loader = _foreign("hy3dshape.pipelines", source, "hy3dshape")
        self._pipeline = loader.Hunyuan3DDiTFlowMatchingPipeline.from_pretrained(
            str(source.weights)
        )
        self._device, self._steps = source.device, source.steps or 50
        self.card = _card("hunyuan3d-2.1", source)

    def make(self, order: Order) -> bytes:
        """A GLB without colours."""
        mesh = self._pipeline(
            image=_cut_out(order.plates[0]),
            num_inference_steps=self._steps,
            generator=self._torch.Generator(self._device).manual_seed(order.seed),
        )[0]
        return _bare(mesh.vertices, mesh.faces, "hunyuan3d-2.1")


BACKENDS: dict[str, Callable[[Source], Backend]] = {
    "outline": Outline,
    "shap-e": ShapE,
    "triposg": TripoSG,
    "triposg-scribble": TripoSGScribble,
    "trellis2": Trellis2,
    "hunyuan3d-2.1": Hunyuan,
}


def _card(name: str, source: Source, ran_by: str = "", *, prompt: bool = False) -> ModelCard:
    known = known_model(name)
    return ModelCard(
        name,
        ran_by or _commit(source.code),
        known.licence,
        known.restrictions,
        known.repository,
        weights_hash(source.weights),
        prompt=prompt,
    )


def weights_hash(folder: Path) -> str:
    """sha256 over names and hashes of a model's files, in hexadecimal.

    Raises:
        ModelError: there are none.
    """
    files = sorted({path for pattern in _WEIGHTS for path in folder.rglob(pattern)})
    if not files:
        raise ModelError("there are no weights in this folder", where=folder)
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{digest} {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def _package(name: str) -> str:
    return f"{name} {version(name)}"


def _commit(code: Path | None) -> str:
    """The commit that a checkout is at, or that it is not known."""
    head = None if code is None else code / ".git" / "HEAD"
    if head is None or not head.is_file():
        return "commit not known"
    said = head.read_text("utf-8").strip()
    if said.startswith("ref: "):
        branch = head.parent / said[5:]
        said = branch.read_text("utf-8").strip() if branch.is_file() else "commit not known"
    return said[:100]


def _foreign(module: str, source: Source, below: str = "") -> Any:
    """A module of the checkout that runs a model, or of what that checkout requires."""
    if source.code is None or not (source.code / below).is_dir():
        raise ModelError(
            "the checkout of the model's repository is missing",
            where=source.code,
            remedy="Name it with --code; docs/lift-models.md says which it is",
        )
    folder = str(source.code / below)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return import_module(module)
    except ImportError as error:
        raise ModelError(
            f"{module} cannot be imported: {error}",
            where=source.code,
            remedy="Install what that repository requires, in an environment of its own",
        ) from None


def _dtype(torch: Any, device: str) -> Any:
    return torch.float32 if device == "cpu" else torch.float16


def _on_white(plate: Plate) -> Any:
    """The subject on white, as an image of Pillow."""
    from PIL import Image

    assert plate.picture is not None  # every order has it
    cover = plate.silhouette[..., None]
    return Image.fromarray(np.round(plate.picture * cover + 255 * (1 - cover)).astype(np.uint8))


def _cut_out(plate: Plate) -> Any:
    """The subject with its silhouette as alpha, as an image of Pillow."""
    from PIL import Image

    assert plate.picture is not None  # every order has it
    alpha = np.round(plate.silhouette * 255).astype(np.uint8)
    return Image.fromarray(np.dstack([plate.picture, alpha]))


def _srgb(light: NDArray[Any]) -> NDArray[np.uint8]:
    """Linear light 0 to 1 as sRGB of 8 bits (IEC 61966-2-1)."""
    light = np.clip(light, 0, 1)
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(curve * 255).astype(np.uint8)


def _y_up(vertices: NDArray[Any]) -> NDArray[Any]:
    """From Z up to Y up."""
    return np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)


def _surface(vertices: Any, faces: Any, colours: NDArray[np.uint8] | None = None) -> Surface:
    try:
        return Surface(np.asarray(vertices, np.float32), np.asarray(faces, np.uint32), colours)
    except ValueError as error:
        raise LiftError(f"the model made no sound mesh: {error}") from None


def _bare(vertices: Any, faces: Any, name: str) -> bytes:
    from gm_assets.lifting.surface import surface_glb

    return surface_glb(_surface(vertices, faces), name)
