"""Which XMP property holds which field of a memory, and in what shape.

The table below is the one definition that both serialisations share: RDF/XML (`xmp.py`,
XMP specification part 1) and JSON-LD (`xmp_json.py`, KHR_xmp_json_ld). Standard homes are
XMP parts 1 and 2 (xmpMM, stRef, stEvt, dc, xmp) and IPTC Photo Metadata 2025.1
(Iptc4xmpExt); everything else is in our namespace, prefix `gm`. It holds no XML and no JSON-LD:
a name here is a Clark name (`{namespace}local`), a value is text, a number, or tuples and
mappings of these.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias

import rfc8785
from pydantic import ValidationError

from gm_assets.errors import InvalidMemory, TooLarge
from gm_assets.memory.record import GM_NAMESPACE, SCHEMA_VERSION, Memory

#: Largest packet that is read or written, in bytes.
MAX_PACKET = 4 * 1024 * 1024
#: Most entries in any one list of a memory (parents, history, placements, keywords, ...).
MAX_ITEMS = 10_000
#: Most parents mirrored in xmpMM:Ingredients; gm:parents holds all of them.
MAX_MIRRORED = 256

NAMESPACES: Mapping[str, str] = MappingProxyType(
    {
        "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
        "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
        "stEvt": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
        "dc": "http://purl.org/dc/elements/1.1/",
        "xmp": "http://ns.adobe.com/xap/1.0/",
        "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
        "gm": GM_NAMESPACE,
    }
)
_PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}

Scalar: TypeAlias = str | int | float | bool | tuple[float, ...]
Fields: TypeAlias = Mapping[str, Scalar]
#: A property's value: text or a number, a structure, a list of texts, a list of structures.
Value: TypeAlias = Scalar | Fields | tuple[str, ...] | tuple[Fields, ...]

#: Characters that XML 1.0 (section 2.2) cannot express in any way, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Integers beyond this have no exact form in RFC 8785 (I-JSON, RFC 7493 section 2.2).
_MAX_JSON_INTEGER = 2**53 - 1


def clark(name: str) -> str:
    """`dc:title` -> `{http://purl.org/dc/elements/1.1/}title`."""
    prefix, local = name.split(":")
    return f"{{{NAMESPACES[prefix]}}}{local}"


def short(name: str) -> str:
    """Inverse of `clark`, for messages; names of unknown namespaces stay as they are."""
    namespace, _, local = name[1:].partition("}")
    prefix = _PREFIXES.get(namespace)
    return name if prefix is None else f"{prefix}:{local}"


class Shape(Enum):
    """XMP value forms (XMP part 1, section 6.3). `Alt` is a language alternative."""

    SIMPLE = "simple"
    STRUCT = "struct"
    ALT = "Alt"
    BAG = "Bag"
    SEQ = "Seq"


@dataclass(frozen=True)
class Property:
    """One field of `Memory` (or of its `written` part) and its home in XMP.

    `fields` maps field names of the structure's model to Clark names, in writing order;
    None where the value or the items of the list are plain text or numbers.
    """

    field: str
    name: str
    shape: Shape = Shape.SIMPLE
    fields: Mapping[str, str] | None = None
    written: bool = False

    @property
    def ours(self) -> bool:
        """In our own namespace, so that nobody else's value can be in it."""
        return self.name.startswith(f"{{{GM_NAMESPACE}}}")


def _struct(names: str) -> Mapping[str, str]:
    pairs = (pair.split("=") for pair in names.split())
    return MappingProxyType({field: clark(name) for field, name in pairs})


_PLACEMENT = _struct(
    "chain=gm:chain generation=gm:generation stage=gm:stage part=gm:part view=gm:view"
    " frame=gm:frame variant=gm:variant primary=gm:primary"
)
_CAMERA = _struct(
    "matrix=gm:matrix focal_length=gm:focalLength film_back=gm:filmBack near=gm:near"
    " far=gm:far projection=gm:projection"
)
_PARENT = _struct(
    "role=gm:role document_id=gm:documentID instance_id=gm:instanceID content_id=gm:contentID"
    " stream_hash=gm:streamHash stage=gm:stage basis=gm:basis"
)
_EVENT = _struct(
    "action=stEvt:action when=stEvt:when software_agent=stEvt:softwareAgent"
    " parameters=stEvt:parameters changed=stEvt:changed instance_id=stEvt:instanceID"
    " content_id=gm:contentID note=gm:note person=gm:person"
)
_GAP = _struct("stage=gm:stage role=gm:role reason=gm:reason")
_EMBEDDING = _struct("model=gm:model dimension=gm:dimension data=gm:data")

#: Every property of a memory, in the order in which it is written.
PROPERTIES: tuple[Property, ...] = (
    Property("document_id", clark("xmpMM:DocumentID")),
    Property("instance_id", clark("xmpMM:InstanceID")),
    Property("original_document_id", clark("xmpMM:OriginalDocumentID")),
    Property("title", clark("dc:title"), Shape.ALT),
    Property("description", clark("dc:description"), Shape.ALT),
    Property("creators", clark("dc:creator"), Shape.SEQ),
    Property("keywords", clark("dc:subject"), Shape.BAG),
    Property("rights", clark("dc:rights"), Shape.ALT),
    Property("creator_tool", clark("xmp:CreatorTool")),
    Property("create_date", clark("xmp:CreateDate")),
    Property("digital_source_type", clark("Iptc4xmpExt:DigitalSourceType")),
    Property("ai_system", clark("Iptc4xmpExt:AISystemUsed")),
    Property("ai_system_version", clark("Iptc4xmpExt:AISystemVersionUsed")),
    Property("ai_prompt", clark("Iptc4xmpExt:AIPromptInformation")),
    Property("ai_prompt_writer", clark("Iptc4xmpExt:AIPromptWriterName")),
    Property("schema_version", clark("gm:schemaVersion")),
    Property("placements", clark("gm:placements"), Shape.BAG, _PLACEMENT),
    Property("domain", clark("gm:domain")),
    Property("subject", clark("gm:subject")),
    Property("environment", clark("gm:environment")),
    Property("shot", clark("gm:shot")),
    Property("camera", clark("gm:camera"), Shape.STRUCT, _CAMERA),
    Property("parents", clark("gm:parents"), Shape.SEQ, _PARENT),
    Property("gaps", clark("gm:gap"), Shape.SEQ, _GAP),
    Property("history", clark("xmpMM:History"), Shape.SEQ, _EVENT),
    Property("content_id", clark("gm:contentID"), written=True),
    Property("pixel_hash", clark("gm:pixelHash"), written=True),
    Property("pixel_scheme", clark("gm:pixelScheme"), written=True),
    Property("stream_hash", clark("gm:streamHash"), written=True),
    Property("stream_scheme", clark("gm:streamScheme"), written=True),
    Property("asset_hash", clark("gm:assetHash"), written=True),
    Property("asset_scheme", clark("gm:assetScheme"), written=True),
    Property("geometry_hash", clark("gm:geometryHash"), written=True),
    Property("perceptual_hash", clark("gm:perceptualHash"), written=True),
    Property("perceptual_scheme", clark("gm:perceptualScheme"), written=True),
    Property("width", clark("gm:width"), written=True),
    Property("height", clark("gm:height"), written=True),
    Property("orientation", clark("gm:orientation"), written=True),
    Property("icc_sha256", clark("gm:iccSHA256"), written=True),
    Property("decoder", clark("gm:decoder"), written=True),
    Property("recipe", clark("gm:recipe")),
    Property("embeddings", clark("gm:embeddings"), Shape.BAG, _EMBEDDING),
)
BY_NAME: Mapping[str, Property] = {p.name: p for p in PROPERTIES}
#: The namespaces that a property's element and its fields need, by the property's name.
NAMESPACES_OF: Mapping[str, frozenset[str]] = {
    p.name: frozenset(
        name[1:].partition("}")[0] for name in (p.name, *(p.fields.values() if p.fields else ()))
    )
    for p in PROPERTIES
}
_BY_FIELD = {(p.written, p.field): p for p in PROPERTIES}
HISTORY = _BY_FIELD[False, "history"]
SCHEMA = clark("gm:schemaVersion")

_FIELD_OF: Mapping[str, Mapping[str, str]] = {
    p.name: {name: field for field, name in p.fields.items()} for p in PROPERTIES if p.fields
}


def encode(memory: Memory) -> Iterator[tuple[Property, Value]]:
    """The properties of `memory` that have a value, in writing order.

    Raises:
        InvalidMemory: a text holds a character that XML 1.0 cannot express, a number is not
            finite, or the recipe is not JSON that RFC 8785 can write.
        TooLarge: a list holds more than `MAX_ITEMS` entries.
    """
    for prop in PROPERTIES:
        owner = memory.written if prop.written else memory
        value = getattr(owner, prop.field) if owner is not None else None
        if value is None or value == ():
            continue
        if prop.field == "recipe":
            yield prop, checked(_canonical_json(value), prop.name)
        elif prop.shape is Shape.STRUCT:
            yield prop, _encode_fields(prop, value)
        elif prop.shape in (Shape.BAG, Shape.SEQ):
            if len(value) > MAX_ITEMS:
                raise _too_many(prop.name, len(value))
            if prop.fields is None:
                yield prop, tuple(checked(text, prop.name) for text in value)
            else:
                yield prop, tuple(_encode_fields(prop, item) for item in value)
        else:
            yield prop, checked(value, prop.name)


def _encode_fields(prop: Property, item: Any) -> Fields:
    """The fields of one structure; absent ones and a False flag are not written."""
    assert prop.fields is not None
    values = ((name, getattr(item, field)) for field, name in prop.fields.items())
    return {name: checked(v, name) for name, v in values if v is not None and v is not False}


def checked(value: Any, name: str) -> Any:
    """`value` itself, if every serialisation can express it.

    Raises:
        InvalidMemory: a character outside XML 1.0, or a number that is not finite.
    """
    if isinstance(value, str):
        if bad := _NOT_XML.search(value):
            raise InvalidMemory(
                f"{short(name)} holds U+{ord(bad[0]):04X}, a character that XML 1.0 cannot express",
                remedy="Remove that character and write again.",
            )
    elif not all(map(math.isfinite, value if isinstance(value, tuple) else (value,))):
        raise InvalidMemory(f"{short(name)} holds a number that is not finite")
    return value


def _canonical_json(recipe: dict[str, Any]) -> str:
    try:
        return rfc8785.dumps(recipe).decode()
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidMemory(
            f"the recipe cannot be written as canonical JSON (RFC 8785): {error}",
            remedy="Use JSON values only: text keys, finite numbers, integers below 2^53.",
        ) from error


def decode(
    values: Mapping[str, Any], unknown: tuple[tuple[str, str], ...], where: str | None
) -> Memory:
    """Build the memory from property values by Clark name (the inverse of `encode`).

    Texts may stand for numbers and flags. Fields of structures that the table does not name
    are passed over. A value in a *shared* property (dc:title, an entry of xmpMM:History, ...)
    that breaks our bounds was written by somebody else: it is not read, and stays in the
    packet. In a memory of a newer schema, values that this version cannot hold are passed
    over in the same way.

    Raises:
        InvalidMemory: a property of ours breaks its definition, or an id is missing.
        TooLarge: a list holds more than `MAX_ITEMS` entries.
    """
    known: dict[str, Any] = {}
    written: dict[str, Any] = {}
    for name, value in values.items():
        prop = BY_NAME[name]
        if prop.written:
            written[prop.field] = value
        elif prop.fields is not None:
            known[prop.field] = _decode_structs(prop, value, where)
        elif prop.shape in (Shape.BAG, Shape.SEQ) and len(value) > MAX_ITEMS:
            raise _too_many(name, len(value), where)
        else:
            known[prop.field] = value
    if "recipe" in known:
        known["recipe"] = _parse_recipe(known["recipe"], where)
    if written:
        known["written"] = written
    if unknown:
        known["unknown"] = unknown
    return _validated(known, where)


def _decode_structs(prop: Property, value: Any, where: str | None) -> Any:
    fields = _FIELD_OF[prop.name]
    if prop.shape is Shape.STRUCT:
        camera = {fields[name]: v for name, v in value.items() if name in fields}
        for field in ("matrix", "film_back"):
            if isinstance(camera.get(field), str):
                camera[field] = camera[field].split()
        return camera
    if len(value) > MAX_ITEMS:
        raise _too_many(prop.name, len(value), where)
    return [_decode_fields(prop, item) for item in value]


def _decode_fields(prop: Property, item: Mapping[str, Any]) -> dict[str, Any]:
    """One structure of a list as keyword arguments of its model."""
    fields = _FIELD_OF[prop.name]
    values = {fields[name]: value for name, value in item.items() if name in fields}
    if prop is HISTORY:
        values.setdefault("when", "")
    return values


def _validated(known: dict[str, Any], where: str | None) -> Memory:
    """Validate; give up values that are not ours to judge, one round for each layer of them."""
    for _ in range(3):
        try:
            return Memory.model_validate(known)
        except ValidationError as error:
            problem = error
            if not _drop_foreign_faults(known, error):
                break
    first = problem.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    raise InvalidMemory(
        f"the memory's {place} is not valid: {first['msg']}",
        where=where,
        remedy="Restore the file, or place it again to give it a new memory.",
    )


def natural(stated: Any) -> int:
    """A natural number as a packet states it; 0 where it states none, `sys.maxsize` beyond.

    Python refuses to read numbers of thousands of digits, which a packet may well hold.
    """
    text = str(stated)
    if not (text.isascii() and text.isdecimal()):
        return 0
    return int(text) if len(text) < len(str(sys.maxsize)) else sys.maxsize


def _drop_foreign_faults(known: dict[str, Any], error: ValidationError) -> bool:
    """Remove what the errors point at, if all of it may be given up."""
    newer = natural(known.get("schema_version")) > SCHEMA_VERSION
    events: set[int] = set()
    fields: set[str] = set()
    for fault in error.errors(include_url=False, include_input=False):
        field = str(fault["loc"][0])
        if field in ("document_id", "instance_id", "schema_version"):
            return False
        prop = _BY_FIELD.get((False, field))
        if not newer and (prop is None or prop.ours):
            return False
        if field == "history" and len(fault["loc"]) > 1:
            events.add(int(fault["loc"][1]))
        else:
            fields.add(field)
    for field in fields:
        known.pop(field, None)
    if events:
        known["history"] = [e for i, e in enumerate(known["history"]) if i not in events]
    return True


def _parse_recipe(text: Any, where: str | None) -> Any:
    try:
        recipe = _RECIPE.decode(text)
        if "\\u" in text:
            json.dumps(recipe, ensure_ascii=False).encode()  # refuses lone surrogates
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidMemory(f"gm:recipe is not JSON: {error}", where=where) from error
    return recipe


def _json_integer(text: str) -> int | float:
    """Canonical JSON writes 1e20 without exponent: beyond 2^53 it was a double, and is again."""
    value = int(text)
    return value if -_MAX_JSON_INTEGER <= value <= _MAX_JSON_INTEGER else float(text)


def _not_json(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


_RECIPE = json.JSONDecoder(parse_int=_json_integer, parse_constant=_not_json)


def wrong_shape(prop: Property, where: str | None) -> InvalidMemory:
    """The error for a property of ours whose value has no form in which it could be read."""
    return InvalidMemory(f"{short(prop.name)} holds no {prop.shape.value} value", where=where)


def _too_many(name: str, count: int, where: str | None = None) -> TooLarge:
    return TooLarge(
        f"{short(name)} has {count:,} entries; the bound is {MAX_ITEMS:,}",
        where=where,
        remedy="Split the work over intermediate documents.",
    )
