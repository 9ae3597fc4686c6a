"""The fingerprint of a model: two vectors may be compared only where theirs is the same.

It covers what decides a vector: configuration, weights, tokenizer and processor files, the
numbers it computes in, the runtime of its image tower, how pictures and text are brought to it.
Not covered: the device and the versions of torch and transformers, which move a vector by
less than float16 does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from gm_assets.encoding.profiles import EncoderSpec
from gm_assets.encoding.sealing import Sealed, digest_of, file_sha256, loaded_files, sealed
from gm_assets.encoding.text import TEXT_VERSION
from gm_assets.encoding.view import VIEW_VERSION
from gm_assets.errors import ModelError

SCHEME = "gm-encoder 1"
#: The image processors of transformers that are used: the same on every machine.
BACKEND = "pil"


def model_fingerprint(folder: str | os.PathLike[str], spec: EncoderSpec) -> str:
    """The fingerprint of the model that lies in `folder`, run as `spec` says: 64 hex digits.

    The folder need not be sealed.

    Raises:
        ModelError: it holds no model, or cannot be read.
    """
    root = Path(folder)
    names = loaded_files(root)
    if "config.json" not in names:
        raise ModelError("there is no model in this folder", where=root)
    return fingerprint_of(Sealed(root, {name: file_sha256(root / name) for name in names}), spec)


def fingerprint_of(model: Sealed, spec: EncoderSpec) -> str:
    """The fingerprint of a model whose files are known."""
    return digest_of(
        (
            SCHEME,
            *(f"file {digest} {name}" for name, digest in sorted(model.files.items())),
            f"dtype {spec.dtype}",
            f"runtime {spec.runtime}",
            f"processor {BACKEND}",
            f"view {VIEW_VERSION}",
            f"text {TEXT_VERSION}",
        )
    )


def active_fingerprint(spec: EncoderSpec) -> str:
    """The fingerprint that `open_encoder(spec)` will have; no model is loaded.

    Raises:
        ModelError: as `sealing.sealed`.
    """
    return fingerprint_of(sealed(spec), spec)


def folder_spec(folder: str | os.PathLike[str], **more: str) -> EncoderSpec:
    """A spec for a model folder outside `profiles.toml` (training, tests)."""
    path = Path(folder).absolute()
    return replace(EncoderSpec(name=path.name, source=str(path)), **more)  # type: ignore[arg-type]
