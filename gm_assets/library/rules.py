"""Placement rules: which chain, stage and part a path stands for.

A rule is one `[[place]]` table of gm.toml. It has a pattern for the whole path below the
library's root, `/` between the parts, and constants for what the path does not say::

    [[place]]
    match = "{chain}/{stage}/{part}_{view}.{ext}"
    generation = 1

In `match`, `{name}` is a group, `*` stands for anything within one part of the path, `**`
for any number of folders, `?` for one character; everything else is meant literally. A rule
may instead have `regex`, a Python regular expression with named groups. Groups and constants
have the same names: `chain`, `stage`, `part`, `generation`, `view`, `frame`, `variant`,
`primary`, `domain`, `subject`, `environment`, `shot`; a constant speaks where the path does
not. `{ext}` and groups whose name begins with `_` are matched and not used.

The first rule that matches and gives a valid placement wins. Rules set chain, stage and
part, never parents: that two files lie in one folder is no evidence that one came from the
other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gm_assets.errors import LibraryError
from gm_assets.memory.record import STAGES, Placement

_PLACEMENT_KEYS = ("chain", "stage", "part", "generation", "view", "frame", "variant", "primary")
_SUBJECT_KEYS = ("domain", "subject", "environment", "shot")
_VALUE_KEYS = _PLACEMENT_KEYS + _SUBJECT_KEYS
_RULE_KEYS = ("match", "regex", "stages", *_VALUE_KEYS)

#: What a group may match. Stage and number groups are narrow, so that `{chain}_{stage}` finds
#: the border in `seam_keeper_S1`; the others stop at a `/`.
_GROUPS = {
    "stage": r"[sS][1-5]",
    "generation": r"[gG]?\d{1,4}",
    "frame": r"\d{1,8}",
    "ext": r"[^/.]+",
}
_TRANSLITERATED = str.maketrans({"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe"})


@dataclass(frozen=True)
class Ruling:
    """What a rule says about one path."""

    placement: Placement
    domain: str | None = None
    subject: str | None = None
    environment: str | None = None
    shot: str | None = None


@dataclass(frozen=True)
class PlaceRule:
    """One `[[place]]` table, checked and compiled."""

    text: str
    pattern: re.Pattern[str]
    constants: Mapping[str, Any]
    stages: Mapping[str, str]

    def place(self, path: str) -> Ruling | None:
        """The ruling for `path`, or None where the pattern or a value does not fit."""
        match = self.pattern.match(path)
        if match is None:
            return None
        values = dict(self.constants)
        for key, text in match.groupdict().items():
            if text is None or key not in _VALUE_KEYS:
                continue
            value = _value(key, text, self.stages)
            if value is None:
                return None
            values[key] = value
        if not {"chain", "stage", "part"} <= values.keys():
            return None  # an optional group of a regex took no part
        try:
            placement = Placement(**{key: values[key] for key in _PLACEMENT_KEYS if key in values})
        except ValidationError:
            return None
        return Ruling(placement, **{key: values.get(key) for key in _SUBJECT_KEYS})


def rule_for(rules: Iterable[PlaceRule], path: str) -> Ruling | None:
    """The ruling of the first rule that places `path`, or None: it stays unplaced."""
    for rule in rules:
        ruling = rule.place(path)
        if ruling is not None:
            return ruling
    return None


def slug(text: str) -> str:
    """The slug of a name: lower case, accents dropped, `-` for runs of anything else.

    `Seam_Keeper` -> `seam-keeper`, `Größe` -> `grosse`. Empty where nothing is left.
    """
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_TRANSLITERATED))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")


def place_rule(table: Mapping[str, Any], index: int) -> PlaceRule:
    """Check and compile the `index`-th `[[place]]` table.

    Raises:
        LibraryError: `where` is the key that is wrong (or empty), not a file: the reader of
            gm.toml adds file and line.
    """
    for key in table:
        if key not in _RULE_KEYS:
            raise LibraryError(
                f"unknown key `{key}` in [[place]]",
                where=key,
                remedy=f"Known keys: {', '.join(_RULE_KEYS)}",
            )
    if ("match" in table) == ("regex" in table):
        raise LibraryError(
            "a [[place]] needs either `match` or `regex`",
            remedy='For example: match = "{chain}/{stage}/{part}.{ext}"',
        )
    stages = _stages(table.get("stages", {}))
    key = "match" if "match" in table else "regex"
    text = table[key]
    if not isinstance(text, str) or not text:
        raise LibraryError(f"`{key}` must be a text in quotes", where=key)
    regex = compile_match(text, stages) if key == "match" else text
    try:
        pattern = re.compile(rf"(?:{regex})\Z", re.DOTALL)
    except re.error as error:
        raise LibraryError(f"`{key}` is not a valid pattern: {error}", where=key) from None
    _check_groups(pattern, key)
    constants = {name: _constant(name, table[name]) for name in _VALUE_KEYS if name in table}
    missing = {"chain", "stage", "part"} - constants.keys() - pattern.groupindex.keys()
    if missing:
        raise LibraryError(
            f"this [[place]] says nothing about {', '.join(sorted(missing))}",
            where=key,
            remedy='Add a group such as {chain}, or a constant such as part = "sketch"',
        )
    return PlaceRule(text, pattern, constants, stages)


def compile_match(text: str, stages: Mapping[str, str]) -> str:
    """The regular expression of a `match` pattern. Raises LibraryError."""
    out: list[str] = []
    used: set[str] = set()
    for literal, group in re.findall(r"([^{}]+)|\{([^{}]*)\}", text):
        if literal:
            out.append(compile_glob(literal))
            continue
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", group) or group in used:
            raise LibraryError(
                f"`{{{group}}}` in `match` is not a group name, or stands there twice",
                where="match",
                remedy=f"Known names: {', '.join(_VALUE_KEYS)}, ext; or begin it with _",
            )
        used.add(group)
        wanted = _GROUPS.get(group, r"[^/]+?")
        if group == "stage" and stages:
            wanted = "|".join(re.escape(name) for name in stages)
        out.append(f"(?P<{group}>{wanted})")
    if re.sub(r"\{[^{}]*\}", "", text).strip("{}") != re.sub(r"\{[^{}]*\}", "", text):
        raise LibraryError("`match` has a brace without its partner", where="match")
    return "".join(out)


def compile_glob(text: str) -> str:
    """The regular expression of a glob over `/`-separated paths: `**`, `*` and `?`."""
    translated = {"**/": r"(?:[^/]+/)*", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", text)
    return "".join(translated.get(piece) or re.escape(piece) for piece in pieces)


def _check_groups(pattern: re.Pattern[str], key: str) -> None:
    for group in pattern.groupindex:
        if group not in _VALUE_KEYS and group != "ext" and not group.startswith("_"):
            raise LibraryError(
                f"`{group}` in `{key}` is not a name that rules know",
                where=key,
                remedy=f"Known names: {', '.join(_VALUE_KEYS)}, ext; or let it begin with _",
            )


def _stages(table: Any) -> Mapping[str, str]:
    """The `stages` mapping: folder names of the studio -> S1 … S5."""
    if not isinstance(table, dict) or not all(stage in STAGES for stage in table.values()):
        raise LibraryError(
            "`stages` must map names to S1, S2, S3, S4 or S5",
            where="stages",
            remedy='For example: stages = { sketches = "S1", plates = "S4" }',
        )
    return table


def _constant(key: str, value: Any) -> Any:
    """Check a constant of a rule; slugs must be written as slugs."""
    if key == "primary":
        good = isinstance(value, bool)
    elif key in ("generation", "frame"):
        good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9999
        good = good and (key == "frame" or value >= 1)
    elif key == "stage":
        good = value in STAGES
    else:
        good = isinstance(value, str) and bool(value) and slug(value) == value and len(value) <= 96
    if not good:
        wanted = {
            "primary": "true or false",
            "generation": "a whole number from 1",
            "frame": "a whole number from 0",
            "stage": "S1, S2, S3, S4 or S5",
        }.get(key, "a slug such as seam-keeper")
        raise LibraryError(f"`{key}` must be {wanted}, not {value!r}", where=key)
    return value


def _value(key: str, text: str, stages: Mapping[str, str]) -> Any:
    """A group's text as the value it stands for, or None where it stands for none."""
    if key == "stage":
        return stages.get(text) if stages else text.upper()
    if key == "generation":
        return _number(text.lstrip("gG"))
    if key == "frame":
        return _number(text)
    if key == "primary":
        return text.casefold() in ("primary", "true", "yes", "1")
    return slug(text) or None


def _number(text: str) -> int | None:
    """A number in decimal digits; the group of a regex may hold anything, also `²`."""
    return int(text) if text.isdecimal() else None
