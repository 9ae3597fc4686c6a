"""C2PA credentials (Content Credentials, specifications 1.3 to 2.2): what they claim, read only.

A manifest store is a JUMBF superbox `c2pa` with one superbox a manifest; the last is the active
one. Its claim (CBOR) names the program; its assertions tell the actions, the digital source type
and the ingredients. Nothing is verified here: neither the signature, nor the certificate, nor
that a hash fits the file. Every account says so.

What an ingredient gives is no hash of ours: `c2pa.hash.data` covers the bytes of a file with its
metadata, which change with every memory that is written, and the hashes of a manifest cover that
manifest. So ingredients are told and never become links by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gm_assets.errors import InvalidMemory
from gm_assets.memory.foreign import cbor, jumbf
from gm_assets.memory.foreign.values import (
    MAX_ENTRIES,
    MAX_REFERENCES,
    Account,
    Reference,
    clean,
    setting,
    settings,
)

#: Bytes of a manifest store that are read; thumbnails make most of it.
MAX_STORE = 16 * 1024 * 1024
_NAMED = ("dc:title", "title")


def read(store: bytes | None) -> Account | None:
    """The account of the active manifest; None where there is no store.

    A store that cannot be read gives an account that says so.
    """
    if not store:
        return None
    try:
        manifests = [m for root in jumbf.parse(store) for m in root.boxes if m.kind == "jumb"]
        if not manifests:
            raise InvalidMemory("the store holds no manifest")
        return _account(manifests)
    except InvalidMemory as error:
        return Account("C2PA", said=settings({"verified": False, "unreadable": error.what}))


def _account(manifests: list[jumbf.Box]) -> Account:
    active = manifests[-1]
    claim = next((c for box in active.named("c2pa.claim") if (c := _content(box))), {})
    assertions = next(iter(active.named("c2pa.assertions")), jumbf.Box("jumb"))
    actions = [a for box in assertions.named("c2pa.actions") for a in _actions(_content(box))]
    ingredients = [_content(box) for box in assertions.named("c2pa.ingredient")]
    known = {box.label: box for box in manifests}
    said = {
        "verified": False,
        "manifest": active.label,
        "claim_generator": _generator(claim),
        "title": _text(claim, *_NAMED),
        "instance_id": _text(claim, "instanceID"),
        "actions": actions,
        "ingredients": [_ingredient(found, known) for found in ingredients[:MAX_REFERENCES]],
        "data_hash": _data_hash(active),
    }
    types = (action.get("digitalSourceType") for action in actions)
    return Account(
        "C2PA",
        said=settings(said),
        source_type=next((t for t in types if isinstance(t, str) and _is_uri(t)), None),
        references=tuple(_reference(found, known) for found in ingredients[:MAX_REFERENCES]),
    )


def _content(box: jumbf.Box) -> dict[str, Any]:
    """The map in a box's CBOR or JSON content; empty where there is none."""
    data = box.first("cbor")
    if data is not None:
        value = cbor.loads(data)
    else:
        from gm_assets.memory.foreign.values import json_object

        text = box.first("json")
        value = None if text is None else json_object(text[:MAX_STORE].decode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}


def _text(given: Mapping[str, Any], *names: str) -> str | None:
    found = (given.get(name) for name in names)
    return next((clean(text[:1024]) for text in found if isinstance(text, str) and text), None)


def _generator(claim: Mapping[str, Any]) -> str | None:
    """The program that made the claim: version 2 has a map, version 1 a list of them or a text."""
    info = claim.get("claim_generator_info")
    if isinstance(info, list):
        info = info[0] if info else None
    if isinstance(info, dict) and (name := _text(info, "name")):
        version = _text(info, "version")
        return f"{name} {version}" if version else name
    return _text(claim, "claim_generator")


def _actions(assertion: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The actions: what, when, with which program, of which source type."""
    listed = assertion.get("actions")
    for action in listed[:MAX_ENTRIES] if isinstance(listed, list) else ():
        if not isinstance(action, dict):
            continue
        agent = action.get("softwareAgent")
        if isinstance(agent, dict):
            agent = " ".join(t for n in ("name", "version") if (t := _text(agent, n)))
        parameters = action.get("parameters")
        described = _text(parameters, "description") if isinstance(parameters, dict) else None
        yield settings(
            {
                "action": _text(action, "action"),
                "when": setting(action.get("when")),
                "softwareAgent": agent if isinstance(agent, str) else None,
                "digitalSourceType": _text(action, "digitalSourceType"),
                "description": described,
            }
        )


def _is_uri(text: str) -> bool:
    return text.startswith(("http://", "https://")) and len(text) <= 512


def _ingredient(given: Mapping[str, Any], known: Mapping[str, jumbf.Box]) -> dict[str, Any]:
    """An ingredient with what it says of its own manifest."""
    manifest = _manifest_of(given, known)
    return settings(
        {
            "title": _text(given, *_NAMED),
            "format": _text(given, "dc:format", "format"),
            "relationship": _text(given, "relationship"),
            "document_id": _text(given, "documentID"),
            "instance_id": _text(given, "instanceID"),
            "manifest": manifest.label if manifest else None,
            "data_hash": _data_hash(manifest) if manifest else None,
        }
    )


def _reference(given: Mapping[str, Any], known: Mapping[str, jumbf.Box]) -> Reference:
    manifest = _manifest_of(given, known)
    digest = _data_hash(manifest) if manifest else None
    return Reference(
        f"C2PA ingredient ({_text(given, 'relationship') or 'related'}, not verified)",
        document_id=_text(given, "documentID"),
        instance_id=_text(given, "instanceID"),
        hashes={} if digest is None else {"C2PA data hash": digest},
        name=_text(given, *_NAMED),
    )


def _manifest_of(given: Mapping[str, Any], known: Mapping[str, jumbf.Box]) -> jumbf.Box | None:
    """The manifest of an ingredient, from its URI `self#jumbf=/c2pa/<label>`."""
    for name in ("activeManifest", "c2pa_manifest"):
        link = given.get(name)
        if isinstance(link, dict) and (url := _text(link, "url")):
            return known.get(url.rstrip("/").rpartition("/")[2])
    return None


def _data_hash(manifest: jumbf.Box) -> str | None:
    """`<algorithm>:<hex>` of the hard binding of a manifest to its file's bytes."""
    for assertions in manifest.named("c2pa.assertions"):
        for box in assertions.named("c2pa.hash.data"):
            given = _content(box)
            digest = given.get("hash")
            if isinstance(digest, bytes) and digest:
                return f"{_text(given, 'alg') or 'sha256'}:{digest[:128].hex()}"
    return None
