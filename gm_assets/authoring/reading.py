"""Which chain, stage and part the names of a whole library speak for.

One name says little; many together say what is a subject and what is a part of one:

- a folder whose name recurs under several others (`passes`, `128x128`), or consists of words of
  the trade, is structure; the subject is looked for above it;
- a folder is a shelf where file names recur in its subfolders (`tracks/abyss/screenshot.jpg`,
  `tracks/hacienda/screenshot.jpg`): each of these subfolders is a subject;
- elsewhere the file name names the subject; an ending that follows at least three other names
  of the library (`avar-shield` beside `avar`) tells a variant, not another subject.

Names that mean different subjects in different folders get the folder's name in front.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from gm_assets.authoring.names import CONTAINERS, Named, taken_apart, words_of
from gm_assets.authoring.stock import Item
from gm_assets.library.rules import slug
from gm_assets.memory.record import Placement, Stage

#: So often must a folder's name, a file's name or an ending recur to count as a pattern.
RECURS = 3
#: A folder on a shelf with more files than this, and than so many times the usual number, holds
#: subjects and is none.
MANY, _OUTLIER = 100, 4
#: Longest slug (`memory.record.Slug`).
MAX_SLUG = 96


@dataclass(frozen=True, slots=True)
class Reading:
    """Where names would place a file.

    Attributes:
        placement: the place.
        told: what told its stage: `name`, `folder`, `format`, `memory`, or `default`.
        by: what told its chain: `name` or `folder`.
    """

    placement: Placement
    told: str
    by: str


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a file shows, before equal names of different folders are told apart."""

    chain: str
    folder: str  # that it is a subject in
    rest: tuple[str, ...]  # words that tell it from others of the chain
    by: str


def read_names(items: Sequence[Item], chains: Mapping[str, int]) -> list[Reading | None]:
    """Where their names would place `items`; None where they say nothing.

    Args:
        items: all that is to be placed; patterns are found among them.
        chains: the library's chains with their latest generations: an equal name means them.
    """
    folders = _Folders(items)
    endings = _endings(items)
    subjects = [_subject(item, folders, endings) for item in items]
    names = _unique_names(subjects, items, chains)
    series = Counter(
        (name, item.folder, taken_apart(item.stem).subject)
        for name, item in zip(names, items, strict=True)
        if taken_apart(item.stem).number is not None
    )
    spread: dict[str, set[str]] = defaultdict(set)
    for name, item in zip(names, items, strict=True):
        spread[name].add(item.folder)
    readings: list[Reading | None] = []
    for item, subject, name in zip(items, subjects, names, strict=True):
        if subject is None or not name:
            readings.append(None)
            continue
        named = taken_apart(item.stem)
        counted = series[(name, item.folder, named.subject)] >= RECURS
        inside = folders.between(item.folder)
        place = _place(item, subject, named, inside, counted)
        if place.variant is None and len(spread[name]) > 1 and subject.by == "name":
            place = place.model_copy(update={"variant": _size(inside)})
        named_so = {"chain": name, "generation": chains.get(name, 1)}
        told = _stage_and_part(item, named, inside)[2]
        readings.append(Reading(place.model_copy(update=named_so), told, subject.by))
    return readings


class _Folders:
    """Which folders are subjects, shelves of subjects, or structure."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._above: dict[str, set[str]] = defaultdict(set)
        stems: dict[str, set[str]] = defaultdict(set)
        held = [(item.folder, item.stem.casefold()) for item in items]
        for folder in {folder for folder, _ in held}:
            for part in _upwards(folder):
                above, _, name = part.rpartition("/")
                self._above[name].add(above)
        self._subjects: dict[str, str] = {}
        for folder, stem in held:
            stems[self.subject(folder)].add(stem)
        self._own = _subjects_on_shelves(stems)

    def subject(self, folder: str) -> str:
        """The nearest folder at or above that is not structure; empty where there is none."""
        found = self._subjects.get(folder)
        if found is None:
            found = next((part for part in _upwards(folder) if not self._structural(part)), "")
            self._subjects[folder] = found
        return found

    def between(self, folder: str) -> list[str]:
        """Names of the structural folders between a file and its subject, nearest first."""
        subject = self.subject(folder)
        return [part.rpartition("/")[2] for part in _upwards(folder) if len(part) > len(subject)]

    def is_subject(self, folder: str) -> bool:
        """Whether the files in it belong to one subject, that of the folder."""
        return folder in self._own

    def _structural(self, folder: str) -> bool:
        name = folder.rpartition("/")[2]
        if len(self._above[name]) >= RECURS or name.casefold() in CONTAINERS:
            return True
        return not taken_apart(name, True).subject


def _upwards(folder: str) -> list[str]:
    """A folder and those above it, without the root."""
    parts = folder.split("/") if folder else []
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _subjects_on_shelves(stems: Mapping[str, set[str]]) -> frozenset[str]:
    """Folders that are subjects: names of their files recur in folders beside them.

    A folder beside them that holds very many more files is a container of subjects.
    """
    shelves: dict[str, dict[str, set[str]]] = defaultdict(dict)
    for folder, names in stems.items():
        if folder:
            shelves[folder.rpartition("/")[0]][folder] = names
    found: set[str] = set()
    for beside in shelves.values():
        times = Counter(name for names in beside.values() for name in names)
        recurring = {name for name, count in times.items() if count >= RECURS}
        having = [folder for folder, names in beside.items() if names & recurring]
        if len(having) < RECURS or 2 * len(having) < len(beside):
            continue
        usual = median(len(beside[folder]) for folder in having)
        found.update(
            folder for folder in having if len(beside[folder]) <= max(MANY, _OUTLIER * usual)
        )
    return frozenset(found)


def _endings(items: Iterable[Item]) -> frozenset[str]:
    """Words that end names whose beginnings are names as well, `RECURS` times or more."""
    names: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for item in items:
        names[item.folder].add(taken_apart(item.stem).subject)
    counts = Counter(
        name[-1] for held in names.values() for name in held if len(name) > 1 and name[:-1] in held
    )
    return frozenset(word for word, count in counts.items() if count >= RECURS)


def _subject(item: Item, folders: _Folders, endings: frozenset[str]) -> _Subject | None:
    named = taken_apart(item.stem)
    folder = folders.subject(item.folder)
    name = folder.rpartition("/")[2]
    if folder and (folders.is_subject(folder) or not named.subject):
        own = words_of(name)
        rest = tuple(word for word in named.subject if word not in own)
        return _Subject(slug(name), folder, rest, "folder")
    end = len(named.subject)
    while end > 1 and named.subject[end - 1] in endings:
        end -= 1
    chain = slug("-".join(named.subject[:end]))
    return _Subject(chain, folder, named.subject[end:], "name") if chain else None


def _unique_names(
    subjects: Sequence[_Subject | None], items: Sequence[Item], chains: Mapping[str, int]
) -> list[str]:
    """The chain names, with folders in front where one name means several subjects.

    Equal names in different folders mean one subject where a picture of one looks like one of
    the other (equal perceptual hashes), or where the library has a chain of that name.
    """
    groups: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for subject, item in zip(subjects, items, strict=True):
        if subject is not None:
            looks = groups[subject.chain][subject.folder]
            if item.perceptual_hash and int(item.perceptual_hash, 16):
                looks.add(item.perceptual_hash)
    named: dict[tuple[str, str], str] = {}
    for chain, folders in groups.items():
        if len(folders) == 1 or chain in chains or _alike(list(folders.values())):
            named.update({(chain, folder): chain for folder in folders})
            continue
        for folder, name in _with_folders(chain, list(folders)).items():
            named[(chain, folder)] = name
    return [
        "" if subject is None else named[(subject.chain, subject.folder)][:MAX_SLUG].strip("-")
        for subject in subjects
    ]


def _alike(looks: Sequence[set[str]]) -> bool:
    """Whether every set shares a value with the first."""
    return all(looks[0] & other for other in looks[1:])


def _with_folders(chain: str, folders: list[str]) -> dict[str, str]:
    """Different names for one chain name in several folders: as few folder names as will do."""
    depth = max(folder.count("/") + 1 for folder in folders)
    for count in range(1, depth + 1):
        names = {folder: _with_folder(chain, folder, count) for folder in folders}
        if len(set(names.values())) == len(names):
            return names
    return names


def _with_folder(chain: str, folder: str, count: int) -> str:
    """A chain's name after `count` folder names; a folder that is its name is not repeated."""
    parts = folder.split("/")
    if slug(parts[-1]) == chain:
        return slug("-".join(parts[-count - 1 :]))
    return slug("-".join([*parts[-count:], chain]))


def _place(
    item: Item, subject: _Subject, named: Named, inside: Sequence[str], counted: bool
) -> Placement:
    """The place of a file in its chain; `counted`: its number is one of a series."""
    stage, part, _ = _stage_and_part(item, named, inside)
    view, frame = named.view, None
    variant = [*subject.rest, *named.variant]
    if named.number is not None and counted:
        number = next(word for word in reversed(variant) if word.isdigit())
        if part == "turntable":
            view = view or (slug(item.stem)[:MAX_SLUG] if subject.by == "folder" else number)
            variant = []
        else:
            frame = named.number
            variant.remove(number)
    return Placement(
        chain=subject.chain[:MAX_SLUG].strip("-"),
        stage=stage,
        part=part,
        view=view,
        frame=frame,
        variant=slug("-".join(variant))[:MAX_SLUG].strip("-") or None,
    )


def _size(inside: Sequence[str]) -> str | None:
    """The folder of a size or a skin that one picture of several lies in, as a variant."""
    names = [n for n in inside if not _tells(n) and n.casefold() not in CONTAINERS]
    return slug(names[-1])[:MAX_SLUG].strip("-") or None if names else None


@lru_cache(maxsize=4096)
def _tells(folder: str) -> bool:
    """Whether a folder's name tells a stage or part."""
    named = taken_apart(folder, True)
    return named.stage is not None or named.part is not None


def _stage_and_part(item: Item, named: Named, inside: Sequence[str]) -> tuple[Stage, str, str]:
    """Stage, part, and what told them: the name before folders, folders before the rest."""
    told = "name"
    stage, part = named.stage, named.part
    for folder in inside:
        found = taken_apart(folder, True)
        if stage is None:
            stage, part, told = found.stage, found.part, "folder"
        elif found.stage == "S5" and part == "clay":
            stage = "S5"  # the clay of a structure
    if item.kind == "model":
        if stage == "S5":
            return "S5", part if part in ("hull", "splats") else "mesh", told
        return "S3", "mesh", told if stage == "S3" else "format"
    if stage is None:
        return ("S4", "frame", "memory") if item.generated else ("S2", "reference", "default")
    if part in ("mesh", "hull", "splats"):  # a picture of one
        part = "clay"
    return stage, part or _USUAL[stage], told


_USUAL: dict[Stage, str] = {
    "S1": "sketch",
    "S2": "reference",
    "S3": "clay",
    "S4": "frame",
    "S5": "clay",
}
