"""The text side of an encoder, opened only when a text has to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gm_assets.encoding import EncoderSpec


@dataclass(frozen=True)
class TextsOf:
    """A `TextEncoder` of a model that nobody has loaded yet.

    Labelling asks for texts only where a term is new, so most runs load no model at all.
    """

    spec: EncoderSpec

    @cached_property
    def fingerprint(self) -> str:
        """Of the model; nothing is loaded. Raises ModelError."""
        from gm_assets.encoding import active_fingerprint

        return active_fingerprint(self.spec)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 unit vectors.

        Raises:
            MissingExtra: the packages that run models are not installed.
            ModelError: the model cannot be loaded, or fails on a text.
        """
        from gm_assets.encoding import shared_encoder

        return shared_encoder(self.spec).texts(texts)
