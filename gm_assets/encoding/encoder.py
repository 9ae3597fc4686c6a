"""An encoder in use: pictures and words in, unit vectors out.

What differs between runtimes is behind `Towers`; everything else (preparing pictures and text,
checking and scaling what comes out) is here once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gm_assets.encoding.profiles import EncoderSpec
from gm_assets.encoding.text import canonical
from gm_assets.encoding.vectors import unit_rows
from gm_assets.errors import ModelError

if TYPE_CHECKING:
    from gm_assets.encoding.preprocess import Preprocess

#: What an image tower takes: `pixel_values (n, 3, side, side)` and, for some, more.
Pixels: TypeAlias = dict[str, NDArray[Any]]

#: Texts that go through the text tower at once.
TEXT_BATCH = 64


class Towers(Protocol):
    """The two halves of a model, on one runtime. Rows come out as the model gives them."""

    def images(self, pixels: Pixels) -> NDArray[np.float32]:
        """Rows `(n, d)` of prepared pictures."""
        ...

    def texts(self, tokens: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """Rows `(n, d)` of token ids."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How an encoder reads a text.

    Attributes:
        tokens: how many the text has, special ones included, before it is cut.
        truncated: whether it is longer than the model takes; the rest is not read.
        unknown: words of the canonical text that the model was never shown, where it
            says which those are (`words.txt`), or that its tokenizer cannot spell. They carry
            no meaning for it.
    """

    tokens: int
    truncated: bool
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Encoder:
    """An open image-text encoder. Made by `open_encoder`; safe to use from several threads.

    Attributes:
        spec: what was opened. fingerprint: of the model, on every vector that it makes.
        dimension: numbers in a vector. image_size: side of the image tower's input in pixels.
        text_length: tokens that the text tower takes.
        words: canonical words that the model was trained with; None where it does not say.
    """

    spec: EncoderSpec
    fingerprint: str
    dimension: int
    image_size: int
    text_length: int
    words: frozenset[str] | None = field(repr=False)
    towers: Towers = field(repr=False)
    tokenizer: Any = field(repr=False)
    with_mask: bool = field(repr=False)
    preprocess: Preprocess | None = field(repr=False)
    processor: Callable[..., Any] = field(repr=False)

    def prepare(self, pictures: Sequence[NDArray[np.uint8]]) -> Pixels:
        """Views as the image tower takes them.

        Raises:
            ModelError: the model's image processor cannot take one of them.
        """
        if self.preprocess is not None:
            return {"pixel_values": self.preprocess(pictures)}
        try:
            # Without the word a picture of 1 or 3 rows is taken for one of 1 or 3 channels.
            known = {"return_tensors": "np", "input_data_format": "channels_last"}
            return dict(self.processor(images=list(pictures), **known))
        except Exception as error:  # another project's code over any picture
            raise ModelError(
                f"the model's image processor failed ({type(error).__name__}: {error})",
                where=self.spec.source,
            ) from error

    def images(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Unit vectors `(n, d)` float32 of views (`encoding.view.view_of`), uint8 `(h, w, 3)`.

        Rows of one call may differ from those of single calls in the last bits: processors
        sum larger batches in another order.

        Raises:
            ModelError: the model fails on them, or gives NaN, infinity, zero or another
                dimension.
            ValueError: a picture of another type or shape.
        """
        for picture in pictures:
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError(f"a view is uint8 (h, w, 3), not {picture.shape} {picture.dtype}")
        if not len(pictures):
            return np.empty((0, self.dimension), np.float32)
        return self.encode(self.prepare(pictures), len(pictures))

    def encode(self, pixels: Pixels, count: int) -> NDArray[np.float32]:
        """Unit vectors of `count` prepared pictures (`prepare`). Raises as `images`."""
        return self._checked(self._run(self.towers.images, pixels), count)

    def texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors `(n, d)` float32 of texts, canonicalised here.

        A text beyond `text_length` tokens is cut, as the model does; `reading` tells.

        Raises:
            ModelError: as `images`; a text without a single word.
        """
        rows = [np.empty((0, self.dimension), np.float32)]
        read = [canonical(text) for text in texts]
        for text, words in zip(texts, read, strict=True):
            if not words:
                raise ModelError(
                    f"{text[:80]!r} holds no word", remedy="Describe the picture in words"
                )
        for start in range(0, len(read), TEXT_BATCH):
            chunk = read[start : start + TEXT_BATCH]
            rows.append(
                self._checked(self._run(self.towers.texts, self._tokens(chunk)), len(chunk))
            )
        return np.concatenate(rows)

    def reading(self, text: str) -> Reading:
        """How the model reads `text`: length in tokens, whether it is cut, unknown words."""
        read = canonical(text)
        tokens = len(self.tokenizer(read, verbose=False)["input_ids"])  # longer ones warn
        words = dict.fromkeys(read.split())
        if self.words is not None:
            unknown = [word for word in words if word not in self.words]
        else:
            never = self.tokenizer.unk_token_id
            unknown = [
                word
                for word in words
                if never is not None
                and never in self.tokenizer(word, add_special_tokens=False)["input_ids"]
            ]
        return Reading(tokens, tokens > self.text_length, tuple(unknown))

    def _tokens(self, texts: list[str]) -> dict[str, NDArray[np.int64]]:
        given = self.tokenizer(
            texts,
            padding="max_length",
            truncation=True,
            max_length=self.text_length,
            return_tensors="np",
        )
        # Models of the SigLIP family were trained without a mask: padding is part of their text.
        names = ("input_ids", "attention_mask") if self.with_mask else ("input_ids",)
        return {name: np.asarray(given[name], np.int64) for name in names}

    def _run(self, tower: Callable[[Any], NDArray[np.float32]], given: Any) -> NDArray[np.float32]:
        try:
            return tower(given)
        except MemoryError:
            raise
        except Exception as error:  # runtimes raise whatever a damaged model leads them to
            raise ModelError(
                f"the model failed ({type(error).__name__}: {error})",
                where=self.spec.source,
                remedy="`gm models verify` checks its files",
            ) from error

    def _checked(self, rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        if rows.shape != (count, self.dimension):
            raise ModelError(
                f"the model gave numbers of shape {rows.shape}, not {(count, self.dimension)}",
                where=self.spec.source,
            )
        return unit_rows(rows, f"the model {self.spec.name}")
