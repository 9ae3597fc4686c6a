"""Embedding: a library against the bare model on prepared tensors, int8 against plain PyTorch.

The tower of the second kind is a ViT-B/16 at 224 pixels (`SiglipModel`) with random weights,
which cost what trained ones cost; its text tower is a stub. Every contender has one thread.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Line, Spent, interleaved, median_ratio, timed

#: Pictures of the library for the embedded model, and for the ViT-B, which takes 50 to 100
#: times as long for each.
SMALL, LARGE = 4_000, 48
BATCH = 16


def measure(folder: Path, paths: Sequence[Path], rounds: int) -> list[Line]:
    """All lines of this group, from real pictures."""
    folder.mkdir()
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")  # the export belongs to this run
    from gm_assets.encoding import named_encoder, obstacle, open_encoder
    from gm_assets.encoding.fingerprint import folder_spec

    spec = folder_spec(_vit(folder / "vit-b"))
    plain, int8 = open_encoder(spec), open_encoder(spec.running("onnx-int8"))
    chosen = random.Random(2).sample(list(paths), min(SMALL, len(paths)))
    lines = [*_runtimes(plain, int8, chosen[:LARGE], rounds)]
    lines += [
        _library(folder / "plain", plain, "ViT-B, torch", chosen[:LARGE], rounds),
        _library(folder / "int8", int8, "ViT-B, int8", chosen[:LARGE], rounds),
    ]
    embedded = named_encoder("embedded")
    if obstacle(embedded) is None:
        encoder = open_encoder(embedded)
        lines.append(_library(folder / "embedded", encoder, "embedded model", chosen, rounds))
    return lines


def _runtimes(plain: Any, int8: Any, paths: Sequence[Path], rounds: int) -> list[Line]:
    """CPU time of the two runtimes on the same tensors, and how near their vectors are."""
    pixels = plain.prepare(_views(plain, paths))
    batches = [
        {name: array[start : start + 4] for name, array in pixels.items()}
        for start in range(0, len(paths), 4)
    ]
    spent = interleaved(rounds, [partial(_timed_batches, e, batches) for e in (plain, int8)])
    cosines = (plain.encode(pixels, len(paths)) * int8.encode(pixels, len(paths))).sum(axis=1)
    each = [1e3 * min(s.cpu for s in one) / len(paths) for one in spent]
    return [
        Line(
            "plain PyTorch float32 : onnx-int8, ViT-B/16-224 (CPU)",
            median_ratio(spent[0], spent[1], lambda s: s.cpu),
            2.5,
            at_most=False,
            detail={"pictures": len(paths), "torch_ms": each[0], "int8_ms": each[1]},
        ),
        Line(
            "least cosine of int8 with float32 vectors",
            float(cosines.min()),
            0.999,
            at_most=False,
            detail={"pictures": len(paths), "mean": float(cosines.mean())},
        ),
    ]


def _timed_batches(encoder: Any, batches: Sequence[dict[str, Any]]) -> Spent:
    """The bare towers on prepared tensors."""
    return timed(lambda: [encoder.towers.images(batch) for batch in batches])


def _library(folder: Path, encoder: Any, name: str, paths: Sequence[Path], rounds: int) -> Line:
    """Embedding a library, decoding and store included, against the bare model (wall)."""
    from gm_assets.library import Library, embed, ingest

    os.environ["GM_PROFILE"] = "none"  # the ingest must not make the vectors
    library = Library.init(folder, managed=False)
    for number, path in enumerate(paths):
        shutil.copyfile(path, folder / f"{number:05d}{path.suffix.lower()}")
    ingest(library)
    count = len(_contents(library))
    pixels = encoder.prepare(_views(encoder, paths[:BATCH]))
    whole, rest = divmod(count, BATCH)

    def bare() -> Spent:
        def run() -> None:
            for _ in range(whole):
                encoder.encode(pixels, len(pixels["pixel_values"]))
            if rest:
                encoder.encode({k: v[:rest] for k, v in pixels.items()}, rest)

        return timed(run)

    def ours() -> Spent:
        shutil.rmtree(library.state / "vectors", ignore_errors=True)
        fresh = Library.open(library.root)
        spent = timed(lambda: embed(fresh, encoder))
        if fresh.vectors.count(encoder.fingerprint) != count:
            raise AssertionError("not every picture got its vector")
        return spent

    model, all_of_it = interleaved(rounds, (bare, ours))
    return Line(
        f"bare model : embedding a library, {name} (wall)",
        median_ratio(model, all_of_it, lambda spent: spent.wall),
        0.85,
        at_most=False,
        detail={
            "pictures": count,
            "model_ms": 1e3 * min(spent.wall for spent in model) / count,
            "library_ms": 1e3 * min(spent.wall for spent in all_of_it) / count,
            "cpus": len(os.sched_getaffinity(0)),
        },
    )


def _contents(library: Any) -> list[str]:
    """The contents that can have a vector, each once."""
    query = "select distinct content_id from files where kind = 'image'"
    return [row[0] for row in library.catalogue().execute(query).fetchall()]


def _views(encoder: Any, paths: Sequence[Path]) -> list[np.ndarray]:
    from gm_assets.encoding import view_of

    return [view_of(path, encoder.image_size) for path in paths]


def _vit(folder: Path) -> Path:
    """A ViT-B/16-224 image tower with random weights as a sealed model folder."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        PreTrainedTokenizerFast,
        SiglipConfig,
        SiglipImageProcessorPil,
        SiglipModel,
        SiglipProcessor,
    )

    from gm_assets.encoding import seal

    words = {"<pad>": 0, "<unk>": 1, "<bos>": 2, "<eos>": 3, "picture": 4}
    made = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", pad_token="<pad>", model_max_length=64
    )
    vision = {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "image_size": 224,
        "patch_size": 16,
    }
    text = {
        "vocab_size": len(words),
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "max_position_embeddings": 64,
        "projection_size": 768,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
    }
    torch.manual_seed(0)
    SiglipModel(SiglipConfig(text_config=text, vision_config=vision)).save_pretrained(folder)
    processor = SiglipImageProcessorPil(size={"height": 224, "width": 224})
    SiglipProcessor(image_processor=processor, tokenizer=tokenizer).save_pretrained(folder)
    seal(folder)
    return folder
