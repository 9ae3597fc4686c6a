"""Rows of evidence: links that say the same of several documents become one row.

A turntable of 32 pictures has 32 equal links to its sculpt; a visual hull has as many parents.
Links are gathered only where every word of the row is the same for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gm_assets.lineage.values import Document, Link
from gm_assets.walk.pages import JudgedLink, natural


@dataclass(frozen=True, slots=True)
class End:
    """One end of a link: a document, or the content that waits for one."""

    name: str
    stage: str | None
    document: Document | None


@dataclass(frozen=True, slots=True)
class Row:
    """Links with the same words; either `children` or `parents` has one entry."""

    link: Link
    children: tuple[End, ...]
    parents: tuple[End, ...]


def gathered(links: Iterable[JudgedLink]) -> tuple[Row, ...]:
    """Rows for links, in the order in which their first links came."""
    links = tuple(links)
    by_parent: dict[object, list[JudgedLink]] = {}
    for judged in links:
        by_parent.setdefault((_parent(judged).name, _words(judged.link)), []).append(judged)
    groups: dict[object, list[JudgedLink]] = {}
    for judged in links:
        key: object = (_parent(judged).name, _words(judged.link))
        if len(by_parent[key]) == 1:  # no other child of this parent: look for further parents
            key = (None, judged.link.child, _words(judged.link))
        groups.setdefault(key, []).append(judged)
    return tuple(_row(group) for group in groups.values())


def _row(group: list[JudgedLink]) -> Row:
    children = {end.name: end for end in map(_child, group)}
    parents = {end.name: end for end in map(_parent, group)}
    return Row(group[0].link, _sorted(children.values()), _sorted(parents.values()))


def _child(judged: JudgedLink) -> End:
    return End(judged.link.child, None, judged.child)


def _parent(judged: JudgedLink) -> End:
    link = judged.link
    return End(link.parent_document or link.content_id, link.stage, judged.parent)


def _words(link: Link) -> tuple[object, ...]:
    facts = (link.role, link.resolution, link.basis, link.proven, link.verified, link.cyclic)
    return (*facts, link.detail)


def _sorted(ends: Iterable[End]) -> tuple[End, ...]:
    return tuple(
        sorted(ends, key=lambda end: natural(end.document.path if end.document else end.name))
    )
