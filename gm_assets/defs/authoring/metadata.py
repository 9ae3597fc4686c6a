"""What the suggestions show: counts, tables, and a contact sheet of what is unplaced."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.sheets import contact_sheet
from gm_assets.defs.store import ROWS
from gm_assets.defs.tables import as_table

if TYPE_CHECKING:
    from gm_assets.authoring.stock import Item
    from gm_assets.authoring.values import Suggestion, Suggestions
    from gm_assets.defs.resources import LibraryResource
    from gm_assets.library import Library

#: Unplaced pictures that the contact sheet shows: those with the best suggestions.
SHOWN = 40


def suggestion_metadata(
    library: Library, resource: LibraryResource, found: Suggestions
) -> tuple[str, dict[str, dg.MetadataValue]]:
    """The data version of `suggestions`, and its metadata in the order in which it is read.

    The data version is the sha256 over all that is suggested, so it stays while nothing is
    decided and nothing new comes.
    """
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(len(found.all)),
        "documents": dg.MetadataValue.int(found.documents),
        "documents in no chain": dg.MetadataValue.int(found.unplaced),
        "chains suggested": dg.MetadataValue.int(
            len({one.placement.chain for one in found.places if one.placement})
        ),
        "rejected before": dg.MetadataValue.int(found.rejected),
    }
    if found.places:
        metadata["unplaced"] = _sheet(library, resource, found.places)
        metadata["places"] = _places(found.places)
    if found.links:
        metadata["parents"] = _links(found.links)
    metadata["seconds"] = dg.MetadataValue.float(round(found.seconds, 2))
    said = (
        f"{one.content_id} {one.placement} {one.parent_content_id} {one.role}" for one in found.all
    )
    return hashlib.sha256("\n".join(sorted(said)).encode()).hexdigest(), metadata


def unplaced_pictures(library: Library) -> tuple[Item, ...]:
    """The documents of pictures that stand in no chain."""
    from gm_assets.authoring.stock import Stock

    stock = Stock.of(library)
    items = (stock.items[index] for index in stock.unplaced)
    return tuple(item for item in items if item.kind == "image")


def unplaced_table(unplaced: Sequence[Item]) -> dg.TableMetadataValue:
    """The folders with most unplaced pictures."""
    folders = Counter(item.folder or "." for item in unplaced)
    return as_table(("folder", "unplaced pictures"), folders.most_common(ROWS))


def _places(found: Sequence[Suggestion]) -> dg.TableMetadataValue:
    from gm_assets.library.authoring import describe

    rows = [
        (f"{one.score:.2f}", one.path, describe(one.placement), one.because)
        for one in found[:ROWS]
        if one.placement is not None
    ]
    return as_table(("score", "file", "place", "because"), rows)


def _links(found: Sequence[Suggestion]) -> dg.TableMetadataValue:
    rows = [
        (f"{one.score:.2f}", one.path, one.role, one.parent, one.because) for one in found[:ROWS]
    ]
    return as_table(("score", "file", "role", "parent", "because"), rows)


def _sheet(
    library: Library, resource: LibraryResource, places: Sequence[Suggestion]
) -> dg.MetadataValue:
    """A contact sheet of unplaced pictures with the chains suggested for them."""
    from gm_assets.finding.sheets import Card

    best = list({one.content_id: one for one in reversed(places)}.values())[::-1]
    cards = [
        Card(one.content_id, (one.placement.key, f"{one.placement.stage} {one.score:.2f}"))
        for one in best[:SHOWN]
        if one.placement is not None
    ]
    heading = f"{len(best):,} unplaced, the best suggestions first"
    return contact_sheet(library, resource, cards, heading, "unplaced pictures")
