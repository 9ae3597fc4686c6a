"""`gm vocab`: check the vocabulary, see what changed, add a term, freeze a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, library_path, open_library
from gm_assets.cli.output import note, print_json, print_table, progress_bar, safe
from gm_assets.errors import InvalidVocabulary
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.vocabulary import Changes, Vocabulary

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}

vocab = typer.Typer(
    help="The words that pictures are labelled with (docs/vocabulary.md).", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    vocab.command()(check)
    vocab.command()(diff)
    vocab.command()(add)
    vocab.command()(reference)
    app.add_typer(vocab, name="vocab")


def _folder(ctx: typer.Context, library: Path | None) -> Path:
    from gm_assets.vocabulary import folder_for

    return folder_for(library_path(ctx, library))


def check(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="A vocabulary; the one in force by default.", show_default=False),
    ] = None,
    read: Annotated[
        bool, typer.Option("--read", help="Let the active model read every text as well.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check all facets and list their terms; exit code 4 with every problem, if there is one."""
    from gm_assets.vocabulary import load

    where = _folder(ctx, library) if folder is None else folder
    try:
        vocabulary = load(where)
    except InvalidVocabulary as error:
        if as_json:
            print_json({"folder": where, "version": None, "facets": [], "problems": error.problems})
        else:
            for problem in error.problems:
                print(safe(f"{problem.where}: {problem.what}"))
                print(safe(f"    {problem.remedy}"))
        note(f"gm: {counted(len(error.problems), 'problem')} in {where}")
        raise typer.Exit(error.exit_code) from None
    readings = _readings(ctx, library, vocabulary) if read else []
    if as_json:
        facets = [
            {
                "facet": facet.id,
                "version": facet.version,
                "templates": facet.templates,
                "terms": [
                    {"id": term.id, "name": term.name, "version": term.version}
                    for term in facet.terms
                ],
            }
            for facet in vocabulary.facets.values()
        ]
        document = {"folder": where, "version": vocabulary.version, "facets": facets}
        print_json({**document, "problems": [], "readings": readings})
        return
    print_table(
        ("facet", "version", "terms"),
        (
            (facet.id, facet.version[:12], ", ".join(term.id for term in facet.terms))
            for facet in vocabulary.facets.values()
        ),
    )
    for reading in readings:
        note(f"{reading['term']}: {reading['text']!r}: {reading['trouble']}")


def _readings(
    ctx: typer.Context, library: Path | None, vocabulary: Vocabulary
) -> list[dict[str, str]]:
    """The texts that the active model cuts, or in which it does not know a word."""
    from gm_assets.encoding import shared_encoder

    encoder = shared_encoder(open_library(ctx, library, read_only=True).active_encoder())
    found = []
    for facet in vocabulary.facets.values():
        for term in facet.terms:
            for text in facet.prompts_of(term):
                reading = encoder.reading(text)
                trouble = []
                if reading.truncated:
                    trouble.append(f"cut after {encoder.text_length} of {reading.tokens} tokens")
                if reading.unknown:
                    trouble.append(f"unknown to the model: {', '.join(reading.unknown)}")
                if trouble:
                    name = f"{facet.id}/{term.id}"
                    found.append({"term": name, "text": text, "trouble": "; ".join(trouble)})
    return found


def diff(
    ctx: typer.Context,
    against: Annotated[
        str | None,
        typer.Argument(
            help="A folder or a git revision; what was labelled last by default.",
            show_default=False,
        ),
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the terms that differ from another vocabulary, and so the facets to label again."""
    from gm_assets.vocabulary import at_revision, load
    from gm_assets.vocabulary import diff as differences

    folder = _folder(ctx, library)
    present = load(folder)
    if against is None:
        changes = _since_labelling(ctx, library, present)
    elif Path(against).is_dir():
        changes = differences(load(Path(against)), present)
    else:
        changes = differences(at_revision(folder, against), present)
    if as_json:
        print_json({"folder": folder, "facets": changes.facets, "changes": changes.found})
        return
    for change in changes.found:
        name = change.facet if change.term is None else f"{change.facet}/{change.term}"
        parts = f" ({', '.join(change.parts)})" if change.parts else ""
        print(safe(f"{_SIGNS[change.kind]} {name}{parts}"))
    if not changes.found:
        print("no difference")


def _since_labelling(ctx: typer.Context, library: Path | None, present: Vocabulary) -> Changes:
    from gm_assets.vocabulary import diff_versions

    home = open_library(ctx, library, read_only=True)
    rows = home.catalogue().execute("select facet, term, version from label_terms").fetchall()
    known: dict[str, dict[str, str]] = {}
    for facet, term, version in rows:
        known.setdefault(facet, {})[term] = version
    return diff_versions(known, present)


def add(
    ctx: typer.Context,
    facet: Annotated[str, typer.Argument(help="The facet, e.g. environments.")],
    term: Annotated[str, typer.Argument(help="The new term's id, a slug.")],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    prompt: Annotated[list[str], typer.Option(help="What a picture of it would be called.")],
    synonym: Annotated[
        list[str] | None, typer.Option(help="Another word for it.", show_default=False)
    ] = None,
    parent: Annotated[
        list[str] | None, typer.Option(help="A broader term's id.", show_default=False)
    ] = None,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Append a term to a facet's file, whose comments stay; nothing invalid is written."""
    from gm_assets.vocabulary import Term
    from gm_assets.vocabulary import add as append

    folder = _folder(ctx, library)
    fresh = Term(term, name, tuple(prompt), tuple(synonym or ()), tuple(parent or ()))
    changed = append(folder, facet, fresh)
    path = folder / f"{facet}.yaml"
    if as_json:
        print_json({"file": path, "facet": facet, "version": changed.version, "term": term})
        return
    print(safe(f"{path}: {facet}/{term} added; `gm label --facet {facet}` labels pictures with it"))


def reference(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="A slug; the file's name.")],
    size: Annotated[int, typer.Option(min=1, max=1_000_000, help="Pictures to take.")] = 2_000,
    seed: Annotated[int, typer.Option(help="Which of them, where there are more.")] = 0,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the one of this name.")
    ] = False,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Freeze pictures of the library as the reference that percentiles are told against."""
    from gm_assets.cli.labels import sync_vectors
    from gm_assets.encoding import active_fingerprint
    from gm_assets.labelling import make_reference
    from gm_assets.labelling.scores import MINIMUM_PICTURES

    home = open_library(ctx, library)
    encoder = active_fingerprint(home.active_encoder())
    with progress_bar(quiet=as_json) as progress:
        sync_vectors(home, encoder, progress)
    made = make_reference(home, encoder, name, size=size, seed=seed, replace=replace)
    if as_json:
        document = {"file": made.path, "digest": made.digest, "pictures": made.size}
        print_json({**document, "encoder": encoder, "percentiles": made.size >= MINIMUM_PICTURES})
        return
    print(safe(f"{made.path}: {counted(made.size, 'picture')}, digest {made.digest[:16]}"))
    if made.size < MINIMUM_PICTURES:
        note(f"percentiles are withheld below {MINIMUM_PICTURES:,} pictures; z-scores are told")
    note("`gm label` tells all labels against it")
