"""A tiny SDXL with its control network and adapter: random weights of the very same classes.

The folders are laid out as the repositories of the profile `studio` are, file by file, so that
the same code loads them.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from gm_assets.diffusion.profiles import ShaderSpec, named_shader
from gm_assets.diffusion.studio.loading import ADAPTER, IMAGE_ENCODER
from gm_assets.encoding import seal

WIDTH = 32
#: Factor between pixels and latents of the tiny autoencoder.
FACTOR = 4
_TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "projection_dim": WIDTH,
    "max_position_embeddings": 77,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
_NET: dict[str, Any] = {
    "in_channels": 4,
    "block_out_channels": (WIDTH, 2 * WIDTH),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "attention_head_dim": (2, 4),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 2),
    "projection_class_embeddings_input_dim": 8 * 6 + WIDTH,
    "cross_attention_dim": 2 * WIDTH,
}


def make_studio(root: Path, *, seed: int = 0) -> ShaderSpec:
    """The shader of the profile `studio` with tiny parts below `root`, sealed; runs on the CPU."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    _make_pipeline(root / "pipeline")
    _make_controlnet(root / "controlnet")
    _make_identity(root / "identity")
    return studio_at(root)


def studio_at(root: Path) -> ShaderSpec:
    """The shader of the profile `studio` whose parts are sealed folders below `root`."""
    studio = named_shader("sdxl-union")
    parts = tuple(
        replace(part, kind="folder", source=str(root / part.role), revision=None)
        for part in studio.parts
    )
    for part in parts:
        seal(part.source)
    return replace(studio, parts=parts, device="cpu", steps=2)


def _make_pipeline(folder: Path) -> None:
    from diffusers import (
        AutoencoderKL,
        EulerDiscreteScheduler,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    tokenizer = _tokenizer()
    text = CLIPTextConfig(vocab_size=len(tokenizer), **_TEXT)
    unet = UNet2DConditionModel(
        sample_size=16,
        out_channels=4,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        **_NET,
    )
    vae = AutoencoderKL(
        block_out_channels=[16, 32, 32],
        down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3,
        norm_num_groups=8,
        latent_channels=4,
    )
    pipeline = StableDiffusionXLPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text),
        text_encoder_2=CLIPTextModelWithProjection(text),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
        ),
    )
    pipeline.save_pretrained(folder, variant="fp16")
    for name in ("tokenizer", "tokenizer_2"):  # the hub has the older pair of files instead
        written = folder / name / "tokenizer.json"
        (folder / name / "vocab.json").write_text(json.dumps(tokenizer.get_vocab()))
        (folder / name / "merges.txt").write_text("#version: 0.2\n")
        written.unlink()


def _make_controlnet(folder: Path) -> None:
    import torch
    from diffusers import ControlNetUnionModel

    network = ControlNetUnionModel(
        conditioning_embedding_out_channels=(16, 32, 32),
        norm_num_groups=8,
        num_control_type=6,
        num_trans_channel=WIDTH,
        num_trans_head=2,
        num_proj_channel=WIDTH,
        **_NET,
    )
    with torch.no_grad():
        # As made, its outputs are zero layers: it would change nothing.
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    network.save_pretrained(folder)


def _make_identity(folder: Path) -> None:
    """IP-Adapter in the layout of its own repository, with its picture encoder."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    vision = CLIPVisionConfig(
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
        projection_dim=WIDTH,
    )
    CLIPVisionModelWithProjection(vision).save_pretrained(folder / IMAGE_ENCODER)
    inner, context, head = WIDTH, 2 * WIDTH, 64
    shapes = {
        "image_proj.latents": (1, 4, inner),
        "image_proj.proj_in.weight": (inner, WIDTH),
        "image_proj.proj_in.bias": (inner,),
        "image_proj.proj_out.weight": (context, inner),
        "image_proj.proj_out.bias": (context,),
        "image_proj.norm_out.weight": (context,),
        "image_proj.norm_out.bias": (context,),
    }
    layer = {
        "0.norm1.weight": (inner,),
        "0.norm1.bias": (inner,),
        "0.norm2.weight": (inner,),
        "0.norm2.bias": (inner,),
        "0.to_q.weight": (head, inner),
        "0.to_kv.weight": (2 * head, inner),
        "0.to_out.weight": (inner, head),
        "1.0.weight": (inner,),
        "1.0.bias": (inner,),
        "1.1.weight": (4 * inner, inner),
        "1.3.weight": (inner, 4 * inner),
    }
    for depth in range(4):  # as many as the real one has
        shapes |= {f"image_proj.layers.{depth}.{name}": shape for name, shape in layer.items()}
    for number, width in enumerate(_attended()):  # self attentions have the even numbers
        for side in ("k", "v"):
            shapes[f"ip_adapter.{2 * number + 1}.to_{side}_ip.weight"] = (width, context)
    (folder / ADAPTER[0]).mkdir(parents=True)
    weights = {name: torch.randn(shape) * 0.3 for name, shape in shapes.items()}
    save_file(weights, folder / ADAPTER[0] / ADAPTER[1])


def _attended() -> list[int]:
    """Widths of the cross attentions of the tiny U-Net, in the order of its processors."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(
        out_channels=4,
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=8,
        **_NET,
    )
    return [2 * WIDTH for name in unet.attn_processors if name.endswith("attn2.processor")]


def _tokenizer() -> Any:
    """CLIP's byte pairs with single letters only: a token a letter."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    vocab = {word: number for number, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=77)
