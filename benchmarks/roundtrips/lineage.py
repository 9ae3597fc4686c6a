"""A family sent through many programs and brought back: is it whole again, or why not?

A chain of five files, each made from the one before, one program a file and two for the first.
What comes back is ingested; every offer is accepted, every edit revised. Then the links are
judged: those that are not resolved must say why.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.roundtrips import samples, tools
from gm_assets.library import Library, ingest, recover, revise
from gm_assets.library.stale import stale
from gm_assets.lineage.family import Family
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Memory

#: File, stage, part, its parents, and the ways that it goes (tool, beginning of what it does).
Member: TypeAlias = tuple[str, str, str, tuple[str, ...], tuple[tuple[str, str], ...]]
CHAIN: tuple[Member, ...] = (
    ("sketch.png", "S1", "sketch", (), (("Pillow", "open, save"), ("OpenCV", "imread"))),
    ("reference.png", "S2", "reference", ("sketch.png",), (("GIMP", "open"),)),
    ("mesh.glb", "S3", "mesh", ("reference.png",), (("Blender", "import, export glTF"),)),
    ("clay.webp", "S3", "clay", ("mesh.glb",), (("ImageMagick", "convert"),)),
    ("frame.jpg", "S4", "frame", ("clay.webp", "mesh.glb"), (("ExifTool", "-all="),)),
    ("structure.glb", "S5", "mesh", ("frame.jpg",), (("gltf-transform", "copy"),)),
    ("plate.jpg", "S4", "plate", ("reference.png",), (("ImageMagick", "convert -strip"),)),
    ("cloud.ply", "S5", "cloud", ("plate.jpg",), (("trimesh", "load"),)),
)


@dataclass(frozen=True)
class Sent:
    """One file of the family: the ways it went, how it came back and what was done."""

    file: str
    ways: tuple[str, ...]
    came_back: str
    done: str


@dataclass(frozen=True)
class Linked:
    """One link of the family at the end."""

    child: str
    parent: str
    resolution: str
    basis: str
    detail: str


@dataclass(frozen=True)
class Return:
    """What became of the family.

    Attributes:
        sent: its files.
        declared: links when it left.
        at_first: links that were resolved when it had come back and was ingested.
        links: all links at the end.
        redo: files whose parents changed, in the order in which they must be redone.
    """

    sent: tuple[Sent, ...]
    declared: int
    at_first: int
    links: tuple[Linked, ...]
    redo: tuple[str, ...]


def send(folder: Path, chain: Sequence[Member] = CHAIN) -> Return:
    """Build the family, send it, bring it back, and heal what can be healed."""
    root = folder / "library"
    Library.init(root)
    (root / "gm.toml").write_text('[library]\nname = "family"\nmanaged = true\n', "utf-8")
    library = Library.open(root)
    made: dict[str, Memory] = {}
    for seed, (name, stage, part, parents, _) in enumerate(chain):
        path = samples.make(root / name, seed)
        made[name] = samples.remember(path, stage, part, tuple(made[p] for p in parents))
    ingest(library)
    ways = {name: tuple(_travelled(root / name, steps, folder)) for name, *_, steps in chain}
    ingest(library)
    at_first = sum(1 for link in _links(library, made) if link.resolution == "resolved")
    lost = {name: read_memory(root / name).memory is None for name in made}
    sent = []
    for name in made:
        before = "without its memory" if lost[name] else "with its memory"
        sent.append(Sent(name, ways[name], before, _healed(library, root / name, lost[name])))
    ingest(library)
    redo = tuple(entry.document.path for entry in stale(library).redo)
    declared = sum(len(memory.parents) for memory in made.values())
    return Return(tuple(sent), declared, at_first, tuple(_links(library, made)), redo)


def _travelled(path: Path, steps: tuple[tuple[str, str], ...], folder: Path) -> Iterator[str]:
    """Send a file through its programs, each over the file itself."""
    for tool, does in steps:
        trip = next(t for t in tools.TRIPS if t.tool == tool and t.does.startswith(does))
        if why := tools.missing(trip):
            yield f"{trip.words}: {why}"
            continue
        back = folder / f"back{path.suffix}"
        back.unlink(missing_ok=True)
        if why := tools.run(trip, path, back):
            yield f"{trip.words}: {why}"
            continue
        shutil.copyfile(back, path)
        yield f"{trip.words} ({tools.version(trip)})"


def _healed(library: Library, path: Path, lost: bool) -> str:
    from gm_assets.identity import identify
    from gm_assets.lineage import is_altered

    memory = read_memory(path).memory
    if lost:
        memory = recover(library, path, person="test")
        edited = any(event.content_id for event in memory.history)
        return "gm recover" + (", which records an edit" if edited else "")
    if memory is not None and is_altered(identify(path), memory.written):
        revise(library, path, person="test")
        return "gm revise"
    return "nothing"


def _links(library: Library, names: Iterable[str]) -> Iterator[Linked]:
    with library.store.connect() as connection:
        family = Family(connection)
        for name in names:
            document = family.of_path(name)
            for link in family.parents(document.document_id) if document else ():
                parent = family.documents([link.parent_document or ""])
                named = next((p.path for p in parent.values()), link.content_id)
                yield Linked(name, named, link.resolution, link.basis, link.detail)
