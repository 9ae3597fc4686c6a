"""Lifting 24 plates of 160 by 160 pixels: how near the mesh comes, how it looks, what it costs.

Every line is measured on cameras that the lift never saw and against the mesh that the plates
were made from; `lifting_plates` says where the meshes are from. Plates that disagree with each
other (a gain of up to 12 % a plate, low-frequency noise of colour) have lines of their own:
generated plates are like that.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from benchmarks.lifting_plates import mesh, plates_of, spoilt
from benchmarks.measure import Line
from gm_assets.lifting import FieldSettings, HullSettings, Lift, Method, Plate, lift
from gm_assets.lifting.measures import Measures, measure
from gm_assets.sculpt.model import Sculpt

#: Meshes that nobody here made, by which the limits of the issue are judged.
JUDGED = ("bunny", "dragon")


def measure_lifting() -> list[Line]:
    """All lines of this group."""
    _warm()
    lines: list[Line] = []
    for name in JUDGED:
        sculpt = mesh(name)
        plates, held = plates_of(sculpt)
        lines += _judged(name, *_lifted(plates, held, sculpt, "field"))
        lines += _told(
            f"{name}, inconsistent plates", *_lifted(spoilt(plates), held, sculpt, "field")
        )
        lines += _told(f"{name}, hull alone", *_lifted(plates, held, sculpt, "hull"))
    return lines


def _warm() -> None:
    """Compile what is compiled at its first use, which is no part of a lift."""
    sculpt = mesh("bunny")
    lift(plates_of(sculpt, 6, 1, 48)[0], "field", FieldSettings(32, (2,), 256))


def _lifted(
    plates: Sequence[Plate], held: Sequence[Plate], sculpt: Sculpt, method: Method
) -> tuple[Lift, Measures, float, float]:
    """The lift, what it is worth, and the seconds of wall clock and of CPU that it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    settings = FieldSettings() if method == "field" else HullSettings()
    found = lift(plates, method, settings)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return found, measure(found, held, sculpt), wall, cpu


def _judged(name: str, found: Lift, measures: Measures, wall: float, cpu: float) -> list[Line]:
    """The limits of the issue for a field."""
    assert measures.surface is not None and measures.silhouette_iou is not None
    surface, triangles = measures.surface, 0 if found.surface is None else len(found.surface.faces)
    return [
        Line(f"field of {name}: mean point to surface", surface.point_to_surface, 0.0045,
             unit="diagonals", detail={"completeness": surface.completeness}),
        Line(f"field of {name}: share within 1 %", surface.within, 0.95, at_most=False),
        Line(f"field of {name}: silhouette IoU, held-out views", measures.silhouette_iou, 0.98,
             at_most=False, detail={"least": measures.least_silhouette_iou or 0.0,
                                    "psnr_full": measures.psnr_full or 0.0,
                                    "psnr_object": measures.psnr_object or 0.0}),
        Line(f"field of {name}: watertight", float(found.watertight), 1.0, at_most=False,
             detail={"triangles": triangles}),
        # Its two workers run side by side: on a machine with nothing else to do the wall clock
        # shows less than this.
        Line(f"field of {name}: CPU", cpu, 60.0, unit="s", detail={"wall_s": wall}),
    ]  # fmt: skip


def _told(name: str, found: Lift, measures: Measures, wall: float, cpu: float) -> list[Line]:
    """Figures without a limit of their own in the issue: held to twice the distance."""
    assert measures.surface is not None
    return [
        Line(
            f"{name}: mean point to surface",
            measures.surface.point_to_surface,
            0.009,
            unit="diagonals",
            detail={
                "within": measures.surface.within,
                "completeness": measures.surface.completeness,
                "iou": measures.silhouette_iou or 0.0,
                "psnr_object": measures.psnr_object or 0.0,
                "cpu_s": cpu,
            },
        )
    ]
