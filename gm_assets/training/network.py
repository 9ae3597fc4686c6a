"""The encoder's network, tokenizer and processor, built from nothing.

`VisionTextDualEncoderModel` of transformers: a small ConvNeXt (Liu et al. 2022,
arXiv:2201.03545) for pictures and a small CLIP text transformer (Radford et al. 2021,
arXiv:2103.00020) with a WordPiece tokenizer of its own. The response normalisation of
ConvNeXt V2 was left out: on one CPU thread it took half of the time of a step. During training
linear heads read the facets from the picture tower; they are thrown away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gm_assets.training.facts import TERMS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Facets that the heads read.
HEADS = ("look", "subject", "environment", "material", "light", "shot")
_SPECIAL = ("<pad>", "<unk>", "<bos>", "<eos>")
_ALPHABET = tuple("abcdefghijklmnopqrstuvwxyz0123456789")
#: A from-scratch transformer with CLIP's tiny embeddings learns words very slowly: they are
#: scaled up by this much at the start.
_EMBEDDING_SCALE = 15.0


@dataclass(frozen=True)
class Shape:
    """Sizes of the network.

    Attributes:
        image_size: side of the picture in pixels.
        patch: side in pixels of the squares that the picture tower begins with.
        widths, depths: channels and blocks of each of the picture tower's stages.
        text_width, text_layers: of the text tower.
        dimension: of the vectors.
        text_length: tokens that the text tower takes.
    """

    image_size: int = 96
    patch: int = 4
    widths: tuple[int, ...] = (40, 80, 160, 256)
    depths: tuple[int, ...] = (1, 2, 5, 1)
    text_width: int = 128
    text_layers: int = 2
    dimension: int = 192
    text_length: int = 32


def new_tokenizer(words: Sequence[str], shape: Shape) -> Any:
    """A WordPiece tokenizer whose pieces are whole words, and letters for all others.

    A word with an ending that was never seen (`spires`) is read as the word and letters; an
    unknown word falls into letters. Nothing is learned, so the pieces are the same every time.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [*_SPECIAL, *_ALPHABET, *(f"##{letter}" for letter in _ALPHABET), *sorted(words)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.StripAccents()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=shape.text_length,
        padding_side="right",
        model_input_names=["input_ids", "attention_mask"],
    )


def new_processor(tokenizer: Any, shape: Shape) -> Any:
    """The processor: pictures squeezed into a square by a bicubic filter, values -1 to 1."""
    from transformers import SiglipImageProcessorPil, VisionTextDualEncoderProcessor

    images = SiglipImageProcessorPil(size={"height": shape.image_size, "width": shape.image_size})
    return VisionTextDualEncoderProcessor(images, tokenizer)


def new_model(tokenizer: Any, shape: Shape) -> Any:
    """The dual encoder with random weights, drawn from torch's global generator."""
    import torch
    from transformers import (
        CLIPTextConfig,
        ConvNextConfig,
        VisionTextDualEncoderConfig,
        VisionTextDualEncoderModel,
    )

    vision = ConvNextConfig(
        image_size=shape.image_size,
        patch_size=shape.patch,
        num_stages=len(shape.widths),
        hidden_sizes=list(shape.widths),
        depths=list(shape.depths),
        # Meant for very deep networks, the usual 1e-6 would keep these blocks shut for long.
        layer_scale_init_value=0.1,
    )
    vision.hidden_size = shape.widths[-1]  # the dual encoder asks for it
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.text_width,
        intermediate_size=shape.text_width * 4,
        num_hidden_layers=shape.text_layers,
        num_attention_heads=4,
        max_position_embeddings=shape.text_length,
        projection_dim=shape.dimension,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
    )
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        vision, text, projection_dim=shape.dimension
    )
    model: Any = VisionTextDualEncoderModel(config)
    with torch.no_grad():
        model.text_model.embeddings.token_embedding.weight.mul_(_EMBEDDING_SCALE)
    return model


def grown(model: Any, tokenizer: Any, shape: Shape) -> Any:
    """A larger network that computes what `model` does, as nearly as its pictures allow.

    Squares of more pixels are reduced to what the old ones saw: their kernels are resized
    through the filter that reduces pictures (after Beyer et al. 2022, arXiv:2212.08013).
    Blocks that come to the end of a stage add nothing at first (after Chen et al. 2015,
    arXiv:1511.05641). Everything else keeps its weights.

    Raises:
        ValueError: another width, fewer blocks, or another grid of squares.
    """
    import torch

    made = new_model(tokenizer, shape)
    old, new = model.vision_model.config, made.vision_model.config
    same = (old.hidden_sizes, old.image_size // old.patch_size) == (
        new.hidden_sizes,
        new.image_size // new.patch_size,
    )
    if not same or any(a > b for a, b in zip(old.depths, new.depths, strict=True)):
        raise ValueError(f"a network cannot grow into {shape}")
    state = made.state_dict()
    for name in state:
        if name.endswith("layer_scale_parameter"):
            state[name] = torch.zeros_like(state[name])
    state |= model.state_dict()
    kernel = model.vision_model.embeddings.patch_embeddings.weight
    state["vision_model.embeddings.patch_embeddings.weight"] = _resized(kernel, new.patch_size)
    made.load_state_dict(state)
    return made


def _resized(kernel: Any, side: int) -> Any:
    """(n, bands, h, h) kernels as (n, bands, side, side) with the same answers to reduced squares.

    A square of `side` pixels is reduced by a linear map; with its transpose the kernel sees the
    reduced square.
    """
    import torch
    import torch.nn.functional as F

    before = kernel.shape[-1]
    pixels = torch.eye(side * side).view(side * side, 1, side, side)
    reduced = F.interpolate(
        pixels, size=(before, before), mode="bicubic", antialias=True, align_corners=False
    )
    with torch.no_grad():
        flat = kernel.flatten(2) @ reduced.flatten(1).T
    return flat.view(*kernel.shape[:2], side, side)


def new_heads(shape: Shape) -> Any:
    """Linear heads from the picture tower's pooled features to the terms of each of `HEADS`."""
    import torch

    return torch.nn.ModuleDict(
        {facet: torch.nn.Linear(shape.widths[-1], len(TERMS[facet])) for facet in HEADS}
    )


def save(folder: Path, model: Any, processor: Any, words: Sequence[str]) -> None:
    """Write a model folder that `AutoModel` and `AutoProcessor` load, with its list of words.

    Args:
        words: of all captions; others carry no meaning for the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    text = "".join(f"{word}\n" for word in sorted(words))
    draft = folder / f".words.{os.getpid()}"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / "words.txt")
