"""What a materialization of a chain's stage shows: reports turned into Dagster metadata.

Dagster renders markdown in place only below 1,000 characters, so a picture is a link to a
thumbnail that `gm walk` serves. Everything from files (paths, titles, reasons) goes into
typed values and table cells, never into markdown, where it could pull in foreign pictures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.resources import LibraryResource

if TYPE_CHECKING:
    from gm_assets.library.values import Completed, LinkFact, StageFile, StageReport

#: Rows of a table in an event; the page of the chain has all of them.
ROWS = 40
#: Pictures without a vector that are named with the reason.
REASONS = 5

_FILES = dg.TableSchema(
    columns=[
        dg.TableColumn("file", "string", description="path below the library's root"),
        dg.TableColumn("part", "string", description="what the file is of the stage"),
        dg.TableColumn("state", "string", description="sound, provisional, altered, …"),
        dg.TableColumn("size", "string", description="pixels, or megabytes of a model"),
        dg.TableColumn("finding", "string", description="what is wrong, where something is"),
        dg.TableColumn("content", "string", description="content id, its beginning"),
    ]
)
_LINKS = dg.TableSchema(
    columns=[
        dg.TableColumn("role", "string", description="what the parent gave: source, geometry, …"),
        dg.TableColumn("parent stage", "string"),
        dg.TableColumn("resolution", "string", description="resolved, absent, superseded, …"),
        dg.TableColumn("basis", "string", description="asserted, recorded, reproduced, signed"),
        dg.TableColumn("proven", "bool", description="resolved, and more than asserted"),
        dg.TableColumn("parent", "string", description="its document, or content where absent"),
        dg.TableColumn("child", "string", description="document of this stage"),
        dg.TableColumn("finding", "string", description="why a link is not resolved"),
    ]
)


def stage_metadata(
    report: StageReport, root: Path, library: LibraryResource
) -> dict[str, dg.MetadataValue]:
    """Metadata of one materialization, in the order in which it is read."""
    face = report.primary
    metadata: dict[str, dg.MetadataValue] = {}
    if face is not None and face.content_id is not None:
        metadata["picture"] = picture(report, face, library)
    metadata["page"] = dg.MetadataValue.url(library.chain_url(report.key))
    if face is not None:
        metadata["file"] = dg.MetadataValue.path(root / face.path)
        metadata["identity"] = dg.MetadataValue.text(face.content_id or "not identified")
    metadata["evidence"] = dg.MetadataValue.text(links_in_words(report.links))
    metadata["documents"] = dg.MetadataValue.int(report.documents)
    metadata["vectors"] = dg.MetadataValue.text(vectors_in_words(report.vectors))
    if report.links:
        metadata["links"] = link_table(report.links[:ROWS])
    if len(report.links) > ROWS:
        metadata["links not listed"] = dg.MetadataValue.int(len(report.links) - ROWS)
    metadata["files"] = file_table(report.files[:ROWS])
    if len(report.files) > ROWS:
        metadata["files not listed"] = dg.MetadataValue.int(len(report.files) - ROWS)
    return metadata


def gap_reason(report: StageReport) -> str | None:
    """Why a stage has no files, where the library knows it."""
    if report.not_applicable:
        return "Not applicable: this generation began by re-entry, with a sculpt."
    return report.gap


def picture(
    report: StageReport, face: StageFile, library: LibraryResource
) -> dg.MarkdownMetadataValue:
    """The stage's picture as markdown; its words remain where the walk is not running."""
    assert face.content_id is not None
    size = f" {face.width}×{face.height}" if face.width else ""
    alt = (
        f"{report.key} {report.stage} {face.part or ''}{size} "
        "(gm walk shows the picture; it does not answer)"
    )
    thumbnail = library.thumbnail_url(face.content_id)
    return dg.MetadataValue.md(f"[![{alt}]({thumbnail})]({library.chain_url(report.key)})")


def file_table(files: Sequence[StageFile]) -> dg.TableMetadataValue:
    """Files of a stage, one a row."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "file": file.path,
                    "part": file.part or "",
                    "state": file.state,
                    "size": f"{file.width}×{file.height}"
                    if file.width
                    else f"{file.size / 1e6:.1f} MB",
                    "finding": file.detail or "",
                    "content": _short(file.content_id),
                }
            )
            for file in files
        ],
        schema=_FILES,
    )


def link_table(links: Sequence[LinkFact]) -> dg.TableMetadataValue:
    """Judged links of a stage's documents, one a row."""
    return dg.MetadataValue.table(
        records=[
            dg.TableRecord(
                {
                    "role": link.role,
                    "parent stage": link.parent_stage or "",
                    "resolution": link.resolution,
                    "basis": link.basis,
                    "proven": link.proven,
                    "parent": _short(link.parent or link.parent_content_id),
                    "child": _short(link.child),
                    "finding": "" if link.resolution == "resolved" else link.detail or "",
                }
            )
            for link in links
        ],
        schema=_LINKS,
    )


def links_in_words(links: Sequence[LinkFact]) -> str:
    """Resolution and basis of links, counted: '3 links: 2 resolved, 1 absent; …'."""
    if not links:
        return "No links: no parent is declared."
    resolutions = _counted(link.resolution for link in links)
    bases = _counted(link.basis for link in links)
    proven = sum(1 for link in links if link.proven)
    noun = "link" if len(links) == 1 else "links"
    return f"{len(links)} {noun}: {resolutions}. Basis: {bases}. Proven: {proven}."


def vectors_in_words(vectors: Completed) -> str:
    """Which pictures of a stage have a vector: '3 known, 1 computed; none: clay.png (…)'."""
    if vectors.reason:
        return f"none made: {vectors.reason}"
    counts = (
        (vectors.known, "known"),
        (vectors.from_memories, "taken from memories"),
        (vectors.computed, "computed"),
    )
    said = ", ".join(f"{number} {word}" for number, word in counts if number) or "no picture"
    if vectors.without:
        listed = list(vectors.without.items())[:REASONS]
        said += f"; {len(vectors.without)} without: "
        said += "; ".join(f"{path} ({reason})" for path, reason in listed)
    return said


def _short(identifier: str | None) -> str:
    """An id as far as people compare it: tables hold many, the chain's page has all of each."""
    text = (identifier or "").removeprefix("xmp.did:")
    return text if len(text) <= 16 else f"{text[:13].split('-')[0]}…"


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in Counter(words).most_common())
