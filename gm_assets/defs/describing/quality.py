"""How well the demo's captions find its pictures, and the level that this must keep.

The demo's memories say what each picture shows, so a caption can be made of every one, and it
is known which pictures it is true of (`gm_assets.training.evaluate`). The first run over a
set of captions records its figure as the level, in `.gm/quality.json`; another model or a
damaged store is then held against it. Deleting the file accepts what is there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import GmError
from gm_assets.memory.files import read_memory, write_new

if TYPE_CHECKING:
    from gm_assets.encoding import EncoderSpec
    from gm_assets.library import Library
    from gm_assets.training.facts import Facts

NAME = "quality.json"
#: Pictures with a caption and a vector below which a figure says nothing.
LEAST = 20
#: Another device or version of torch may turn a near tie; more is a loss.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Quality:
    """Recall of one model over one set of captions.

    Attributes:
        captions: digest of the pictures and what they show.
        model: fingerprint.
        gallery: pictures, each the subject of one caption.
        at_1, at_5: the part of the captions with a picture that they are true of among the
            first hit, or the first five.
    """

    captions: str
    model: str
    gallery: int
    at_1: float
    at_5: float


def is_demo(library: Library) -> bool:
    """Whether the library is one that `gm demo` has made."""
    from gm_assets.world.demo.resuming import Record

    return Record.load(library.state) is not None


def measure(library: Library, spec: EncoderSpec) -> Quality | None:
    """Recall of the demo's captions with the vectors that are stored; None where there are few.

    No picture is read: vectors come from the store, only captions go through the model.

    Raises:
        MissingExtra, ModelError: the encoder cannot be opened.
    """
    from gm_assets.encoding import active_fingerprint, shared_encoder
    from gm_assets.training.evaluate import recall

    model = active_fingerprint(spec)
    shown = _shown(library)
    found = library.vectors.get(model, sorted(shown))
    ids: list[str] = found.content_ids.to_pylist()
    if len(ids) < LEAST:
        return None
    facts = [shown[content_id] for content_id in ids]
    figure = recall(found.rows.astype("float32"), facts, shared_encoder(spec).texts)
    return Quality(
        captions=_digest(ids, facts),
        model=model,
        gallery=figure.gallery,
        at_1=round(figure.at_1, 4),
        at_5=round(figure.at_5, 4),
    )


def level_of(library: Library, quality: Quality) -> Quality:
    """The recorded level for these captions; `quality` itself is recorded where there is none."""
    levels = _levels(library.state / NAME)
    if quality.captions not in levels:
        # Only the set of captions that is there now is of interest.
        text = json.dumps(asdict(quality), indent=1)
        write_new(library.state / NAME, text.encode(), overwrite=True)
        return quality
    return levels[quality.captions]


def _levels(path: Path) -> dict[str, Quality]:
    """The recorded level by its captions; empty where none can be read."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        values = json.loads(path.read_text("utf-8"))
        level = Quality(
            str(values["captions"]),
            str(values["model"]),
            *(int(values["gallery"]), float(values["at_1"]), float(values["at_5"])),
        )
        return {level.captions: level}
    return {}


def _shown(library: Library) -> dict[str, Facts]:
    """What each picture shows, by content, for pictures whose memories say it."""
    import pyarrow.compute as pc

    from gm_assets.training.demo import facts_of

    files = library.store.read("files", ["path", "content_id", "kind", "altered"])
    sound = pc.and_(pc.equal(files["kind"], "image"), pc.invert(files["altered"]))
    shown: dict[str, Facts] = {}
    for row in files.filter(sound).sort_by("path").to_pylist():
        with suppress(GmError):  # a file that changed since says nothing
            memory = read_memory(library.root / row["path"]).memory
            facts = None if memory is None else facts_of(memory)
            if facts is not None and row["content_id"] is not None:
                shown.setdefault(row["content_id"], facts)
    return shown


def _digest(ids: Sequence[str], facts: Sequence[Facts]) -> str:
    said = "\n".join(f"{one} {two}" for one, two in zip(ids, facts, strict=True))
    return hashlib.sha256(said.encode()).hexdigest()
