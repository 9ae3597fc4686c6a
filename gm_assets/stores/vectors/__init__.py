"""The vector store: unit vectors of contents by model, in LanceDB, joined on `content_id`.

Everything here is derived. Deleting `.gm/vectors` loses nothing that the memories in the files
hold; vectors that were only computed can be computed again (`gm embed`). `docs/finding.md` is
for users.
"""

from __future__ import annotations

from gm_assets.stores.vectors.rows import Vectors
from gm_assets.stores.vectors.store import VectorStore

__all__ = ["VectorStore", "Vectors"]
