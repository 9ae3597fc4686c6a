"""`lift_chain`: from the plates of a chain to structures in the library (S4 → S5).

The plates are gathered by lineage (`plates`), lifted by each method that the plan asks for, and
measured against views that were held out and against the chain's sculpt. A structure's recipe
names its document before it is made: one that lies there is verified instead of made again.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gm_assets.errors import GmError, NotFound
from gm_assets.library import Progress, ProgressFunction
from gm_assets.library.recovery import carriers
from gm_assets.lifting.methods import MethodFacts, method_facts
from gm_assets.making.housing import catalogue, document_at, refuse_planned
from gm_assets.making.keeping import PROGRAM, TRAINED, Keeper, Kept, Label, recipe_hash
from gm_assets.making.lift_plans import NO_LIFT_CHANGES, LiftChanges, LiftPlan, settings_of
from gm_assets.making.plans import plan_file, read_lift_plan
from gm_assets.making.plates import ENOUGH, NothingToLift, PlateSet, Source, plates_of
from gm_assets.making.sources import Chain, NothingToObey
from gm_assets.memory.record import Event, Placement
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.lifting.protocol import Lift, Plate
    from gm_assets.sculpt.model import Sculpt

#: Digits of the document's id in a file name: other settings are another file.
DIGITS = 8
#: What a structure is called as a part of its stage.
PARTS: dict[str, str] = {"hull": "hull", "splats": "splats", "relief": "relief"}


@dataclass(frozen=True, eq=False)
class Structure:
    """One lifted structure.

    Attributes:
        method: how it was lifted.
        kept: the GLB and what it remembers.
        made: False where it lay there already and was verified.
        used, held_out: the plates that it was lifted from, and those it is measured against.
        beside: the same in other formats.
    """

    method: str
    kept: Kept
    made: bool
    used: tuple[Source, ...]
    held_out: tuple[Source, ...]
    beside: tuple[Kept, ...] = ()

    @property
    def measures(self) -> Mapping[str, Any]:
        """What was measured of it when it was made."""
        return _recorded(self.kept, "measures")

    @property
    def facts(self) -> Mapping[str, Any]:
        """Where geometry and colour come from, whether it is watertight, and notes."""
        return _recorded(self.kept, "made")

    @property
    def against_sculpt(self) -> Mapping[str, Any]:
        """Of its measures, those against the chain's sculpt; empty without one."""
        found = self.measures.get("surface")
        return found if isinstance(found, dict) else {}

    @property
    def iou(self) -> float | None:
        """Mean silhouette IoU against the held-out plates."""
        value = self.measures.get("silhouette_iou")
        return float(value) if isinstance(value, int | float) else None

    def agrees(self, least: float) -> bool:
        """Whether its outlines agree with the plates that it is measured against."""
        return self.iou is not None and self.iou >= least


@dataclass(frozen=True, eq=False)
class Lifted:
    """What `lift_chain` did.

    Attributes:
        key: of the chain.
        plan: what was asked.
        structures: one for each method, in the order of the plan.
        missing: methods for which the chain has too few plates, with the reason.
        notes: what a person should know, such as pictures that were left out.
        seconds: wall time.
    """

    key: str
    plan: LiftPlan
    structures: tuple[Structure, ...]
    missing: Mapping[str, str]
    notes: tuple[str, ...]
    seconds: float

    @property
    def made(self) -> int:
        """How many structures were made now; the others were verified."""
        return sum(one.made for one in self.structures)

    @property
    def surface(self) -> Structure | None:
        """The first that is a mesh: it stands for the stage, and it can re-enter."""
        return next((one for one in self.structures if one.method != "splats"), None)


def lift_plan(library: Library, key: str) -> LiftPlan:
    """What the plan of a chain says of S5; the default where there is none.

    Raises:
        InvalidPlan: the file has problems.
    """
    path = plan_file(library.root, key)
    return LiftPlan() if path is None else read_lift_plan(path)


def lift_chain(
    library: Library,
    key: str,
    changes: LiftChanges = NO_LIFT_CHANGES,
    *,
    only: Collection[str] | None = None,
    progress: ProgressFunction | None = None,
) -> Lifted:
    """Lift the structures of a chain's plan, or verify those that are there.

    Safe to kill at any instant: every file is whole, and the next call makes the rest.

    Args:
        key: of the chain, e.g. `seam-keeper.g01`; a bare name means its first generation.
        changes: what is wanted instead of what the plan says.
        only: ids of the documents that may be plates; all of the chain's by default.
        progress: called with the phase `lift`, and those of `ingest`.

    Raises:
        NotFound: no such chain. NothingToLift: it has too few plates for each of the methods.
        InvalidPlan: the plan has problems. GmError: a setting is unknown or out of range.
        LiftError: plates contradict each other, or are those of another chain.
        MissingExtra: a method needs packages that are not installed.
        WriteRefused: the folder is not managed. LibraryLocked, LibraryError: as for `ingest`.
    """
    started = time.monotonic()
    bench = Bench.of(library, key, changes, only)
    structures: list[Structure] = []
    missing: dict[str, NothingToLift] = {}
    try:
        for method in bench.plan.methods:
            try:
                structures.append(bench.structure(method, progress))
            except NothingToLift as error:
                missing[method] = error
        if not structures:
            raise next(iter(missing.values()))
    except Exception:
        # What was made before the error stays, so the catalogue should know it.
        with suppress(GmError):
            catalogue(bench.library, bench.kept)
        raise
    catalogue(bench.library, bench.kept, progress)
    return Lifted(
        bench.chain.key,
        bench.plan,
        tuple(structures),
        {method: str(error) for method, error in missing.items()},
        tuple(dict.fromkeys(bench.notes)),
        time.monotonic() - started,
    )


class NotLifted(NotFound):
    """A structure that a plan asks for is not there: a gap, no fault."""


def verify_lift(library: Library, key: str) -> Lifted:
    """Verify the structures of a chain's plan where all of them are there; none is made.

    Raises:
        NotLifted: one or more are missing.
        NotFound, NothingToLift, InvalidPlan, LiftError, GmError: as `lift_chain`.
    """
    started = time.monotonic()
    bench = Bench.of(library, key)
    found = []
    for method in bench.plan.methods:
        order = bench.order(method)
        kept = bench.there(order.name, order.document_id)
        if kept is None:
            raise NotLifted(
                f"the structure by the method {method} that its plan asks for is not there",
                where=bench.chain.key,
                remedy=f"Make it with gm lift {bench.chain.key}",
            )
        bench.kept.append(kept)
        found.append(Structure(method, kept, False, order.used, order.held_out))
    catalogue(bench.library, bench.kept)
    return Lifted(bench.chain.key, bench.plan, tuple(found), {}, (), time.monotonic() - started)


@dataclass(frozen=True, eq=False)
class Order:
    """One structure that is to be there: its plates, its recipe, and where its file belongs.

    With `ids` among its `passes`, its faces are told apart by the parts of the sculpt.
    """

    facts: MethodFacts
    settings: Any
    plates: PlateSet
    used: tuple[Source, ...]
    held_out: tuple[Source, ...]
    passes: tuple[str, ...]
    recipe: Mapping[str, Any]
    document_id: str
    name: str


@dataclass
class Bench:
    """Where the structures of one chain are lifted.

    Attributes:
        chain: whose plates are lifted.
        plan: what is wanted, changes included.
        only: ids of the documents that may be plates.
        first: the first mesh that is made stands for the stage.
        kept: all files that were made or verified.
        notes: what a person should know.
    """

    chain: Chain
    plan: LiftPlan
    only: Collection[str] | None = None
    first: bool = False
    kept: list[Kept] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        library: Library,
        key: str,
        changes: LiftChanges = NO_LIFT_CHANGES,
        only: Collection[str] | None = None,
    ) -> Bench:
        """Resolve chain and plan. Raises as `lift_chain`."""
        chain = Chain.of(library, key)
        bench = cls(chain, changes.of(lift_plan(library, chain.key)), only, not chain.has("S5"))
        refuse_planned(library, bench.folder, "structure.glb")
        return bench

    @property
    def library(self) -> Library:
        """The library of the chain."""
        return self.chain.library

    @property
    def folder(self) -> str:
        """Where the files go, relative to the library."""
        turn = "" if self.chain.generation == 1 else f"-g{self.chain.generation:02d}"
        return f"{self.plan.folder or self.chain.folder}/structure{turn}"

    @cached_property
    def _when(self) -> str:
        return datetime.now(UTC).isoformat(timespec="seconds")

    def keeper(self, used: Sequence[Source]) -> Keeper:
        """What keeps the files. What comes from generated frames is generated too."""
        trained = any(one.kept.memory.digital_source_type == TRAINED for one in used)
        maker = replace(PROGRAM, source_type=TRAINED) if trained else PROGRAM
        return Keeper(
            self.library.root,
            self.folder,
            maker,
            self._when,
            self.chain.domain,
            self.chain.subject,
        )

    def order(self, method: str) -> Order:
        """What a method is to lift.

        Raises:
            NothingToLift, LiftError: as `plates_of`. GmError: a setting is not known.
        """
        facts = method_facts(method)
        settings = settings_of(method, self.plan.settings.get(method, {}))
        needs = [name for name in facts.needs if name != "picture"]
        found = plates_of(
            self.library,
            self.chain.key,
            least=facts.least,
            needs=needs,
            entry=self.plan.frames,
            only=self.only,
        )
        used, held_out = self._split(facts, found.sources)
        passes = ("silhouette", *needs, *_telling_parts(facts, used))
        recipe = self._recipe(facts, settings, used, held_out, passes)
        document_id = self.keeper(used).document_id(recipe)
        digits = document_id.rpartition(":")[2][:DIGITS]
        name = f"{method}-{digits}.glb"
        return Order(facts, settings, found, used, held_out, passes, recipe, document_id, name)

    def structure(self, method: str, progress: ProgressFunction | None = None) -> Structure:
        """Lift one structure, or verify the one that is there.

        Raises:
            GmError: as `lift_chain`.
        """
        from gm_assets.making.structures import beside, made_now

        order = self.order(method)
        self.notes += [f"left out: {one.path} ({one.reason})" for one in order.plates.left_out]
        there = self.there(order.name, order.document_id)
        kept = there or made_now(self, order, _told(progress, method))
        self.kept.append(kept)
        others = beside(self, order, kept)
        self.kept += others
        return Structure(method, kept, there is None, order.used, order.held_out, others)

    def placement(self, method: str, *, variant: str | None = None) -> Placement:
        """Where a structure stands; the first mesh of a chain stands for its stage."""
        primary = variant is None and method != "splats" and self.first
        self.first = self.first and not primary
        return Placement(
            chain=self.chain.name,
            generation=self.chain.generation,
            stage="S5",
            part=PARTS.get(method, "mesh"),
            frame=None,
            variant=variant,
            primary=primary,
        )

    def label(self, order: Order, lifted: Lift, measures: Mapping[str, Any]) -> Label:
        """What the memory of a structure says for people."""
        subject = (self.chain.subject or self.chain.name).replace("-", " ").capitalize()
        iou = measures.get("silhouette_iou")
        against = "held-out" if order.held_out else "its own"
        agreement = f" Mean silhouette IoU {iou:.3f} against {against} plates." if iou else ""
        return Label(
            f"{subject}: {order.facts.name}",
            f"Lifted from {counted(len(order.used), 'plate')} by the method {order.facts.name}; "
            f"geometry: {lifted.geometry}, colour: {lifted.colour}.{agreement}",
            ("structure", "lifted", order.facts.name),
            camera=order.used[0].camera if order.facts.name == "relief" else None,
        )

    def history(self) -> list[Event]:
        """The note of the plan, for the history of what it made."""
        if not self.plan.note:
            return []
        return [
            Event(action="planned", when=self._when, note=self.plan.note, person=self.plan.writer)
        ]

    def reference(self) -> tuple[Kept, Sculpt] | None:
        """The chain's sculpt in its own coordinates, to measure against; None without one.

        One that cannot be read now is none: what is measured then says so.
        """
        from gm_assets.making.structures import sculpt_at

        try:
            kept = self.chain.source("S3")
            return kept, sculpt_at(self.library.root, kept)
        except NothingToObey:
            return None
        except GmError as error:
            self.notes.append(f"not measured against the sculpt: {error}")
            return None

    def read(self, sources: Sequence[Source], passes: Collection[str]) -> tuple[Plate, ...]:
        """Plates from their files.

        Raises:
            GmError: as `PlateSet.plates`.
        """
        return PlateSet("", "S4", tuple(sources)).plates(self.library.root, passes)

    def _split(
        self, facts: MethodFacts, sources: Sequence[Source]
    ) -> tuple[tuple[Source, ...], tuple[Source, ...]]:
        """Plates to lift from, and plates to measure against: one of each `held_out`.

        They are held out where enough remain; fewer are all needed.
        """
        if facts.name == "relief":
            chosen = next(
                (one for one in sources if one.kept.memory.placements[0].primary), sources[0]
            )
            return (chosen,), ()
        every = self.plan.held_out
        if every < 2 or len(sources) - len(sources) // every < max(ENOUGH, facts.least):
            return tuple(sources), ()
        # A step back in every second round: a turntable takes its elevations in turn, and of
        # every fourth plate all would be of the same one.
        held = tuple(
            one
            for number, one in enumerate(sources)
            if number % every == every - 1 - number // every % 2
        )
        return tuple(one for one in sources if one not in held), held

    def _recipe(
        self,
        facts: MethodFacts,
        settings: Any,
        used: Sequence[Source],
        held_out: Sequence[Source],
        passes: Sequence[str],
    ) -> dict[str, Any]:
        """What makes the structure again."""
        chosen = {
            "method": facts.name,
            "settings": _plain(asdict(settings)) if settings is not None else {},
        }
        manifest: dict[str, Any] = {
            "plates": {one.name: one.kept.content_id for one in used},
            **{
                name: {one.name: one.passes[name].content_id for one in used if name in one.passes}
                for name in passes
            },
        }
        if held_out:
            manifest["held out"] = {one.name: one.kept.content_id for one in held_out}
        return {
            "step": f"s5.{facts.name}",
            "chain": self.chain.key,
            "plan": recipe_hash(chosen),
            **chosen,
            "manifest": {name: found for name, found in manifest.items() if found},
            "cameras": {one.name: one.camera.model_dump(mode="json") for one in used},
            "determinism": {"threads": 1, "budget": "iterations"},
        }

    def there(self, name: str, document_id: str) -> Kept | None:
        """A document of this bench where it lies, read and identified now.

        Args:
            name: of its file, where it was not moved.

        Raises:
            LibraryError: something else lies in its place, or it was edited.
        """
        return document_at(
            self.library.root,
            f"{self.folder}/{name}",
            document_id,
            "S5",
            "structure",
            lambda wanted: carriers(self.library, {wanted}).get(wanted),
        )


def _telling_parts(facts: MethodFacts, used: Sequence[Source]) -> tuple[str, ...]:
    """The id passes, where the method's surface can be parted and every plate has such a pass.

    Their tables must name at least two parts: one needs no telling apart.
    """
    from gm_assets.lifting import parting

    if facts.name not in parting.METHODS:
        return ()
    return ("ids",) if parting.tell_apart([one.labels for one in used]) else ()


def _plain(value: Any) -> Any:
    """A value with lists in the place of tuples, as it reads back from JSON."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list) else value


def _recorded(kept: Kept, name: str) -> Mapping[str, Any]:
    found = (kept.memory.recipe or {}).get(name)
    return found if isinstance(found, dict) else {}


def _told(progress: ProgressFunction | None, method: str) -> Any:
    """Progress of a method as that of a library call."""
    if progress is None:
        return None

    def told(done: int, total: int, what: str) -> None:
        progress(Progress(done, total, 0, f"{method}: {what}", "lift"))

    return told
