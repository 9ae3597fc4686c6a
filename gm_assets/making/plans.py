"""Plans: what to make of a chain, written by a person in `<library>/plans/<chain>.yaml`.

A plan says what frames a generative stage should have: words, views, passes and their weights,
seeds; its `S5` section (`lift_plans`) says what to lift from them. Keys at the top hold for both
stages, those below `S2` or `S4` for that stage, those of an entry of `frames` for its frames; the
inner one wins. `docs/generate.md` has the keys. Every problem of a plan is reported with its line.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gm_assets.diffusion.protocol import MAPS, Settings, Words
from gm_assets.errors import GmError, InvalidPlan, NotFound
from gm_assets.making.lift_plans import LiftPlan, LiftReader
from gm_assets.making.plan_keys import Keys
from gm_assets.settings import PROFILES
from gm_assets.vocabulary.problems import Problems
from gm_assets.vocabulary.yaml_tree import MAX_BYTES, Entries, Items, Node, Text, read_tree
from gm_assets.words import escaped

FOLDER = "plans"
#: The stages that a plan can make.
Made: TypeAlias = Literal["S2", "S4"]
MADE: tuple[Made, ...] = ("S2", "S4")

#: Seeds that JSON keeps exactly (RFC 8785 section 3.2.2.3).
MAX_SEED = 2**53 - 1
MAX_SIDE = 8_192


@dataclass(frozen=True)
class Shot:
    """A view of the plan's own: a camera around the subject.

    Attributes:
        name: slug of the view.
        azimuth, elevation: degrees around Y from the front, and above the horizon.
        lens: focal length in millimetres, on the film back of 36 mm.
        margin: free part of the frame around the subject, 0 to 0.9.
        lift: how far the subject is moved up in the frame, as a part of its half height.
    """

    name: str
    azimuth: float = 32.0
    elevation: float = 8.0
    lens: float = 85.0
    margin: float = 0.12
    lift: float = 0.0


@dataclass(frozen=True)
class FramePlan:
    """Frames that share their words: one for every view and seed.

    Attributes:
        name: slug of the entry; empty for a plan without entries.
        prompt, negative: what to show, and what not.
        environment, material, light: terms of the vocabulary, or plain words; they are said
            after the prompt. An environment is also what the memory names as such.
        views: names as `gm passes --views` takes them, or shots.
        width, height: pixels; None leaves them to the stage.
        passes: weight of each map, 0 to 1; maps not named have 1 where the model takes them.
        seeds: of the noise.
        steps, guidance: of the sampler; None for the model's own.
        identity: whether the chain's reference shows the model what the subject looks like,
            where the model can use one.
    """

    name: str = ""
    prompt: str = ""
    negative: str = ""
    environment: str = ""
    material: str = ""
    light: str = ""
    views: tuple[str | Shot, ...] = ("hero",)
    width: int | None = None
    height: int | None = None
    passes: Mapping[str, float] = field(default_factory=dict)
    seeds: tuple[int, ...] = (1,)
    steps: int | None = None
    guidance: float | None = None
    identity: bool = True

    def words(self, names: Mapping[str, str]) -> Words:
        """What the model is told: prompt, then material, environment and light.

        Args:
            names: what the terms of the vocabulary are called, by id.
        """
        terms = (self.material, self.environment, self.light)
        said = (self.prompt, *(names.get(term, term.replace("-", " ")) for term in terms))
        return Words(", ".join(one for one in said if one), self.negative)

    def settings(self, seed: int, size: tuple[int, int]) -> Settings:
        """Settings of one seed, for frames of that width and height."""
        return Settings(
            width=size[0],
            height=size[1],
            seed=seed,
            steps=self.steps,
            guidance=self.guidance,
            weights=dict(self.passes),
        )


@dataclass(frozen=True)
class Plan:
    """What to make of one stage of a chain.

    Attributes:
        stage: `S2` or `S4`.
        frames: entries, in the order of the file.
        profile: which models run; None for that of `GM_PROFILE`.
        writer: who wrote the prompts, for `AIPromptWriterName`.
        note: why, for the history of the frames.
        folder: where the files go, relative to the library; None for the chain's own folder.
        source: the file; None for a plan that was made from the chain's memories.
    """

    stage: Made
    frames: tuple[FramePlan, ...]
    profile: str | None = None
    writer: str | None = None
    note: str | None = None
    folder: str | None = None
    source: Path | None = None


@dataclass(frozen=True)
class Changes:
    """What a command or a run asks for instead of what the plan says; None leaves it.

    Attributes:
        prompt: in the place of all words of the plan: its environment, material and light would
            contradict it, and the memory would name an environment that nobody asked for.
        frames: names of the entries to make, all by default.
        others: as in `FramePlan` and `Plan`.
    """

    prompt: str | None = None
    negative: str | None = None
    views: tuple[str, ...] | None = None
    size: tuple[int, int] | None = None
    seeds: tuple[int, ...] | None = None
    steps: int | None = None
    guidance: float | None = None
    profile: str | None = None
    note: str | None = None
    frames: tuple[str, ...] | None = None

    def of(self, plan: Plan) -> Plan:
        """The plan with these changes.

        Raises:
            NotFound: `frames` names an entry that the plan does not have.
        """
        names = [frame.name for frame in plan.frames]
        for name in self.frames or ():
            if name not in names:
                raise NotFound(
                    f"the plan has no frame {name!r}",
                    where=plan.source,
                    remedy=f"Its frames are {', '.join(filter(None, names)) or 'without names'}",
                )
        keys = ("prompt", "negative", "views", "seeds", "steps", "guidance")
        said = {key: getattr(self, key) for key in keys if getattr(self, key) is not None}
        if self.prompt is not None:
            said |= {"environment": "", "material": "", "light": ""}
        if self.size is not None:
            said |= {"width": self.size[0], "height": self.size[1]}
        chosen = (one for one in plan.frames if self.frames is None or one.name in self.frames)
        frames = tuple(dataclasses.replace(frame, **said) for frame in chosen)
        return dataclasses.replace(
            plan,
            frames=frames,
            profile=self.profile or plan.profile,
            note=self.note or plan.note,
        )


#: What the plan says.
NO_CHANGES = Changes()


def plan_file(root: Path, chain_key: str) -> Path | None:
    """The plan of a chain: that of the generation where there is one, else of the chain."""
    chain = chain_key.partition(".")[0]
    for name in dict.fromkeys((chain_key, chain)):
        path = root / FOLDER / f"{name}.yaml"
        if path.is_file():
            return path
    return None


def read_plan(path: Path, stage: Made) -> Plan:
    """Read and check a plan.

    Raises:
        InvalidPlan: with every problem of the file, each with line and column.
        NotFound: it says nothing of that stage and has nothing that holds for both.
    """
    return parse_plan(_bytes_of(path), path, stage)


def read_lift_plan(path: Path) -> LiftPlan:
    """Read and check a plan, and take what it says of S5. Raises as `read_plan`."""
    return parse_lift_plan(_bytes_of(path), path)


def _bytes_of(path: Path) -> bytes:
    """A plan's bytes, at most one more than a plan may have.

    Raises:
        GmError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise GmError(
            f"the plan cannot be read ({error.strerror})", where=path, remedy="Make it readable"
        ) from None
    return data


def parse_plan(data: bytes, path: Path, stage: Made) -> Plan:
    """Check the bytes of a plan; `path` names it in errors. Raises as `read_plan`."""
    return _plans(data, path)[0][stage]


def parse_lift_plan(data: bytes, path: Path) -> LiftPlan:
    """Check the bytes of a plan and take what it says of S5. Raises as `read_plan`."""
    return _plans(data, path)[1]


def _plans(data: bytes, path: Path) -> tuple[dict[Made, Plan], LiftPlan]:
    """Everything that a plan says, for all stages.

    Raises:
        InvalidPlan: with every problem of the file.
    """
    problems = Problems(path)
    root = read_tree(data, problems, plain=("int", "float", "bool"))
    plans: dict[Made, Plan] = {}
    lift = LiftPlan(source=path)
    if isinstance(root, Entries):
        plans, lift = _Reader(problems).plans(root)
    elif not problems.found:
        problems.add(root, "this is no plan", "Begin with `prompt: …`")
    if problems.found:
        raise InvalidPlan.of(problems.found)
    return plans, lift


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in `512` or `640x384`.

    Raises:
        GmError: it is no size, or a side is out of range.
    """
    match = _SIZE.match(text)
    sides = (int(match["width"]), int(match["height"] or match["width"])) if match else (0, 0)
    if not all(8 <= side <= MAX_SIDE for side in sides):
        raise GmError(
            f"{escaped(text)!r} is no size of a frame",
            remedy=f"Write `512` or `640x384`; a side has 8 to {MAX_SIDE} pixels",
        )
    return sides


class _Reader(Keys):
    """Reads the parts of a plan."""

    def plans(self, root: Entries) -> tuple[dict[Made, Plan], LiftPlan]:
        common = {"profile", "writer", "note", "folder"}
        self.only_keys(root, {*_VALUES, *common, *MADE, "frames", "S5"})
        about = {key: self.line(root, key) for key in ("writer", "note")}
        profile, folder = self.word(root, "profile", PROFILES), self.folder(root)
        base = self.values(root, FramePlan())
        plans: dict[Made, Plan] = {}
        for stage in MADE:
            node = root.get(stage)
            section = base
            listed = root.get("frames") if stage == "S4" else None
            if isinstance(node, Entries):
                self.only_keys(node, {*_VALUES, "frames"})
                section = self.values(node, base)
                listed = node.get("frames") or listed
            elif node is not None:
                self.problems.add(node, f"`{stage}` must be a map of keys", "Indent its keys")
            frames = self.frames(listed, section) if listed is not None else (section,)
            plans[stage] = Plan(
                stage, frames, profile=profile, folder=folder, source=self.problems.path, **about
            )
        lift = LiftPlan(
            writer=about["writer"], note=about["note"], folder=folder, source=self.problems.path
        )
        lift = LiftReader(self.problems).section(root.get("S5"), lift)
        entries = {frame.name for frame in plans["S4"].frames}
        if lift.frames is not None and lift.frames not in entries and not self.problems.found:
            self.problems.add(
                root.get("S5"),
                f"`S5` names the frames `{lift.frames}`, and no entry is called so",
                "Write the name of an entry of `frames`",
            )
        return plans, lift

    def frames(self, node: Node, base: FramePlan) -> tuple[FramePlan, ...]:
        if not isinstance(node, Items) or not node.items:
            self.problems.add(node, "`frames` must be a list", "Begin each with `- name: …`")
            return (base,)
        found: dict[str, FramePlan] = {}
        for item in self.bounded(node, "frames"):
            if not isinstance(item, Entries):
                self.problems.add(item, "a frame must be a map of keys", "Begin it `- name: …`")
                continue
            self.only_keys(item, {*_VALUES, "name"})
            name = self.slug(item, "name")
            if name in found:
                self.problems.add(item, f"the frame `{name}` stands twice", "Rename one of them")
            elif name:
                found[name] = dataclasses.replace(self.values(item, base), name=name)
        return tuple(found.values())

    def values(self, node: Entries, base: FramePlan) -> FramePlan:
        """`base` with what `node` says."""
        said: dict[str, Any] = {}
        for key, read in _VALUES.items():
            if node.get(key) is not None:
                said |= read(self, node, key)
        return dataclasses.replace(base, **said)

    def texts(self, node: Entries, key: str) -> dict[str, Any]:
        return {key: self.line(node, key) or ""}

    def views(self, node: Entries, key: str) -> dict[str, Any]:
        value = node.get(key)
        items = self.bounded(value, key) if isinstance(value, Items) else [value]
        views = [view for item in items if item is not None and (view := self.view(item))]
        if not views and not self.problems.found:
            self.problems.add(value, "`views` is empty", "Name one, e.g. `hero`")
        return {key: tuple(dict.fromkeys(views))}

    def view(self, node: Node) -> str | Shot | None:
        from gm_assets.sculpt.views import check_views

        if isinstance(node, Entries) and "name" in node.entries:
            return self.shot(node)
        if isinstance(node, Entries) and set(node.entries) == {"turntable"}:
            count = node.get("turntable")
            name = f"turntable:{count.text}" if isinstance(count, Text) else "turntable"
        elif isinstance(node, Text):
            name = node.text
        else:
            self.problems.add(node, "this is no view", "Write `hero`, `turntable: 12`, or a shot")
            return None
        try:
            check_views([name])
        except GmError as error:
            self.problems.add(node, error.what, error.remedy or "Name another view")
            return None
        return name

    def shot(self, node: Entries) -> Shot | None:
        bounds = {
            "azimuth": (-360, 360),
            "elevation": (-89, 89),
            "lens": (4, 2_000),
            "margin": (0, 0.9),
            "lift": (-1, 1),
        }
        self.only_keys(node, {"name", *bounds})
        name = self.slug(node, "name")
        numbers = {
            key: value
            for key, (least, most) in bounds.items()
            if (value := self.number(node.get(key), key, least, most)) is not None
        }
        return Shot(name, **numbers) if name else None

    def size(self, node: Entries, key: str) -> dict[str, Any]:
        value = node.get(key)
        try:
            width, height = parse_size(value.text if isinstance(value, Text) else "")
        except GmError as error:
            self.problems.add(value, error.what, error.remedy or "Correct it")
            return {}
        return {"width": width, "height": height}

    def passes(self, node: Entries, key: str) -> dict[str, Any]:
        value = node.get(key)
        if not isinstance(value, Entries):
            self.problems.add(value, "`passes` must be a map", "Write e.g. `depth: 0.8` in it")
            return {}
        self.only_keys(value, set(MAPS))
        weights = {name: self.number(one, name, 0, 1) for name, (_, one) in value.entries.items()}
        return {key: {name: weight for name, weight in weights.items() if weight is not None}}

    def seeds(self, node: Entries, key: str) -> dict[str, Any]:
        value = node.get(key)
        items = self.bounded(value, key) if isinstance(value, Items) else [value]
        found = [self.integer(item, "a seed", 0, MAX_SEED) for item in items if item is not None]
        seeds = tuple(dict.fromkeys(seed for seed in found if seed is not None))
        if not seeds and not self.problems.found:
            self.problems.add(value, "`seeds` is empty", "Write at least one")
        return {key: seeds}

    def steps(self, node: Entries, key: str) -> dict[str, Any]:
        return {key: self.integer(node.get(key), key, 1, 1_000)}

    def guidance(self, node: Entries, key: str) -> dict[str, Any]:
        return {key: self.number(node.get(key), key, 0, 100)}

    def identity(self, node: Entries, key: str) -> dict[str, Any]:
        return {key: self.truth(node, key)}

    def folder(self, node: Entries) -> str | None:
        text = self.line(node, "folder")
        parts = (text or "").strip("/").split("/")
        if text and any(not part or part.startswith(".") for part in parts):
            self.problems.add(
                node.get("folder"),
                "`folder` is a folder inside the library",
                "Write it relative to the library's root, without `.` and `..`",
            )
        return "/".join(parts) if text else None


_SIZE = re.compile(r"(?P<width>[0-9]{1,5})(?:x(?P<height>[0-9]{1,5}))?\Z")

#: How each key of a frame is read.
_VALUES: dict[str, Any] = {
    "prompt": _Reader.texts,
    "negative": _Reader.texts,
    "environment": _Reader.texts,
    "material": _Reader.texts,
    "light": _Reader.texts,
    "views": _Reader.views,
    "size": _Reader.size,
    "passes": _Reader.passes,
    "seeds": _Reader.seeds,
    "steps": _Reader.steps,
    "guidance": _Reader.guidance,
    "identity": _Reader.identity,
}
