"""Lineage: what declared links are worth, and who is related to whom."""

from gm_assets.lineage.evidence import Basis, Resolution, is_altered, proven

__all__ = ["Basis", "Resolution", "is_altered", "proven"]
