"""Searching a library with the encoder that is active in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.finding.searching import Finder

if TYPE_CHECKING:
    from gm_assets.library import Library, ProgressFunction


def active_finder(library: Library, *, progress: ProgressFunction | None = None) -> Finder:
    """A finder with the library's active encoder, which is loaded when a search first needs it.

    Raises:
        GmError: vectors are switched off here.
        ModelError: the model is missing or damaged.
    """
    from gm_assets.encoding import active_fingerprint, shared_encoder

    spec = library.encoder_spec()
    if spec is None:
        raise GmError(
            "no encoder is active: the profile is `none`",
            where=library.root,
            remedy="Set GM_PROFILE or gm.toml's [encoder] profile to embedded or studio",
        )
    return Finder(
        library, active_fingerprint(spec), lambda: shared_encoder(spec), progress=progress
    )
