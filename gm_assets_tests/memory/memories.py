"""Memories and foreign packets for the tests of this folder: one typical, and arbitrary ones."""

from __future__ import annotations

from hypothesis import strategies as st

from gm_assets.memory.properties import BY_NAME, clark
from gm_assets.memory.rdf import ALT, BAG, SEQ
from gm_assets.memory.record import (
    SOURCE_TYPE,
    STAGES,
    Camera,
    Embedding,
    Event,
    Gap,
    Memory,
    Parent,
    Placement,
    Written,
)
from gm_assets.memory.values import Array, Struct, Text, canonical_xml

DOCUMENT = "xmp.did:5c1b2a0e-9d7f-5f0a-8b77-0f2a51c9f3aa"
INSTANCE = "xmp.iid:0d6bb9a4-5b34-5c55-9f0e-33b9b6f0c1de"
MESH = "xmp.did:7f3de0a1-2a9b-5d11-b1c5-9a7e4f26b0c2"
REFERENCE = "xmp.did:11e3a1f0-77aa-5b42-93d0-6f6a9c1d2e3f"


def typical() -> Memory:
    """The memory of a generated plate: two parents, three events, a recipe, an embedding."""
    return Memory(
        document_id=DOCUMENT,
        instance_id=INSTANCE,
        original_document_id=DOCUMENT,
        placements=(
            Placement(chain="seam-keeper", stage="S4", part="frame", view="front", primary=True),
            Placement(chain="recon-pilot", generation=2, stage="S2", part="reference", frame=0),
        ),
        domain="figures",
        subject="seam-keeper",
        environment="dry-dock",
        shot="full-figure",
        camera=Camera(
            matrix=(1, 0, 0, 0.1, 0, 1, 0, 1.6, 0, 0, 1, 4.2, 0, 0, 0, 1),
            focal_length=50,
            film_back=(36, 24),
            near=0.1,
            far=100,
        ),
        parents=(
            Parent(
                role="style",
                document_id=REFERENCE,
                content_id="px:" + "b" * 64 + ":1024x768",
                stage="S2",
                basis="asserted",
            ),
            Parent(
                role="geometry",
                document_id=MESH,
                instance_id="xmp.iid:" + "2" * 36,
                content_id="as:" + "a" * 64,
                stream_hash="c" * 64,
                stage="S3",
                basis="recorded",
            ),
        ),
        gaps=(Gap(stage="S1", reason="The sketchbook burned & nobody scanned <it>."),),
        history=(
            Event(action="created", when="2026-11-02T10:00:00Z", software_agent="gm_assets 0.1"),
            Event(
                action="edited",
                when="2026-11-03T11:30:00+01:00",
                software_agent="GIMP 3.2",
                changed="/content",
                content_id="px:" + "d" * 64 + ":1024x768",
                note="Softened the pauldron's edge,\nas Inês asked.",
                person="Inês",
            ),
            Event(action="accepted", when="2026-11-04T09:00:00Z", person="Inês"),
        ),
        title="The seam-keeper",
        description="Ceremonial figure with horned headdress",
        creators=("Inês Duarte", "gm_assets"),
        keywords=("horned", "pauldron", "seam"),
        rights="© 2026 Studio",
        creator_tool="gm_assets 0.1",
        create_date="2026-11-02T10:00:00Z",
        digital_source_type=SOURCE_TYPE + "trainedAlgorithmicMedia",
        ai_system="tiny-leash",
        ai_system_version="3",
        ai_prompt='a ceremonial figure, "horned"',
        ai_prompt_writer="Inês Duarte",
        written=Written(
            content_id="px:" + "e" * 64 + ":1024x768",
            pixel_hash="e" * 64,
            pixel_scheme="px1",
            stream_hash="f" * 64,
            stream_scheme="st1",
            perceptual_hash="0123456789abcdef",
            perceptual_scheme="ph1",
            width=1024,
            height=768,
        ),
        recipe={"model": {"id": "tiny-leash", "sha256": "9" * 64}, "seed": 7, "guidance": 7.5},
        embeddings=(Embedding(model="8" * 64, dimension=4, data="AAAAPAAAADw="),),
    )


_AWKWARD = "\t\n\r <>&\"'`]\x7f\x85\u00ad\u200b\u2028\ufeff\ufffd\U0001f9ff\U0010ffff"
#: Every character that XML 1.0 can express, the awkward ones often.
XML_CHARACTERS = st.one_of(
    st.sampled_from(_AWKWARD),
    st.characters(
        min_codepoint=0x20, exclude_categories=("Cs",), exclude_characters="\ufffe\uffff"
    ),
)
texts = st.one_of(st.text(XML_CHARACTERS, max_size=30), st.just("]]>"), st.just("<!--x--&gt;"))
some_text = st.text(XML_CHARACTERS, min_size=1, max_size=20)
hashes = st.sampled_from(["0" * 64, "a" * 64, "0123456789abcdef" * 4])
slugs = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
content_ids = st.one_of(
    hashes.map("as:{}".format),
    hashes.map("fi:{}".format),
    st.tuples(hashes, st.integers(1, 99_999)).map(lambda t: f"px:{t[0]}:{t[1]}x7"),
)
finite = st.floats(allow_nan=False, allow_infinity=False)
positive = st.floats(min_value=1e-9, max_value=1e9)
stages = st.sampled_from(STAGES)
roles = st.sampled_from(["source", "geometry", "style", "seed", "texture"])


def _maybe(strategy):
    return st.one_of(st.none(), strategy)


def _tuples(strategy, size=3):
    return st.lists(strategy, max_size=size).map(tuple)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), finite, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
_field_names = st.sampled_from([clark("gm:later"), clark("dc:title"), "{urn:other}thing"])
nodes = st.recursive(
    st.builds(Text, texts, _maybe(st.sampled_from(["x-default", "pt-br"]))),
    lambda inner: st.one_of(
        st.builds(
            Struct,
            st.dictionaries(_field_names, inner, min_size=1, max_size=3).map(
                lambda fields: tuple(fields.items())
            ),
        ),
        st.builds(Array, st.sampled_from([BAG, SEQ, ALT]), _tuples(inner)),
    ),
    max_leaves=6,
)
_new_names = st.from_regex(r"[a-z][a-zA-Z0-9]{0,8}", fullmatch=True).filter(
    lambda name: clark(f"gm:{name}") not in BY_NAME
)
unknowns = st.dictionaries(_new_names, nodes, max_size=3).map(
    lambda found: tuple((n, canonical_xml(clark(f"gm:{n}"), v)) for n, v in found.items())
)

events = st.builds(
    Event,
    action=some_text,
    when=st.text(XML_CHARACTERS, max_size=25),
    software_agent=_maybe(some_text),
    parameters=_maybe(some_text),
    changed=_maybe(some_text),
    instance_id=_maybe(some_text),
    content_id=_maybe(content_ids),
    note=_maybe(texts),
    person=_maybe(some_text),
)
placements = st.builds(
    Placement,
    chain=slugs,
    generation=st.integers(1, 9999),
    stage=stages,
    part=slugs,
    view=_maybe(slugs),
    frame=_maybe(st.integers(0, 10_000_000)),
    variant=_maybe(slugs),
    primary=st.booleans(),
)
parents = st.builds(
    Parent,
    role=roles,
    document_id=_maybe(some_text),
    instance_id=_maybe(some_text),
    content_id=content_ids,
    stream_hash=_maybe(hashes),
    stage=_maybe(stages),
    basis=st.sampled_from(["asserted", "recorded", "reproduced", "signed"]),
)
cameras = st.builds(
    Camera,
    matrix=st.lists(finite, min_size=16, max_size=16).map(tuple),
    focal_length=positive,
    film_back=st.tuples(finite, finite),
    near=positive,
    far=positive,
    projection=st.sampled_from(["perspective", "orthographic"]),
)
identities = st.builds(
    Written,
    content_id=content_ids,
    pixel_hash=_maybe(hashes),
    pixel_scheme=_maybe(texts),
    stream_hash=_maybe(hashes),
    stream_scheme=_maybe(texts),
    asset_hash=_maybe(hashes),
    asset_scheme=_maybe(texts),
    geometry_hash=_maybe(hashes),
    perceptual_hash=_maybe(st.just("0123456789abcdef")),
    perceptual_scheme=_maybe(texts),
    width=_maybe(st.integers(1, 10**6)),
    height=_maybe(st.integers(1, 10**6)),
    orientation=_maybe(st.integers(1, 8)),
    icc_sha256=_maybe(hashes),
    decoder=_maybe(texts),
)
memories = st.builds(
    Memory,
    document_id=some_text,
    instance_id=some_text,
    original_document_id=_maybe(some_text),
    placements=_tuples(placements),
    domain=_maybe(slugs),
    subject=_maybe(slugs),
    environment=_maybe(slugs),
    shot=_maybe(slugs),
    camera=_maybe(cameras),
    parents=_tuples(parents),
    gaps=_tuples(st.builds(Gap, stage=_maybe(stages), role=_maybe(roles), reason=texts)),
    history=_tuples(events, 4),
    title=_maybe(texts),
    description=_maybe(texts),
    creators=_tuples(texts),
    keywords=_tuples(texts),
    rights=_maybe(texts),
    creator_tool=_maybe(texts),
    create_date=_maybe(st.text(XML_CHARACTERS, max_size=30)),
    digital_source_type=_maybe(texts),
    ai_system=_maybe(texts),
    ai_system_version=_maybe(texts),
    ai_prompt=_maybe(texts),
    ai_prompt_writer=_maybe(texts),
    written=_maybe(identities),
    recipe=_maybe(st.dictionaries(texts, json_values, max_size=3)),
    embeddings=_tuples(
        st.builds(
            Embedding, model=hashes, dimension=st.integers(1, 16_384), data=st.just("AAAAPA==")
        ),
        2,
    ),
    unknown=unknowns,
)
