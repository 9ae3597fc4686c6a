"""Stable Diffusion WebUI (AUTOMATIC1111) and Forge: the text `parameters`.

Three parts: the prompt, over any number of lines; a line that begins with `Negative prompt:`,
and what follows it; a last line of settings, `Steps: 20, Sampler: Euler a, Seed: 7, …`, in which
values with a comma or a colon are JSON strings. Other programs write the same form, so the tool
is told by the setting `Version`: Forge's begins with `f`, Fooocus and SD.Next name themselves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from gm_assets.memory.foreign.values import MAX_ENTRIES, Account, clean, seed, settings

NAME = "Stable Diffusion WebUI"
_NEGATIVE = "Negative prompt:"
_STEPS = re.compile(r"(?:^|\n)(Steps: [^\n]*)", re.ASCII)
#: A name, a colon, and a JSON string or everything up to the next comma.
_SETTING = re.compile(r'\s*([\w][\w \-/]{0,63}):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')


def read(texts: Mapping[str, str]) -> Account | None:
    """The account in the text `parameters`; None where it has no line of settings."""
    text = texts.get("parameters", "")
    found = list(_STEPS.finditer(text))
    if not found:
        return None
    line = found[-1]
    positive, _, negative = text[: line.start()].partition(_NEGATIVE)
    given = parse_settings(line[1])
    said: dict[str, Any] = settings(
        {"positive": positive.strip(), "negative": negative.strip(), **_lowered(given)}
    )
    return Account(
        _tool(given),
        said=said,
        texts={"parameters": texts["parameters"]},
        prompt=clean(positive.strip()) or None,
    )


def parse_settings(line: str) -> dict[str, str]:
    """The settings of the last line by their own names; of one name the first."""
    given: dict[str, str] = {}
    for match in _SETTING.finditer(line):
        name, value = match[1].strip(), match[2].strip()
        if value.startswith('"'):
            try:
                value = str(json.loads(value))
            except (ValueError, RecursionError):
                value = value.strip('"')
        if len(given) < MAX_ENTRIES:
            given.setdefault(name, value)
    return given


def _lowered(given: Mapping[str, str]) -> dict[str, Any]:
    """Settings under names of one form (`cfg_scale`), the seed as text, counts as numbers."""
    named: dict[str, Any] = {}
    for name, value in given.items():
        key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        if key == "seed":
            named[key] = seed(value) or value
        elif re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) and not key.endswith("hash"):
            named[key] = int(value)
        else:
            named[key] = value
    return named


def _tool(given: Mapping[str, str]) -> str:
    version = given.get("Version", "")
    if version.startswith("Fooocus"):
        return "Fooocus"
    if re.match(r"f[0-9]", version):
        return "Stable Diffusion WebUI Forge"
    return "SD.Next" if given.get("App") == "SD.Next" else NAME
