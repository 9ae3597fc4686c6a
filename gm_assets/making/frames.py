"""Frames: a shader at work on the stands of one chain, and the files that remember it.

A frame's recipe names its document before the frame is made, so a frame that lies there with
that document is read and verified instead of being made again. Each frame is written as soon as
it is done, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gm_assets.diffusion.protocol import Guide, Picture, Reading, Shaded, Shader, Words
from gm_assets.errors import NotFound
from gm_assets.making.guides import INFLATED, Stand, picture_at
from gm_assets.making.housing import document_at
from gm_assets.making.keeping import Keeper, Kept, Label, Machine, recipe_hash
from gm_assets.making.plans import FramePlan, Made, Plan
from gm_assets.memory.record import SLUG, Event, Placement, parse_chain_key
from gm_assets.sculpt.maps import png
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.diffusion.profiles import ShaderSpec

#: Names of the folders and parts of what each stage makes.
_FOLDERS: dict[Made, str] = {"S2": "references", "S4": "frames"}
_PARTS: dict[Made, str] = {"S2": "reference", "S4": "frame"}
#: Digits of the document's id in a file name: the same view with other words is another file.
DIGITS = 8

#: Guides that are held in memory at a time, of 21 bytes a pixel each.
AT_ONCE = 8

#: Called with frames done, frames in all, part of the present one that is done, and its name.
Told = Callable[[int, int, float, str], None]


class NotMade(NotFound):
    """Frames that a plan asks for are not there, and none were to be made: a gap, no fault."""

    @classmethod
    def of(cls, key: str, stage: Made, missing: int) -> NotMade:
        """The error for so many missing frames of a chain."""
        return cls(
            f"the plan asks for {counted(missing, 'frame')} more than there are",
            where=f"{key} {stage}",
            remedy=f"gm generate {key} --stage {stage} makes them",
        )


@dataclass(frozen=True)
class Model:
    """The shader that frames are made with, known before it is loaded.

    Attributes:
        spec: its entry of the profiles.
        fingerprint: over its configuration and weights.
        open: loads it; called when the first frame has to be made.
    """

    spec: ShaderSpec
    fingerprint: str
    open: Callable[[ShaderSpec], Shader]

    @property
    def identity(self) -> bool:
        """Whether it can follow a picture of the subject."""
        return any(part.role == "identity" for part in self.spec.parts)

    def recipe(self) -> dict[str, Any]:
        """What decides its frames, as recipes name it."""
        return {
            "name": self.spec.name,
            "kind": self.spec.kind,
            "fingerprint": self.fingerprint,
            "parts": {
                part.role: {"source": part.source, "revision": part.revision}
                for part in self.spec.parts
                if part.kind == "repository"
            },
        }


@dataclass(frozen=True)
class Frame:
    """One frame of a plan.

    Attributes:
        name: of the plan's entry; empty where it has none.
        view, seed: which of its frames.
        kept: the file and what it remembers.
        made: False where it lay there already and was verified.
        sources: the files that it obeys, by name, as `Stand.sources`.
    """

    name: str
    view: str
    seed: int
    kept: Kept
    made: bool
    sources: Mapping[str, Kept]

    @property
    def obedience(self) -> Mapping[str, Any]:
        """What was measured of it when it was made; empty where nothing could be."""
        found = (self.kept.memory.recipe or {}).get("obedience")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class Order:
    """One frame that is to be there: its recipe, and where its file belongs."""

    stand: Stand
    seed: int
    recipe: Mapping[str, Any]
    document_id: str
    name: str


@dataclass
class Easel:
    """Where frames of one stage of one chain are made.

    Attributes:
        keeper: keeps the files; its maker should be `keeping.GENERATOR`.
        model: the shader.
        stage: `S2` or `S4`.
        key: of the chain, such as `seam-keeper.g01`.
        names: what the vocabulary calls its terms, by id.
        identity: a picture of the subject that frames may follow.
        judge: measures a picture against its guide; the result, JSON values, goes into the
            memory.
        found: where a document lies now, by its id; None where nobody knows.
        first: the first frame made stands for its stage.
        verifies: frames are verified, and none is made.
    """

    keeper: Keeper
    model: Model
    stage: Made
    key: str
    names: Mapping[str, str] = field(default_factory=dict)
    identity: Kept | None = None
    judge: Callable[[Picture, Guide], Mapping[str, Any]] | None = None
    found: Callable[[str], str | None] = lambda _: None
    first: bool = False
    verifies: bool = False

    def frames(
        self, plan: Plan, stands: Mapping[str, Sequence[Stand]], told: Told | None = None
    ) -> Iterator[Frame]:
        """Every frame of a plan, each as soon as it is there.

        Args:
            stands: what the entries of the plan obey, by the names of the entries.
            told: how far it is.

        Raises:
            GmError: the model cannot follow the plan; what was made before stays.
        """
        total = sum(len(entry.seeds) * len(stands[entry.name]) for entry in plan.frames)
        done = 0
        for entry in plan.frames:
            for seed in entry.seeds:
                orders = self.orders(entry, seed, stands[entry.name])

                def tell(part: float, name: str) -> None:
                    if told is not None:
                        told(done, total, part, name)  # noqa: B023

                for frame in self._frames(plan, entry, orders, tell):
                    done += 1
                    if told is not None:
                        told(done, total, 0.0, frame.kept.path or frame.view)
                    yield frame

    def orders(self, entry: FramePlan, seed: int, stands: Sequence[Stand]) -> list[Order]:
        """What an entry asks for with one seed, one order a stand."""
        orders = []
        for stand in stands:
            recipe = self._recipe(entry, seed, stand)
            document_id = self.keeper.document_id(recipe)
            digits = document_id.rpartition(":")[2][:DIGITS]
            parts = dict.fromkeys((entry.name, stand.view, f"s{seed}", digits))
            name = f"{self.folder}/{'-'.join(part for part in parts if part)}.png"
            orders.append(Order(stand, seed, recipe, document_id, name))
        return orders

    @property
    def folder(self) -> str:
        """Below the keeper's: where frames of this stage and generation go."""
        generation = parse_chain_key(self.key)[1]
        turn = "" if generation == 1 else f"-g{generation:02d}"
        return f"{_FOLDERS[self.stage]}{turn}"

    def chosen(
        self, entry: FramePlan, seed: int, view: str, size: tuple[int, int]
    ) -> dict[str, Any]:
        """What the plan chooses for one frame, as recipes hold it; its hash is the plan hash."""
        spec, words = self.model.spec, entry.words(self.names)
        chosen: dict[str, Any] = {
            "prompt": words.prompt,
            "negative": words.negative,
            "view": view,
            "size": list(size),
            "seed": seed,
            "steps": entry.steps or spec.steps,
            "guidance": spec.guidance if entry.guidance is None else entry.guidance,
            "weights": dict(entry.passes),
        }
        if self._follows(entry):
            chosen["identity_scale"] = spec.identity_scale
        return chosen

    def _follows(self, entry: FramePlan) -> bool:
        """Whether frames of an entry follow a picture of the subject."""
        return self.identity is not None and entry.identity and self.model.identity

    def _recipe(self, entry: FramePlan, seed: int, stand: Stand) -> dict[str, Any]:
        """What makes the frame again."""
        chosen = self.chosen(entry, seed, stand.view, stand.size)
        manifest = {name: kept.content_id for name, kept in stand.sources.items()}
        if self.identity is not None and self._follows(entry):
            manifest["identity"] = self.identity.content_id
        recipe = {
            "step": f"{self.stage.lower()}.shade",
            "chain": self.key,
            "plan": recipe_hash(chosen),
            **chosen,
            "manifest": manifest,
            "model": self.model.recipe(),
        }
        if stand.drawn:
            recipe["geometry"] = INFLATED
        return recipe

    def _frames(
        self,
        plan: Plan,
        entry: FramePlan,
        orders: Sequence[Order],
        tell: Callable[[float, str], None],
    ) -> Iterator[Frame]:
        """The frames of these orders; those that lie there are verified, the others made."""
        missing = []
        for order in orders:
            there = self._there(order)
            if there is None:
                missing.append(order)
            else:
                yield _frame(entry, order, there, made=False)
        if missing and self.verifies:
            raise NotMade.of(self.key, self.stage, len(missing))
        if missing:
            yield from self._shaded(plan, entry, missing, tell)

    def _there(self, order: Order) -> Kept | None:
        """The frame of an order where it lies, read and identified now.

        Raises:
            LibraryError: something else lies in its place, or it was edited.
        """
        usual = f"{self.keeper.folder}/{order.name}" if self.keeper.folder else order.name
        return document_at(
            self.keeper.root, usual, order.document_id, self.stage, "frame", self.found
        )

    def _shaded(
        self,
        plan: Plan,
        entry: FramePlan,
        orders: Sequence[Order],
        tell: Callable[[float, str], None],
    ) -> Iterator[Frame]:
        """Make the frames of these orders, `AT_ONCE` guides in memory at a time."""
        shader = self.model.open(self.model.spec)
        words = entry.words(self.names)
        reading = shader.reading(words)
        picture = None
        if self.identity is not None and self._follows(entry):
            picture = picture_at(self.keeper.root, self.identity)
        for start in range(0, len(orders), AT_ONCE):
            some = orders[start : start + AT_ONCE]
            guides = [order.stand.guide for order in some]
            finished = 0

            def progress(step: int, steps: int) -> None:
                part = step * len(some) / max(steps, 1) - finished  # noqa: B023
                at = some[min(finished, len(some) - 1)].name  # noqa: B023
                tell(min(max(part, 0.0), 1.0), at)

            settings = entry.settings(some[0].seed, some[0].stand.size)
            made = shader.shade(words, settings, guides, identity=picture, progress=progress)
            for order, guide, shaded in zip(some, guides, made, strict=True):
                kept = self._keep(plan, entry, order, guide, shaded, words, reading)
                finished += 1
                yield _frame(entry, order, kept, made=True)

    def _keep(
        self,
        plan: Plan,
        entry: FramePlan,
        order: Order,
        guide: Guide,
        shaded: Shaded,
        words: Words,
        reading: Reading,
    ) -> Kept:
        """Write one frame with everything that it remembers."""
        stand, spec = order.stand, self.model.spec
        results: dict[str, Any] = {"made": dict(shaded.recipe)}
        if reading.unknown:
            results["not understood"] = list(reading.unknown)
        if self.judge is not None:
            results["obedience"] = dict(self.judge(shaded.picture, guide))
        parents = list(stand.parents)
        if self.identity is not None and self._follows(entry):
            parents.append(self.identity.parent("style"))
        subject = (self.keeper.subject or self.key.partition(".")[0]).replace("-", " ")
        source = "the geometry passes of its sculpt"
        if stand.drawn:
            source = f"the outline of its sketch; its geometry was {INFLATED}"
        elif "sketch" in stand.sources:
            source = "the lines of its sketch" + (f" and {source}" if stand.passes else "")
        label = Label(
            f"{subject.capitalize()}: {(entry.name or stand.view).replace('-', ' ')}",
            f"Made by diffusion ({spec.name}) that obeys {source}. {words.prompt}",
            (_PARTS[self.stage], "generated"),
            environment=self._environment(entry),
            camera=stand.camera,
            machine=Machine(
                system=f"gm_assets {spec.name}",
                version=self.model.fingerprint,
                prompt=words.prompt + (f" | not: {words.negative}" if words.negative else ""),
                prompt_writer=plan.writer,
            ),
        )
        history = []
        if plan.note:
            noted = Event(
                action="planned", when=self.keeper.when, note=plan.note, person=plan.writer
            )
            history.append(noted)
        chain, generation = parse_chain_key(self.key)
        placement = Placement(
            chain=chain,
            generation=generation,
            stage=self.stage,
            part=_PARTS[self.stage],
            view=stand.view,
            frame=None,
            variant=entry.name if entry.name not in ("", stand.view) else None,
            primary=self.first,
        )
        self.first = False
        return self.keeper.keep(
            order.name,
            png(shaded.picture),
            placement,
            label,
            order.recipe,
            parents,
            results=results,
            history=history,
        )

    def _environment(self, entry: FramePlan) -> str | None:
        """The environment as a term of the vocabulary, where it is one."""
        term = entry.environment
        return term if SLUG.match(term) and term in (self.names or (term,)) else None


def _frame(entry: FramePlan, order: Order, kept: Kept, *, made: bool) -> Frame:
    stand = order.stand
    return Frame(entry.name, stand.view, order.seed, kept, made, stand.sources)
