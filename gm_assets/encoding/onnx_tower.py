"""The image tower on ONNX Runtime: as it is (`onnx`), or in 8-bit integers (`onnx-int8`).

The tower is exported once a fingerprint by torch.onnx and kept in the user's cache. `onnx-int8`
quantises the weights of matrix products to int8, one scale a channel, and activations when
they are met (ONNX Runtime's dynamic quantisation); docs/encoding.md has what that costs in
precision and gains in speed. Text stays with torch: a search asks for one vector.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gm_assets.encoding.encoder import Pixels, Towers
from gm_assets.encoding.profiles import EncoderSpec, cache_folder
from gm_assets.encoding.sealing import file_sha256
from gm_assets.errors import MissingExtra, ModelError

#: From 20 on ONNX has Gelu as one operator; spelled out it took a quarter of the time.
OPSET = 20
#: Pictures in one run, for each thread: with more the activations leave the cache. A ViT-B/16
#: in int8 took 112 ms a picture in twos, 145 ms in sixteens.
RUN = 2
#: Protocol buffers hold 2 GiB; larger towers would need their weights in files of their own.
MAX_BYTES = 2**31 - 1


@dataclass(frozen=True)
class OnnxTowers:
    """An image tower in an ONNX Runtime session, and the text tower that torch runs."""

    session: Any
    text: Towers
    run: int

    def images(self, pixels: Pixels) -> NDArray[np.float32]:
        """Rows of the exported tower."""
        batch = pixels["pixel_values"]
        blocks = (batch[start : start + self.run] for start in range(0, len(batch), self.run))
        rows = [self.session.run(None, {"pixel_values": block})[0] for block in blocks]
        return np.concatenate(rows).astype(np.float32, copy=False)

    def texts(self, tokens: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Rows of torch's text tower."""
        return self.text.texts(tokens)


def onnx_towers(
    model: Any, text: Towers, side: int, spec: EncoderSpec, fingerprint: str, threads: int
) -> OnnxTowers:
    """Open the exported tower of a loaded model, exporting it where the cache has none.

    Args:
        model: of transformers, with `get_image_features`. text: what encodes text.
        side: of its input in pixels. fingerprint: names the file in the cache.

    Raises:
        MissingExtra: the packages of the export are not installed.
        ModelError: the tower cannot be exported or opened.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtra.of("onnxruntime") from error
    path = _cached(fingerprint)
    if path is None:
        path = _exported(model, side, spec, fingerprint)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Waiting threads that spin would take the cores from the decoders.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors
    try:
        session = onnxruntime.InferenceSession(
            os.fspath(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # another project's reader over a file
        raise ModelError(
            f"the exported image tower cannot be opened ({error})",
            where=path,
            remedy="Delete the file: it is exported again",
        ) from error
    return OnnxTowers(session, text, RUN * threads)


def _folder() -> Path:
    return cache_folder() / "onnx"


def _cached(fingerprint: str) -> Path | None:
    """The exported tower; its name holds the hash of its bytes, so damage is found."""
    for path in sorted(_folder().glob(f"{fingerprint}-*.onnx")):
        if path.stem.endswith(file_sha256(path)):
            return path
        path.unlink(missing_ok=True)
    return None


def _exported(model: Any, side: int, spec: EncoderSpec, fingerprint: str) -> Path:
    """Export the tower into the cache; nobody ever sees half of it."""
    try:
        import onnx  # noqa: F401  (the quantiser's, and what checks the export)
    except ImportError as error:
        raise MissingExtra.of("onnx", "onnx") from error
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_folder(), prefix=".") as scratch:
            plain = Path(scratch, "plain.onnx")
            _export(model, side, plain)
            made = plain if spec.runtime == "onnx" else _quantised(plain)
            target = _folder() / f"{fingerprint}-{file_sha256(made)}.onnx"
            made.replace(target)
    except OSError as error:
        raise ModelError(
            f"the exported image tower cannot be kept ({error.strerror or error})",
            where=_folder(),
            remedy="Make the cache folder writable (XDG_CACHE_HOME), or use the runtime torch",
        ) from error
    return target


def _export(model: Any, side: int, target: Path) -> None:
    """Write `pixel_values (n, 3, side, side) -> rows (n, d)` as ONNX, float32."""
    import torch

    class ImageTower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
            found = self.model.get_image_features(pixel_values=pixel_values)
            return getattr(found, "pooler_output", found)

    # A batch of two: a batch of one would be baked in as a broadcast.
    example = torch.zeros(2, 3, side, side, dtype=model.dtype, device=model.device)
    try:
        with torch.inference_mode(), _untraced_warnings():
            torch.onnx.export(
                ImageTower().eval(),
                (example,),
                os.fspath(target),
                input_names=["pixel_values"],
                output_names=["rows"],
                dynamic_axes={"pixel_values": {0: "n"}, "rows": {0: "n"}},
                opset_version=OPSET,
                dynamo=False,
            )
    except Exception as error:  # the exporter knows many operators, not all
        raise ModelError(
            f"the image tower cannot be exported ({type(error).__name__}: {str(error)[:300]})",
            remedy="Use the runtime torch for this model",
        ) from error
    if target.stat().st_size > MAX_BYTES:
        raise ModelError(
            "the image tower is too large for one ONNX file", remedy="Use the runtime torch"
        )


def _quantised(plain: Path) -> Path:
    """The tower with the weights of its matrix products in int8, one scale a channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = plain.with_name("int8.onnx")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises everybody to prepare the graph by hand
    try:
        quantize_dynamic(
            plain,
            target,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.disable(before)
    return target


@contextmanager
def _untraced_warnings() -> Iterator[None]:
    """The exporter warns of every shape that tracing makes constant; those here are."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
