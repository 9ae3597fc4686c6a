"""Fooocus: settings as JSON (scheme `fooocus`), or in WebUI's form (scheme `a1111`).

In a PNG the texts `parameters` and `fooocus_scheme` hold them; in JPEG and WebP the EXIF tags
UserComment and MakerNote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gm_assets.memory.foreign import webui
from gm_assets.memory.foreign.values import Account, clean, json_object, seed, settings

_KEYS = (
    "performance", "steps", "resolution", "guidance_scale", "sharpness", "adm_guidance",
    "refiner_swap", "adaptive_cfg", "clip_skip", "base_model", "base_model_hash",
    "refiner_model", "refiner_model_hash", "vae", "sampler", "scheduler", "styles", "loras",
    "freeu", "version",
)  # fmt: skip


def read(texts: Mapping[str, str]) -> Account | None:
    """The account of Fooocus; None where the texts are not its own."""
    scheme, given = texts.get("fooocus_scheme"), json_object(texts.get("parameters"))
    kept = {name: texts[name] for name in ("parameters", "fooocus_scheme") if name in texts}
    if given is None:
        told = webui.read(texts)
        named = told is not None and (scheme == "a1111" or told.tool == "Fooocus")
        return replace(told, tool="Fooocus", texts=kept) if told and named else None
    version = str(given.get("version", ""))
    if scheme != "fooocus" and not version.startswith("Fooocus"):
        return None
    positive = given.get("prompt")
    said = settings(
        {
            "positive": positive,
            "negative": given.get("negative_prompt"),
            "seed": seed(given.get("seed")),
            **{name: given.get(name) for name in _KEYS},
            # Written as `lora_combined_1`, `lora_combined_2`, … by versions before `loras`.
            "loras_combined": [v for k, v in given.items() if k.startswith("lora_combined_")],
        }
    )
    prompt = clean(positive) if isinstance(positive, str) else None
    return Account("Fooocus", said=said, texts=kept, prompt=prompt or None)
