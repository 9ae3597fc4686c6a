"""What is true of a training picture, and which compositions are never trained on.

A picture's facts are decided by its renderer, from what was placed before the camera and what
of it can be seen; captions only ever repeat them.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields
from typing import Literal, TypeAlias

from gm_assets.world.demo.chains import CHAINS
from gm_assets.world.names import DOMAINS, ENVIRONMENTS, LIGHTS, SHOTS, SUBJECTS_OF

Stage: TypeAlias = Literal["S1", "S2", "S3", "S4"]
Split: TypeAlias = Literal["train", "heldout", "reference"]

#: The looks of each stage: how a picture of that stage is made.
LOOKS_OF: dict[Stage, tuple[str, ...]] = {
    "S1": ("study", "elevation"),
    "S2": ("wash", "silver", "dye", "plate"),
    "S3": ("clay", "turntable", "normal", "depth", "silhouette"),
    "S4": ("frame",),
}
#: The stage of a look.
STAGE_OF: dict[str, Stage] = {look: stage for stage, looks in LOOKS_OF.items() for look in looks}
#: The materials that a subject's own parts are painted with. Red cloth, skin and glow are not
#: among them: red belongs to living bodies, and glow is a lamp.
PAINTS: tuple[str, ...] = (
    "bone",
    "wet-basalt",
    "cast-iron",
    "tarnished-silver",
    "oxidised-bronze",
    "waxed-canvas",
    "frost",
)
DOMAIN_OF: dict[str, str] = {
    subject: domain for domain, subjects in SUBJECTS_OF.items() for subject in subjects
}
#: The terms of every facet that training knows.
TERMS: dict[str, tuple[str, ...]] = {
    "look": tuple(STAGE_OF),
    "stage": tuple(LOOKS_OF),
    "domain": DOMAINS,
    "subject": tuple(DOMAIN_OF),
    "environment": ENVIRONMENTS,
    "material": PAINTS,
    "light": LIGHTS,
    "shot": SHOTS,
}
#: One composition in this many is held out.
_HELD_OUT_ONE_IN = 7
#: Width in degrees of the sector around a subject from which no drawing or clay is trained on.
SECTOR = 26.0


@dataclass(frozen=True)
class Facts:
    """What is true of one picture; None where it cannot be seen or has no name.

    Attributes:
        look: how it was made, a key of `STAGE_OF`.
        subject: slug of the subject.
        environment, light: slugs of what surrounds and lights it.
        material: what the greatest part of the subject is made of, one of `PAINTS`.
        shot: slug of the shot.
    """

    look: str
    subject: str
    environment: str | None = None
    material: str | None = None
    light: str | None = None
    shot: str | None = None

    @property
    def stage(self) -> Stage:
        """The stage of the look."""
        return STAGE_OF[self.look]

    @property
    def domain(self) -> str:
        """The domain of the subject."""
        return DOMAIN_OF[self.subject]

    def value(self, facet: str) -> str | None:
        """The term of a facet of `TERMS`, or None."""
        term: str | None = getattr(self, facet)
        return term

    def record(self) -> dict[str, str | None]:
        """The stated fields as plain values."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, str | None]) -> Facts:
        """The inverse of `record`.

        Raises:
            ValueError: a field is missing, or a term is not one of `TERMS`.
        """
        facts = cls(**{field.name: record[field.name] for field in fields(cls)})  # type: ignore[arg-type]
        for facet, terms in TERMS.items():
            if facet in record and record[facet] is not None and record[facet] not in terms:
                raise ValueError(f"{record[facet]!r} is no {facet} of the world")
        return facts


def hashed(*words: object) -> int:
    """A number of 64 bits that depends on the words alone, the same in every process."""
    text = "\n".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


#: Subject and environment of every frame of the demo library.
DEMO_SETTINGS: frozenset[tuple[str, str]] = frozenset(
    (chain.subject, shot.environment)
    for chain in CHAINS
    for shot in (*chain.frames, *((chain.second,) if chain.second else ()))
)


def held_out(subject: str, environment: str, material: str | None, painted: bool) -> bool:
    """Whether a composition is kept from training.

    One triple of subject, environment and material in seven, chosen by hash; and every subject
    as its sculptor made it in an environment where the demo library shows it.

    Args:
        material: the material that the picture shows, or None where none prevails.
        painted: whether the subject was repainted with it.
    """
    if not painted and (subject, environment) in DEMO_SETTINGS:
        return True
    return hashed("composition", subject, environment, material) % _HELD_OUT_ONE_IN == 0


def in_held_out_sector(subject: str, azimuth: float) -> bool:
    """Whether a view of a drawing or clay render lies in the sector kept from training."""
    centre = hashed("sector", subject) % 360
    return abs((azimuth - centre + 180) % 360 - 180) < SECTOR / 2
