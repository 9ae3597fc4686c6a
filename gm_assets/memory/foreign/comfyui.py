"""ComfyUI: the graph that ran (`prompt`) and the graph as it was drawn (`workflow`).

`prompt` is an object of nodes by id, each with `class_type` and `inputs`; an input is a value or
a link `[node id, output number]`. What made the picture is found by walking up from the samplers
whose results were saved: their settings, the texts that reach their `positive` and `negative`
inputs, the models on the way, and the pictures that were loaded. Nodes that were drawn but not
used are not told. `workflow` says only how the graph looked; it is kept and not read.
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
    words,
)

#: Larger graphs are kept as text and not walked.
MAX_NODES = 10_000

#: Inputs of a sampler, or of the nodes that it takes them from, by the name that we give them.
_SETTINGS = {
    "steps": ("steps",),
    "cfg": ("cfg", "guidance"),
    "sampler": ("sampler_name",),
    "scheduler": ("scheduler",),
    "denoise": ("denoise",),
}
_SEEDS = ("seed", "noise_seed")
_TEXTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "string", "value")
_MODELS = (
    "ckpt_name", "unet_name", "lora_name", "vae_name", "clip_name", "clip_name1", "clip_name2",
    "clip_name3", "control_net_name", "style_model_name", "model_name", "gguf_name",
)  # fmt: skip
#: Links that lead from a sampler to where a setting stands.
_SETTING_LINKS = ("noise", "sigmas", "sampler", "guider", *_SEEDS, "steps", "cfg", "denoise")

Node = Mapping[str, Any]


def read(texts: Mapping[str, str]) -> Account | None:
    """The account in the texts `prompt` and `workflow`; None where they are not ComfyUI's."""
    prompt, workflow = json_object(texts.get("prompt")), json_object(texts.get("workflow"))
    graph = _Graph(prompt or {})
    drawn = workflow is not None and isinstance(workflow.get("nodes"), list)
    if not graph.nodes and not drawn:
        return None
    kept = {name: texts[name] for name in ("prompt", "workflow") if name in texts}
    samplers = graph.samplers() if len(graph.nodes) <= MAX_NODES else []
    told = [graph.sampling(number) for number in samplers[:MAX_ENTRIES]]
    images = graph.loaded(samplers)
    said = settings(
        {
            "samplers": told,
            "models": graph.models(samplers),
            "images": [reference.name for reference in images],
        }
    )
    positive = [text for step in told for text in step.get("positive", ())]
    return Account(
        "ComfyUI",
        said=said,
        texts=kept,
        prompt="\n".join(dict.fromkeys(positive)) or None,
        references=images,
    )


class _Graph:
    """The nodes that ran, by id, and the links between them."""

    def __init__(self, prompt: Mapping[str, Any]) -> None:
        self.nodes: dict[str, Node] = {
            name: node
            for name, node in prompt.items()
            if isinstance(node, dict) and isinstance(node.get("class_type"), str)
        }

    def inputs(self, name: str) -> Mapping[str, Any]:
        found = self.nodes[name].get("inputs")
        return found if isinstance(found, dict) else {}

    def link(self, value: Any) -> tuple[str, int] | None:
        """The node and its output that an input is linked to; None where it is a value."""
        if not (isinstance(value, list) and len(value) == 2):
            return None
        name, output = str(value[0]), value[1]
        return (name, output) if name in self.nodes and isinstance(output, int) else None

    def links(self, name: str) -> Iterator[tuple[str, str]]:
        """`(input, node)` for every input of a node that is linked."""
        for given, value in self.inputs(name).items():
            if (found := self.link(value)) is not None:
                yield given, found[0]

    def samplers(self) -> list[str]:
        """The samplers that lead to a node whose result nobody takes, in order of id."""
        taken = {parent for name in self.nodes for _, parent in self.links(name)}
        sinks = [name for name in self.nodes if name not in taken]
        reached = self.above(sinks)
        return sorted((name for name in reached if self.is_sampler(name)), key=_order)

    def is_sampler(self, name: str) -> bool:
        given = {name for name, _ in self.links(name)}
        kind = self.nodes[name]["class_type"]
        return "Sampler" in kind and bool(given & {"positive", "guider", "model", "latent_image"})

    def above(self, names: list[str]) -> list[str]:
        """`names` and all nodes that lead to them, each once."""
        seen = dict.fromkeys(names)
        waiting = list(names)
        while waiting:
            for _, parent in self.links(waiting.pop()):
                if parent not in seen:
                    seen[parent] = None
                    waiting.append(parent)
        return list(seen)

    def sampling(self, name: str) -> dict[str, Any]:
        """What one sampler was told to do."""
        around = self._around(name)
        told: dict[str, Any] = {"node": self.nodes[name]["class_type"]}
        told["seed"] = next(
            (s for node in around for key in (*_SEEDS, "value") if (s := self._seed(node, key))),
            None,
        )
        for ours, theirs in _SETTINGS.items():
            told[ours] = next(
                (v for node in around for key in theirs if (v := self._scalar(node, key))), None
            )
        guider = self.link(self.inputs(name).get("guider"))
        holder = guider[0] if guider else name
        given = self.inputs(holder)
        positive = given.get("positive", given.get("conditioning"))
        told["positive"] = self.texts(positive)
        told["negative"] = self.texts(given.get("negative"))
        return settings(told)

    def _around(self, name: str) -> list[str]:
        """A sampler and the nodes from which it takes its settings."""
        found = [name]
        for node in found:
            for given, parent in self.links(node):
                if given in _SETTING_LINKS and parent not in found and len(found) < MAX_ENTRIES:
                    found.append(parent)
        return found

    def _scalar(self, name: str, key: str) -> Any:
        value = self.inputs(name).get(key)
        return None if isinstance(value, list | dict | bool) else value

    def _seed(self, name: str, key: str) -> str | None:
        return seed(self._scalar(name, key))

    def texts(self, value: Any) -> list[str]:
        """The texts that reach a conditioning input, nearest first, each once."""
        start = self.link(value)
        waiting = [start] if start else []
        seen, found = set(waiting), dict[str, None]()
        for name, output in waiting:
            if self.is_sampler(name):
                continue  # what conditioned an earlier pass is that pass's own
            given = self.inputs(name)
            names = list(given)
            if "positive" in given and "negative" in given:
                names = ["positive" if output == 0 else "negative"]
            for key in names:
                if key in _TEXTS and isinstance(given[key], str) and given[key].strip():
                    found[clean(given[key].strip())] = None
                elif (parent := self.link(given[key])) is not None and parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return list(found)[:MAX_ENTRIES]

    def models(self, samplers: list[str]) -> list[dict[str, Any]]:
        """The model files above the samplers: what each is for, its name, its strength."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for node in sorted(self.above(samplers), key=_order):
            given = self.inputs(node)
            for key in _MODELS:
                for name in words(given.get(key)):
                    strength = self._scalar(node, "strength_model")
                    found[key, name] = settings(
                        {"kind": key.rstrip("123").removesuffix("_name"), "name": name}
                        | ({"strength": strength} if key == "lora_name" else {})
                    )
        return list(found.values())[:MAX_ENTRIES]

    def loaded(self, samplers: list[str]) -> tuple[Reference, ...]:
        """The pictures that were loaded above the samplers: file names, and so no links."""
        names: dict[str, None] = {}
        for node in sorted(self.above(samplers), key=_order):
            if "LoadImage" in self.nodes[node]["class_type"]:
                names |= dict.fromkeys(map(clean, words(self.inputs(node).get("image"))))
        listed = [name[:1024] for name in names if name][:MAX_REFERENCES]
        return tuple(Reference("ComfyUI LoadImage", name=name) for name in listed)


def _order(name: str) -> tuple[int, str]:
    """Ids are mostly numbers: 9 comes before 10."""
    return (int(name) if name.isascii() and name.isdigit() and len(name) < 19 else 2**63, name)
