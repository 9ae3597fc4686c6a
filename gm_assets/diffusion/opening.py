"""Opening a shader: its files are compared with their seals, then its own code loads them.

The fingerprint covers what decides a frame apart from words, guides and settings: the files of
every part, the numbers that they are computed in, and what the profile says where settings are
silent. Device and versions of libraries are in the recipe of each frame instead.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache

from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.diffusion.protocol import Shader
from gm_assets.encoding.loading import require_packages
from gm_assets.encoding.sealing import Sealed, digest_of, sealed
from gm_assets.errors import GmError

SCHEME = "gm-leash 1"
#: What running a shader needs, beyond what the package itself does.
PACKAGES = ("torch", "diffusers", "transformers", "accelerate", "safetensors")


def open_shader(spec: ShaderSpec, *, threads: int | None = 1) -> Shader:
    """Open a shader: check its files, load it.

    Args:
        threads: of PyTorch, for the whole process; None leaves what is set.

    Raises:
        MissingExtra: the packages that run models are not installed.
        ModelError: not there, not pulled, not the sealed files, not loadable, or larger than
            the memory of this machine.
    """
    require_packages(*PACKAGES)
    parts = sealed_parts(spec)
    fingerprint = fingerprint_of(parts, spec)
    if spec.kind == "embedded":
        from gm_assets.diffusion.embedded.shader import EmbeddedShader

        folder = parts["pipeline"].folder
        return EmbeddedShader.open(spec, folder, fingerprint, threads=threads)
    from gm_assets.diffusion.studio.shader import UnionShader

    folders = {role: part.folder for role, part in parts.items()}
    return UnionShader.open(spec, folders, fingerprint, threads=threads)


def shared_shader(spec: ShaderSpec) -> Shader:
    """`open_shader(spec)` with one thread, opened once in this process.

    Raises:
        MissingExtra, ModelError: as `open_shader`; an error is not remembered.
    """
    with _opening:
        return _shared(spec)


_opening = threading.Lock()


@lru_cache(maxsize=1)  # a hub model takes most of a machine's memory
def _shared(spec: ShaderSpec) -> Shader:
    return open_shader(spec)


def sealed_parts(spec: ShaderSpec) -> dict[str, Sealed]:
    """The folders of all parts by role, after their files were compared with their seals.

    Raises:
        ModelError: as `sealing.sealed`.
    """
    return {part.role: sealed(part) for part in spec.parts}


def fingerprint_of(parts: Mapping[str, Sealed], spec: ShaderSpec) -> str:
    """The fingerprint of a shader whose files are known: 64 hexadecimal digits."""
    return digest_of(
        (
            SCHEME,
            f"kind {spec.kind}",
            *(
                f"file {digest} {role}/{name}"
                for role, part in sorted(parts.items())
                for name, digest in sorted(part.files.items())
            ),
            f"dtype {spec.dtype}",
            f"steps {spec.steps}",
            f"guidance {spec.guidance}",
            f"identity {spec.identity_scale}",
            f"lines {spec.lines}",
        )
    )


def active_fingerprint(spec: ShaderSpec) -> str:
    """The fingerprint that `open_shader(spec)` will have; no model is loaded.

    Raises:
        ModelError: as `sealing.sealed`.
    """
    return fingerprint_of(sealed_parts(spec), spec)


def obstacle(spec: ShaderSpec) -> GmError | None:
    """What keeps this shader from being opened, found without loading anything."""
    try:
        require_packages(*PACKAGES)
        sealed_parts(spec)
    except GmError as error:
        return error
    return None
