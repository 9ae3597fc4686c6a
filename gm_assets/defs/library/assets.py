"""The files of the library as an external asset: the truth that the corpus is derived from."""

from __future__ import annotations

import dagster as dg

library_files = dg.AssetSpec(
    "library_files",
    description="The asset files themselves: the truth that everything here is derived from. "
    "Dagster does not make them; the library sensor reports here which files came, moved, "
    "changed or vanished.",
    group_name="corpus",
    owners=["team:assets"],
    kinds={"file", "xmp"},
    tags={"gm/truth": "files"},
)
