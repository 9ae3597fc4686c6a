"""Commands that show: a file's memory and family, a chain's strip, the list of chains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gm_assets.cli.options import JsonOption, LibraryOption, library_path, open_family, open_library
from gm_assets.cli.others import accounts_of, foreign_of, print_accounts
from gm_assets.cli.output import is_terminal, note, print_fields, print_json, print_table, safe
from gm_assets.errors import (
    GmError,
    InvalidMemory,
    LibraryError,
    NotFound,
    SealedFormat,
    UnsupportedFormat,
)

if TYPE_CHECKING:
    from gm_assets.identity import Identity
    from gm_assets.library import Library
    from gm_assets.lineage.family import Family
    from gm_assets.lineage.values import StageState, Strip
    from gm_assets.memory.files import Found
    from gm_assets.memory.record import Memory

#: Relatives that are listed; their number is shown in any case.
SHOWN = 50
#: Characters of a recipe that are shown.
RECIPE_SHOWN = 400
STYLES = {
    "resolved": "green",
    "absent": "yellow",
    "superseded": "yellow",
    "ambiguous": "yellow",
    "altered": "red",
    "gap": "yellow",
    "present": "green",
}


def register(app: typer.Typer) -> None:
    """Add these commands to `app`."""
    app.command()(show)
    app.command()(chain)
    app.command()(chains)


def show(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(help="A file, or a DocumentID of the library.")],
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a file remembers, what it is, and whom it is related to."""
    path = Path(file)
    home, family = _family(ctx, library, path)
    if not path.exists() and file.startswith("xmp.did:") and home and family:
        path = home.root / family.document(file).path
    elif not path.exists() and home is not None and (home.root / path).exists():
        path = home.root / path
    memory, found, trouble = _read(path)
    identity = _identify(path)
    lineage = _lineage(home, family, path, memory)
    altered = _altered(identity, memory)
    differences = _differences(found)
    foreign = foreign_of(path, found)
    if as_json:
        print_json(
            {
                "path": path,
                "identity": _described(identity),
                "memory": memory,
                "memory_error": trouble,
                "altered": altered,
                "notes": () if found is None else found.notes,
                "differences": differences,
                "foreign": accounts_of(foreign),
                "lineage": lineage,
            }
        )
        return
    _print_identity(path, identity, altered)
    if isinstance(trouble, SealedFormat):
        print(f"no memory: {trouble.what}. {trouble.remedy}")
    elif trouble is not None:
        note(f"the memory cannot be read: {trouble.what}")
    elif memory is None:
        print("no memory in this file")
    else:
        _print_memory(memory)
    print_accounts(foreign)
    for difference in differences:
        note(f"note: {difference}; gm:parents speaks")
    for text in found.notes if found else ():
        note(f"note: {text}")
    if lineage is not None:
        _print_lineage(lineage)


def _family(
    ctx: typer.Context, chosen: Path | None, file: Path
) -> tuple[Library | None, Family | None]:
    """The library and its lineage, as far as they are there: `show` works without either."""
    try:
        home = open_library(ctx, chosen, files=[file] if file.exists() else None, read_only=True)
    except LibraryError as error:
        if chosen is not None or ctx.obj is not None:
            raise
        note(f"no lineage: {error.what} ({library_path(ctx, chosen)})")
        return None, None
    try:
        return home, open_family(home)
    except LibraryError as error:
        note(f"no lineage: {error.what}. {error.remedy or ''}")
        return home, None


def _read(path: Path) -> tuple[Memory | None, Found | None, GmError | None]:
    from gm_assets.memory.files import read_memory

    if not path.exists():
        raise NotFound("there is no such file", where=path, remedy="`gm chains` lists what is here")
    try:
        found = read_memory(path)
    except (InvalidMemory, SealedFormat) as error:
        return None, None, error
    except UnsupportedFormat:
        return None, None, None
    return found.memory, found, None


def _identify(path: Path) -> Identity:
    from gm_assets.identity import identify

    return identify(path)


def _altered(identity: Identity, memory: Memory | None) -> bool:
    from gm_assets.lineage import is_altered

    return memory is not None and is_altered(identity, memory.written)


def _differences(found: Found | None) -> tuple[Any, ...]:
    """Where another program changed the mirror of the parents in the packet."""
    if found is None or found.memory is None:
        return ()
    payload = found.source.payload
    if isinstance(payload, dict):
        from gm_assets.memory import xmp_json

        return xmp_json.differences(payload)
    from gm_assets.memory import xmp

    return () if payload is None else xmp.differences(payload)


def _described(identity: Identity) -> dict[str, Any]:
    """The identity without the packet, which is in `memory`."""
    from gm_assets.cli.output import plain

    fields: dict[str, Any] = plain(identity)
    fields.pop("packet", None)
    return fields


def _lineage(
    home: Library | None, family: Family | None, path: Path, memory: Memory | None
) -> dict[str, Any] | None:
    """What the catalogue knows of the document: evidence, relatives with their files."""
    if home is None or family is None:
        return None
    try:
        relative = home.relative(path)
    except LibraryError:
        note("no lineage: the file lies outside the library")
        return None
    document = family.of_path(relative)
    if document is None:
        note("no lineage: the file is not in the catalogue yet. Run gm ingest")
        return None
    name = document.document_id
    evidence = family.evidence(name)
    relatives = family.family(name)
    siblings = family.siblings(name)
    children = family.children(name)
    listed = {
        *(link.parent_document for link in evidence.parents if link.parent_document),
        *(link.child for link in children[:SHOWN]),
        *siblings[:SHOWN],
    }
    known = family.documents(listed)
    return {
        "document": document,
        "copies": family.copies(name),
        "stale": evidence.stale,
        "evidence": evidence.counts,
        "parents": evidence.parents,
        "children": children,
        "siblings": siblings,
        "family": relatives,
        "paths": {found.document_id: found.path for found in known.values()},
    }


def _print_identity(path: Path, identity: Identity, altered: bool) -> None:
    size = f"{identity.width} x {identity.height}" if identity.width else None
    print_fields(
        safe(path),
        {
            "state": "altered: the content is not the one it remembers" if altered else None,
            "format": f"{identity.format}, {identity.size:,} bytes",
            "size": size,
            "content": identity.content_id,
            "file hash": identity.file_hash,
            "stream hash": identity.stream_hash,
            "pixel hash": identity.pixel_hash,
            "no pixel hash": identity.no_pixel_reason,
            "asset hash": identity.asset_hash,
            "geometry hash": identity.geometry_hash,
            "no geometry hash": identity.no_geometry_reason,
            "perceptual hash": identity.perceptual_hash,
        },
    )


def _print_memory(memory: Memory) -> None:
    places = (
        " ".join(filter(None, (p.key, p.stage, p.part, p.view, "primary" if p.primary else None)))
        for p in memory.placements
    )
    print_fields(
        "memory",
        {
            "document": memory.document_id,
            "instance": memory.instance_id,
            "placed": "\n".join(places),
            "title": memory.title,
            "description": memory.description,
            "creators": ", ".join(memory.creators),
            "keywords": ", ".join(memory.keywords),
            "domain": memory.domain,
            "subject": memory.subject,
            "environment": memory.environment,
            "shot": memory.shot,
            "made by": memory.creator_tool,
            "source type": memory.digital_source_type,
            "AI system": " ".join(filter(None, (memory.ai_system, memory.ai_system_version))),
            "AI prompt": memory.ai_prompt,
            "measured": _measured(memory),
            "recipe": _recipe(memory),
            "rights": memory.rights,
            "gaps": "\n".join(f"{g.stage or g.role or 'parent'}: {g.reason}" for g in memory.gaps),
            "schema": f"{memory.schema_version}, newer than this program" if memory.newer else None,
        },
    )
    if memory.history:
        print_table(
            ("when", "event", "who", "note"),
            (
                (event.when, event.action, event.person or event.software_agent, event.note)
                for event in memory.history
            ),
        )


def _measured(memory: Memory) -> str | None:
    """What was measured of a generated frame or a lifted structure when it was made."""
    recipe = memory.recipe or {}
    found = recipe.get("measures", recipe.get("obedience"))
    if not isinstance(found, dict):
        return None
    surface = found.get("surface")
    figures = {**found, **(surface if isinstance(surface, dict) else {})}
    said = (
        f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
        if isinstance(value, float) or name == "verdict"
    )
    return ", ".join(said) or None


def _recipe(memory: Memory) -> str | None:
    """The recipe on one line, shortened; `--json` has all of it."""
    if memory.recipe is None:
        return None
    import json

    text = json.dumps(memory.recipe, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= RECIPE_SHOWN else f"{text[:RECIPE_SHOWN]} …"


def _print_lineage(lineage: dict[str, Any]) -> None:
    paths = lineage["paths"]
    counts = lineage["evidence"]
    print_fields(
        "lineage",
        {
            "copies": len(lineage["copies"]),
            "stale": "yes: a parent was revised" if lineage["stale"] else None,
            "links": f"{counts.proven} proven of {counts.links}" if counts.links else None,
            "siblings": len(lineage["siblings"]),
            "family": len(lineage["family"]),
        },
    )
    rows = [
        ("parent", link.role, paths.get(link.parent_document) or link.content_id,
         link.resolution, link.basis, "proven" if link.proven else "")
        for link in lineage["parents"][:SHOWN]
    ] + [
        ("child", link.role, paths.get(link.child) or link.child,
         link.resolution, link.basis, "proven" if link.proven else "")
        for link in lineage["children"][:SHOWN]
    ]  # fmt: skip
    if rows:
        print_table(("", "role", "file", "resolution", "basis", ""), rows, styles=STYLES)
    hidden = max(0, len(lineage["parents"]) - SHOWN) + max(0, len(lineage["children"]) - SHOWN)
    if hidden:
        note(f"{hidden} more links: --json lists them")


def chain(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="A chain, or a key such as seam-keeper.g02.")],
    pictures: Annotated[
        bool, typer.Option(help="Thumbnails, where the terminal can show them.")
    ] = True,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the strip of a chain: S1 to S5, with its gaps."""
    home = open_library(ctx, library, read_only=True)
    family = open_family(home)
    turns = [name] if "." in name else [t.key for t in family.chains(chain=name)] or [name]
    strips = [family.strip(key) for key in turns]
    if as_json:
        print_json({"library": home.root, "chain": strips[0].chain, "generations": strips})
        return
    for strip in strips:
        _print_strip(home, strip, pictures)


def _print_strip(home: Library, strip: Strip, pictures: bool) -> None:
    print(strip.key)
    if pictures and is_terminal():
        from gm_assets.cli.strip import draw

        draw(home, strip)
    print_table(
        ("stage", "state", "files", "part", "proven", "primary file", ""),
        (
            (
                stage.stage,
                stage.state.replace("_", " "),
                stage.count or None,
                ", ".join(dict.fromkeys(d.part for d in stage.documents)),
                f"{stage.evidence.proven} of {stage.evidence.links}"
                if stage.evidence.links
                else None,
                next((d.document.path for d in stage.documents), None),
                _remark(stage),
            )
            for stage in strip.stages
        ),
        styles=STYLES,
    )


def _remark(stage: StageState) -> str:
    words = [stage.reason or ""]
    if stage.stale:
        words.append(f"{stage.stale} stale")
    if stage.altered:
        words.append(f"{stage.altered} altered")
    return ", ".join(filter(None, words))


_MARKS = {"present": "●", "gap": "○", "not_applicable": "–"}


def chains(
    ctx: typer.Context,
    library: LibraryOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the chains: which stages are there (●), missing (○) or not applicable (–)."""
    home = open_library(ctx, library, read_only=True)
    found = open_family(home).chains()
    if as_json:
        print_json({"library": home.root, "chains": found})
        return
    stages = found[0].stages if found else ()
    print_table(
        ("chain", "domain", *(state.stage for state in stages), "files", "stale", "altered"),
        (
            (
                turn.key,
                turn.domain,
                *(_MARKS[state.state] for state in turn.stages),
                sum(state.count for state in turn.stages),
                sum(state.stale for state in turn.stages) or None,
                sum(state.altered for state in turn.stages) or None,
            )
            for turn in found
        ),
        styles={"●": "green", "○": "yellow", "–": "dim"},
    )
