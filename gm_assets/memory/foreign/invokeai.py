"""InvokeAI: `invokeai_metadata` (version 3 and later) and `sd-metadata` (version 2).

Both are JSON. The newer one names models with the hash of their weights (`blake3:…`), and the
pictures that steered it by InvokeAI's own file names, which are no hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gm_assets.memory.foreign.values import (
    MAX_ENTRIES,
    MAX_REFERENCES,
    Account,
    Reference,
    clean,
    json_object,
    seed,
    settings,
)

_SETTINGS = (
    "generation_mode", "width", "height", "steps", "cfg_scale", "cfg_rescale_multiplier",
    "scheduler", "strength", "clip_skip", "app_version", "rand_device",
)  # fmt: skip
_MODELS = ("model", "vae", "refiner_model", "t5_encoder", "clip_embed_model")
_LISTS = ("loras", "controlnets", "ipAdapters", "t2iAdapters", "controlLayers")
#: Depth to which pictures are looked for.
_MAX_DEPTH = 8


def read(texts: Mapping[str, str]) -> Account | None:
    """The account in InvokeAI's texts; None where there are none."""
    if (given := json_object(texts.get("invokeai_metadata"))) is not None:
        return _modern(given, {"invokeai_metadata": texts["invokeai_metadata"]})
    given = json_object(texts.get("sd-metadata"))
    if given is not None and "invoke" in str(given.get("app_id", "")).lower():
        return _early(given, {"sd-metadata": texts["sd-metadata"]})
    return None


def _modern(given: Mapping[str, Any], texts: Mapping[str, str]) -> Account:
    positive, negative = given.get("positive_prompt"), given.get("negative_prompt")
    images = dict.fromkeys(_images(given))
    said = settings(
        {
            "positive": positive,
            "negative": negative,
            "seed": seed(given.get("seed")),
            **{name: given.get(name) for name in _SETTINGS},
            **{name: _model(given.get(name)) for name in _MODELS},
            **{name: _models(given.get(name)) for name in _LISTS},
        }
    )
    return Account(
        "InvokeAI",
        said=said,
        texts=texts,
        prompt=clean(positive) if isinstance(positive, str) else None,
        references=tuple(
            Reference("InvokeAI image", name=name) for name in list(images)[:MAX_REFERENCES]
        ),
    )


def _early(given: Mapping[str, Any], texts: Mapping[str, str]) -> Account:
    image = given.get("image")
    image = image if isinstance(image, dict) else {}
    prompts = image.get("prompt")
    parts = prompts if isinstance(prompts, list) else [{"prompt": prompts}]
    found = [p["prompt"] for p in parts if isinstance(p, dict) and isinstance(p.get("prompt"), str)]
    said = settings(
        {
            "positive": ", ".join(found),
            "seed": seed(image.get("seed")),
            **{name: image.get(name) for name in ("steps", "cfg_scale", "sampler", "width")},
            "height": image.get("height"),
            "model": {"name": given.get("model_weights"), "hash": given.get("model_hash")},
            "app_version": given.get("app_version"),
        }
    )
    return Account("InvokeAI", said=said, texts=texts, prompt=clean(", ".join(found)) or None)


def _model(value: Any) -> Any:
    """A model as version 3, 4 or 5 writes it: name, hash and base."""
    if not isinstance(value, dict):
        return value if isinstance(value, str) else None
    name = value.get("name") or value.get("model_name")
    return settings({"name": name, "hash": value.get("hash"), "base": value.get("base")})


def _models(value: Any) -> list[Any]:
    """The models of a list of adapters, with their weights."""
    found = []
    for entry in value[:MAX_ENTRIES] if isinstance(value, list) else ():
        if isinstance(entry, dict):
            inner = next((entry[k] for k in (*_ADAPTERS, "lora") if k in entry), None)
            told = _model(inner)
            weight = entry.get("weight", entry.get("control_weight"))
            if isinstance(told, dict) and told:
                found.append(told | settings({"weight": weight}))
    return found


_ADAPTERS = ("model", "control_model", "ip_adapter_model", "t2i_adapter_model")


def _images(value: Any, depth: int = 0) -> Iterator[str]:
    """The names of pictures anywhere in the metadata."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        name = value.get("image_name")
        if isinstance(name, str) and name:
            yield clean(name[:1024])
        for item in value.values():
            yield from _images(item, depth + 1)
    elif isinstance(value, list):
        for item in value[:MAX_ENTRIES]:
            yield from _images(item, depth + 1)
