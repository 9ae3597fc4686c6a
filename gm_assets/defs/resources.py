"""Resources: where the library is and where its pages are served.

Work on files belongs to `gm_assets.library`; nothing here knows what an asset file is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg
from pydantic import Field

from gm_assets.settings import Settings

if TYPE_CHECKING:
    from gm_assets.library import Library


#: Runs queue for the library's one writer's place this long before they fail.
WRITER_WAIT_S = 600


class LibraryResource(dg.ConfigurableResource):
    """The asset library that this code location works on, and the walk that shows it."""

    root: str = Field(description="Folder of the library, with gm.toml at its root (GM_LIBRARY).")
    walk_url: str = Field(
        description="Address of `gm walk` as seen from the reader's browser (GM_WALK_URL). "
        "Thumbnails and links in metadata point there."
    )

    def open(self, *, read_only: bool = False) -> Library:
        """Open the library.

        Raises:
            LibraryError: there is no library at `root`; the message says how to make one.
        """
        from gm_assets.library import Library

        return Library.open(self.root, read_only=read_only, wait=WRITER_WAIT_S)

    def thumbnail_url(self, content_id: str) -> str:
        """Address of the 256-pixel WebP of a content."""
        return f"{self.walk_url.rstrip('/')}/thumb/{quote(content_id, safe=':')}.webp"

    def picture_url(self, name: str) -> str:
        """Address of a kept picture (`gm_assets.library.pictures`)."""
        return f"{self.walk_url.rstrip('/')}/picture/{quote(name, safe='')}.webp"

    def chain_url(self, key: str) -> str:
        """Address of the page of a chain key such as `seam-keeper.g01`."""
        return f"{self.walk_url.rstrip('/')}/chain/{quote(key, safe='')}"


@dg.definitions
def defs() -> dg.Definitions:
    """The library that the environment names."""
    settings = Settings.from_environment()
    return dg.Definitions(
        resources={
            "library": LibraryResource(root=str(settings.library), walk_url=settings.walk_url)
        }
    )
