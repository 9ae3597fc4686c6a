"""The emblem: a branching tree that folds back into the arch it grew from, drawn by program.

A trunk divides, and every branch bends outward along a quarter of an arch whose foot stands on
the ground line of the first; the same gate is repeated, half as large, within its own opening.
"""

from __future__ import annotations

from functools import cache

_WIDTH, _HEIGHT = 64.0, 64.0


def _gate(x: float, ground: float, width: float, depth: int, lines: list[str]) -> None:
    """Add the strokes of a gate that stands on `ground` around `x`, and of those inside it."""
    half, crown = width / 2, ground - width * 0.82
    spring = ground - width * 0.42  # where the posts end and the arch begins
    lines.append(
        f"M{x - half:.2f} {ground:.2f}V{spring:.2f}"
        f"C{x - half:.2f} {crown - width * 0.12:.2f} {x + half:.2f} {crown - width * 0.12:.2f} "
        f"{x + half:.2f} {spring:.2f}V{ground:.2f}"
    )
    if depth == 0:
        return
    # The tree in the opening: a trunk whose branches end on the posts of the gate.
    fork = ground - width * 0.34
    lines.append(f"M{x:.2f} {ground:.2f}V{fork:.2f}")
    for side in (-1, 1):
        for reach, lift in ((0.5, 0.06), (0.36, 0.2), (0.18, 0.3)):
            end_x, end_y = x + side * width * reach, spring - width * lift
            lines.append(
                f"M{x:.2f} {fork:.2f}C{x:.2f} {end_y:.2f} {end_x:.2f} {fork:.2f} "
                f"{end_x:.2f} {end_y:.2f}"
            )
        _gate(x + side * width * 0.25, ground, width * 0.36, depth - 1, lines)


@cache
def emblem() -> str:
    """The emblem as an SVG document in the colour of the text around it."""
    lines: list[str] = []
    _gate(_WIDTH / 2, 59.0, 54.0, 2, lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" '
        'fill="none" stroke="currentColor" stroke-width="1.1" stroke-linecap="round" '
        f'aria-hidden="true"><path d="{"".join(lines)}"/></svg>'
    )


def icon() -> str:
    """The emblem as a file of its own, for the browser's tab."""
    return emblem().replace("currentColor", "#c9c2b2", 1)
