"""Where the vocabulary lies.

In this order: the folder in `GM_VOCAB`; `vocab/` of the library, where it holds facets; the
`vocab/` of this checkout, which is the vocabulary of Gothic Mechanica.
"""

from __future__ import annotations

from pathlib import Path

from gm_assets.settings import vocabulary_folder

FOLDER = "vocab"


def repository_folder() -> Path:
    """`GM_VOCAB` where it is set, else the `vocab/` beside this package."""
    return vocabulary_folder() or Path(__file__).parents[2] / FOLDER


def folder_for(root: Path) -> Path:
    """The folder of the vocabulary in force for the library at `root`."""
    own = root / FOLDER
    if vocabulary_folder() is None and any(own.glob("*.yaml")):
        return own
    return repository_folder()
