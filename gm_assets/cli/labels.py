"""`gm label` scores the terms of the vocabulary on all pictures; `gm labels` shows a picture's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import note, print_json, print_table, progress_bar
from gm_assets.errors import NotFound
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.labelling import Label, LabelReport
    from gm_assets.labelling.home import Told
    from gm_assets.library import Library, ProgressFunction

FacetOption = Annotated[
    list[str] | None,
    typer.Option("--facet", "-f", help="Only these facets; may be repeated.", show_default=False),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(label)
    app.command()(labels)


def label(
    ctx: typer.Context,
    facet: FacetOption = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every term on every picture that has a vector; only what changed is done again."""
    from gm_assets.labelling import TextsOf, forget, label_facet
    from gm_assets.vocabulary import folder_for, load

    home = open_library(ctx, library)
    vocabulary = load(folder_for(home.root))
    chosen = [vocabulary.facet(id) for id in facet or vocabulary.facets]
    encoder = TextsOf(home.active_encoder())
    with progress_bar(quiet=as_json) as progress:
        sync_vectors(home, encoder.fingerprint, progress)
        reports = [label_facet(home, one, encoder, progress=_told(progress)) for one in chosen]
    for gone in forget(home, vocabulary.facets.values()):
        note(f"{gone} is no facet of the vocabulary any more: its labels are gone")
    if as_json:
        print_json({"library": home.root, "encoder": encoder.fingerprint, "reports": reports})
        return
    _print_reports(home, reports)


def sync_vectors(home: Library, encoder: str, progress: ProgressFunction | None) -> None:
    """Bring vectors that files remember into the vector store."""
    from gm_assets.finding import sync

    sync(home, encoder, progress=progress)


def _told(progress: ProgressFunction | None) -> Told | None:
    """The bar's function as labelling calls it."""
    from gm_assets.library import Progress

    if progress is None:
        return None

    def told(done: int, total: int, current: str) -> None:
        progress(Progress(done, total, 0, current, "label"))

    return told


def _print_reports(home: Library, reports: Sequence[LabelReport]) -> None:
    from gm_assets.labelling import other_references

    print_table(
        ("facet", "terms", "pictures", "shards written", "not measurable", "unmeasured"),
        (
            (
                report.facet,
                len(report.terms),
                f"{report.pictures:,}",
                f"{report.written} of {len(report.shards)}",
                _names(report, False),
                _names(report, None),
            )
            for report in reports
        ),
    )
    if not reports:
        return
    first = reports[0]
    if not first.pictures:
        note("no picture has a vector of the active model yet: `gm embed` makes them")
    if first.reference is None:
        others = ", ".join(path.name for path in other_references(home, first.encoder))
        told = f" ({others} is of another model)" if others else ""
        note(f"no reference for this model{told}: cosines only; `gm vocab reference` makes one")
    elif not first.percentiles:
        note(
            f"the reference has {counted(first.reference_pictures, 'picture')}: "
            "percentiles are withheld below 2,000"
        )


def _names(report: LabelReport, measurable: bool | None) -> str:
    """Terms of one kind: names while they are few, else how many."""
    found = [facts.term for facts in report.terms if facts.measurable is measurable]
    if len(found) == len(report.terms) and len(found) > 1:
        return "all"
    return ", ".join(found) if len(found) <= 4 else f"{len(found)} terms"


def labels(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="A picture of the library.")],
    facet: FacetOption = None,
    count: Annotated[int, typer.Option("--count", "-k", min=1, help="Terms of a facet.")] = 3,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the terms of the vocabulary score on a picture, best first."""
    from gm_assets.labelling import TextsOf, labels_of, states
    from gm_assets.vocabulary import folder_for, load

    home = open_library(ctx, library, files=[file], read_only=True)
    content_id = _content(home, file)
    found = [row for row in labels_of(home, content_id) if not facet or row.facet in facet]
    vocabulary = load(folder_for(home.root))
    wanted = [vocabulary.facet(id) for id in facet or vocabulary.facets]
    stale = states(home, wanted, TextsOf(home.active_encoder()).fingerprint)
    if as_json:
        print_json({"path": file, "content_id": content_id, "labels": found, "facets": stale})
        return
    if not found:
        note("this picture has no labels: `gm embed` and `gm label` make them")
    _print_labels(found, count)
    for state in stale:
        if state.state != "current":
            note(f"{state.facet} is {state.state}: {state.reason}; `gm label` brings it up to date")


def _content(home: Library, file: Path) -> str:
    rows = home.catalogue().execute(
        "select content_id from files where path = ?", [home.relative(file)]
    )
    row = rows.fetchone()
    if row is not None and row[0] is not None:
        return str(row[0])
    query = "select reason, remedy from quarantine where path = ?"
    put_away = home.catalogue().execute(query, [home.relative(file)]).fetchone()
    if put_away is not None:
        reason, remedy = put_away
        raise NotFound(f"this file is in quarantine: {reason}", where=file, remedy=remedy)
    raise NotFound("this file is not in the catalogue", where=file, remedy="Run `gm ingest`")


def _print_labels(found: Sequence[Label], count: int) -> None:
    rows = []
    for facet, group in groupby(found, key=lambda row: row.facet):
        told = [row for row in group if row.measurable is not False]
        for number, row in enumerate(told[:count]):
            rows.append(
                (
                    facet if number == 0 else "",
                    row.term,
                    "" if row.percentile is None else f"{row.percentile:.0f}",
                    "" if row.z is None else f"{row.z:+.1f}",
                    f"{row.cosine:.3f}",
                    "unmeasured" if row.auc is None else f"{row.auc:.2f}",
                )
            )
    if rows:
        print_table(("facet", "term", "percentile", "z", "cosine", "AUC"), rows)
    blind = [f"{row.facet}/{row.term}" for row in found if row.measurable is False]
    if blind:
        note(f"not measurable by this model: {', '.join(blind)}")
