"""Image-text encoders: a picture or a description in, a unit vector out.

`open_encoder(encoder_spec("embedded"))` gives an `Encoder`. Models lie in sealed folders; nothing
here touches the network but `pulling`, which only `gm models pull` calls. docs/encoding.md is
for users.
"""

from __future__ import annotations

from gm_assets.encoding.encoder import Encoder, Reading
from gm_assets.encoding.fingerprint import active_fingerprint, model_fingerprint
from gm_assets.encoding.loading import obstacle, open_encoder, shared_encoder
from gm_assets.encoding.profiles import EncoderSpec, encoder_spec, named_encoder
from gm_assets.encoding.sealing import seal
from gm_assets.encoding.text import canonical
from gm_assets.encoding.vectors import pack, unpack
from gm_assets.encoding.view import view_of

__all__ = [
    "Encoder",
    "EncoderSpec",
    "Reading",
    "active_fingerprint",
    "canonical",
    "encoder_spec",
    "model_fingerprint",
    "named_encoder",
    "obstacle",
    "open_encoder",
    "pack",
    "seal",
    "shared_encoder",
    "unpack",
    "view_of",
]
