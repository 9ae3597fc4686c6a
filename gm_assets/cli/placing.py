"""From the words of `gm place` to a placement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gm_assets.containers import CONTAINERS
from gm_assets.errors import InvalidMemory
from gm_assets.memory.record import Placement, parse_chain_key

_SLUG = "Use lower-case letters, digits and single hyphens"
#: The part that a stage's file usually is; of a 3D file always the mesh.
_USUAL_PART = {"S1": "sketch", "S2": "reference", "S3": "clay", "S4": "frame", "S5": "mesh"}


def placement_of(
    file: Path,
    chain: str,
    stage: str,
    part: str | None,
    generation: int | None,
    **rest: Any,
) -> Placement:
    """The placement that the options describe.

    `chain` may be a key such as `seam-keeper.g02`; `generation`, where given, must agree.
    `rest` holds view, frame, variant and primary.

    Raises:
        InvalidMemory: a value is not of its form, or key and generation disagree.
    """
    try:
        name, turn = parse_chain_key(chain)
    except ValueError as error:
        raise InvalidMemory(str(error), where="--chain", remedy=_SLUG) from None
    if generation is not None and name != chain and generation != turn:
        raise InvalidMemory(
            f"the key {chain} says generation {turn}, --generation says {generation}",
            where="--generation",
            remedy="Leave one of them out",
        )
    stage = stage.upper()
    suffix = file.suffix.lower()
    model = any(one.kind == "model" and suffix in one.suffixes for one in CONTAINERS.values())
    usual = "mesh" if model else _USUAL_PART.get(stage, "frame")
    try:
        return Placement(
            chain=name,
            generation=turn if generation is None else generation,
            stage=stage,  # type: ignore[arg-type]  # pydantic judges it
            part=part or usual,
            **rest,
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        what, remedy = first["msg"], "gm place --help has the values"
        if first["type"] == "string_pattern_mismatch":
            what, remedy = f"{first['input']!r} is not a slug", _SLUG
        raise InvalidMemory(what, where=f"--{first['loc'][0]}", remedy=remedy) from None
