"""Tiny image-text models with random weights, of the real classes, saved as real folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gm_assets.encoding import EncoderSpec, seal
from gm_assets.encoding.fingerprint import folder_spec

WORDS = (
    "a picture of the recon pilot in dry dock pencil sketch clay render ring freighter above "
    "seawall gate at dusk snow brass bone red cloth long shot close up"
)
SIDE = 32


def make_dual(folder: Path, *, seed: int = 0, words: str | None = WORDS) -> EncoderSpec:
    """A ConvNeXtV2 and a CLIP text tower joined (`VisionTextDualEncoderModel`), sealed."""
    torch = seeded(seed)
    from transformers import (
        CLIPTextConfig,
        ConvNextV2Config,
        SiglipImageProcessorPil,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
        VisionTextDualEncoderProcessor,
    )

    tokenizer = make_tokenizer(length=16)
    sizes = [8, 16]
    vision = ConvNextV2Config(
        num_stages=2, hidden_sizes=sizes, depths=[1, 1], image_size=SIDE, hidden_size=sizes[-1]
    )
    text = CLIPTextConfig(**_text(tokenizer, 16))
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vision, text, projection_dim=24)
    model = VisionTextDualEncoderModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.2)
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    model.save_pretrained(folder)
    VisionTextDualEncoderProcessor(processor, tokenizer).save_pretrained(folder)
    if words is not None:
        (folder / "words.txt").write_text("\n".join(words.split()))
    seal(folder)
    return folder_spec(folder)


def make_siglip(folder: Path, *, seed: int = 0) -> EncoderSpec:
    """A SigLIP model, sealed."""
    seeded(seed)
    from transformers import (
        SiglipConfig,
        SiglipImageProcessorPil,
        SiglipModel,
        SiglipProcessor,
    )

    tokenizer = make_tokenizer(length=16)
    config = SiglipConfig(
        text_config={**_text(tokenizer, 16), "projection_size": 32},
        vision_config={**_LAYERS, "image_size": SIDE, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    processor = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    SiglipProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    seal(folder)
    return folder_spec(folder)


def make_clip(folder: Path, *, seed: int = 0) -> EncoderSpec:
    """A CLIP model, whose processor resizes the shorter edge and crops the middle; sealed."""
    seeded(seed)
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    tokenizer = make_tokenizer(length=16)
    config = CLIPConfig(
        text_config=_text(tokenizer, 16),
        vision_config={**_LAYERS, "image_size": SIDE, "patch_size": 8},
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    )
    CLIPProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    seal(folder)
    return folder_spec(folder)


MAKERS = {"dual": make_dual, "siglip": make_siglip, "clip": make_clip}

_LAYERS: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def seeded(seed: int) -> Any:
    """torch with one thread and this seed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    return torch


def make_tokenizer(length: int) -> Any:
    """A WordPiece tokenizer trained on `WORDS`, with all letters and digits."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordPiece(unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.WordPieceTrainer(
        vocab_size=200,
        special_tokens=["<pad>", "<unk>", "<bos>", "<eos>"],
        initial_alphabet=list("abcdefghijklmnopqrstuvwxyz0123456789"),
        show_progress=False,
    )
    made.train_from_iterator([WORDS], trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=length,
        padding_side="right",
    )


def _text(tokenizer: Any, length: int) -> dict[str, Any]:
    return {
        **_LAYERS,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": length,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
