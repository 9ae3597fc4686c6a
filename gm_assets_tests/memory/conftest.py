"""Fixtures of this folder."""

from gm_assets_tests.memory.exiftool import exiftool

__all__ = ["exiftool"]
