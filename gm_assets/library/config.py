"""gm.toml: what a library says about itself.

The file stands at the root of a library and is TOML 1.0. It holds four kinds of tables::

    [library]
    name = "seawall"            # shown in reports and pages
    managed = true              # gm_assets may write memories into the files
    settle_seconds = 10         # sensors leave a file alone until it has been still this long

    [[folder]]                  # exceptions to `managed`, the first that matches wins
    path = "from-clients"       # a folder and everything below it; or: glob = "shots/*/plates"
    managed = false

    [encoder]                   # the model that gives pictures their vectors
    profile = "embedded"        # or "studio", "none"; GM_PROFILE goes before it
    runtime = "torch"           # or "onnx", "onnx-int8"; the profile's own by default

    [[place]]                   # rules that place files (gm_assets.library.rules)
    match = "{chain}/{stage}/{part}.{ext}"

An unknown key is an error that names its line: a misspelt `managed` must not silently let
files be written to, nor keep them from it.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gm_assets.errors import LibraryError
from gm_assets.library.rules import PlaceRule, compile_glob, place_rule
from gm_assets.settings import PROFILES, RUNTIMES

CONFIG_NAME = "gm.toml"
#: gm.toml is read at every start of every process; a larger one is not a configuration.
MAX_CONFIG_BYTES = 1_000_000

_LIBRARY_KEYS = ("name", "managed", "settle_seconds")
_ENCODER_KEYS = ("profile", "runtime")
_FOLDER_KEYS = ("path", "glob", "managed")


@dataclass(frozen=True)
class FolderRule:
    """An exception to the library's `managed`: folders that match `pattern` and all below."""

    text: str
    pattern: re.Pattern[str]
    managed: bool


@dataclass(frozen=True)
class LibraryConfig:
    """A parsed gm.toml.

    `digest` is the sha256 of the file's bytes: when it changes, ingest looks again at the
    files that it had left unplaced or unwritten. `profile` and `runtime` are None where the
    file does not name them.
    """

    name: str
    managed: bool
    settle_seconds: float
    folders: tuple[FolderRule, ...]
    places: tuple[PlaceRule, ...]
    digest: str
    profile: str | None = None
    runtime: str | None = None

    def manages(self, path: str) -> bool:
        """Whether memories may be written into the file at `path` (relative, `/` between parts)."""
        for rule in self.folders:
            if rule.pattern.match(path):
                return rule.managed
        return self.managed


def load_config(path: Path) -> LibraryConfig:
    """Read and check a gm.toml.

    Raises:
        LibraryError: missing, unreadable, not TOML, an unknown key or a wrong value; the
            message names the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG_BYTES + 1)
    except FileNotFoundError:
        raise LibraryError(
            "this folder is not a library: it has no gm.toml",
            where=path.parent,
            remedy="Make it one with `gm init`, or name another with --library or GM_LIBRARY",
        ) from None
    except OSError as error:
        raise LibraryError(
            f"gm.toml cannot be read ({error.strerror})",
            where=path,
            remedy="Make it readable for this user",
        ) from None
    if len(data) > MAX_CONFIG_BYTES:
        raise LibraryError(
            f"gm.toml is larger than {MAX_CONFIG_BYTES} bytes",
            where=path,
            remedy="Replace it by a configuration as docs/library.md describes",
        )
    return parse_config(data, where=path)


def parse_config(data: bytes, *, where: Path) -> LibraryConfig:
    """Check the bytes of a gm.toml; `where` names it in errors. Raises LibraryError."""
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise LibraryError(
            f"gm.toml is not valid TOML: {error}",
            where=where,
            remedy="Correct that line; docs/library.md has an example",
        ) from None
    reader = _Reader(text, where)
    reader.only_keys(document, ("library", "encoder", "folder", "place"), "", 0)
    library = reader.table(document, "library")
    reader.only_keys(library, _LIBRARY_KEYS, "library", 0)
    encoder = reader.table(document, "encoder")
    reader.only_keys(encoder, _ENCODER_KEYS, "encoder", 0)
    settle = reader.value(library, "settle_seconds", (int, float), "library", 0, 10)
    if not 0 <= settle <= 86_400:
        raise reader.error(
            f"settle_seconds = {settle} is not between 0 and 86400", "library", 0, "settle_seconds"
        )
    return LibraryConfig(
        name=reader.value(library, "name", str, "library", 0, where.parent.name),
        managed=reader.value(library, "managed", bool, "library", 0, True),
        settle_seconds=float(settle),
        folders=tuple(
            reader.folder_rule(table, index)
            for index, table in enumerate(reader.tables(document, "folder"))
        ),
        places=tuple(
            reader.place_rule(table, index)
            for index, table in enumerate(reader.tables(document, "place"))
        ),
        digest=hashlib.sha256(data).hexdigest(),
        profile=reader.choice(encoder, "profile", PROFILES, "encoder"),
        runtime=reader.choice(encoder, "runtime", RUNTIMES, "encoder"),
    )


def config_text(name: str, managed: bool) -> str:
    """The gm.toml that `gm init` writes: the settings in force, and examples as comments."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    printable = "".join(c if c.isprintable() else " " for c in quoted)
    return f'''# A gm_assets library. What lies in .gm/ is derived: `gm rebuild` makes it again.

[library]
name = "{printable}"
managed = {str(managed).lower()}  # true: gm_assets writes memories into the files
settle_seconds = 10  # sensors wait until a file has been still this long

# Exceptions to `managed`, the first that matches wins:
#
# [[folder]]
# path = "from-clients"
# managed = false

# Rules that place files in chains and stages, the first that matches wins
# (docs/library.md has more):
#
# [[place]]
# match = "{{chain}}/{{stage}}/{{part}}.{{ext}}"   # seam-keeper/S2/reference.png
#
# [[place]]
# match = "sketches/{{chain}}_{{variant}}.{{ext}}"
# stage = "S1"
# part = "sketch"
'''


class _Reader:
    """Checks values of one gm.toml; its errors name the line."""

    def __init__(self, text: str, where: Path) -> None:
        self.lines = text.splitlines()
        self.where = where

    def error(
        self, what: str, table: str, index: int, key: str | None, remedy: str | None = None
    ) -> LibraryError:
        line = self.line_of(table, index, key)
        where = os.fspath(self.where) if line is None else f"{self.where}:{line}"
        return LibraryError(what, where=where, remedy=remedy or "Correct it in gm.toml")

    def line_of(self, table: str, index: int, key: str | None) -> int | None:
        """The line of `key` in the `index`-th table of that name; tomllib does not keep it."""
        here, seen = "", -1
        for number, line in enumerate(self.lines, start=1):
            if header := re.match(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$", line):
                here = header[1].strip("\"'")
                if here == table:
                    seen += 1
                if key is None and here == table and seen == index:
                    return number
                if not table and key == here.split(".")[0]:
                    return number
            elif (
                key is not None
                and here == table
                and (not table or seen == index)
                and re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[=.]""", line)
            ):
                return number
        return None

    def only_keys(
        self, table: Mapping[str, Any], known: tuple[str, ...], name: str, index: int
    ) -> None:
        for key in table:
            if key in known:
                continue
            near = difflib.get_close_matches(key, known, n=1)
            advice = f"Did you mean `{near[0]}`? " if near else ""
            place = f"in [{name}]" if name else "at the top level"
            raise self.error(
                f"unknown key `{key}` {place}",
                name,
                index,
                key,
                f"{advice}Known keys: {', '.join(known)}",
            )

    def table(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = document.get(name, {})
        if not isinstance(table, dict):
            raise self.error(f"`{name}` is not a table", "", 0, name, f"Write it as [{name}]")
        return table

    def tables(self, document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
        tables = document.get(name, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise self.error(
                f"`{name}` is not a list of tables", "", 0, name, f"Write each as [[{name}]]"
            )
        return tables

    def value(
        self,
        table: Mapping[str, Any],
        key: str,
        kind: type | tuple[type, ...],
        name: str,
        index: int,
        default: Any,
    ) -> Any:
        value = table.get(key, default)
        # bool is an int in Python; `settle_seconds = true` is still a mistake.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            words = {bool: "true or false", str: "a text in quotes"}
            wanted = words.get(kind, "a number") if isinstance(kind, type) else "a number"
            raise self.error(f"`{key}` must be {wanted}, not {value!r}", name, index, key)
        return value

    def choice(
        self, table: Mapping[str, Any], key: str, known: tuple[str, ...], name: str
    ) -> str | None:
        """One of `known` words; None where the key is not there."""
        if key not in table:
            return None
        value: str = self.value(table, key, str, name, 0, "")
        if value not in known:
            raise self.error(f"`{key}` = {value!r} is not one of {', '.join(known)}", name, 0, key)
        return value

    def folder_rule(self, table: Mapping[str, Any], index: int) -> FolderRule:
        self.only_keys(table, _FOLDER_KEYS, "folder", index)
        if ("path" in table) == ("glob" in table):
            raise self.error("a [[folder]] needs either `path` or `glob`", "folder", index, None)
        if "managed" not in table:
            raise self.error(
                "a [[folder]] needs `managed`",
                "folder",
                index,
                None,
                "Add `managed = true` or `managed = false`",
            )
        key = "path" if "path" in table else "glob"
        text = self.value(table, key, str, "folder", index, "").strip("/")
        if not text or ".." in text.split("/"):
            raise self.error(
                f"`{key}` must name a folder inside the library, relative to its root",
                "folder",
                index,
                key,
            )
        regex = re.escape(text) if key == "path" else compile_glob(text)
        return FolderRule(
            text=text,
            pattern=re.compile(rf"(?:{regex})(?:/|\Z)", re.DOTALL),
            managed=self.value(table, "managed", bool, "folder", index, True),
        )

    def place_rule(self, table: Mapping[str, Any], index: int) -> PlaceRule:
        try:
            return place_rule(table, index)
        except LibraryError as error:
            # rules.py knows the key (as `where`) but not the file.
            raise self.error(
                error.what, "place", index, error.where or None, error.remedy
            ) from None
