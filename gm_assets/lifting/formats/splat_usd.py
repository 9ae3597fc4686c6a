"""Splats as a USD layer with one prim `ParticleField3DGaussianSplat` of UsdVol.

Scales are linear and coefficients lie splat by splat, as the schema says; colours are those of
an sRGB display, about which the schema says nothing. Needs the extra `usd`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np

from gm_assets.errors import MissingExtra
from gm_assets.lifting.protocol import Splats


def splat_usd(
    splats: Splats, form: Literal["usdc", "usda"] = "usdc", name: str = "splats"
) -> bytes:
    """The splats as a layer, byte for byte the same each time.

    Args:
        form: binary crate or text.
        name: of the prim below the root `/World`; what no identifier allows becomes `_`.

    Raises:
        MissingExtra: `usd-core` is not installed, or older than the schema.
    """
    try:
        from pxr import Gf, Kind, Sdf, Tf, Usd, UsdGeom, UsdVol, Vt
    except ImportError:
        raise MissingExtra.of("usd-core", "usd") from None
    if not hasattr(UsdVol, "ParticleField3DGaussianSplat"):
        raise MissingExtra.of("usd-core with UsdVol.ParticleField3DGaussianSplat", "usd")
    layer = Sdf.Layer.CreateAnonymous(f".{form}")
    stage = Usd.Stage.Open(layer)
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    root = UsdGeom.Xform.Define(stage, "/World")
    stage.SetDefaultPrim(root.GetPrim())
    Usd.ModelAPI(root).SetKind(Kind.Tokens.component)
    prim = UsdVol.ParticleField3DGaussianSplat.Define(
        stage, f"/World/{Tf.MakeValidIdentifier(name)}"
    ).GetPrim()
    quaternions = [Gf.Quatf(*map(float, one)) for one in splats.rotations]
    reach = 3 * splats.scales.max(axis=1, keepdims=True)
    extent = [(splats.positions - reach).min(axis=0), (splats.positions + reach).max(axis=0)]
    values = {
        "positions": Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(splats.positions)),
        "scales": Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(splats.scales)),
        "orientations": Vt.QuatfArray(quaternions),
        "opacities": Vt.FloatArray.FromNumpy(np.ascontiguousarray(splats.opacities)),
        "radiance:sphericalHarmonicsDegree": splats.degree,
        "radiance:sphericalHarmonicsCoefficients": Vt.Vec3fArray.FromNumpy(
            np.ascontiguousarray(splats.sh.reshape(-1, 3))
        ),
        "sortingModeHint": "cameraDistance",
        "extent": Vt.Vec3fArray.FromNumpy(np.array(extent, np.float32)),
    }
    for attribute, value in values.items():
        prim.GetAttribute(attribute).Set(value)
    with tempfile.TemporaryDirectory(prefix="gm-usd-") as folder:
        path = Path(folder) / f"splats.{form}"
        layer.Export(str(path))
        return path.read_bytes()
