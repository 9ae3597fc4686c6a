"""The silver corridor: riveted bays in strict symmetry that lead to a luminous sphere."""

from __future__ import annotations

import numpy as np

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, with_mirror
from gm_assets.world.sdf.solid import sphere
from gm_assets.world.subjects.forms import (
    block,
    cable,
    circle,
    curve,
    lathe,
    planted,
    prism,
    spike,
    sweep,
)
from gm_assets.world.subjects.kit import count, plated_ring, rivet, tiny_figure
from gm_assets.world.subjects.model import Assembly, Subject, View

#: Bays, and the length of each in metres; the mouth lies at z = 0.
BAYS, BAY = 11, 5.2
#: Half width, height of the springing and of the crown, metres.
HALF, SPRING, CROWN = 3.6, 4.4, 9.4


def sculpt(seed: int, detail: float) -> Assembly:
    """Shell, ribs, riveted plates, rails, cables, the sphere in its cradle, a figure."""
    made = Assembly()
    made.add("shell", "architecture", "tarnished-silver", *_shell(detail))
    made.add("ribs", "architecture", "cast-iron", *_ribs(detail))
    made.add("plates", "architecture", "tarnished-silver", *_plates(detail))
    made.add("rivets", "architecture", "cast-iron", *_rivets(detail))
    made.add("floor", "ground", "cast-iron", *_floor(detail))
    made.add("cables", "machine", "oxidised-bronze", *_cables(seed, detail))
    made.add("cradle", "machine", "bone", *_cradle(detail))
    orb = mesh_of(sphere(2.3), 0.11 / detail)
    made.add("sphere", "light", "glow", orb.moved(0, 4.6, -BAYS * BAY - 3.2))
    body, ribbon = tiny_figure(1.85, 14)
    made.add("visitor", "living-body", "waxed-canvas", body.turned("y", 180.0).moved(0, 0.5, -27.0))
    made.add(
        "visitor-ribbon", "living-body", "red-cloth", ribbon.turned("y", 180.0).moved(0, 0.5, -27.0)
    )
    return made


def _section(half: float, spring: float, crown: float, steps: int) -> np.ndarray:
    """The line of the tunnel (k, 2) from the right foot over the pointed crown to the left foot."""
    rise = crown - spring
    radius = (half**2 + rise**2) / (2 * half)
    angle = np.linspace(0.0, np.arccos((radius - half) / radius), steps)
    right = np.stack([half - radius + radius * np.cos(angle), spring + radius * np.sin(angle)], -1)
    foot = np.array([(half * 0.72, 0.0), (half * 0.93, 1.1), (half, 2.6)])
    side = np.concatenate([foot, right])
    return np.concatenate([side, side[::-1][1:] * [-1.0, 1.0]])


def _shell(detail: float) -> list[Mesh]:
    """A skin of constant thickness, open at the mouth and closed behind the sphere."""
    steps = count(12, detail, 6)
    inner = _section(HALF, SPRING, CROWN, steps)
    outer = _section(HALF + 0.45, SPRING, CROWN + 0.5, steps)
    length = BAYS * BAY
    skin = prism([np.concatenate([outer, inner[::-1]])], length).moved(z=-length / 2)
    return [skin, _bowl(detail).moved(0, 4.6, -length)]


def _bowl(detail: float) -> Mesh:
    """The apse: a half dome behind the sphere, thick enough to be seen from outside."""
    segments = count(36, detail, 16)
    t = np.linspace(0.0, 1.0, count(12, detail, 6))
    inner = np.stack([5.3 * np.cos(t * np.pi / 2 * 0.98), 8.2 * np.sin(t * np.pi / 2)], -1)
    outer = np.stack([5.8 * np.cos(t * np.pi / 2 * 0.98), 8.8 * np.sin(t * np.pi / 2)], -1)
    # From the inner pole out to the rim and back over the outside: one closed skin.
    line = np.concatenate([inner[::-1], outer])
    return lathe(line, segments).turned("x", -90.0)


def _ribs(detail: float) -> list[Mesh]:
    """At every bay a rib of three mouldings inside and one buttress-like frame outside."""
    steps = count(12, detail, 6)
    pieces = []
    for i in range(BAYS + 1):
        z = -BAY * i
        for inset, thick, shift in (
            (0.0, 0.3, 0.0),
            (-0.28, 0.17, 0.3),
            (-0.28, 0.17, -0.3),
            (-0.5, 0.12, 0.0),
        ):
            line = _section(HALF + inset, SPRING, CROWN + inset, steps)
            path = np.stack([line[:, 0], line[:, 1], np.full(len(line), z + shift)], -1)
            pieces.append(cable(path, thick, count(7, detail, 5)))
        outer = _section(HALF + 0.75, SPRING, CROWN + 0.9, steps)
        path = np.stack([outer[:, 0], outer[:, 1], np.full(len(outer), z)], -1)
        pieces.append(cable(path, 0.42, 6))
        boss = lathe([(0.06, -1.2), (0.3, -0.75), (0.16, -0.5), (0.5, -0.1), (0.4, 0.1)], 8)
        pieces.append(boss.moved(0, CROWN - 0.2, z))
        pieces.append(spike(0.3, 2.2, 6, 1.3).moved(0, CROWN + 1.1, z))
    return pieces


def _plates(detail: float) -> list[Mesh]:
    """Raised wall panels with pointed heads, three a bay and side, and a dado of pipes' flanges."""
    pieces = []
    for i in range(BAYS):
        z = -BAY * (i + 0.5)
        for k, (low, high, wide) in enumerate(((0.6, 2.3, 3.9), (2.6, 4.2, 3.9))):
            panel = block(0.16, high - low, wide, 0.04)
            pieces.append(with_mirror(panel.moved(HALF - 0.06 - 0.12 * (k == 0), low, z)))
        for u in (-1.25, 0.0, 1.25):
            outline = np.array([(-0.48, 0.0), (0.48, 0.0), (0.48, 1.0), (0.0, 1.75), (-0.48, 1.0)])
            hole = outline * 0.66 + [0.0, 0.22]
            head = prism([outline, hole], 0.2).turned("y", -90.0).turned("z", 17.0)
            pieces.append(with_mirror(head.moved(HALF - 0.12, SPRING + 0.15, z + u)))
        for y in (1.45, 3.4):
            disc = lathe(
                [(0.62, 0), (0.62, 0.1), (0.42, 0.16), (0.3, 0.1), (0.12, 0.2)],
                count(16, detail, 10),
            )
            pieces.append(
                with_mirror(disc.turned("z", 90.0).moved(HALF - 0.12 - 0.1 * (y < 2), y, z))
            )
    return pieces


def _rivets(detail: float) -> list[Mesh]:
    """Rivets beside every rib, along the springing and round the panels."""
    # Round in the bays nearest to the mouth, square where they are specks.
    heads = [rivet(0.08, 8 if bay < 3 else 4) for bay in range(BAYS + 1)]
    pieces = []
    line = _section(HALF - 0.02, SPRING, CROWN - 0.02, count(30, detail, 14))
    ahead = np.gradient(line, axis=0)
    normal = np.stack([-ahead[:, 1], ahead[:, 0]], -1)
    for i in range(BAYS + 1):
        for shift in (-0.62, 0.62):
            z = -BAY * i + shift
            if not -BAYS * BAY < z < 0.0:
                continue
            pieces += [
                planted(heads[i], (*place, z), (*n, 0.0))
                for place, n in zip(line[::2], normal[::2], strict=True)
            ]
    for i in range(BAYS):
        for z in np.linspace(-BAY * i - 0.9, -BAY * (i + 1) + 0.9, 7):
            for y in (0.75, 2.15, 2.75, 4.05):
                x = HALF - 0.14 - 0.12 * (y < 2.5)
                pieces.append(with_mirror(heads[i].turned("z", 90.0).moved(x, y, z)))
    return pieces


def _floor(detail: float) -> list[Mesh]:
    """A raised walk with rails between two gutters, sleepers beneath."""
    length = BAYS * BAY
    pieces = [block(2 * HALF * 0.74, 0.2, length, 0.0).moved(0, 0.0, -length / 2)]
    pieces.append(block(2.2, 0.3, length, 0.05).moved(0, 0.2, -length / 2))
    pieces += [block(0.1, 0.09, length, 0.02).moved(x, 0.5, -length / 2) for x in (-0.75, 0.75)]
    for z in np.arange(0.65, length, 1.3):
        pieces.append(block(2.6, 0.12, 0.34).moved(0, 0.44, -z))
        pieces.append(with_mirror(block(0.9, 0.1, 0.22).moved(1.8, 0.2, -z)))
    return pieces


def _cables(seed: int, detail: float) -> list[Mesh]:
    """Bundles that run the whole length in brackets and sag between them."""
    rng = np.random.default_rng([seed, 34])
    pieces = []
    for k, (x, y, thick) in enumerate(
        (
            (3.3, 5.6, 0.1),
            (3.15, 5.95, 0.07),
            (2.95, 6.35, 0.12),
            (2.2, 0.55, 0.13),
            (2.45, 0.85, 0.08),
        )
    ):
        slack = rng.uniform(0.05, 0.16)
        z = np.linspace(0.0, -BAYS * BAY, BAYS * count(8, detail, 4) + 1)
        dip = slack * np.abs(np.sin(np.pi * z / BAY)) if k < 3 else 0.0 * z
        path = np.stack([np.full_like(z, x), y - dip, z], -1)
        pieces.append(with_mirror(cable(path, thick, 5)))
    for i in range(BAYS):
        clamp = block(0.5, 0.9, 0.12, 0.03).moved(2.95, 5.55, -BAY * i - 0.42)
        pieces.append(with_mirror(clamp))
    return pieces


def _cradle(detail: float) -> list[Mesh]:
    """Twelve claws that hold the sphere without touching it, and two rings about it."""
    centre = (0.0, 4.6, -BAYS * BAY - 3.2)
    path = curve(
        [(0, 5.1, 0.4), (0, 4.3, -0.6), (0, 3.3, -0.3), (0, 2.75, 0.55), (0, 2.4, 1.5)],
        count(18, detail, 8),
    )
    claw = sweep(
        path, circle(1.0, 6) * [0.7, 1.0], scale=np.linspace(0.34, 0.04, len(path)), up=(0, 0, 1)
    )
    pieces = [claw.turned("z", 30.0 * k + 15.0).moved(*centre) for k in range(12)]
    for radius, shift in ((3.35, -0.2), (4.6, 0.2)):
        ring = plated_ring(radius, circle(0.16, 6), count(48, detail, 20)).turned("x", 90.0)
        pieces.append(ring.moved(centre[0], centre[1], centre[2] + shift))
    stud = spike(0.16, 0.9, 5, 1.2).moved(0, 4.5, 0)
    teeth = joined(
        stud.turned("x", 180.0).moved(0, 9.0, 0).turned("z", 15.0 * k) for k in range(24)
    )
    pieces.append(teeth.moved(centre[0], centre[1], centre[2] + 0.2))
    return pieces


SUBJECT = Subject(
    name="silver-corridor",
    title="The silver corridor",
    domain="environments",
    description=(
        "Eleven riveted bays of tarnished silver in strict symmetry lead to a luminous sphere held "
        "by claws of bone; one person walks towards it."
    ),
    identity_marks=("rivets in rows", "strict symmetry", "luminous sphere"),
    environment="torch-lit-interior",
    height=(11.0, 14.0),
    view=View(azimuth=0.0, elevation=0.0, focal_length=24.0, aspect=1.0),
    sculptor=sculpt,
)
