"""Where the vocabulary lies.

In this order: the folder in `GM_VOCAB`; `vocab/` of the library, where it holds facets; the
`vocab/` of this checkout, which is the vocabulary of Gothic Mechanica.
"""

from __future__ import annotations

from pathlib import Path

import gm_assets
from gm_assets.settings import vocabulary_folder

FOLDER = "vocab"


def repository_folder() -> Path:
    """`GM_VOCAB` where it is set, else the `vocab/` that comes with the package.

    In a checkout it lies beside the package, in an installed wheel inside it.
    """
    if (given := vocabulary_folder()) is not None:
        return given
    package = Path(gm_assets.__file__).absolute().parent
    installed = package / FOLDER
    return installed if installed.is_dir() else package.parent / FOLDER


def folder_for(root: Path) -> Path:
    """The folder of the vocabulary in force for the library at `root`."""
    own = root / FOLDER
    if vocabulary_folder() is None and any(own.glob("*.yaml")):
        return own
    return repository_folder()
