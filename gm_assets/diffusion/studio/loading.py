"""Loading the SDXL family from sealed folders: local files, safetensors, no code of a model.

Components are those of `model_index.json`, which may name classes of diffusers and transformers
only. Before anything is loaded, the size of the weights is compared with the memory that is free.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, get_args

from gm_assets.diffusion.profiles import Offload, ShaderSpec
from gm_assets.errors import ModelError

#: The adapter and its picture encoder inside the part `identity`.
ADAPTER = ("sdxl_models", "ip-adapter-plus_sdxl_vit-h.safetensors")
IMAGE_ENCODER = "models/image_encoder"
#: The variable that goes before the `offload` of a profile, since GPUs differ.
OFFLOAD = "GM_OFFLOAD"
#: Whose classes a model may name.
LIBRARIES = frozenset(("diffusers", "transformers"))
#: Working memory a pixel of SDXL's decoder in float32, the most of all components. Measured at
#: 512 x 512 with random weights on a CPU.
DECODER_BYTES = 4200
MAX_JSON_BYTES = 1_000_000
MAX_HEADER_BYTES = 100_000_000
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Place:
    """Where a model computes: `device` as PyTorch names it, `dtype` by its name."""

    device: str
    dtype: str
    offload: str = "none"

    @classmethod
    def of(cls, spec: ShaderSpec) -> Place:
        """The place that `spec` asks for on this machine.

        Raises:
            ModelError: an unknown dtype or offload, or a device that is not here.
        """
        import torch

        if spec.dtype not in _BYTES:
            raise ModelError(f"{spec.dtype!r} is not a dtype", remedy=f"Use {', '.join(_BYTES)}")
        device, offload = spec.device, _offload() or spec.offload
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cpu":
            return cls("cpu", "float32")  # half numbers are slow or missing on a CPU
        if not device.startswith("cuda") or not torch.cuda.is_available():
            raise ModelError(
                f"there is no device {device!r} here",
                where=spec.name,
                remedy="Use `cpu`, or a machine with a GPU that PyTorch knows",
            )
        return cls(device, spec.dtype, offload)


def _offload() -> str | None:
    wanted = os.environ.get(OFFLOAD)
    if wanted and wanted not in get_args(Offload):
        known = ", ".join(get_args(Offload))
        raise ModelError(f"{wanted!r} is no offload", where=OFFLOAD, remedy=f"Use {known}")
    return wanted


def load_pipeline(spec: ShaderSpec, folders: Mapping[str, Path], place: Place) -> Any:
    """The pipeline with its control network, placed; folders were compared with their seals.

    Raises:
        ModelError: not models of these classes, or larger than the memory.
    """
    needed = {role: folders[role] for role in ("pipeline", "controlnet")}
    require_memory(spec, needed, place)
    import torch

    with _quiet():
        from diffusers import ControlNetUnionModel, StableDiffusionXLControlNetUnionPipeline

    _require_known_libraries(folders["pipeline"])
    local: dict[str, Any] = {
        "dtype": getattr(torch, place.dtype),
        "use_safetensors": True,
        "local_files_only": True,
    }
    with loading(spec, folders["controlnet"]):
        variant = spec.part("controlnet").variant
        controlnet = ControlNetUnionModel.from_pretrained(
            folders["controlnet"], variant=variant, **local
        )
    with loading(spec, folders["pipeline"]):
        pipeline = StableDiffusionXLControlNetUnionPipeline.from_pretrained(
            folders["pipeline"],
            variant=spec.part("pipeline").variant,
            controlnet=controlnet,
            add_watermarker=False,  # else it depends on what else is installed
            **local,
        )
        pipeline.set_progress_bar_config(disable=True)
        put(pipeline, place)
    return pipeline


def put(pipeline: Any, place: Place) -> None:
    """Bring all components to their device, as the offload says."""
    if place.offload == "model":
        pipeline.enable_model_cpu_offload(device=place.device)
    else:
        pipeline.to(place.device)


def add_identity(pipeline: Any, spec: ShaderSpec, folder: Path, place: Place) -> None:
    """Load IP-Adapter into the pipeline: from now on every call needs a picture.

    Raises:
        ModelError: the adapter does not fit the model, or is larger than the memory.
    """
    import torch
    from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

    require_memory(spec, {"identity": folder}, place)
    subfolder, weights = ADAPTER
    with loading(spec, folder):
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            folder / IMAGE_ENCODER,
            dtype=getattr(torch, place.dtype),
            use_safetensors=True,
            local_files_only=True,
        )
        side: Any = encoder.config.image_size
        # Said, not left to what is installed: torchvision's filter gives other pixels.
        processor = CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )
        pipeline.remove_all_hooks()  # offloaded weights cannot be added to
        pipeline.register_modules(image_encoder=encoder, feature_extractor=processor)
        pipeline.load_ip_adapter(
            str(folder),
            subfolder=subfolder,
            weight_name=weights,
            image_encoder_folder=IMAGE_ENCODER,
            local_files_only=True,
        )
        pipeline.set_ip_adapter_scale(spec.identity_scale)
        put(pipeline, place)


def remove_identity(pipeline: Any, place: Place) -> None:
    """Take IP-Adapter out again."""
    pipeline.remove_all_hooks()
    pipeline.unload_ip_adapter()
    put(pipeline, place)


def require_memory(spec: ShaderSpec, folders: Mapping[str, Path], place: Place) -> None:
    """Refuse weights that are larger than the memory that is free, before they are read.

    Working memory comes on top of them; that it does not suffice shows when a frame is made.

    Raises:
        ModelError: they are.
    """
    sizes = {
        f"{role}/{path.parent.relative_to(folder).as_posix()}": _parameters(path)
        * _BYTES[place.dtype]
        for role, folder in folders.items()
        for path in sorted(folder.rglob("*.safetensors"))
    }
    _require(sum(sizes.values()), _free_memory(), spec, "its weights")
    if place.device == "cpu":
        return
    import torch

    # Control network and U-Net take turns at every step, so both stay on the GPU.
    together = sum(sizes.get(name, 0) for name in ("pipeline/unet", "controlnet/."))
    needed = together if place.offload == "model" else sum(sizes.values())
    _require(
        needed, torch.cuda.mem_get_info(place.device)[0], spec, f"its weights on {place.device}"
    )


def require_room(spec: ShaderSpec, place: Place, width: int, height: int) -> None:
    """Refuse a frame whose working memory is larger than what is free, where nobody else would.

    A GPU says so itself; a CPU's allocator promises what is not there, and the process is killed.

    Raises:
        ModelError: it is.
    """
    if place.device == "cpu":
        needed = width * height * DECODER_BYTES
        _require(needed, _free_memory(), spec, f"a frame of {width} x {height}")


def _require(needed: int, free: int | None, spec: ShaderSpec, what: str) -> None:
    if free is not None and needed > free:
        raise ModelError(
            f"not enough memory for {what}: it takes {needed / 1e9:.1f} GB, "
            f"{free / 1e9:.1f} GB are free",
            where=spec.name,
            remedy=NO_ROOM,
        )


NO_ROOM = (
    "End what else uses it, set GM_OFFLOAD to `model` (GPUs), make smaller frames, or use the "
    "profile `embedded`"
)


def _parameters(path: Path) -> int:
    """How many numbers a safetensors file holds, from its header.

    The format: eight bytes little-endian length, then JSON of that length.

    Raises:
        ModelError: it is no safetensors file.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MAX_HEADER_BYTES:
                raise ValueError("its header is too large")
            header = json.loads(file.read(length))
        return sum(prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"it is no safetensors file ({error})", where=path) from None


def _free_memory() -> int | None:
    """Bytes that programs can have without swapping, where the system says (Linux)."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _require_known_libraries(folder: Path) -> None:
    """Refuse a model_index.json whose components are not of diffusers or transformers.

    Raises:
        ModelError: they are not, or it is malformed.
    """
    path = folder / "model_index.json"
    try:
        with path.open("rb") as file:
            index = json.loads(file.read(MAX_JSON_BYTES))
        named = {key: value[0] for key, value in index.items() if isinstance(value, list)}
    except (OSError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise ModelError(f"it is no index of a pipeline ({error})", where=path) from None
    for component, library in named.items():
        if library is not None and library not in LIBRARIES:
            raise ModelError(
                f"its component {component} wants code of {library!r}, which is not run",
                where=path,
                remedy="Use a model of diffusers' own classes",
            )


@contextmanager
def loading(spec: ShaderSpec, folder: Path) -> Iterator[None]:
    """Turn what libraries raise on a folder into a ModelError.

    Raises:
        ModelError: with the reason, for anything raised within it.
    """
    try:
        with _quiet():
            yield
    except ModelError:
        raise
    except Exception as error:  # a folder may hold any configuration
        if out_of_memory(error):
            raise ModelError("not enough memory to load it", where=folder, remedy=NO_ROOM) from None
        raise ModelError(
            f"the model cannot be loaded ({type(error).__name__}: {str(error)[:500]})",
            where=folder,
            remedy=f"`gm models verify {spec.name}` checks its files; docs/leash.md names the "
            "classes that are needed",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the bars and the advice of diffusers and transformers from the terminal."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    loud = [
        (one, one.get_verbosity(), one.is_progress_bar_enabled())
        for one in (of_diffusers, of_transformers)
    ]
    for logging, _, _ in loud:
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    try:
        yield
    finally:
        for logging, verbosity, bars in loud:
            logging.set_verbosity(verbosity)
            if bars:
                logging.enable_progress_bar()


def out_of_memory(error: BaseException) -> bool:
    """Whether it says that memory did not suffice.

    PyTorch raises OutOfMemoryError for GPUs, and a plain RuntimeError of its CPU allocator.
    """
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
