"""The rules of docs/lineage.md once more, naively, one link at a time.

Written from the text and not from the SQL, so that the two can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

from gm_assets.memory.record import Memory, Parent
from gm_assets.stores import provisional_document_id
from gm_assets_tests.lineage.worlds import File, content, stream


@dataclass
class Asset:
    """A document as its speaking memory and its standing file give it."""

    document_id: str
    memory: Memory | None
    path: str
    content_id: str | None
    stream_hash: str | None
    altered: bool
    verified: bool
    copies: int


@dataclass
class Verdict:
    resolution: str
    parent: str | None
    verified: bool
    cyclic: bool = False


def assets(files: list[File]) -> dict[str, Asset]:
    """Every document of the files, with who speaks for it."""
    carriers: dict[str, list[File]] = {}
    for file in files:
        if (name := document_of(file)) is not None:
            carriers.setdefault(name, []).append(file)
    return {name: _asset(name, found) for name, found in carriers.items()}


def document_of(file: File) -> str | None:
    if file.memory is not None:
        return file.memory.document_id
    if file.rule is not None and file.holds is not None:
        return provisional_document_id(content(file.holds), file.rule)
    return None


def speaker_rank(file: File) -> tuple:
    """Greater speaks first; equal ranks are decided by digest, which the tests avoid."""
    if file.memory is None:
        return (False, "", 0)
    times = [event.when for event in file.memory.history]
    return (True, max(times, default=""), len(times))


def is_altered(file: File) -> bool:
    if file.holds is None or file.memory is None or file.memory.written is None:
        return False
    return content(file.holds) != file.memory.written.content_id


def _asset(name: str, carriers: list[File]) -> Asset:
    best = max(map(speaker_rank, carriers))
    speaking = [file for file in carriers if speaker_rank(file) == best]
    standing = min(speaking, key=lambda file: (is_altered(file), file.holds is None, file.path))
    stated = standing.memory.written if standing.memory is not None else None
    known = stated if standing.holds is None else None
    return Asset(
        document_id=name,
        memory=standing.memory,
        path=standing.path,
        content_id=content(standing.holds) if standing.holds else known and known.content_id,
        stream_hash=stream(standing.holds) if standing.holds else known and known.stream_hash,
        altered=is_altered(standing),
        verified=standing.holds is not None,
        copies=len(carriers),
    )


def verdicts(found: dict[str, Asset]) -> dict[tuple[str, int], Verdict]:
    """Every declared link of every document, judged."""
    judged = {
        (child.document_id, ordinal): _judge(child, parent, found)
        for child in found.values()
        if child.memory is not None
        for ordinal, parent in enumerate(child.memory.parents)
    }
    above: dict[str, set[str]] = {}
    for (child, _), verdict in judged.items():
        if verdict.parent is not None:
            above.setdefault(child, set()).add(verdict.parent)
    for (child, _), verdict in judged.items():
        verdict.cyclic = verdict.parent is not None and child in _closure(verdict.parent, above)
    return judged


def _judge(child: Asset, declared: Parent, found: dict[str, Asset]) -> Verdict:
    named = found.get(declared.document_id or "")
    if named is not None:
        parent, verified = named.document_id, child.verified and named.verified
    else:
        holders = [
            asset
            for asset in found.values()
            if _holds(asset, declared) and not asset.altered and asset is not child
        ]
        single = holders[0] if len(holders) == 1 else None
        parent = single.document_id if single else None
        verified = child.verified and bool(holders) and all(asset.verified for asset in holders)
    if child.altered:
        return Verdict("altered", parent, verified)
    if named is None:
        resolution = "ambiguous" if len(holders) > 1 else "resolved" if holders else "absent"
        return Verdict(resolution, parent, verified)
    if _holds(named, declared) and not named.altered:
        return Verdict("resolved", parent, verified)
    if named.content_id is None:
        return Verdict("absent", parent, verified)
    stated = named.memory.written.content_id if named.memory and named.memory.written else None
    if named.altered and stated == declared.content_id:
        return Verdict("absent", parent, verified)
    return Verdict("superseded", parent, verified)


def _holds(asset: Asset, declared: Parent) -> bool:
    by_stream = declared.stream_hash is not None and asset.stream_hash == declared.stream_hash
    return asset.content_id == declared.content_id or by_stream


def _closure(start: str, above: dict[str, set[str]]) -> set[str]:
    reached, waiting = set(), [start]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(above.get(name, ()))
    return reached


def stale(judged: dict[tuple[str, int], Verdict]) -> set[str]:
    """Documents with a superseded parent, and all that come from them."""
    below: dict[str, set[str]] = {}
    for (child, _), verdict in judged.items():
        if verdict.parent is not None:
            below.setdefault(verdict.parent, set()).add(child)
    roots = [child for (child, _), verdict in judged.items() if verdict.resolution == "superseded"]
    return set().union(*(_closure(root, below) for root in roots)) if roots else set()
