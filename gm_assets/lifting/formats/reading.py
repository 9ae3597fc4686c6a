"""Splats in a file of which only the container is known."""

from __future__ import annotations

from gm_assets.errors import GmError, UnreadableFile
from gm_assets.lifting.formats.splat_glb import holds_splats, read_splat_glb
from gm_assets.lifting.formats.splat_ply import ply_holds_splats, read_splat_ply
from gm_assets.lifting.protocol import Splats
from gm_assets.sculpt.pieces import Where


def splats_in(data: bytes, format: str, where: Where = None) -> Splats | None:
    """The splats of a GLB or PLY; None where it holds none, or is of another format.

    Args:
        format: of the container, as `gm_assets.containers` names it.

    Raises:
        GmError: it holds splats that cannot be read.
    """
    try:
        if format == "glb" and holds_splats(data, where):
            return read_splat_glb(data, where)
        if format == "ply" and ply_holds_splats(data, where):
            return read_splat_ply(data, where)
    except GmError:
        raise
    except (ValueError, IndexError, KeyError, OverflowError, TypeError) as error:
        # What hostile numbers lead a reader to, beyond what it checks itself.
        raise UnreadableFile(f"damaged splats: {error}", where=where) from error
    return None
