"""What a file is: exact hashes of files, streams, samples, assets and geometry.

`identify(path)` reads a file once and gives an `Identity`; the single hashes are pure functions
for use on their own. docs/identity.md describes the schemes and what each hash answers.
"""

from __future__ import annotations

from gm_assets.identity.fingerprint import Identity, identify, identify_bytes, read_file
from gm_assets.identity.geometry import GEOMETRY_SCHEME
from gm_assets.identity.models import ASSET_SCHEME, asset_hash, geometry_hash
from gm_assets.identity.perceptual import PERCEPTUAL_SCHEME, perceptual_hash
from gm_assets.identity.samples import PIXEL_SCHEME, PixelHash, pixel_hash
from gm_assets.identity.streams import STREAM_SCHEME, stream_hash

__all__ = [
    "ASSET_SCHEME",
    "GEOMETRY_SCHEME",
    "PERCEPTUAL_SCHEME",
    "PIXEL_SCHEME",
    "STREAM_SCHEME",
    "Identity",
    "PixelHash",
    "asset_hash",
    "geometry_hash",
    "identify",
    "identify_bytes",
    "perceptual_hash",
    "pixel_hash",
    "read_file",
    "stream_hash",
]
