"""gm_assets: images and 3D files that carry their own memory, and the loop that makes them."""

__version__ = "0.1.0"
