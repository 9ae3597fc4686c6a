"""ComfyUI, WebUI, Forge, Fooocus and InvokeAI: what their files say is read, not guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gm_assets.memory.foreign import read_foreign
from gm_assets.memory.foreign.comfyui import MAX_NODES
from gm_assets.memory.foreign.comfyui import read as read_comfyui
from gm_assets.memory.foreign.fooocus import read as read_fooocus
from gm_assets.memory.foreign.invokeai import read as read_invokeai
from gm_assets.memory.foreign.webui import parse_settings
from gm_assets.memory.foreign.webui import read as read_webui
from gm_assets_tests.memory.foreign.pictures import exif, png, with_exif

SEED = 2**64 - 1
BASIC = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "base.safetensors"}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "ink.safetensors",
            "strength_model": 0.7,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a gate", "clip": ["10", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blur", "clip": ["10", 1]}},
    "11": {"class_type": "LoadImage", "inputs": {"image": "depth.png"}},
    "12": {"class_type": "ControlNetLoader", "inputs": {"control_net_name": "depth.pth"}},
    "13": {
        "class_type": "ControlNetApplyAdvanced",
        "inputs": {
            "positive": ["6", 0],
            "negative": ["7", 0],
            "control_net": ["12", 0],
            "image": ["11", 0],
        },
    },
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": SEED,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["13", 0],
            "negative": ["13", 1],
            "latent_image": ["5", 0],
        },
    },
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 512}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    "99": {"class_type": "CLIPTextEncode", "inputs": {"text": "never used", "clip": ["4", 1]}},
}
GUIDED = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux.safetensors"}},
    "2": {"class_type": "PrimitiveString", "inputs": {"value": "a tower"}},
    "3": {"class_type": "CLIPTextEncodeFlux", "inputs": {"t5xxl": ["2", 0], "clip_l": "tower"}},
    "4": {"class_type": "FluxGuidance", "inputs": {"conditioning": ["3", 0], "guidance": 3.5}},
    "5": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["4", 0]}},
    "6": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
    "7": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
    "8": {
        "class_type": "BasicScheduler",
        "inputs": {"scheduler": "simple", "steps": 4, "denoise": 1, "model": ["1", 0]},
    },
    "9": {
        "class_type": "SamplerCustomAdvanced",
        "inputs": {
            "noise": ["6", 0],
            "guider": ["5", 0],
            "sampler": ["7", 0],
            "sigmas": ["8", 0],
        },
    },
}
SETTINGS = (
    "a gate in the seawall\nsecond line\nNegative prompt: blur,\nnoise\n"
    "Steps: 20, Sampler: DPM++ 2M, CFG scale: 7, Seed: 7, Size: 512x768, Model hash: 0123456789, "
    'Model: base, Lora hashes: "ink: 12ab, line: 34cd", Version: v1.9.3'
)


def test_a_graph_is_walked_from_its_sampler() -> None:
    account = read_comfyui({"prompt": json.dumps(BASIC)})
    assert account is not None and account.prompt == "a gate"
    (sampler,) = account.said["samplers"]
    assert sampler == {
        "node": "KSampler",
        "seed": str(SEED),
        "steps": 20,
        "cfg": 7.5,
        "sampler": "euler",
        "scheduler": "normal",
        "denoise": 1,
        "positive": ["a gate"],
        "negative": ["blur"],
    }
    assert account.said["models"] == [
        {"kind": "ckpt", "name": "base.safetensors"},
        {"kind": "lora", "name": "ink.safetensors", "strength": 0.7},
        {"kind": "control_net", "name": "depth.pth"},
    ]
    (image,) = account.references
    assert image.name == "depth.png" and not image.hashes


def test_a_graph_with_a_guider_is_walked_through_its_parts() -> None:
    account = read_comfyui({"prompt": json.dumps(GUIDED)})
    assert account is not None
    (sampler,) = account.said["samplers"]
    assert sampler["seed"] == "7" and sampler["steps"] == 4 and sampler["scheduler"] == "simple"
    assert sampler["sampler"] == "euler"
    assert sorted(sampler["positive"]) == ["a tower", "tower"]
    assert account.said["models"] == [{"kind": "unet", "name": "flux.safetensors"}]


def test_a_graph_that_turns_in_a_circle_ends() -> None:
    graph = {
        "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "model": ["1", 0]}},
        "2": {"class_type": "Mix", "inputs": {"a": ["2", 0], "b": ["1", 0], "text": "ring"}},
        "3": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
    }
    account = read_comfyui({"prompt": json.dumps(graph)})
    assert account is not None and account.prompt == "ring"


def test_a_graph_beyond_the_bound_is_kept_and_not_walked() -> None:
    graph = {str(n): {"class_type": "KSampler", "inputs": {}} for n in range(MAX_NODES + 1)}
    account = read_comfyui({"prompt": json.dumps(graph)})
    assert account is not None and not account.said


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("inputs", "positive", "text", "seed", "class_type", "1", "2")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
links = st.tuples(st.sampled_from("123"), st.integers(0, 1)).map(list)
nodes = st.fixed_dictionaries(
    {
        "class_type": st.sampled_from(("KSampler", "CLIPTextEncode", "LoadImage", "Mix")),
        "inputs": st.dictionaries(
            st.sampled_from(("positive", "negative", "model", "text", "image", "seed", "guider")),
            links | json_values,
            max_size=5,
        ),
    }
)


@given(graph=st.dictionaries(st.sampled_from("123"), nodes | json_values, max_size=3))
def test_no_graph_is_too_strange_to_be_told(graph: dict[str, Any]) -> None:
    account = read_comfyui({"prompt": json.dumps(graph)})
    if account is not None:
        json.dumps(account.recipe, allow_nan=False).encode()


def test_webui_tells_prompt_and_settings() -> None:
    account = read_webui({"parameters": SETTINGS})
    assert account is not None and account.tool == "Stable Diffusion WebUI"
    assert account.prompt == "a gate in the seawall\nsecond line"
    said = account.said
    assert said["negative"] == "blur,\nnoise"
    assert said["seed"] == "7" and said["steps"] == 20 and said["sampler"] == "DPM++ 2M"
    assert said["model_hash"] == "0123456789"  # digits of a hash are no number
    assert said["lora_hashes"] == "ink: 12ab, line: 34cd"


def test_forge_and_fooocus_are_told_from_webui_by_their_version() -> None:
    forge = read_webui({"parameters": "x\nSteps: 4, Seed: 1, Version: f2.0.1v1.10.1"})
    assert forge is not None and forge.tool == "Stable Diffusion WebUI Forge"
    texts = {"parameters": "x\nSteps: 4, Seed: 1, Version: Fooocus v2.5.0"}
    fooocus = read_fooocus(texts)
    assert fooocus is not None and fooocus.tool == "Fooocus" and fooocus.prompt == "x"
    assert read_fooocus({"parameters": SETTINGS}) is None


def test_fooocus_tells_its_own_scheme() -> None:
    given = {
        "prompt": "a gate",
        "negative_prompt": "",
        "seed": "12345678901234567890",
        "base_model": "jugger",
        "loras": [["ink", 0.5, "ab12"]],
        "version": "Fooocus v2.4.3",
    }
    account = read_fooocus({"parameters": json.dumps(given), "fooocus_scheme": "fooocus"})
    assert account is not None and account.prompt == "a gate"
    assert account.said["seed"] == "12345678901234567890"
    assert account.said["loras"] == [["ink", 0.5, "ab12"]]
    assert set(account.texts) == {"parameters", "fooocus_scheme"}


@given(st.text(max_size=200))
def test_settings_of_any_text_are_texts(line: str) -> None:
    assert all(isinstance(value, str) for value in parse_settings(line).values())


def test_invokeai_tells_models_by_hash_and_images_by_name() -> None:
    given = {
        "positive_prompt": "a gate",
        "negative_prompt": "blur",
        "seed": 7,
        "steps": 30,
        "model": {"key": "k", "hash": "blake3:ab", "name": "sdxl", "base": "sdxl"},
        "loras": [{"model": {"name": "ink", "hash": "blake3:cd"}, "weight": 0.5}],
        "controlnets": [{"control_model": {"name": "depth"}, "image": {"image_name": "a.png"}}],
        "app_version": "5.4.0",
    }
    account = read_invokeai({"invokeai_metadata": json.dumps(given)})
    assert account is not None and account.prompt == "a gate"
    assert account.said["model"] == {"name": "sdxl", "hash": "blake3:ab", "base": "sdxl"}
    assert account.said["loras"] == [{"name": "ink", "hash": "blake3:cd", "weight": 0.5}]
    assert [found.name for found in account.references] == ["a.png"]
    early = {"app_id": "invoke-ai/InvokeAI", "model_weights": "sd-1.5",
             "image": {"prompt": [{"prompt": "old", "weight": 1}], "seed": 3}}  # fmt: skip
    account = read_invokeai({"sd-metadata": json.dumps(early)})
    assert account is not None and account.prompt == "old" and account.said["seed"] == "3"


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + SETTINGS.encode("utf-16-be"),
        b"UNICODE\0" + SETTINGS.encode("utf-16-le"),
        b"ASCII\0\0\0" + SETTINGS.encode(),
        bytes(8) + SETTINGS.encode(),
    ],
)
def test_settings_in_exif_are_read(tmp_path: Path, suffix: str, comment: bytes) -> None:
    block = exif("<", {0x0131: b"x\0"}, {0x9286: comment})
    found = read_foreign(with_exif(tmp_path / f"a.{suffix}", block))
    assert found.tool == "Stable Diffusion WebUI"
    assert found.accounts[0].texts["parameters"] == SETTINGS


def test_comfyui_in_the_exif_of_a_webp_is_read(tmp_path: Path) -> None:
    block = exif(
        ">",
        {
            0x0110: b"prompt:" + json.dumps(BASIC).encode() + b"\0",
            0x010F: b'workflow:{"nodes": []}\0',
        },
        {},
    )
    found = read_foreign(with_exif(tmp_path / "a.webp", block))
    assert found.tool == "ComfyUI" and found.prompt(1_000) == "a gate"
    assert set(found.accounts[0].texts) == {"prompt", "workflow"}


def test_fooocus_in_exif_is_known_by_its_maker_note(tmp_path: Path) -> None:
    text = json.dumps({"prompt": "a gate", "seed": 1})
    block = exif("<", {}, {0x9286: text.encode(), 0x927C: b"fooocus"})
    assert read_foreign(with_exif(tmp_path / "a.jpg", block)).tool == "Fooocus"


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("texts", "tool"),
    [
        ({"prompt": json.dumps(BASIC), "workflow": '{"nodes": []}'}, "ComfyUI"),
        ({"workflow": '{"nodes": []}'}, "ComfyUI"),
        ({"parameters": SETTINGS}, "Stable Diffusion WebUI"),
        ({"parameters": f"裂け目\n{SETTINGS}"}, "Stable Diffusion WebUI"),  # an iTXt chunk
        ({"invokeai_metadata": '{"seed": 7}'}, "InvokeAI"),
    ],
)
def test_a_generator_is_known_by_its_texts(
    tmp_path: Path, texts: dict[str, str], tool: str, compressed: bool
) -> None:
    found = read_foreign(png(tmp_path / "a.png", {**texts, "Comment": "by hand"}, compressed))
    assert found.tool == tool and dict(found.accounts[0].texts) == texts


@pytest.mark.parametrize(
    "texts",
    [
        {},
        {"prompt": "draw me a gate"},
        {"prompt": '{"a": 1}'},
        {"workflow": "[" * 5_000},
        {"parameters": "width 3"},
        {"parameters": '{"prompt": "whose?"}'},
        {"invokeai_metadata": "[1]"},
        {"sd-metadata": "{}"},
        {"parameters": SETTINGS + "x" * 2**18},
    ],
)
def test_other_texts_are_nobody_s_recipe(tmp_path: Path, texts: dict[str, str]) -> None:
    found = read_foreign(png(tmp_path / "a.png", texts))
    assert not found.accounts and found.tool is None
