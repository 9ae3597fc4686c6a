"""`gm find`: describe a picture, or show one like it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, open_library
from gm_assets.cli.output import is_terminal, note, print_json, print_table, progress_bar
from gm_assets.errors import WriteRefused

if TYPE_CHECKING:
    from gm_assets.finding import ChainKin, Found, Hit, SyncReport
    from gm_assets.library import Library, ProgressFunction

#: Hits shown as pictures in the terminal.
PICTURES = 5
#: Width of their row in character cells.
COLUMNS = 120

_Values = Annotated[list[str] | None, typer.Option(show_default=False)]


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(find)


def find(
    ctx: typer.Context,
    text: Annotated[
        str | None, typer.Argument(help="What the picture shows.", show_default=False)
    ] = None,
    like: Annotated[
        list[Path] | None,
        typer.Option(help="A picture that resembles it, here or elsewhere.", show_default=False),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--not", help="What it should not show.", show_default=False),
    ] = None,
    stage: _Values = None,
    chain: _Values = None,
    part: _Values = None,
    kind: _Values = None,
    domain: _Values = None,
    subject: _Values = None,
    environment: _Values = None,
    shot: _Values = None,
    evidence: Annotated[
        list[str] | None,
        typer.Option(
            help="proven, unproven, none, gap; or a resolution or basis of its links.",
            show_default=False,
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(help="E.g. environments/night-city>=90 (percentile).", show_default=False),
    ] = None,
    hits: Annotated[int, typer.Option("--hits", "-k", min=1, max=1000, help="How many.")] = 20,
    words: Annotated[
        bool, typer.Option(help="Look for the words in titles, descriptions and prompts too.")
    ] = True,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write a contact sheet (PNG) of the hits here.", show_default=False),
    ] = None,
    pictures: Annotated[
        bool, typer.Option(help="Thumbnails, where the terminal can show them.")
    ] = True,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find pictures by description or by example, with their families."""
    from gm_assets.finding import Filters, active_finder

    home = open_library(ctx, library)
    if sheet is not None:
        _check_target(home, sheet)
    filters = Filters(
        **{
            name: tuple(values or ())
            for name, values in {
                "stages": stage,
                "chains": chain,
                "parts": part,
                "kinds": kind,
                "domains": domain,
                "subjects": subject,
                "environments": environment,
                "shots": shot,
                "evidence": evidence,
                "labels": label,
            }.items()
        }
    )
    with progress_bar(quiet=as_json) as progress:
        finder = active_finder(home, progress=progress)
        found = finder.find(
            text, like=like or (), without=without or (), filters=filters, k=hits, hybrid=words
        )
    if sheet is not None:
        _write_sheet(home, found, sheet)
    if as_json:
        print_json({"library": home.root, **_document(found), "sheet": sheet})
        return
    _print(home, found, pictures)
    if sheet is not None:
        note(f"contact sheet: {sheet}")


def _document(found: Found) -> dict[str, object]:
    """The answer as JSON; `why` of a hit in words."""
    from gm_assets.cli.output import plain

    document: dict[str, object] = plain(found)
    document["hits"] = [plain(hit) | {"why": hit.why} for hit in found.hits]
    return document


def _print(home: Library, found: Found, pictures: bool) -> None:
    for text in found.notes:
        note(f"note: {text}")
    if not found.hits:
        print("nothing found")
        return
    if pictures and is_terminal():
        _draw(home, found)
    print_table(
        ("", "file", "place", "cosine", "percentile", "found by", "family"),
        (
            (
                hit.rank,
                hit.path,
                "; ".join(f"{place.key} {place.stage} {place.part}" for place in hit.places),
                None if hit.cosine is None else f"{hit.cosine:.3f}",
                None if hit.percentile is None else f"{hit.percentile:.1f}",
                hit.why,
                _family(hit),
            )
            for hit in found.hits
        ),
    )
    if any(hit.percentile is not None for hit in found.hits):
        note(f"percentiles among {found.population}")


def _family(hit: Hit) -> str:
    """Its chains' stages and how many siblings, e.g. `S1 - S3 S4 -, 2 siblings`."""
    from gm_assets.words import counted

    strips = "; ".join(map(_strip, hit.kin.chains))
    siblings = counted(hit.kin.sibling_count, "sibling") if hit.kin.sibling_count else ""
    return ", ".join(filter(None, (strips, siblings)))


def _strip(chain: ChainKin) -> str:
    """S1 to S5; a gap is a dash, a stage that does not apply a dot."""
    signs = {"gap": "-", "not_applicable": "."}
    return " ".join(signs.get(stage.state, stage.stage) for stage in chain.stages)


def _draw(home: Library, found: Found) -> None:
    """The first hits as a row of thumbnails."""
    from gm_assets.cli.pictures import Protocol, detect, render
    from gm_assets.finding import Card, draw

    protocol = detect(os.environ)
    if protocol is Protocol.NONE:
        return
    cards = [Card(hit.content_id, (str(hit.rank),)) for hit in found.hits[:PICTURES]]
    columns = max(20, min(COLUMNS, shutil.get_terminal_size().columns - 1))
    sys.stdout.write(render(draw(home, cards, columns=PICTURES), columns, protocol))
    sys.stdout.flush()


def restore_vectors(
    home: Library, workers: int, progress: ProgressFunction | None
) -> tuple[SyncReport, ...]:
    """After a rebuild: the vectors that memories hold, for every model; no model is loaded.

    Without the extra `ml` nothing is done and a note says so.
    """
    from importlib.util import find_spec

    from gm_assets.finding import embedded_models, sync_all

    if find_spec("lancedb") is None:
        if embedded_models(home):
            note("the vectors in the memories were left alone: pip install 'gm-assets[ml]'")
        return ()
    return sync_all(home, workers=workers, progress=progress)


def print_vectors(reports: tuple[SyncReport, ...]) -> None:
    """What `restore_vectors` did, a line a model."""
    from gm_assets.words import counted

    for report in reports:
        print(
            f"model {report.model[:16]}: {counted(report.vectors, 'vector')}, {report.read} from "
            f"memories in {report.seconds:.1f} s"
        )
        if report.missing:
            note(f"{counted(report.missing, 'picture')} without a vector of it: run gm embed")
        for path, reason in report.unreadable:
            note(f"{path}: {reason}")


def _check_target(home: Library, path: Path) -> None:
    """A sheet is no asset: it must not overwrite one, nor lie where it would be ingested."""
    if path.suffix.lower() != ".png":
        raise WriteRefused("a contact sheet is a PNG", where=path, remedy="End its name in .png")
    inside = path.absolute().is_relative_to(home.root)
    if inside and not path.absolute().is_relative_to(home.state):
        raise WriteRefused(
            "a contact sheet inside the library would be ingested with its pictures",
            where=path,
            remedy="Write it elsewhere",
        )


def _write_sheet(home: Library, found: Found, path: Path) -> None:
    """Write the PNG, whole or not at all."""
    import io

    from gm_assets.finding import sheet
    from gm_assets.memory.files import write_new

    buffer = io.BytesIO()
    sheet(home, found).save(buffer, "PNG", optimize=True)
    write_new(path, buffer.getvalue(), overwrite=True)
