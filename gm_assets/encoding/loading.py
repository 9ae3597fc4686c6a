"""Opening an encoder: one loading code for every image-text model that transformers knows.

`AutoModel` and `AutoProcessor` read the sealed folder and nothing else: no network, no pickles
(safetensors only), no code from a model's folder. Measured with transformers 5.23:
`get_image_features` gives an output object whose `pooler_output` is not normalised, and the
image processors must be told to use Pillow, or they would follow what is installed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.encoding.encoder import Encoder, Pixels, Towers
from gm_assets.encoding.fingerprint import BACKEND, fingerprint_of
from gm_assets.encoding.preprocess import preprocess_of
from gm_assets.encoding.profiles import EncoderSpec
from gm_assets.encoding.sealing import Sealed, sealed
from gm_assets.encoding.text import canonical
from gm_assets.errors import GmError, MissingExtra, ModelError

_PACKAGES = ("torch", "transformers", "tokenizers", "safetensors")
_DTYPES = ("float32", "bfloat16", "float16")
#: A longer list of words is none of ours.
MAX_WORDS_BYTES = 4_000_000
#: Tokenizers without a limit state 10^30.
MAX_TEXT_LENGTH = 4096


def open_encoder(spec: EncoderSpec, *, threads: int | None = 1) -> Encoder:
    """Open an encoder: check its files, load it, see that it gives vectors.

    Args:
        threads: of the runtime, for the whole process; None leaves what is set. One is best
            where several processes work side by side.

    Raises:
        MissingExtra: the packages that run models are not installed.
        ModelError: not there, not pulled, not the sealed files, not an image-text model, or
            damaged.
    """
    require_packages()
    model = sealed(spec)
    fingerprint = fingerprint_of(model, spec)
    with _quiet():
        loaded = _load(model.folder, spec, threads)
    return _encoder(loaded, model, spec, fingerprint, threads or 1)


def shared_encoder(spec: EncoderSpec) -> Encoder:
    """`open_encoder(spec)` with one thread, opened once in this process.

    Raises:
        MissingExtra, ModelError: as `open_encoder`; an error is not remembered.
    """
    with _opening:
        return _shared(spec)


_opening = threading.Lock()


@lru_cache(maxsize=2)
def _shared(spec: EncoderSpec) -> Encoder:
    return open_encoder(spec)


def obstacle(spec: EncoderSpec) -> GmError | None:
    """What keeps this encoder from being opened, found without loading anything."""
    try:
        require_packages()
        sealed(spec)
    except GmError as error:
        return error
    return None


def require_packages(*packages: str, extra: str = "ml") -> None:
    """Raise MissingExtra where a package that runs models is not installed."""
    for name in packages or _PACKAGES:
        if find_spec(name) is None:
            raise MissingExtra.of(name, extra)


@dataclass(frozen=True)
class _Loaded:
    """What transformers made of a folder."""

    model: Any
    tokenizer: Any
    image_processor: Any


@dataclass(frozen=True)
class TorchTowers:
    """Both towers of a transformers model, run by PyTorch."""

    model: Any
    device: str

    def images(self, pixels: Pixels) -> NDArray[np.float32]:
        """Rows of `get_image_features`."""
        return self._features(self.model.get_image_features, pixels)

    def texts(self, tokens: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Rows of `get_text_features`."""
        return self._features(self.model.get_text_features, dict(tokens))

    def _features(self, call: Callable[..., Any], given: dict[str, Any]) -> NDArray[np.float32]:
        import torch

        tensors = {}
        for name, array in given.items():
            tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
            floating = tensor.is_floating_point()
            tensors[name] = tensor.to(self.model.dtype) if floating else tensor
        with torch.inference_mode():
            found = call(**tensors)
            # Models of transformers 5 give an output object, some the rows themselves.
            rows = getattr(found, "pooler_output", found)
            array = rows.float().cpu().numpy()
        result: NDArray[np.float32] = array
        return result


def _load(folder: Path, spec: EncoderSpec, threads: int | None) -> _Loaded:
    """The model and its processor from a folder whose files were checked."""
    import torch
    from transformers import AutoModel, AutoProcessor

    if spec.dtype not in _DTYPES:
        raise ModelError(f"{spec.dtype!r} is not a dtype", remedy=f"Use {', '.join(_DTYPES)}")
    if threads is not None and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        dtype = getattr(torch, spec.dtype)
        model = AutoModel.from_pretrained(folder, dtype=dtype, use_safetensors=True, **local)
        processor = AutoProcessor.from_pretrained(folder, backend=BACKEND, **local)
        model = model.eval().requires_grad_(False).to(_device(spec.device))
    except Exception as error:  # a folder may hold any configuration
        raise _not_loadable(folder, f"{type(error).__name__}: {error}") from error
    parts = [getattr(processor, name, None) for name in ("tokenizer", "image_processor")]
    if None in parts or not hasattr(model, "get_image_features"):
        raise _not_loadable(folder, "it has no pair of an image and a text tower")
    if getattr(parts[1], "backend", BACKEND) != BACKEND:
        raise _not_loadable(folder, "its image processor does not run on Pillow")
    return _Loaded(model, *parts)


def _encoder(
    loaded: _Loaded, model: Sealed, spec: EncoderSpec, fingerprint: str, threads: int
) -> Encoder:
    config = loaded.model.config
    text = config.get_text_config()
    limits = (getattr(text, "max_position_embeddings", None), loaded.tokenizer.model_max_length)
    length = min(MAX_TEXT_LENGTH, *(int(limit) for limit in limits if limit))
    preprocess = preprocess_of(loaded.image_processor)
    towers: Towers = TorchTowers(loaded.model, str(loaded.model.device))
    side = preprocess.side if preprocess else _side(loaded)
    if spec.runtime != "torch":
        from gm_assets.encoding.onnx_tower import onnx_towers

        towers = onnx_towers(loaded.model, towers, side, spec, fingerprint, threads)
    probe = Encoder(
        spec=spec,
        fingerprint=fingerprint,
        dimension=0,
        image_size=side,
        text_length=length,
        words=_words(model.folder),
        towers=towers,
        tokenizer=loaded.tokenizer,
        with_mask=not str(config.model_type).startswith("siglip"),
        preprocess=preprocess,
        processor=loaded.image_processor,
    )
    return _measured(probe)


def _measured(encoder: Encoder) -> Encoder:
    """The encoder with the dimension that its image tower gives, proven on a grey picture.

    Raises:
        ModelError: its weights give no vector, or the towers give different dimensions.
    """
    from dataclasses import replace

    from gm_assets.encoding.vectors import unit_rows

    grey = np.full((encoder.image_size, encoder.image_size, 3), 128, np.uint8)
    rows = encoder._run(encoder.towers.images, encoder.prepare([grey]))
    if rows.ndim != 2 or rows.shape[0] != 1:
        raise _not_loadable(Path(encoder.spec.source), f"its image tower gives {rows.shape}")
    unit_rows(rows, f"the model {encoder.spec.name}")
    encoder = replace(encoder, dimension=rows.shape[1])
    encoder.texts(["a picture"])
    return encoder


def _side(loaded: _Loaded) -> int:
    """The side of the image tower's input where only the processor knows how to get there."""
    vision = getattr(loaded.model.config, "vision_config", None)
    side = getattr(vision, "image_size", None)
    return int(side) if isinstance(side, int) and side > 0 else 224


def _device(wanted: str) -> str:
    import torch

    if wanted != "auto":
        return wanted
    return "cuda" if torch.cuda.is_available() else "cpu"


def _words(folder: Path) -> frozenset[str] | None:
    """The words that the model was trained with (`words.txt`, one a line), where it says them."""
    try:
        with (folder / "words.txt").open("rb") as file:
            text = file.read(MAX_WORDS_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    return frozenset(word for line in text.splitlines() for word in canonical(line).split())


def _not_loadable(folder: Path, why: str) -> ModelError:
    return ModelError(
        f"the model cannot be loaded ({why[:500]})",
        where=folder,
        remedy="`gm models verify` checks its files; docs/encoding.md names the kinds of models",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' bars and advice from the terminal while a model is loaded."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()
