"""What file and folder names say: words of a subject, and words of the trade.

A name is a hint that a person judges, never evidence. Words such as `sketch`, `depth` or
`front` tell stage, part and view; numbers and words of size or revision tell a variant; what
is left names the subject.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from gm_assets.memory.record import Stage

#: Words that tell stage and part, as studios write them.
PARTS: dict[str, tuple[Stage, str]] = {
    **dict.fromkeys(
        ("sketch", "sketches", "drawing", "drawings", "lineart", "linework", "scribble", "doodle"),
        ("S1", "sketch"),
    ),
    **dict.fromkeys(
        ("ref", "refs", "reference", "references", "photo", "photos", "photograph", "scan"),
        ("S2", "reference"),
    ),
    **dict.fromkeys(("concept", "concepts", "moodboard", "painting"), ("S2", "reference")),
    **dict.fromkeys(("sculpt", "mesh", "model", "zbrush", "lowpoly", "highpoly"), ("S3", "mesh")),
    **dict.fromkeys(("clay", "render", "renders", "screenshot", "viewport"), ("S3", "clay")),
    **dict.fromkeys(("turntable", "turntables", "spin"), ("S3", "turntable")),
    **dict.fromkeys(("depth", "zdepth"), ("S3", "depth")),
    **dict.fromkeys(("normal", "normals", "nrm", "nm"), ("S3", "normal")),
    **dict.fromkeys(("silhouette", "silhouettes", "matte"), ("S3", "silhouette")),
    **dict.fromkeys(("ids", "cryptomatte", "matid"), ("S3", "ids")),
    **dict.fromkeys(("skeleton", "openpose"), ("S3", "skeleton")),
    **dict.fromkeys(("frame", "frames", "generated", "txt2img", "img2img"), ("S4", "frame")),
    **dict.fromkeys(("comfyui", "midjourney", "sdxl", "flux"), ("S4", "frame")),
    **dict.fromkeys(("plate", "plates"), ("S4", "plate")),
    **dict.fromkeys(("hull", "lifted", "structure"), ("S5", "hull")),
    **dict.fromkeys(("splat", "splats", "gaussians", "nerf"), ("S5", "splats")),
}
VIEWS: dict[str, str] = {
    **{name: name for name in ("front", "back", "left", "right", "top", "bottom", "side")},
    **dict.fromkeys(("perspective", "persp"), "perspective"),
    **dict.fromkeys(("threequarter", "threequarters"), "three-quarter"),
}
#: Words of size, revision and use: they tell one variant of a subject from another.
VARIANTS = frozenset(
    (
        *("large", "big", "small", "mini", "tiny", "thumb", "thumbnail", "icon", "preview"),
        *("hires", "lowres", "hd", "final", "wip", "copy", "old", "new", "alt", "edit", "edited"),
        *("diffuse", "albedo", "gloss", "glossy", "spec", "specular", "emit", "mask", "alpha"),
        *("hover", "focus", "pressed", "down", "disabled", "selected", "wide"),
    )
)
#: Names of folders that hold a library, not a subject.
CONTAINERS = frozenset(
    (
        *("data", "img", "image", "images", "pictures", "assets", "files", "textures", "graphics"),
        *("pass", "passes", "out", "output", "outputs", "export", "exports", "work"),
    )
)

_PIECES = re.compile(r"[0-9]+x[0-9]+|@?[0-9]+x(?![a-z])|[a-z]+|[0-9]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SCALE = re.compile(r"@?[0-9]+x(?:[0-9]+)?\Z")
_VERSION = re.compile(r"[vr][0-9]{1,4}\Z")
_STAGE = re.compile(r"s[1-5]\Z")


@dataclass(frozen=True, slots=True)
class Named:
    """A name taken apart.

    Attributes:
        subject: words that name what is shown, in order.
        stage, part, view: what words of the trade say; None where none does.
        variant: words and numbers that tell variants apart, in order.
        number: the last number that stands alone: of a frame, a view or a series.
    """

    subject: tuple[str, ...]
    stage: Stage | None = None
    part: str | None = None
    view: str | None = None
    variant: tuple[str, ...] = ()
    number: int | None = None


@lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in order, lower case, without accents.

    `SeamKeeper_sketch-v02` -> `seam`, `keeper`, `sketch`, `v02`.
    """
    folded = _HUMP.sub(" ", name).casefold()
    plain = unicodedata.normalize("NFKD", folded).encode("ascii", "ignore").decode()
    pieces = _PIECES.findall(plain)
    words: list[str] = []
    for piece in pieces:
        if words and piece.isdigit() and words[-1] in ("v", "r", "s") and len(piece) <= 4:
            words[-1] += piece  # v02, r3, S1
        else:
            words.append(piece)
    return tuple(words)


@lru_cache(maxsize=65_536)
def taken_apart(name: str, folder: bool = False) -> Named:
    """What a file name (without its suffix) says, or the name of a `folder`.

    A folder `S1` is a stage's; a file that is called `s1` and no more may be anything.
    """
    words = words_of(name)
    subject: list[str] = []
    variant: list[str] = []
    stage: Stage | None = None
    part = view = number = None
    for word in words:
        if _STAGE.match(word) and (folder or len(words) > 1):
            stage = word.upper()  # type: ignore[assignment]  # the pattern leaves S1 to S5
        elif word in PARTS:
            stage, part = PARTS[word]
        elif word in VIEWS:
            view = VIEWS[word]
        elif word.isdigit():
            number = int(word) if len(word) <= 7 else None
            variant.append(word)
        elif word in VARIANTS or _SCALE.match(word) or _VERSION.match(word):
            variant.append(word.lstrip("@"))
        else:
            subject.append(word)
    return Named(tuple(subject), stage, part, view, tuple(variant), number)


def overlap(one: frozenset[str], other: frozenset[str], weight: dict[str, float]) -> float:
    """How much two sets of words have in common, 0 to 1 (Dice, each word with its weight)."""
    total = sum(weight.get(word, 1.0) for word in one) + sum(
        weight.get(word, 1.0) for word in other
    )
    if not total:
        return 0.0
    return 2 * sum(weight.get(word, 1.0) for word in one & other) / total
