"""The chains of the demo library as values: what is made, from what, and what is missing.

Each chain shows one way in which real chains come about. Gaps are planned like pictures: a
plan says what is not there and why, and the memories repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gm_assets.memory.record import Stage

Drawing: TypeAlias = Literal["mesh", "elevation"]
Reference: TypeAlias = Literal["wash", "silver", "dye", "plate"]


@dataclass(frozen=True)
class Shot:
    """One frame: where the camera stands and what surrounds the subject.

    Attributes:
        name: slug, unique within its chain; the frame's variant.
        environment, shot, light: vocabulary ids.
        azimuth, elevation: degrees; of the camera around the subject.
        lens: focal length in millimetres.
        aspect: width by height.
        margin: free part of the frame around the subject.
        lift: how far the subject is moved up in the frame, as a part of its half height.
        person: a cloaked person with the red scarf stands in the foreground.
        exposure: factor on the stage's own.
        inside: the camera stands in the subject itself: eye and target in metres.
        red_beacon: a red lamp on a machine, against the law, on purpose.
        title, description: what the memory says.
    """

    name: str
    environment: str
    shot: str
    light: str
    azimuth: float
    elevation: float
    lens: float
    aspect: float
    title: str
    description: str
    margin: float = 0.18
    lift: float = 0.0
    person: bool = False
    exposure: float = 1.0
    inside: tuple[tuple[float, float, float], tuple[float, float, float]] | None = None
    red_beacon: bool = False


@dataclass(frozen=True)
class Missing:
    """A stage that is not there, and the reason that is shown."""

    stage: Stage
    reason: str


@dataclass(frozen=True)
class Chain:
    """One chain of the demo.

    Attributes:
        subject: slug of the subject; the chain has the same name.
        seed: of the subject's sculptor (a chain that begins with a drawing takes its own).
        drawing: how S1 is made: from the mesh, or first, by rule; None for no drawing.
        drawing_kept: False makes the drawing but leaves it out of the library, so that what
            was made from it waits for its twin.
        reference: how S2 is made.
        frames: the S4 frames.
        turntable: number of turntable views.
        passes: depth, normals and silhouette of the hero camera.
        sculpt_kept: False leaves the mesh and its renders out of the library.
        lifted: a visual hull is carved from the turntable.
        plates_first: the chain begins with posed plates; there is no sculpt.
        revised: the sculpt was revised after its children had been made.
        second: the frame of the second generation, where the hull re-entered as a sculpt.
        missing: gaps with their reasons.
        detail: resolution of the sculpt.
    """

    subject: str
    seed: int
    drawing: Drawing | None = "mesh"
    drawing_kept: bool = True
    reference: Reference | None = "wash"
    frames: tuple[Shot, ...] = ()
    turntable: int = 6
    passes: bool = False
    sculpt_kept: bool = True
    lifted: bool = False
    plates_first: bool = False
    revised: bool = False
    second: Shot | None = None
    missing: tuple[Missing, ...] = ()
    detail: float = 0.7


CHAINS: tuple[Chain, ...] = (
    # ------------------------------------------------------------------ figures
    Chain(
        "seam-keeper",
        seed=11,
        reference="wash",
        turntable=16,
        passes=True,
        lifted=True,
        frames=(
            Shot(
                "nave",
                "subterranean-nave",
                "full",
                "sphere-glow",
                24,
                3,
                85,
                0.68,
                "The seam-keeper before the sphere",
                "The keeper stands in the nave; the horns ring the sphere at the end of it.",
                margin=0.14,
                lift=-0.02,
            ),
        ),
        second=Shot(
            "monument",
            "ash-plain",
            "low-angle",
            "overcast",
            30,
            2,
            70,
            0.72,
            "The keeper's monument",
            "Second turn of the loop: the hull carved from the turntable stands as a weathered "
            "monument on the plain, a pilgrim before it.",
            margin=0.30,
            person=False,
        ),
    ),
    Chain(
        "recon-pilot",
        seed=23,
        reference="silver",
        turntable=6,
        passes=True,
        frames=(
            Shot(
                "canal",
                "dry-dock-canal",
                "full",
                "searchlight",
                30,
                2,
                85,
                0.70,
                "The recon pilot at the dry-dock canal",
                "Searchlight over black water; the shoulder stencil catches it.",
                margin=0.16,
            ),
            Shot(
                "dunes",
                "dunes-under-snow",
                "wide",
                "moon-through-snow",
                -24,
                4,
                135,
                1.6,
                "The recon pilot on the snow dunes",
                "The second plate from the same sculpt: one small figure, moon behind snow.",
                margin=0.52,
                lift=-0.12,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    Chain(
        "dry-dock-rigger",
        seed=31,
        reference="plate",
        turntable=6,
        revised=True,
        frames=(
            Shot(
                "storm",
                "storm-at-the-seawall",
                "full",
                "searchlight",
                -28,
                2,
                85,
                0.74,
                "The rigger in the storm",
                "Made from the first take of the sculpt, which has been revised since.",
                margin=0.16,
            ),
        ),
        missing=(Missing("S5", "The revised sculpt has not been photographed yet."),),
    ),
    Chain(
        "lantern-acolyte",
        seed=43,
        reference="dye",
        turntable=6,
        frames=(
            Shot(
                "arcade",
                "torch-lit-interior",
                "full",
                "torchlight",
                -26,
                2,
                85,
                0.56,
                "The lantern acolyte in the arcade",
                "Two torches, wet flags, and the lantern above the hood.",
                margin=0.10,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    # ----------------------------------------------------------------- hardware
    Chain(
        "ring-freighter",
        seed=5,
        drawing="mesh",
        drawing_kept=False,
        reference="wash",
        turntable=6,
        frames=(
            Shot(
                "arrival",
                "night-city",
                "wide",
                "searchlight",
                48,
                5,
                100,
                1.7,
                "The ring-freighter over the night city",
                "The ring comes in between the towers; snow in the searchlight.",
                margin=0.20,
                person=True,
            ),
        ),
        missing=(
            Missing("S1", "The pencil study stayed at the twin studio; only its hash is here."),
            Missing("S5", "No structure was lifted from the plates yet."),
        ),
    ),
    Chain(
        "coalition-cutter",
        seed=7,
        reference="silver",
        turntable=6,
        frames=(
            Shot(
                "harbour",
                "dry-dock-canal",
                "wide",
                "searchlight",
                42,
                4,
                85,
                1.75,
                "The Coalition cutter, with a red beacon",
                "Breaks the red rule on purpose: the beacon on its mast is red, and red belongs "
                "to living bodies alone. Kept to show that the law catches it.",
                margin=0.14,
                red_beacon=True,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    Chain(
        "walker",
        seed=13,
        reference="wash",
        turntable=0,
        sculpt_kept=False,
        frames=(
            Shot(
                "plain",
                "ash-plain",
                "low-angle",
                "overcast",
                34,
                2,
                50,
                1.15,
                "The walker on the ash plain",
                "Four legs over a person; the sculpt it was rendered from was not handed over.",
                margin=0.16,
                person=True,
            ),
        ),
        missing=(
            Missing("S3", "The sculpt was evaluated in memory for this frame and never exported."),
        ),
    ),
    Chain(
        "breathing-engine",
        seed=17,
        drawing=None,
        reference=None,
        plates_first=True,
        turntable=16,
        lifted=True,
        frames=(
            Shot(
                "hall",
                "torch-lit-interior",
                "full",
                "torchlight",
                26,
                5,
                70,
                0.80,
                "The breathing engine in its hall",
                "The plate that the chain began with.",
                margin=0.12,
            ),
        ),
        missing=(
            Missing("S1", "The chain began with plates; nothing was drawn."),
            Missing("S2", "The chain began with plates; no reference was used."),
            Missing("S3", "The chain began with plates; no sculpt was exported."),
        ),
    ),
    # ------------------------------------------------------------- environments
    Chain(
        "seawall-gate",
        seed=19,
        reference="plate",
        turntable=6,
        passes=True,
        frames=(
            Shot(
                "gale",
                "storm-at-the-seawall",
                "wide",
                "searchlight",
                18,
                4,
                70,
                1.7,
                "The seawall gate in a gale",
                "The gate holds; a single watcher on the rocks.",
                margin=0.10,
                person=True,
            ),
            Shot(
                "frost",
                "dunes-under-snow",
                "wide",
                "moon-through-snow",
                -32,
                9,
                100,
                1.35,
                "The seawall gate, frozen in",
                "The second plate from the same sculpt, after the sea had frozen.",
                margin=0.16,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    Chain(
        "subterranean-citadel",
        seed=29,
        reference="wash",
        turntable=4,
        frames=(
            Shot(
                "below",
                "subterranean-nave",
                "wide",
                "sphere-glow",
                8,
                3,
                40,
                1.25,
                "The subterranean citadel",
                "Tiers under a vault of rock, leaning as they always have.",
                margin=-0.05,
                person=True,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    Chain(
        "spiked-citadel",
        seed=37,
        reference="plate",
        turntable=6,
        frames=(
            Shot(
                "plain",
                "ash-plain",
                "wide",
                "overcast",
                10,
                4,
                135,
                1.85,
                "The spiked citadel across the ash",
                "The rhythm of the spikes against a pewter sky.",
                margin=-0.1,
                lift=-0.1,
                person=True,
            ),
        ),
        missing=(Missing("S5", "No structure was lifted from the plates yet."),),
    ),
    Chain(
        "silver-corridor",
        seed=41,
        drawing="elevation",
        reference="dye",
        turntable=0,
        frames=(
            Shot(
                "toward-the-sphere",
                "torch-lit-interior",
                "wide",
                "sphere-glow",
                0,
                2,
                28,
                1.3,
                "The silver corridor",
                "Rivets and ribs run in symmetry to the sphere.",
                inside=((0.0, 4.0, -4.0), (0.0, 4.5, -60.0)),
            ),
        ),
        missing=(Missing("S5", "A corridor is seen from inside; no turntable can be made of it."),),
    ),
    Chain(
        "abyssal-dunes",
        seed=47,
        reference="silver",
        turntable=4,
        frames=(
            Shot(
                "ridge",
                "dunes-under-snow",
                "wide",
                "moon-through-snow",
                20,
                8,
                100,
                1.9,
                "The abyssal dunes",
                "Ridge behind ridge under the moon.",
                margin=0.0,
            ),
        ),
        missing=(Missing("S5", "Open land has no silhouette to carve from."),),
    ),
    # --------------------------------------------------------------- structures
    Chain(
        "fluted-spire",
        seed=53,
        drawing="elevation",
        reference="wash",
        turntable=16,
        lifted=True,
        frames=(
            Shot(
                "storm",
                "storm-at-the-seawall",
                "low-angle",
                "searchlight",
                20,
                2,
                70,
                0.66,
                "The fluted spire in the storm",
                "The beam finds the collars one by one.",
                margin=0.10,
                person=True,
            ),
        ),
    ),
    Chain(
        "arch",
        seed=59,
        drawing="elevation",
        reference="silver",
        turntable=16,
        passes=True,
        lifted=True,
        frames=(
            Shot(
                "snow",
                "dunes-under-snow",
                "wide",
                "moon-through-snow",
                14,
                3,
                85,
                1.5,
                "The arch in the snow",
                "A clean arch with nothing behind it but weather.",
                margin=0.26,
                person=True,
            ),
        ),
    ),
    Chain(
        "reliquary-tower",
        seed=61,
        reference="dye",
        turntable=16,
        lifted=True,
        frames=(
            Shot(
                "city",
                "night-city",
                "full",
                "searchlight",
                22,
                3,
                85,
                0.62,
                "The reliquary tower by night",
                "Lantern stages above the street.",
                margin=0.10,
                person=True,
            ),
        ),
    ),
    Chain(
        "branching-gate",
        seed=67,
        drawing="elevation",
        reference="wash",
        turntable=16,
        lifted=True,
        frames=(
            Shot(
                "dusk",
                "ash-plain",
                "wide",
                "overcast",
                0,
                3,
                85,
                1.05,
                "The branching gate",
                "The tree folds back into the gate it grew from.",
                margin=0.12,
                person=True,
            ),
        ),
    ),
)
