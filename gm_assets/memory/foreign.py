"""What image generators left in a PNG: their prompts and settings, for a file's first memory.

ComfyUI writes the text chunks `prompt` (the graph that ran) and `workflow` (the graph as it
was drawn), both JSON; Stable Diffusion WebUI (AUTOMATIC1111) and its forks write `parameters`,
plain text with a line `Steps: ...`; InvokeAI writes `invokeai_metadata`, JSON. The texts are
kept as they are: their seeds exceed the numbers that canonical JSON can hold. The chunks
themselves stay in the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gm_assets.containers import png
from gm_assets.errors import UnreadableFile

#: Longest text that a memory takes over, in bytes.
MAX_TEXT = 256 * 1024
_KEYWORDS = ("prompt", "workflow", "parameters", "invokeai_metadata")


@dataclass(frozen=True, slots=True)
class Generated:
    """How another program says that it made a picture: its name, its texts by keyword."""

    tool: str
    texts: Mapping[str, str]

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe of a memory: `{"foreign": {"tool": ..., <keyword>: <text>}}`."""
        return {"foreign": {"tool": self.tool, **self.texts}}


def read_generated(path: str | os.PathLike[str]) -> Generated | None:
    """What a generator left in the PNG file at `path`; None where nothing is recognised."""
    where = os.fspath(path)
    try:
        with open(path, "rb", buffering=0, opener=_opener) as file:
            return recognised(png.find_texts(file, _KEYWORDS, MAX_TEXT, where))
    except (OSError, UnreadableFile):
        return None


def recognised(texts: Mapping[str, str]) -> Generated | None:
    """The generator that writes such texts, with those that are its own."""
    if _is_object(texts.get("invokeai_metadata")):
        return _from("InvokeAI", texts, "invokeai_metadata")
    if _is_object(texts.get("prompt"), "class_type") or _is_object(texts.get("workflow"), "nodes"):
        return _from("ComfyUI", texts, "prompt", "workflow")
    if "Steps: " in texts.get("parameters", ""):
        return _from("Stable Diffusion WebUI", texts, "parameters")
    return None


def _from(tool: str, texts: Mapping[str, str], *keywords: str) -> Generated:
    return Generated(tool, {name: texts[name] for name in keywords if name in texts})


def _is_object(text: str | None, member: str | None = None) -> bool:
    """Whether a text is a JSON object, and it or one of its members has a given member."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict) or member is None:
        return isinstance(value, dict)
    return member in value or any(isinstance(v, dict) and member in v for v in value.values())


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
