"""The library: a folder of files that remember, and what is done with it.

Scan, ingest, place, revise, recover, verify, check and rebuild. Domain code: it knows
nothing of Dagster or of the command line. `docs/library.md` is for users.
"""

from __future__ import annotations

from gm_assets.library.affected import changes_by_chain
from gm_assets.library.authoring import acceptance
from gm_assets.library.changes import scan
from gm_assets.library.checking import check
from gm_assets.library.editing import accept, place, recover, revise
from gm_assets.library.embedding import embed
from gm_assets.library.ingesting import ingest
from gm_assets.library.library import Library
from gm_assets.library.rebuilding import rebuild
from gm_assets.library.refreshing import SHARDS, refresh, shard_of
from gm_assets.library.stages import verify_stage
from gm_assets.library.thumbnails import thumbnail
from gm_assets.library.values import (
    Action,
    Affected,
    Changes,
    CheckResult,
    Completed,
    EmbedReport,
    Entry,
    IngestReport,
    LinkFact,
    Move,
    Outcome,
    Problem,
    Progress,
    ProgressFunction,
    RebuildReport,
    Recovery,
    ShardReport,
    StageFile,
    StageReport,
    Unembedded,
)

__all__ = [
    "SHARDS",
    "Action",
    "Affected",
    "Changes",
    "CheckResult",
    "Completed",
    "EmbedReport",
    "Entry",
    "IngestReport",
    "Library",
    "LinkFact",
    "Move",
    "Outcome",
    "Problem",
    "Progress",
    "ProgressFunction",
    "RebuildReport",
    "Recovery",
    "ShardReport",
    "StageFile",
    "StageReport",
    "Unembedded",
    "accept",
    "acceptance",
    "changes_by_chain",
    "check",
    "embed",
    "ingest",
    "place",
    "rebuild",
    "recover",
    "refresh",
    "revise",
    "scan",
    "shard_of",
    "thumbnail",
    "verify_stage",
]
