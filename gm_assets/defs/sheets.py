"""Contact sheets in metadata: pictures of the library, drawn, kept and linked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.errors import GmError

if TYPE_CHECKING:
    from gm_assets.defs.resources import LibraryResource
    from gm_assets.finding.sheets import Card
    from gm_assets.library import Library


def contact_sheet(
    library: Library,
    resource: LibraryResource,
    cards: Sequence[Card],
    heading: str,
    alternative: str,
) -> dg.MetadataValue:
    """A sheet of these cards as an inline picture; where it cannot be kept, the reason."""
    from gm_assets.finding.sheets import draw
    from gm_assets.library.pictures import keep_picture

    try:
        url = resource.picture_url(keep_picture(library, draw(library, list(cards), [heading])))
    except GmError as error:  # a full disk must not hide the tables
        return dg.MetadataValue.text(error.what)
    return dg.MetadataValue.md(f"![{alternative}]({url})")
