"""Which documents of a chain come from which: the stages of design as a table.

Only these ways are suggested. A person may link anything (`gm link`); a suggestion that goes
against the order of the work would be noise.
"""

from __future__ import annotations

from dataclasses import dataclass

from gm_assets.memory.record import Placement, Role, Stage

PASSES = frozenset(("depth", "normal", "silhouette", "ids", "skeleton"))
RENDERS = PASSES | {"clay", "turntable"}
SOLIDS = frozenset(("mesh", "hull", "splats"))


@dataclass(frozen=True, slots=True)
class Flow:
    """One way from parents to children within a chain.

    Attributes:
        child, parent: stages; `children`, `parents` the parts of them, None for all.
        worth: 0 to 1, how usual it is; it scales the score.
        many: a child comes from a whole set of such parents (a hull from all its plates).
    """

    child: Stage
    children: frozenset[str] | None
    parent: Stage
    parents: frozenset[str] | None
    role: Role
    worth: float
    many: bool = False

    def leads(self, parent: Placement, child: Placement) -> bool:
        """Whether a document placed at `parent` is on this way to one placed at `child`."""
        return (
            (parent.stage, child.stage) == (self.parent, self.child)
            and (self.children is None or child.part in self.children)
            and (self.parents is None or parent.part in self.parents)
            and parent.generation <= child.generation
            and _agree(parent.view, child.view)
        )


FLOWS = (
    Flow("S3", RENDERS, "S3", frozenset(("mesh",)), "geometry", 1.0),
    Flow("S5", RENDERS, "S5", SOLIDS, "geometry", 1.0),
    Flow("S4", None, "S3", PASSES, "geometry", 0.9),
    Flow("S4", None, "S3", frozenset(("clay",)), "geometry", 0.5),
    Flow("S4", None, "S3", frozenset(("mesh",)), "geometry", 0.8),
    Flow("S4", None, "S2", None, "style", 0.7),
    Flow("S5", SOLIDS, "S4", None, "source", 0.9, many=True),
    Flow("S5", SOLIDS, "S3", frozenset(("turntable",)), "source", 0.8, many=True),
    Flow("S2", None, "S1", None, "source", 0.8),
    Flow("S3", frozenset(("mesh",)), "S2", None, "source", 0.7),
    Flow("S3", frozenset(("mesh",)), "S1", None, "seed", 0.6),
    Flow("S2", None, "S3", frozenset(("mesh",)), "geometry", 0.5),
    Flow("S1", None, "S3", frozenset(("mesh",)), "geometry", 0.5),
)

#: One picture made from another that looks the same: an edit, another size, another format;
#: of one chain, and of different ones.
REMADE_WORTH, REMADE_ELSEWHERE = 0.9, 0.5
REMADE_ROLE: Role = "source"


def siblings(one: Placement, other: Placement) -> bool:
    """Whether that two documents look alike does not tell which of them is from the other.

    Views and frames of a turntable look alike; both come from the mesh. Between stages of one
    chain the order of the work tells, not the size.
    """
    if one.stage in ("S3", "S5") and one.part in RENDERS and other.part in RENDERS:
        return True
    if one.chain != other.chain:
        return False
    return (one.stage, one.view, one.frame) != (other.stage, other.view, other.frame)


def _agree(one: str | None, other: str | None) -> bool:
    """Whether two views can be of one picture; unknown ones can."""
    return one is None or other is None or one == other
