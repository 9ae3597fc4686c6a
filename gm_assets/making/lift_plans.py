"""The `S5` section of a plan: which structures to lift from a chain's plates, and how often.

`docs/lift.md` has the keys. Settings are those of the methods (`gm_assets.lifting.protocol`);
their names and kinds are taken from there, their ranges are the methods' own.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal

from gm_assets.errors import GmError
from gm_assets.lifting.methods import method_facts
from gm_assets.making.plan_keys import Keys
from gm_assets.vocabulary.problems import near_word
from gm_assets.vocabulary.yaml_tree import Entries, Items, Node, Text
from gm_assets.words import escaped

#: Methods that take the plates of a chain; the others begin elsewhere (docs/lift-models.md).
METHODS: tuple[str, ...] = ("hull", "field", "splats", "fusion", "relief")
#: Most generations that one plan may ask for.
MOST_TURNS = 16
#: Views of the plates that a turn makes where the plan names none.
USUAL_VIEWS: tuple[str, ...] = ("turntable:24@5/25",)

#: Settings of one method as written: a word, or a list of them.
Said = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True)
class LiftPlan:
    """What to lift from one generation of a chain.

    Attributes:
        methods: in the order in which they are run; the first mesh stands for the stage and is
            what re-enters.
        frames: the entry of the plan's frames that the plates belong to; None for the largest
            set of plates that the chain has.
        views: of the plates that a turn makes, as `gm generate --views` takes them; empty where
            the entry in `frames` has its own.
        settings: by method, as written.
        held_out: every so many-th plate is kept back and only measured against; 0 keeps none.
        agrees: the least mean silhouette IoU that a structure should have.
        turns: the last generation that may be made by the plan alone.
        accept: who decides whether a structure re-enters.
        writer, note: for the history.
        folder: where the files go, relative to the library; None for the chain's own folder.
        source: the file; None for a plan that nobody wrote.
    """

    methods: tuple[str, ...] = ("field",)
    frames: str | None = None
    views: tuple[str, ...] = ()
    settings: Mapping[str, Said] = field(default_factory=dict)
    held_out: int = 4
    agrees: float = 0.9
    turns: int = 1
    accept: Literal["person", "plan"] = "person"
    writer: str | None = None
    note: str | None = None
    folder: str | None = None
    source: Path | None = None


@dataclass(frozen=True)
class LiftChanges:
    """What a command or a run asks for instead of what the plan says; None leaves it.

    Attributes:
        settings: of all chosen methods that know them, as `resolution=96`.
        others: as in `LiftPlan`.
    """

    methods: tuple[str, ...] | None = None
    frames: str | None = None
    views: tuple[str, ...] | None = None
    settings: Said = field(default_factory=dict)
    held_out: int | None = None
    note: str | None = None

    def of(self, plan: LiftPlan) -> LiftPlan:
        """The plan with these changes.

        Raises:
            LiftError: a method is not known. GmError: no chosen method has that setting.
        """
        methods = self.methods or plan.methods
        check_methods(methods)
        settings = {name: dict(said) for name, said in plan.settings.items()}
        for key, value in self.settings.items():
            able = [name for name in methods if key in _kinds(name)]
            if not able:
                known = sorted({one for name in methods for one in _kinds(name)})
                raise GmError(
                    f"{' and '.join(methods)} has no setting {escaped(key)!r}",
                    remedy=f"Settings are {', '.join(known)}",
                )
            for name in able:
                settings.setdefault(name, {})[key] = value
        plain = {"frames": self.frames, "views": self.views, "note": self.note}
        said: dict[str, Any] = {key: value for key, value in plain.items() if value is not None}
        if self.held_out is not None:
            said["held_out"] = self.held_out
        return dataclasses.replace(plan, methods=methods, settings=settings, **said)


#: What the plan says.
NO_LIFT_CHANGES = LiftChanges()


def check_methods(names: Sequence[str]) -> None:
    """Refuse methods that take no plates of a chain.

    Raises:
        LiftError: there is no such method.
        GmError: it is another kind of method.
    """
    for name in names:
        facts = method_facts(name)
        if name not in METHODS:
            raise GmError(
                f"the method {facts.name!r} does not begin with the plates of a chain",
                remedy=f"Choose one of {', '.join(METHODS)}",
            )


def settings_of(method: str, said: Said) -> Any:
    """The settings of a method from what a person wrote.

    Raises:
        GmError: the method has no such setting, or it is of another kind.
    """
    facts, kinds = method_facts(method), _kinds(method)
    values = {}
    for key, text in said.items():
        if key not in kinds:
            raise GmError(
                f"{method} has no setting {escaped(key)!r}",
                remedy=f"{near_word(key, kinds)}Settings are {', '.join(kinds)}",
            )
        try:
            values[key] = _value(text, kinds[key])
        except ValueError as error:
            raise GmError(
                f"{method} cannot have {escaped(key)} = {escaped(_shown(text))}: {error}",
                remedy="docs/lift.md has the settings and their ranges",
            ) from None
    return facts.settings(**values) if facts.settings is not None else None


def _kinds(method: str) -> dict[str, Any]:
    """Names of a method's settings with their types."""
    settings = method_facts(method).settings
    return {} if settings is None else typing.get_type_hints(settings)


def _value(text: str | tuple[str, ...], kind: Any) -> Any:
    """A value of that type.

    Raises:
        ValueError: the text is none.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        words = (text,) if isinstance(text, str) else text
        return tuple(_value(word, inner[0]) for word in words)
    if not isinstance(text, str):
        raise ValueError("one value is needed, not a list")
    if origin in (typing.Union, UnionType):
        if text in ("none", "null", "~"):
            return None
        return _value(text, next(one for one in inner if one is not NoneType))
    if origin is Literal:
        if text not in inner:
            raise ValueError(f"it is one of {', '.join(map(str, inner))}")
        return text
    if kind is bool:
        if text not in ("true", "false"):
            raise ValueError("it is true or false")
        return text == "true"
    if kind is int:
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise ValueError("it is a whole number")
        return int(text)
    if not re.fullmatch(r"-?[0-9]{1,6}(?:\.[0-9]{1,9})?", text):
        raise ValueError("it is a number")
    return float(text)


def _shown(text: str | tuple[str, ...]) -> str:
    return text if isinstance(text, str) else ", ".join(text)


class LiftReader(Keys):
    """Reads the section; what is wrong goes into `problems`."""

    def section(self, node: Node | None, base: LiftPlan) -> LiftPlan:
        """`base` with what the section says."""
        if node is None:
            return base
        if not isinstance(node, Entries):
            self.problems.add(node, "`S5` must be a map of keys", "Indent its keys")
            return base
        known = {"methods", "frames", "views", "settings", "held_out", "agrees", "turns", "accept"}
        self.only_keys(node, known)
        said: dict[str, Any] = {}
        if node.get("methods") is not None:
            said["methods"] = self.methods(node.get("methods")) or base.methods
        if node.get("frames") is not None:
            said["frames"] = self.slug(node, "frames")
        if node.get("views") is not None:
            said["views"] = self.views(node.get("views"))
        if node.get("settings") is not None:
            said["settings"] = self.settings(node.get("settings"))
        for key, least, most in (("held_out", 0, 64), ("turns", 1, MOST_TURNS)):
            value = node.get(key)
            if value is not None:
                said[key] = self.integer(value, f"`{key}`", least, most) or least
        if (agrees := self.number(node.get("agrees"), "agrees", 0, 1)) is not None:
            said["agrees"] = agrees
        if (accept := self.word(node, "accept", ("person", "plan"))) is not None:
            said["accept"] = accept
        plan = dataclasses.replace(base, **said)
        if plan.turns > 1 and plan.accept != "plan":
            self.problems.add(
                node.get("turns"),
                "more than one turn needs somebody who accepts the structures between them",
                "Write `accept: plan`, or leave `turns` out and accept by hand",
            )
        return plan

    def methods(self, node: Node | None) -> tuple[str, ...]:
        found = []
        for text in self.texts(node, "methods"):
            if text.text not in METHODS:
                self.problems.add(
                    text,
                    f"there is no method {escaped(text.text)!r} for plates",
                    f"{near_word(text.text, METHODS)}Write one of {', '.join(METHODS)}",
                )
            else:
                found.append(text.text)
        return tuple(dict.fromkeys(found))

    def views(self, node: Node | None) -> tuple[str, ...]:
        from gm_assets.sculpt.views import check_views

        found = []
        for text in self.texts(node, "views"):
            try:
                check_views([text.text])
                found.append(text.text)
            except GmError as error:
                self.problems.add(text, error.what, error.remedy or "Name another view")
        return tuple(found)

    def settings(self, node: Node | None) -> dict[str, Said]:
        if not isinstance(node, Entries):
            self.problems.add(node, "`settings` must be a map of methods", "E.g. `field: {…}`")
            return {}
        self.only_keys(node, set(METHODS))
        found: dict[str, Said] = {}
        for method, (at, values) in node.entries.items():
            if method not in METHODS:
                continue
            if not isinstance(values, Entries):
                self.problems.add(at, f"`{method}` must be a map of settings", "Indent its keys")
                continue
            said: dict[str, str | tuple[str, ...]] = {}
            for key, (_, value) in values.entries.items():
                words = tuple(text.text for text in self.texts(value, key))
                said[key] = words if isinstance(value, Items) else "".join(words)
            try:
                settings_of(method, said)
            except GmError as error:
                self.problems.add(at, error.what, error.remedy or "Correct it")
            found[method] = said
        return found

    def texts(self, node: Node | None, key: str) -> list[Text]:
        """The texts of a list, or one text."""
        items = self.bounded(node, key) if isinstance(node, Items) else (node,)
        found = []
        for item in items:
            if isinstance(item, Text):
                found.append(item)
            else:
                self.problems.add(item, f"`{key}` holds what is no text", "Write words or numbers")
        return found
