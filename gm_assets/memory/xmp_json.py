"""The memory as a KHR_xmp_json_ld packet, the form in which glTF files carry XMP.

Khronos KHR_xmp_json_ld (JSON-LD serialisation of XMP, ISO 16684-3, restricted): prefixes are
declared in `@context`; ordered arrays are `{"@list": []}`, unordered ones `{"@set": []}`;
a language alternative is `{"@type": "rdf:Alt", "rdf:_1": {"@language", "@value"}, ...}`;
booleans and numbers are those of JSON. The properties are those of `xmp.py`, and so are the
rules for merging with what others wrote. Plain arrays, value objects, `@id` objects and
contexts with term definitions, which the extension forbids, are read all the same. A remote
context is never fetched: names that only it could explain are foreign.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gm_assets.errors import InvalidMemory, TooLarge, WriteRefused
from gm_assets.memory.merging import (
    DERIVED_FROM,
    INGREDIENTS,
    Difference,
    compare_mirror,
    interleave,
    is_foreign,
    meaning,
    mirrored,
    mirrored_main,
)
from gm_assets.memory.properties import (
    BY_NAME,
    HISTORY,
    MAX_ITEMS,
    NAMESPACES,
    PROPERTIES,
    SCHEMA,
    Property,
    Shape,
    checked,
    clark,
    decode,
    encode,
    natural,
    short,
    wrong_shape,
)
from gm_assets.memory.rdf import ALT, BAG, RDF_NS, SEQ
from gm_assets.memory.record import GM_NAMESPACE, SCHEMA_VERSION, Memory
from gm_assets.memory.values import (
    MAX_NESTING,
    Array,
    Node,
    Struct,
    Text,
    canonical_xml,
    parse_unknown,
    too_deep,
)

_GM = f"{{{GM_NAMESPACE}}}"
_LIST = {Shape.SEQ: "@list", Shape.BAG: "@set"}


def load(packet: Mapping[str, Any], where: str | None = None) -> Memory | None:
    """Read the memory in a parsed packet; None where it holds none of ours.

    Raises:
        InvalidMemory: a memory that breaks its definition.
        TooLarge: a list beyond `MAX_ITEMS` entries.
    """
    if not isinstance(packet, Mapping):
        raise InvalidMemory("the packet is not a JSON object", where=where)
    names = _Names(packet.get("@context"))
    values: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for key, value in packet.items():
        name = names.expand(key)
        if name is None or name in values or name in unknown or value is None:
            continue
        if (prop := BY_NAME.get(name)) is not None:
            try:
                read = _read(prop, value, names)
            except InvalidMemory:
                if prop.ours or prop.field.endswith("_id"):
                    raise
                continue  # somebody else's title is not ours to refuse
            if read is not None:
                values[name] = read
            elif prop.ours:
                raise wrong_shape(prop, where)
        elif name.startswith(_GM):
            unknown[name] = canonical_xml(name, _node(value, names))
    if SCHEMA not in values:
        if not unknown and not any(BY_NAME[name].ours for name in values):
            return None
        raise InvalidMemory(
            "the packet has properties of a memory, but no gm:schemaVersion",
            where=where,
            remedy="Restore the file, or place it again to give it a new memory.",
        )
    kept = tuple((name.removeprefix(_GM), xml) for name, xml in unknown.items())
    return decode(values, kept, where)


def dump(memory: Memory, onto: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write `memory` as a packet, merged into the foreign packet `onto` where given.

    `onto` is not changed.

    Raises:
        WriteRefused: the memory, or the one in `onto`, was written by a newer version; or
            `onto` is no JSON object.
        InvalidMemory: a text that XML 1.0 cannot express (a memory has to fit every form),
            or a recipe that is not JSON.
        TooLarge: a list beyond `MAX_ITEMS` entries.
    """
    if onto is not None and not isinstance(onto, Mapping):
        raise WriteRefused(
            "the packet that is already there cannot be merged: it is not a JSON object",
            remedy="Remove that packet, then write again",
        )
    foreign = dict(onto or {})
    names = _Names(foreign.pop("@context", None))
    old: dict[str, list[Any]] = {}
    for key in [key for key in foreign if _replaceable(names.expand(key))]:
        old.setdefault(names.expand(key) or "", []).append(foreign[key])
    stated = (_simple(value, names) for value in old.get(SCHEMA, ()))
    newest = max(memory.schema_version, *map(natural, stated), 0)
    if newest > SCHEMA_VERSION:
        raise WriteRefused(
            f"the memory has schema {newest}, newer than {SCHEMA_VERSION}; rewriting could lose"
            " facts",
            remedy="Update gm_assets to change this file.",
        )
    ours: dict[str, Any] = {}
    for prop, value in encode(memory):
        ours[prop.name] = _property(prop, value, old.get(prop.name, []), names)
    ours |= _mirror(memory, old, names)
    for local, xml in memory.unknown:
        if (full := clark(f"gm:{local}")) in BY_NAME:
            raise InvalidMemory(f"gm:{local} is listed as unknown, but is a known property")
        same = (v for v in old.get(full, ()) if canonical_xml(full, _node(v, names)) == xml)
        ours[full] = next(same, None) or _json(parse_unknown(full, xml), names)
    cleared = {prop.name for prop in PROPERTIES if prop.ours} | {DERIVED_FROM, INGREDIENTS}
    gone = cleared | ours.keys()
    kept = {key: value for key, value in foreign.items() if names.expand(key) not in gone}
    written = {names.compact(name): value for name, value in ours.items()}
    return {"@context": names.context(), **kept, **written}


def differences(packet: Mapping[str, Any], where: str | None = None) -> tuple[Difference, ...]:
    """Where a tool changed our mirror of the parents (`merging.compare_mirror`).

    Raises:
        InvalidMemory, TooLarge: as `load`.
    """
    memory = load(packet, where)
    if memory is None:
        return ()
    names = _Names(packet.get("@context"))
    found: dict[str, list[dict[str, Any]]] = {DERIVED_FROM: [], INGREDIENTS: []}
    for key, value in packet.items():
        if (name := names.expand(key)) in found:
            found[name].extend(_fields(item, names) for item in _items(value))
    return compare_mirror(memory, found[DERIVED_FROM], found[INGREDIENTS])


def _replaceable(name: str | None) -> bool:
    return name in BY_NAME or name in (DERIVED_FROM, INGREDIENTS) or (name or "").startswith(_GM)


class _Names:
    """The prefixes of one packet: its own, and those that writing into it adds."""

    def __init__(self, context: Any) -> None:
        self._given = context
        self._added: dict[str, str] = {}
        self._uris: dict[str, str] = {}
        for part in context if isinstance(context, list) else [context]:
            if isinstance(part, Mapping):
                for prefix, target in part.items():
                    uri = target.get("@id") if isinstance(target, Mapping) else target
                    if isinstance(uri, str):
                        self._uris[prefix] = uri

    def expand(self, key: str) -> str | None:
        """`dc:title` -> Clark name; None for keywords and names that no prefix explains."""
        prefix, colon, local = key.partition(":")
        uri = self._uris.get(prefix)
        return f"{{{uri}}}{local}" if colon and local and uri else None

    def compact(self, name: str) -> str:
        """Clark name -> `prefix:local`, with a new prefix in the context where it needs one."""
        uri, _, local = name[1:].partition("}")
        for prefix, known in self._uris.items():
            if known == uri:
                return f"{prefix}:{local}"
        usual = {**{u: p for p, u in NAMESPACES.items()}, RDF_NS: "rdf"}.get(uri, "ns")
        prefix, count = usual, 1
        while prefix in self._uris:
            prefix, count = f"{usual}{count}", count + 1
        self._uris[prefix] = self._added[prefix] = uri
        return f"{prefix}:{local}"

    def context(self) -> Any:
        """The packet's own context with the added prefixes."""
        if isinstance(self._given, Mapping) or self._given is None:
            return {**(self._given or {}), **self._added}
        given = self._given if isinstance(self._given, list) else [self._given]
        return [*given, self._added] if self._added else self._given


def _read(prop: Property, value: Any, names: _Names) -> Any:
    """A property's value in the shape that `decode` expects."""
    if prop.shape is Shape.STRUCT:
        return _fields(value, names)
    if prop.shape in (Shape.BAG, Shape.SEQ):
        if prop.fields is not None:
            return [_fields(item, names) for item in _items(value)]
        texts = (_simple(item, names) for item in _items(value))
        return [text for text in texts if text is not None]
    simple = _simple(value, names)
    return None if simple is None else checked(simple, prop.name)


def _items(value: Any) -> list[Any]:
    """The items of an array in any notation; a single value is an array of itself."""
    if isinstance(value, Mapping):
        for keyword in ("@list", "@set"):
            if keyword in value:
                return _items(value[keyword])
    return value if isinstance(value, list) else [value]


def _fields(value: Any, names: _Names) -> dict[str, Any]:
    """The fields of a structure that hold simple values or numbers in an array."""
    fields: dict[str, Any] = {}
    for key, field in value.items() if isinstance(value, Mapping) else ():
        name = names.expand(key)
        if name is None or name in fields:
            continue
        numbers = _items(field)
        if len(numbers) > 1 and all(type(n) in (int, float) for n in numbers):
            fields[name] = tuple(numbers)
        elif (simple := _simple(field, names)) is not None:
            fields[name] = checked(simple, name)
    return fields


def _simple(value: Any, names: _Names) -> Any:
    """The simple value of any value, None where there is none; of alternatives the default."""
    if isinstance(value, Mapping):
        for keyword in ("@value", "@id"):
            if keyword in value:
                value = value[keyword]
                return value if isinstance(value, str | int | float) else None
        alternatives = _alternatives(value, names) or _items(value)
        if len(alternatives) == 1 and alternatives[0] is value:
            return None
        default = (a for a in alternatives if _language(a) in ("x-default", None))
        chosen = next(default, next(iter(alternatives), None))
        return None if isinstance(chosen, list) else _simple(chosen, names)
    if isinstance(value, list):
        return _simple(value[0], names) if value and not isinstance(value[0], list) else None
    return value if isinstance(value, str | int | float) else None


def _alternatives(value: Mapping[str, Any], names: _Names) -> list[Any]:
    """The members rdf:_1, rdf:_2, ... of an rdf:Alt, in their order."""
    member = f"{{{RDF_NS}}}_"
    numbered = [
        (number, item)
        for key, item in value.items()
        if (name := names.expand(key))
        and name.startswith(member)
        and (number := natural(name.removeprefix(member)))
    ]
    return [item for _, item in sorted(numbered, key=lambda pair: pair[0])]


def _language(item: Any) -> str | None:
    return item.get("@language") if isinstance(item, Mapping) else None


def _property(prop: Property, value: Any, old: list[Any], names: _Names) -> Any:
    """The JSON value of a property; `old` are the occurrences that it replaces."""
    if prop.shape is Shape.SIMPLE:
        return value
    if prop.shape is Shape.STRUCT:
        return _structure(value, names)
    if prop.shape is Shape.ALT:
        others = [
            item
            for occurrence in old
            if isinstance(occurrence, Mapping)
            for item in _alternatives(occurrence, names) or _items(occurrence)
            if _language(item) not in (None, "x-default")
        ]
        return _alt([{"@language": "x-default", "@value": value}, *others], names)
    items = [item for occurrence in old for item in _items(occurrence)]
    return {_LIST[prop.shape]: _merge_items(prop, value, items, names)}


def _alt(members: list[Any], names: _Names) -> dict[str, Any]:
    numbered = {f"{{{RDF_NS}}}_{i}": member for i, member in enumerate(members, 1)}
    return {
        "@type": names.compact(ALT),
        **{names.compact(name): member for name, member in numbered.items()},
    }


def _structure(fields: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    return {
        names.compact(name): {"@list": list(value)} if isinstance(value, tuple) else value
        for name, value in fields.items()
    }


def _merge_items(prop: Property, values: Any, old: list[Any], names: _Names) -> list[Any]:
    """One item for each value; an old item that says the same is that value's item."""
    new = [value if prop.fields is None else _structure(value, names) for value in values]
    read = [_fields(item, names) if prop.fields else _simple(item, names) for item in old]
    merged = interleave(
        [(meaning(prop, value), item) for value, item in zip(values, new, strict=True)],
        [(meaning(prop, value), item) for value, item in zip(read, old, strict=True)],
        keep=prop is HISTORY,
    )
    if len(merged) > MAX_ITEMS:
        raise TooLarge(
            f"{short(prop.name)} would have {len(merged):,} entries; the bound is {MAX_ITEMS:,}"
        )
    return merged


def _mirror(memory: Memory, old: Mapping[str, list[Any]], names: _Names) -> dict[str, Any]:
    """DerivedFrom and Ingredients: our parents for readers that know only the standard."""
    result: dict[str, Any] = {}
    derived = mirrored_main(memory.parents)
    theirs = [v for v in old.get(DERIVED_FROM, ()) if is_foreign(_fields(v, names), derived)]
    if theirs:
        result[DERIVED_FROM] = theirs[0]
    elif derived:
        result[DERIVED_FROM] = _structure(derived[0], names)
    ours = mirrored(memory.parents)
    listed = [item for value in old.get(INGREDIENTS, ()) for item in _items(value)]
    kept = [item for item in listed if is_foreign(_fields(item, names), ours)]
    if kept or ours:
        result[INGREDIENTS] = {"@set": [*kept, *(_structure(fields, names) for fields in ours)]}
    return result


def _node(value: Any, names: _Names, nesting: int = 0) -> Node:
    """Any JSON value as an XMP value; fields that no prefix explains are left out."""
    if nesting > MAX_NESTING:
        raise too_deep()
    if isinstance(value, list):
        return Array(BAG, tuple(_node(item, names, nesting + 1) for item in value))
    if not isinstance(value, Mapping):
        return Text(value if isinstance(value, str) else repr(value))
    for keyword, kind in (("@list", SEQ), ("@set", BAG)):
        if keyword in value:
            return Array(kind, tuple(_node(i, names, nesting + 1) for i in _items(value)))
    if "@value" in value or "@id" in value:
        language = value.get("@language")
        text = _simple(value, names)
        return Text(
            "" if text is None else str(text), language if isinstance(language, str) else None
        )
    members = _alternatives(value, names)
    if members or names.expand(str(value.get("@type"))) == ALT:
        return Array(ALT, tuple(_node(member, names, nesting + 1) for member in members))
    fields = ((names.expand(key), field) for key, field in value.items())
    return Struct(tuple((n, _node(field, names, nesting + 1)) for n, field in fields if n))


def _json(node: Node, names: _Names) -> Any:
    """Inverse of `_node`; numbers stay texts, since their type is not known."""
    if isinstance(node, Text):
        if node.language is None:
            return node.text
        return {"@language": node.language, "@value": node.text}
    if isinstance(node, Struct):
        return {names.compact(name): _json(field, names) for name, field in node.fields}
    items = [_json(item, names) for item in node.items]
    if node.kind == ALT:
        return _alt(items, names)
    return {"@list" if node.kind == SEQ else "@set": items}
