"""Guides made by hand: a ball that a camera looks at."""

from __future__ import annotations

import numpy as np

from gm_assets.diffusion import Guide, Identified

SIDE = 64


def ball(view: str = "hero", *, side: int = SIDE, radius: float = 0.6, **more: object) -> Guide:
    """A ball of two halves in the middle of the view, all maps of its geometry.

    `more` replaces maps; None leaves one out.
    """
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(steps, -steps)
    inside = x**2 + y**2 < radius**2
    z = np.sqrt(np.where(inside, radius**2 - x**2 - y**2, 0))
    normal = np.where(inside[..., None], np.stack([x, y, z], axis=2) / max(radius, 1e-9), 0)
    maps: dict[str, object] = {
        "depth": np.where(inside, 3 - z, np.inf).astype(np.float32),
        "normal": normal.astype(np.float32),
        "silhouette": inside,
        "ids": np.where(inside, np.where(y > 0, 1, 2), 0).astype(np.uint32),
        "table": {1: Identified("head", "living-body", "bone"), 2: Identified("cloak")},
    }
    return Guide(view, **(maps | more))  # type: ignore[arg-type]


def sketch(view: str = "sketch", *, side: int = SIDE) -> Guide:
    """The outline of the ball as ink, and nothing else."""
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    x, y = np.meshgrid(steps, -steps)
    ink = np.exp(-(((np.hypot(x, y) - 0.6) * 20) ** 2))
    return Guide(view, lines=ink.astype(np.float32))
