"""Turns of the loop in the demo: plates all around a sculpt, structures lifted from them (S5).

The chains whose plan has an `S5` section are turned by the same call as `gm turn` makes. One of
them turns twice: its plan accepts the first structure, which so becomes the sculpt of a second
generation.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gm_assets.diffusion.opening import active_fingerprint
from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.errors import GmError
from gm_assets.library import Library, Progress, ProgressFunction, ingest
from gm_assets.making.sources import Chain as Stored
from gm_assets.making.turning import turns
from gm_assets.words import counted
from gm_assets.world.demo import shipping
from gm_assets.world.demo.plans import Chain


def turn_chains(
    library: Library,
    plans: Sequence[Chain],
    spec: ShaderSpec,
    *,
    full: bool = False,
    progress: ProgressFunction | None = None,
) -> tuple[str, ...]:
    """Turn the chains that are planned to be, as often as their plans say.

    Args:
        spec: the shader.
        full: make everything on this machine, and compare it with what is shipped.

    Returns:
        What a person should know: why a chain has no structure, and how the comparison ended.
    """
    wanted = [plan for plan in plans if plan.turns]
    notes, folders = [], []
    for number, plan in enumerate(wanted):
        if progress is not None:
            progress(Progress(number, len(wanted), 0, plan.name, "turn"))
        try:
            folders.append(_turn(library, plan, spec, full))
        except GmError as error:
            notes.append(f"{plan.name} was not lifted: {error}")
    if progress is not None and wanted:
        progress(Progress(len(wanted), len(wanted), 0, wanted[-1].name, "turn"))
    if full and folders:
        notes.append(_compared(library, folders))
    return tuple(notes)


def _turn(library: Library, plan: Chain, spec: ShaderSpec, full: bool) -> str:
    """Turn one chain; returns its folder."""
    stored = Stored.of(library, plan.name)
    put: tuple[str, ...] = ()
    if not full:
        sculpt = stored.source("S3").content_id
        put = shipping.put(library, stored.folder, sculpt, active_fingerprint(spec))
        ingest(library, [library.root / path for path in put])
    used: set[str | None] = set()
    for one in turns(library, plan.name, spec=spec):
        used |= {frame.kept.path for frame in one.generated.frames}
        for structure in one.lifted.structures:
            used |= {structure.kept.path, *(kept.path for kept in structure.beside)}
    _take_back(library, [path for path in put if path not in used])
    return stored.folder


def _take_back(library: Library, paths: Sequence[str]) -> None:
    """Remove shipped files whose recipe is not the one of this machine: theirs were made anew."""
    if not paths:
        return
    for path in paths:
        with suppress(FileNotFoundError):
            (library.root / path).unlink()
    ingest(library, sorted({(library.root / path).parent for path in paths}))


def _compared(library: Library, folders: Sequence[str]) -> str:
    found = shipping.compare(library, folders)
    count = len(found.same) + len(found.other)
    if not count:
        return "Nothing is shipped to compare the structures with."
    if not found.other:
        return f"All {counted(count, 'shipped file')} came out the same on this machine."
    first = Path(found.other[0]).as_posix()
    return (
        f"{len(found.other)} of {counted(count, 'shipped file')} came out otherwise on this "
        f"machine, such as {first}."
    )
