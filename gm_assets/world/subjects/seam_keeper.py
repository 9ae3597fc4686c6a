"""The seam-keeper: a ceremonial figure with horned headdress and creature-like pauldron."""

from __future__ import annotations

import numpy as np

from gm_assets.world.sdf.meshing import Mesh, joined, mesh_of, with_mirror
from gm_assets.world.sdf.solid import Solid, blend, box, ellipsoid, sphere, tube, union
from gm_assets.world.subjects.anatomy import (
    Fold,
    Section,
    flipped,
    folds,
    hand,
    hanging,
    head,
    horn,
    limb,
    sleeve,
)
from gm_assets.world.subjects.forms import cable, circle, curve, lathe, planted, sheet, spike, sweep
from gm_assets.world.subjects.kit import count, rivet
from gm_assets.world.subjects.model import Assembly, Subject, View


def sculpt(seed: int, detail: float) -> Assembly:
    """Robe and mantle, bone breast and mask, horns, the pauldron, hands and the long needle."""
    rng = np.random.default_rng([seed, 1])
    made = Assembly()
    fine, middle = 0.0042 / detail, 0.005 / detail
    made.add("head", "living-body", "skin", mesh_of(_head(), fine))
    made.add("mask", "armour", "bone", mesh_of(_mask(), 0.0025 / detail))
    made.add("headdress", "armour", "bone", mesh_of(_headdress(), fine))
    made.add("headdress-spines", "armour", "tarnished-silver", _spines(detail))
    made.add("pauldron", "armour", "tarnished-silver", mesh_of(_pauldron(), fine))
    made.add("breastplate", "armour", "bone", mesh_of(_breastplate(), middle))
    made.add("robe", "cloth", "waxed-canvas", _robe(rng, seed, detail))
    made.add("mantle", "cloth", "waxed-canvas", *_mantle(rng, seed, detail))
    left = hand(24.0).turned("x", -78.0).turned("y", -52.0).moved(0.13, 1.145, 0.235)
    right = flipped(hand(62.0)).turned("z", -6.0).turned("x", -84.0).moved(-0.335, 1.2, 0.245)
    made.add("left-hand", "living-body", "skin", mesh_of(left, 0.0028 / detail))
    made.add("right-hand", "living-body", "skin", mesh_of(right, 0.0028 / detail))
    made.add("needle", "prop", "tarnished-silver", _needle(detail).moved(-0.352, 0.0, 0.335))
    made.add("sash", "living-body", "red-cloth", _sash(detail))
    made.add("stole", "cloth", "waxed-canvas", *_stole(detail))
    return made


def _head() -> Solid:
    return head(gaunt=1.0).moved(0, 1.585, 0.085)


def _mask() -> Solid:
    """A long narrow face plate with slit eyes and a ridge from brow to chin."""
    face = blend(
        ellipsoid(0.078, 0.125, 0.07).moved(0, 0.11, -0.02),
        ellipsoid(0.047, 0.12, 0.05).moved(0, -0.005, -0.005),
        tube([(0, -0.1, 0.012), (0, -0.15, 0.03)], [0.026, 0.012]),
        radius=0.06,
    ).shell(0.012)
    face = face - box(0.4, 0.8, 0.2).moved(0, 0, -0.125)
    ridge = tube(
        [(0, 0.24, 0.03), (0, 0.14, 0.062), (0, 0.02, 0.078), (0, -0.1, 0.045)],
        [0.008, 0.011, 0.013, 0.006],
    )
    brow = tube(
        [(0.012, 0.115, 0.058), (0.045, 0.135, 0.04), (0.078, 0.16, -0.005)], [0.01, 0.011, 0.006]
    ).mirrored()
    cheek = tube(
        [(0.07, 0.06, 0.0), (0.05, 0.0, 0.03), (0.025, -0.06, 0.042)], [0.008, 0.011, 0.006]
    ).mirrored()
    face = blend(face, ridge, brow, cheek, radius=0.022)
    slit = ellipsoid(0.026, 0.0075, 0.08).turned("z", 17.0).moved(0.038, 0.1, 0.05).mirrored()
    vents = union(
        *(
            box(0.0032, 0.05 - 0.008 * i, 0.1, 0.001).moved(0.014 + 0.011 * i, -0.045, 0.05)
            for i in range(3)
        )
    ).mirrored()
    return ((face - slit) - vents).moved(0, 1.665, 0.115)


def _headdress() -> Solid:
    cap = ellipsoid(0.1, 0.1, 0.125).moved(0, 1.775, 0.015).shell(0.02) - box(1, 0.4, 1).moved(
        0, 1.57, 0
    )
    band = limb(
        [
            (0, 1.79, 0.145),
            (0.075, 1.78, 0.1),
            (0.105, 1.77, 0.0),
            (0.06, 1.76, -0.1),
            (0.0, 1.75, -0.125),
        ],
        [0.014, 0.018, 0.02, 0.018, 0.016],
    ).mirrored()
    great = horn(
        [
            (0.075, 1.81, 0.03),
            (0.19, 1.89, 0.0),
            (0.32, 2.05, -0.07),
            (0.37, 2.28, -0.12),
            (0.31, 2.5, -0.09),
            (0.2, 2.63, 0.01),
        ],
        0.05,
        0.005,
        rings=24,
        relief=0.2,
    ).mirrored()
    lesser = horn(
        [
            (0.085, 1.78, -0.04),
            (0.16, 1.81, -0.13),
            (0.2, 1.77, -0.26),
            (0.185, 1.66, -0.33),
            (0.15, 1.57, -0.3),
        ],
        0.034,
        0.005,
        rings=15,
        relief=0.2,
    ).mirrored()
    crest = limb(
        [
            (0, 1.79, 0.155),
            (0, 1.9, 0.1),
            (0, 1.93, -0.02),
            (0, 1.85, -0.14),
            (0, 1.7, -0.2),
            (0, 1.5, -0.19),
        ],
        [0.016, 0.024, 0.028, 0.026, 0.022, 0.012],
        24,
    )
    knots = union(
        *(
            sphere(0.021 - 0.0012 * i).moved(0, *place)
            for i, place in enumerate(
                [
                    (1.93, -0.03),
                    (1.885, -0.12),
                    (1.81, -0.185),
                    (1.73, -0.215),
                    (1.65, -0.22),
                    (1.575, -0.215),
                ]
            )
        )
    )
    return blend(cap, band, great, lesser, crest, knots, radius=0.028)


def _spines(detail: float) -> Mesh:
    """A fan of thin blades between the horns, joined by two hoops."""
    blades = []
    angles = np.radians(np.linspace(-46.0, 46.0, 11))
    for i, a in enumerate(angles):
        length = 0.36 + 0.12 * np.cos(a * 1.9) - (0.05 if i % 2 else 0.0)
        foot = np.array([0.085 * np.sin(a), 1.83 + 0.05 * np.cos(a), -0.03])
        tip = np.array([np.sin(a) * (length + 0.1), 1.8 + np.cos(a) * (length + 0.1), -0.1])
        path = curve([foot, foot * 0.55 + tip * 0.45 + [0, 0, -0.025], tip], count(9, detail))
        blade = sweep(
            path,
            circle(1.0, 6) * [1.0, 0.45],
            up=(0, 0, 1),
            scale=0.0085 * np.linspace(1.0, 0.12, len(path)) ** 0.8,
        )
        blades.append(blade)
    for radius, depth in ((0.2, -0.058), (0.3, -0.078)):
        arc = [
            (radius * np.sin(a), 1.8 + radius * np.cos(a), depth)
            for a in np.linspace(angles[0], angles[-1], count(25, detail))
        ]
        blades.append(cable(arc, 0.0045, 6))
    return joined(blades)


def _pauldron() -> Solid:
    """A beast's skull that has taken hold of the left shoulder: brow, sockets, jaws, plates."""
    dome = ellipsoid(0.125, 0.105, 0.155)
    snout = limb(
        [(0.03, 0.0, 0.09), (0.055, -0.035, 0.19), (0.06, -0.09, 0.255), (0.05, -0.135, 0.27)],
        [0.085, 0.058, 0.036, 0.012],
    )
    brow = limb(
        [(-0.05, 0.075, 0.12), (0.03, 0.088, 0.145), (0.105, 0.04, 0.11), (0.14, -0.02, 0.03)],
        [0.016, 0.026, 0.024, 0.012],
    )
    skull = blend(dome, snout, brow, radius=0.045)
    skull = skull.carved(ellipsoid(0.034, 0.026, 0.04).moved(0.098, 0.022, 0.125), 0.018)
    skull = skull.carved(ellipsoid(0.03, 0.024, 0.04).moved(-0.035, 0.038, 0.16), 0.018)
    skull = skull.carved(ellipsoid(0.012, 0.02, 0.02).moved(0.084, -0.055, 0.235), 0.01)
    eye = union(sphere(0.017).moved(0.085, 0.02, 0.11), sphere(0.015).moved(-0.03, 0.034, 0.135))
    teeth = union(
        *(
            tube(
                [
                    (0.098 - 0.004 * i, -0.045 - 0.012 * i, 0.1 + 0.03 * i),
                    (0.1 - 0.004 * i, -0.105 - 0.01 * i, 0.11 + 0.03 * i),
                ],
                [0.011, 0.002],
            )
            for i in range(5)
        )
    )
    horns = union(
        *(
            horn(
                [
                    (0.06 - 0.035 * i, 0.085, -0.02 - 0.01 * i),
                    (0.09 - 0.035 * i, 0.16 + 0.015 * i, -0.09 - 0.01 * i),
                    (0.1 - 0.05 * i, 0.21 + 0.04 * i, -0.2 + 0.01 * i),
                ],
                0.024,
                0.003,
                rings=6,
            )
            for i in range(3)
        )
    )
    shell = blend(skull, horns, radius=0.02)
    lames = []
    for i in range(4):
        arc = ellipsoid(0.118 - 0.012 * i, 0.11, 0.135 - 0.012 * i).shell(0.011)
        band = arc & box(0.5, 0.062, 0.5).moved(0, 0.0, 0)
        band = band - box(0.4, 0.4, 0.6).moved(-0.235, 0, 0)
        lames.append(band.moved(0.012 + 0.008 * i, -0.062 - 0.052 * i, -0.012))
    solid = union(shell, eye, teeth, *lames)
    return solid.turned("z", -16.0).turned("y", 12.0).moved(0.235, 1.485, 0.0)


def _breastplate() -> Solid:
    """Sternum, collar bones and seven pairs of ribs over the mantle."""
    sternum = limb(
        [(0, 1.47, 0.13), (0, 1.36, 0.175), (0, 1.22, 0.175), (0, 1.1, 0.16)],
        [0.018, 0.024, 0.02, 0.008],
    )
    knobs = union(
        *(
            sphere(0.02 - 0.0012 * i).moved(0, 1.43 - 0.047 * i, 0.172 + 0.012 * (i % 2))
            for i in range(7)
        )
    )
    ribs = []
    for i in range(7):
        y = 1.43 - 0.047 * i
        wide = 0.185 - 0.011 * max(0, i - 2) - 0.01 * max(0, 1 - i)
        ribs.append(
            limb(
                [
                    (0.008, y, 0.172),
                    (wide * 0.55, y - 0.012, 0.166),
                    (wide * 0.96, y + 0.018, 0.09),
                    (wide * 1.02, y + 0.06, -0.01),
                ],
                [0.0135, 0.0125, 0.0105, 0.006],
                14,
            )
        )
    collar = limb(
        [(0.012, 1.475, 0.12), (0.09, 1.515, 0.105), (0.19, 1.53, 0.03)], [0.014, 0.017, 0.015]
    )
    gorget = ellipsoid(0.088, 0.05, 0.092).moved(0, 1.545, -0.005).shell(0.012) & box(
        1, 0.06, 1
    ).moved(0, 1.55, 0)
    return blend(sternum, knobs, gorget, union(*ribs, collar).mirrored(), radius=0.014)


def _robe(rng: np.random.Generator, seed: int, detail: float) -> Mesh:
    sections = [
        Section(0.0, 0.45, 0.5, 0.0, -0.17),
        Section(0.03, 0.43, 0.47, 0.0, -0.155),
        Section(0.2, 0.375, 0.385, 0.0, -0.1),
        Section(0.5, 0.31, 0.285, 0.0, -0.045),
        Section(0.85, 0.235, 0.19, 0.0, -0.01),
        Section(1.02, 0.195, 0.15, 0.0, 0.005),
        Section(1.12, 0.168, 0.13, 0.0, 0.015),
        Section(1.2, 0.17, 0.13, 0.0, 0.015),
    ]
    pipes = folds(rng, 19, 1.08, 0.046)
    knee = [Fold(12.0, 13.0, 0.045, 0.95, 4.0), Fold(-22.0, 11.0, 0.04, 0.85, -5.0)]
    return hanging(
        sections,
        [*pipes, *knee],
        segments=count(300, detail, 48),
        rings=count(110, detail, 16),
        seed=seed,
        crumple=0.004,
        tolerance=0.0007 / detail,
    )


def _mantle(rng: np.random.Generator, seed: int, detail: float) -> list[Mesh]:
    """The clad torso, the short cape over the shoulders, the hood's fall and both sleeves."""
    seg, rings = count(220, detail, 40), count(60, detail, 12)
    torso = hanging(
        [
            Section(1.06, 0.178, 0.142, 0, 0.01),
            Section(1.15, 0.172, 0.138, 0, 0.012),
            Section(1.3, 0.19, 0.15, 0, 0.01),
            Section(1.42, 0.205, 0.145, 0, 0.0),
            Section(1.5, 0.19, 0.115, 0, -0.01),
            Section(1.54, 0.11, 0.09, 0, -0.01),
            Section(1.6, 0.075, 0.08, 0, -0.015),
        ],
        folds(rng, 16, 1.35, 0.006),
        segments=seg,
        rings=rings,
        seed=seed + 1,
    )
    cape = hanging(
        [
            Section(0.62, 0.36, 0.24, 0, -0.2),
            Section(0.9, 0.335, 0.2, 0, -0.155),
            Section(1.2, 0.3, 0.165, 0, -0.11),
            Section(1.38, 0.27, 0.145, 0, -0.075),
            Section(1.47, 0.24, 0.125, 0, -0.05),
            Section(1.535, 0.14, 0.105, 0, -0.03),
            Section(1.6, 0.085, 0.09, 0, -0.02),
        ],
        [f for f in folds(rng, 23, 1.46, 0.036) if 62.0 < f.angle % 360.0 < 298.0],
        segments=seg,
        rings=rings,
        seed=seed + 2,
        opening=74.0,
        ragged=0.09,
    )
    veil = hanging(
        [
            Section(1.24, 0.155, 0.055, 0, -0.2),
            Section(1.4, 0.14, 0.075, 0, -0.15),
            Section(1.56, 0.1, 0.09, 0, -0.075),
            Section(1.7, 0.095, 0.1, 0, -0.02),
            Section(1.8, 0.088, 0.098, 0, 0.0),
            Section(1.85, 0.05, 0.06, 0, 0.0),
        ],
        folds(rng, 15, 1.7, 0.012),
        segments=count(140, detail, 30),
        rings=rings,
        seed=seed + 3,
    )
    left = sleeve(
        [
            (0.2, 1.46, -0.02),
            (0.29, 1.33, -0.02),
            (0.315, 1.17, 0.02),
            (0.25, 1.14, 0.13),
            (0.155, 1.14, 0.21),
        ],
        [0.075, 0.075, 0.075, 0.085, 0.1],
        segments=count(72, detail, 18),
        rings=count(60, detail, 14),
        seed=seed + 4,
        depth=0.16,
    )
    right = sleeve(
        [
            (-0.2, 1.46, -0.02),
            (-0.3, 1.34, -0.03),
            (-0.345, 1.2, 0.01),
            (-0.345, 1.17, 0.12),
            (-0.337, 1.18, 0.2),
        ],
        [0.075, 0.076, 0.078, 0.09, 0.108],
        segments=count(72, detail, 18),
        rings=count(60, detail, 14),
        seed=seed + 5,
        depth=0.16,
    )
    drops = []
    for side, wrist in ((1.0, (0.2, 1.12, 0.17)), (-1.0, (0.34, 1.16, 0.15))):
        x, y, z = wrist
        tail = sheet(
            curve(
                [
                    (side * x, y, z),
                    (side * x, y - 0.2, z + 0.0),
                    (side * x * 1.03, y - 0.48, z - 0.03),
                ],
                count(18, detail, 6),
            ),
            np.linspace(0.2, 0.03, count(18, detail, 6)),
            0.012,
            up=(side, 0.0, 0.35),
            across=count(14, detail, 6),
            sag=-0.18,
        )
        drops.append(tail)
    return [torso, cape, veil, left, right, *drops]


def _needle(detail: float) -> Mesh:
    """A needle as tall as its bearer, point down, with an open eye at the top."""
    shaft = lathe(
        [(0.002, 0.0), (0.011, 0.16), (0.0125, 0.9), (0.0125, 1.5), (0.016, 1.62), (0.013, 1.7)],
        count(12, detail, 6),
    )
    eye = [
        (0.034 * np.sin(a), 1.84 - 0.15 * np.cos(a), 0.0)
        for a in np.linspace(0, 2 * np.pi, count(36, detail, 12), endpoint=False)
    ]
    loop = cable(eye, 0.0115, count(10, detail, 5), closed=True)
    tip = spike(0.0125, 0.17, count(10, detail, 5)).moved(y=1.985)
    collars = [
        lathe(
            [(0.012, 0), (0.022, 0.006), (0.022, 0.016), (0.012, 0.022)], count(12, detail, 6)
        ).moved(y=y)
        for y in (0.92, 1.36, 1.56, 1.68)
    ]
    return joined([shaft, loop, tip, *collars])


def _sash(detail: float) -> Mesh:
    """The one red thing: a band round the waist whose end falls down the front to the hem."""
    turn = np.linspace(0.0, 2 * np.pi, count(48, detail, 16), endpoint=False)
    ring = np.stack(
        [0.186 * np.sin(turn), 1.105 + 0.008 * np.sin(3 * turn), 0.012 + 0.15 * np.cos(turn)],
        axis=-1,
    )
    band = sweep(ring, circle(1.0, 8) * [0.012, 0.03], closed=True)
    number = count(40, detail, 12)
    fall = curve(
        [
            (0.045, 1.11, 0.165),
            (0.06, 1.0, 0.185),
            (0.07, 0.75, 0.25),
            (0.085, 0.4, 0.33),
            (0.1, 0.12, 0.375),
            (0.13, 0.035, 0.44),
        ],
        number,
    )
    sway = np.sin(np.linspace(0, 9.0, number)) * 0.007
    fall[:, 0] += sway
    width = np.linspace(0.05, 0.085, number)
    tail = sheet(fall, width, 0.004, up=(0.0, 0.2, 1.0), across=count(8, detail, 4), sag=-0.12)
    knot = mesh_of(
        blend(
            sphere(0.03).stretched(1.0, 1.1, 0.75).moved(0.04, 1.105, 0.168),
            tube([(0.02, 1.12, 0.17), (0.07, 1.085, 0.172)], 0.014),
            radius=0.01,
        ),
        0.004 / detail,
    )
    return joined([band, tail, knot])


def _stole(detail: float) -> list[Mesh]:
    """Two stiff panels that hang from the collar to the shins, weighted with studs."""
    number = count(36, detail, 10)
    path = curve(
        [
            (0.1, 1.5, 0.075),
            (0.125, 1.4, 0.165),
            (0.125, 1.2, 0.18),
            (0.12, 1.05, 0.182),
            (0.14, 0.75, 0.255),
            (0.17, 0.34, 0.35),
        ],
        number,
    )
    panel = sheet(path, np.linspace(0.055, 0.12, number), 0.008, up=(0.25, 0.1, 1.0), across=4)
    studs = [
        planted(
            rivet(0.011).scaled(1.0, 1.3, 1.0),
            point + np.array([0.003, 0.002, 0.007]),
            (0.25, 0.15, 1.0),
        )
        for point in path[3::3]
    ]
    return [with_mirror(joined([panel, *studs]))]


SUBJECT = Subject(
    name="seam-keeper",
    title="The seam-keeper",
    domain="figures",
    description=(
        "A ceremonial figure in a trailing robe: long bone mask, lyre-shaped horns over a fan of "
        "silver spines, a beast's skull on the left shoulder, and a needle as tall as itself."
    ),
    identity_marks=("horned headdress", "creature-like pauldron", "profile"),
    environment="subterranean-nave",
    height=(2.4, 2.8),
    view=View(azimuth=38.0, elevation=4.0, focal_length=85.0, aspect=0.62),
    sculptor=sculpt,
)
