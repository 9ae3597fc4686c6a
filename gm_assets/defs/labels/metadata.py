"""What the vocabulary and the labels show: terms and what changed, scores and best pictures.

Texts of the vocabulary go into table cells, never into markdown.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.describing.metadata import model_metadata
from gm_assets.defs.labels.checks import problem_table
from gm_assets.defs.labels.reading import Words
from gm_assets.defs.resources import LibraryResource
from gm_assets.defs.store import ROWS
from gm_assets.defs.tables import as_table
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.labelling import LabelReport
    from gm_assets.library import Library
    from gm_assets.vocabulary import Facet

#: Where a record of `vocabulary` keeps the versions of its terms, for the next one's diff.
VERSIONS = "term versions"
#: Digits of a version in a record; 64 of them for each term would fill the event log.
DIGITS = 16

#: Bars of a histogram, from empty to full.
_BARS = " ▁▂▃▄▅▆▇█"


def facet_metadata(
    facet: Facet, words: Words, before: Mapping[str, str] | None
) -> dict[str, dg.MetadataValue]:
    """Metadata of a facet's record, in the order in which it is read.

    Args:
        before: version by term of the record before; None where there is none.
    """
    versions = {term.id: term.version[:DIGITS] for term in facet.terms}
    changes = _changes(facet, before, versions)
    rows = [
        (
            *(term.id, term.name, changes.get(term.id, "")),
            *(len(facet.prompts_of(term)), ", ".join(term.synonyms), ", ".join(term.parents)),
        )
        for term in facet.terms[:ROWS]
    ]
    columns = ("term", "name", "change", "texts", "synonyms", "parents")
    metadata: dict[str, dg.MetadataValue] = {
        "dagster/row_count": dg.MetadataValue.int(len(facet.terms)),
        "since the version before": dg.MetadataValue.text(_in_words(before, changes)),
        "terms": as_table(columns, rows),
        "templates": dg.MetadataValue.text(" · ".join(facet.templates)),
        "version": dg.MetadataValue.text(facet.version),
        "file": dg.MetadataValue.path(words.folder / f"{facet.id}.yaml"),
    }
    if len(facet.terms) > ROWS:
        metadata["terms not listed"] = dg.MetadataValue.int(len(facet.terms) - ROWS)
    if words.problems:
        metadata["problems of other files"] = problem_table(words)
    metadata[VERSIONS] = dg.MetadataValue.json(versions)
    return metadata


def _changes(
    facet: Facet, before: Mapping[str, str] | None, versions: Mapping[str, str]
) -> dict[str, str]:
    """`added`, `changed` or `removed` by term; nothing for a first record."""
    if before is None:
        return {}
    fresh = {id: "added" if id not in before else "changed" for id in versions}
    return {id: word for id, word in fresh.items() if before.get(id) != versions[id]} | {
        id: "removed" for id in before if id not in versions
    }


def _in_words(before: Mapping[str, str] | None, changes: Mapping[str, str]) -> str:
    if before is None:
        return "first record"
    said = []
    for word in ("added", "changed", "removed"):
        if ids := [id for id, change in changes.items() if change == word]:
            more = f" and {len(ids) - ROWS} more" if len(ids) > ROWS else ""
            said.append(f"{word}: {', '.join(ids[:ROWS])}{more}")
    return "; ".join(said) or "unchanged"


def label_metadata(
    library: Library, resource: LibraryResource, report: LabelReport
) -> dict[str, dg.MetadataValue]:
    """Metadata of a facet's labels, in the order in which it is read."""
    spec = library.encoder_spec()
    poor = [facts.term for facts in report.terms if facts.measurable is False]
    unknown = sum(facts.measurable is None for facts in report.terms)
    metadata: dict[str, dg.MetadataValue] = {}
    if (sheet := _sheet(library, resource, report)) is not None:
        metadata["best pictures"] = sheet
    metadata |= {
        "dagster/row_count": dg.MetadataValue.int(report.pictures * len(report.terms)),
        "pictures": dg.MetadataValue.int(report.pictures),
        "terms": dg.MetadataValue.int(len(report.terms)),
        "not measurable by this model": dg.MetadataValue.int(len(poor)),
        "unmeasured": dg.MetadataValue.int(unknown),
        "scores": _score_table(library, report),
        "percentiles": dg.MetadataValue.text(_percentiles(report)),
        "terms read by the model": dg.MetadataValue.int(report.encoded),
        "shards written": dg.MetadataValue.int(report.written),
        "facet version": dg.MetadataValue.text(report.version),
        "reference": dg.MetadataValue.text(report.reference or "none"),
    }
    if spec is not None:
        metadata |= model_metadata(spec, report.encoder)
    metadata["seconds"] = dg.MetadataValue.float(round(report.seconds, 2))
    return metadata


def _percentiles(report: LabelReport) -> str:
    if report.reference is None:
        return "none: this encoder has no reference"
    pictures = counted(report.reference_pictures, "reference picture")
    return f"against {pictures}" if report.percentiles else f"withheld: only {pictures}"


def _score_table(library: Library, report: LabelReport) -> dg.TableMetadataValue:
    """A row for each term: how well it is told, and where its scores lie.

    The histogram counts pictures by z-score from below -4 to 4 and above, or by cosine from
    -1 to 1 where there is no reference.
    """
    from gm_assets.labelling import histogram

    if report.reference is None:
        measure = "cosine"
        counts = histogram(library, report.facet, "cosine", [n / 5 for n in range(-4, 5)])
    else:
        measure = "z"
        counts = histogram(library, report.facet)
    rows = [
        (
            *(facts.term, "" if facts.auc is None else f"{facts.auc:.2f}"),
            {True: "yes", False: "no", None: "unmeasured"}[facts.measurable],
            bars(counts.get(facts.term, ())),
        )
        for facts in report.terms[:ROWS]
    ]
    return as_table(("term", "AUC", "measurable", f"pictures by {measure}"), rows)


def bars(counts: Sequence[int]) -> str:
    """Counts as a row of bars; every count above zero shows."""
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


def _sheet(
    library: Library, resource: LibraryResource, report: LabelReport
) -> dg.MarkdownMetadataValue | None:
    """The contact sheet as markdown; its words remain where the walk is not running."""
    from gm_assets.finding.facets import facet_sheet
    from gm_assets.library.pictures import keep_picture

    image = facet_sheet(library, report)
    if image is None:
        return None
    url = resource.picture_url(keep_picture(library, image))
    alt = f"best pictures of each term of {report.facet} (gm walk shows them; it does not answer)"
    return dg.MetadataValue.md(f"![{alt}]({url})")


def labels_version(library: Library, facet: str) -> str:
    """The data version of a facet's labels.

    sha256 over the facet's version, the encoder, the reference, and the contents and vectors
    of each shard, as the label store's manifest states them.
    """
    from gm_assets.stores.labels import FOLDER, LabelStore

    manifest = LabelStore(library.state / FOLDER).manifest()
    parts = manifest.current(facet)
    facts = [str(parts[0].standard)] if parts else []
    facts += [f"{part.shard} {part.vectors}" for part in sorted(parts, key=lambda p: p.shard)]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
