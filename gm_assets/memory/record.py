"""The memory of an asset file as values: what it is, where it came from, how to make it again.

This module is the vocabulary that everything above shares. It holds no I/O and no XML: the
XMP form is in `xmp.py`, the files in `files.py`. Every model is frozen; change one with
`model_copy(update=...)` (trusted values) or by validating a new one.

Property names in the XMP form follow XMP 2012 parts 1 to 3 (xmpMM, stRef, stEvt, dc, xmp),
IPTC Photo Metadata 2025.1 (Iptc4xmpExt) and, where no standard has a home, our namespace
`urn:gm-assets:memory:1/` (prefix `gm`).
"""

from __future__ import annotations

import re
import uuid
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

GM_NAMESPACE = "urn:gm-assets:memory:1/"
SCHEMA_VERSION = 1

#: Namespace of all UUIDv5 identifiers that gm_assets derives (documents, instances).
ID_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, GM_NAMESPACE)

Stage: TypeAlias = Literal["S1", "S2", "S3", "S4", "S5"]
STAGES: tuple[Stage, ...] = ("S1", "S2", "S3", "S4", "S5")
Role: TypeAlias = Literal["source", "geometry", "style", "seed", "texture"]
Basis: TypeAlias = Literal["asserted", "recorded", "reproduced", "signed"]

#: Parts that gm_assets itself makes or knows; a library may use others of the same form.
PARTS: tuple[str, ...] = (
    "sketch",
    "reference",
    "mesh",
    "clay",
    "depth",
    "normal",
    "silhouette",
    "ids",
    "skeleton",
    "frame",
    "hull",
    "splats",
)

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
CHAIN_KEY = re.compile(r"(?P<chain>[a-z0-9]+(?:-[a-z0-9]+)*)\.g(?P<generation>[0-9]{2,4})\Z")
CONTENT_ID = re.compile(r"(?:px:[0-9a-f]{64}:[1-9][0-9]*x[1-9][0-9]*|(?:as|st|fi):[0-9a-f]{64})\Z")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=96)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ContentId = Annotated[
    str,
    StringConstraints(
        pattern=r"^(?:px:[0-9a-f]{64}:[1-9][0-9]{0,9}x[1-9][0-9]{0,9}|(?:as|st|fi):[0-9a-f]{64})$"
    ),
]
#: `xmp.did:<uuid>` and `xmp.iid:<uuid>` when minted here; any non-empty text when foreign.
XmpId = Annotated[str, StringConstraints(min_length=1, max_length=512)]
Text = Annotated[str, StringConstraints(max_length=65_536)]
Generation = Annotated[int, Field(ge=1, le=9999)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Placement(_Value):
    """Where a document stands: a chain, a turn of the loop, a stage and a part of it."""

    chain: Slug
    generation: Generation = 1
    stage: Stage
    part: Slug
    view: Slug | None = None
    frame: int | None = Field(None, ge=0, le=10_000_000)
    variant: Slug | None = None
    #: The one file that stands for its stage in strips and thumbnails.
    primary: bool = False

    @property
    def key(self) -> str:
        """The chain key that partitions use, e.g. `seam-keeper.g01`."""
        return chain_key(self.chain, self.generation)


class Parent(_Value):
    """A declared link to one parent. What it is worth is judged in `gm_assets.lineage`."""

    role: Role = "source"
    document_id: XmpId | None = None
    instance_id: XmpId | None = None
    content_id: ContentId
    stream_hash: Sha256 | None = None
    stage: Stage | None = None
    basis: Basis


class Event(_Value):
    """One entry of `xmpMM:History` (a stEvt:ResourceEvent).

    `content_id` is the content *before* the event where the event replaced it, so a
    document's earlier contents can be named. `note` is the note of the hand that steered.
    """

    action: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    when: Annotated[str, StringConstraints(max_length=64)]
    software_agent: Text | None = None
    parameters: Text | None = None
    changed: Text | None = None
    instance_id: XmpId | None = None
    content_id: ContentId | None = None
    note: Text | None = None
    person: Text | None = None


class Gap(_Value):
    """A parent or stage known to be missing, and why. Shown, never filled by a guess."""

    stage: Stage | None = None
    role: Role | None = None
    reason: Text


class Camera(_Value):
    """The camera of a render, pass or plate.

    `matrix` is camera-to-world, row-major, 16 numbers, metres, OpenGL axes (camera looks
    along -Z, +Y up). Lens and film back in millimetres; near and far in metres.
    """

    matrix: tuple[float, ...] = Field(min_length=16, max_length=16)
    focal_length: float = Field(gt=0)
    film_back: tuple[float, float]
    near: float = Field(gt=0)
    far: float = Field(gt=0)
    projection: Literal["perspective", "orthographic"] = "perspective"


class Written(_Value):
    """Identity as it was when the memory was written (design section 2)."""

    content_id: ContentId
    pixel_hash: Sha256 | None = None
    pixel_scheme: str | None = None
    stream_hash: Sha256 | None = None
    stream_scheme: str | None = None
    asset_hash: Sha256 | None = None
    asset_scheme: str | None = None
    geometry_hash: Sha256 | None = None
    perceptual_hash: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    perceptual_scheme: str | None = None
    width: int | None = Field(None, ge=1)
    height: int | None = Field(None, ge=1)
    orientation: int | None = Field(None, ge=1, le=8)
    icc_sha256: Sha256 | None = None
    decoder: Text | None = None


class Embedding(_Value):
    """One unit vector of an image-text encoder: little-endian float16, base64."""

    model: Sha256
    dimension: int = Field(ge=1, le=16_384)
    data: str


class Memory(_Value):
    """Everything that a file remembers.

    `recipe` is any JSON object; it is written as canonical JSON (RFC 8785). `unknown` keeps
    properties of our namespace that this version does not know (`local name -> XML of the
    property element`), so that a newer writer's facts survive. Foreign namespaces are not
    here at all: the XMP layer keeps them in the packet.
    """

    schema_version: int = SCHEMA_VERSION
    document_id: XmpId
    instance_id: XmpId
    original_document_id: XmpId | None = None

    placements: tuple[Placement, ...] = ()
    domain: Slug | None = None
    subject: Slug | None = None
    environment: Slug | None = None
    shot: Slug | None = None
    camera: Camera | None = None

    parents: tuple[Parent, ...] = ()
    gaps: tuple[Gap, ...] = ()
    history: tuple[Event, ...] = ()

    title: Text | None = None
    description: Text | None = None
    creators: tuple[Text, ...] = ()
    keywords: tuple[Text, ...] = ()
    rights: Text | None = None
    creator_tool: Text | None = None
    create_date: Annotated[str, StringConstraints(max_length=64)] | None = None

    digital_source_type: Text | None = None
    ai_system: Text | None = None
    ai_system_version: Text | None = None
    ai_prompt: Text | None = None
    ai_prompt_writer: Text | None = None

    written: Written | None = None
    recipe: dict[str, Any] | None = None
    embeddings: tuple[Embedding, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @property
    def newer(self) -> bool:
        """Written by a later version of gm_assets: readable, but never rewritten by us."""
        return self.schema_version > SCHEMA_VERSION


#: IPTC digital source types used here (http://cv.iptc.org/newscodes/digitalsourcetype/).
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def chain_key(chain: str, generation: int) -> str:
    """The partition key of one turn of a chain: `seam-keeper`, 1 -> `seam-keeper.g01`."""
    return f"{chain}.g{generation:02d}"


def parse_chain_key(key: str) -> tuple[str, int]:
    """Inverse of `chain_key`; a bare chain name means its first generation.

    Raises:
        ValueError: `key` is neither a chain key nor a slug.
    """
    if match := CHAIN_KEY.match(key):
        return match["chain"], int(match["generation"])
    if SLUG.match(key):
        return key, 1
    raise ValueError(f"{key!r} is not a chain key such as 'seam-keeper.g01'")


def mint_document_id(*facts: str) -> str:
    """A DocumentID that depends on `facts` alone, so that a resumed run mints the same one.

    Ingest passes the content id and the placement; machine-made documents pass the hash of
    their recipe (UUIDv5, RFC 9562 section 5.5).
    """
    return f"xmp.did:{uuid.uuid5(ID_NAMESPACE, '|'.join(('document', *facts)))}"


def mint_instance_id(document_id: str, content_id: str, turn: int = 0) -> str:
    """The InstanceID of `content_id` in `document_id`; `turn` tells repeated contents apart."""
    return f"xmp.iid:{uuid.uuid5(ID_NAMESPACE, f'instance|{document_id}|{content_id}|{turn}')}"
