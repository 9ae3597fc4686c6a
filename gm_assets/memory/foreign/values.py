"""What other programs say of a file, as values: accounts, and the parents that they name.

Everything in them was written by somebody else. Texts are cut and cleaned of characters that
neither XML 1.0 nor canonical JSON can express, numbers beyond what JSON can hold exactly become
texts, lists and depth are bounded; so an account always fits into a memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Longest text that a memory takes over word for word, in bytes.
MAX_TEXT = 256 * 1024
#: Longest text of one setting, in characters; longer ones are cut.
MAX_SETTING = 4_096
#: Longest prompt that becomes `Iptc4xmpExt:AIPromptInformation`, in characters.
MAX_PROMPT = 65_536
#: Entries of one list or object, and depth, of what an account says.
MAX_ENTRIES = 256
MAX_DEPTH = 8
#: Parents that one account may name.
MAX_REFERENCES = 32
#: Integers up to here are exact in JSON (RFC 7493, 2.2).
_EXACT = 2**53
_INEXPRESSIBLE = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parent that another program names.

    Attributes:
        by: who names it and in which capacity: `xmpMM:DerivedFrom`, `C2PA ingredient (parentOf)`.
        document_id, instance_id: XMP ids, where it gives them.
        hashes: digests by the name of what they cover; none of them is a hash of ours.
        name: a file name or title. For people to read: no parent is ever looked up by it.
    """

    by: str
    document_id: str | None = None
    instance_id: str | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None

    @property
    def words(self) -> str:
        """The reference on one line: by whom, then everything that it gives."""
        given = (
            ("name", self.name),
            ("document", self.document_id),
            ("instance", self.instance_id),
            *self.hashes.items(),
        )
        told = ", ".join(f"{what} {value}" for what, value in given if value)
        return f"{self.by}: {told}" if told else self.by


@dataclass(frozen=True, slots=True)
class Account:
    """What one program says of the file it made or changed.

    Attributes:
        tool: its name.
        said: what was read from it, as JSON values.
        texts: its own texts by keyword, word for word.
        prompt: what a model was asked for.
        source_type: IPTC digital source type, a URI, where the program states one.
        references: parents that it names.
    """

    tool: str
    said: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    source_type: str | None = None
    references: tuple[Reference, ...] = ()

    @property
    def recipe(self) -> dict[str, Any]:
        """The account as one entry of a recipe's `foreign`."""
        entry: dict[str, Any] = {"tool": self.tool}
        if self.said:
            entry["said"] = dict(self.said)
        if self.references:
            entry["references"] = [reference.words for reference in self.references]
        if self.texts:
            entry["texts"] = dict(self.texts)
        return entry


@dataclass(frozen=True, slots=True)
class Foreign:
    """All that other programs say of one file.

    Attributes:
        accounts: one a program; the maker of the picture comes first.
        named: parents that the standard properties of its XMP name.
        generated: whether the first account is that of the program that made the picture.
    """

    accounts: tuple[Account, ...] = ()
    named: tuple[Reference, ...] = ()
    generated: bool = False

    def recipe(self, room: int) -> dict[str, Any] | None:
        """The recipe of a first memory, `{"foreign": [account, ...]}`; None without accounts.

        Args:
            room: bytes of JSON that it may have. What does not fit is left out: first the
                texts, which the file still holds, then what was read from them.
        """
        for parts in (("said", "references", "texts"), ("said", "references"), ()):
            kept = [
                {key: value for key, value in account.recipe.items() if key in ("tool", *parts)}
                for account in self.accounts
            ]
            if kept and len(json.dumps(kept)) <= room:
                return {"foreign": kept}
        return None

    @property
    def tool(self) -> str | None:
        """The program that made the picture; None where only others tell of it."""
        return self.accounts[0].tool if self.generated else None

    def prompt(self, room: int) -> str | None:
        """The first prompt that any account has and that fits into `room` bytes."""
        prompts = (clean(account.prompt) for account in self.accounts if account.prompt)
        fitting = (t for t in prompts if len(t) <= MAX_PROMPT and len(t.encode()) <= room)
        return next(filter(None, fitting), None)

    @property
    def source_type(self) -> str | None:
        """The digital source type that an account states."""
        return next((a.source_type for a in self.accounts if a.source_type), None)

    @property
    def references(self) -> tuple[Reference, ...]:
        """The parents that the packet and all accounts name."""
        return (*self.named, *(found for a in self.accounts for found in a.references))


def clean(text: str) -> str:
    """`text` without what XML 1.0 (2.2, Char) and JSON without lone surrogates cannot hold."""
    return _INEXPRESSIBLE.sub("", text)


def setting(value: Any, depth: int = 0) -> Any:
    """`value` as JSON that a memory can hold: cleaned, cut, with exact numbers only."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return clean(value[:MAX_SETTING])
    if isinstance(value, bytes):
        return value[:MAX_SETTING].hex()
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ENTRIES]
        return {clean(str(key)[:256]): setting(item, depth + 1) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [setting(item, depth + 1) for item in value[:MAX_ENTRIES]]
    return clean(str(value)[:MAX_SETTING])


def settings(pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Named settings as JSON; those that are None or empty are left out."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return {name: setting(value) for name, value in items if value not in (None, "", [], {}, ())}


def seed(value: Any) -> str | None:
    """A seed as decimal text, since many have 64 bits; None where it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    return text if re.fullmatch(r"-?[0-9]{1,24}", text, re.ASCII) else None


def json_object(text: str | None) -> dict[str, Any] | None:
    """A text that is a JSON object; None where it is anything else."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def words(value: Any) -> Iterator[str]:
    """The texts in a value: itself, or those of a list's items."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value[:MAX_ENTRIES]:
            if isinstance(item, str):
                yield item
