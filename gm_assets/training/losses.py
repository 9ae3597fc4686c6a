"""What the encoder is taught by: matching captions, telling the terms of a facet apart.

Matching is contrastive with several right answers: in a batch a caption is right for every
picture of which all of it is true (after Khosla et al. 2020, arXiv:2004.11362, between two
kinds of things). The scale of the cosines is fixed: learned from nothing it runs away before
shapes are learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

#: Factor on cosines before the softmax.
SCALE = 20.0


def matching(pictures: Tensor, texts: Tensor, right: Tensor) -> Tensor:
    """Multi-positive contrastive loss, the mean of both directions.

    Args:
        pictures: (n, d) unit vectors. texts: (m, d) unit vectors.
        right: (m, n) bool, where a text is true of a picture; every row and column has one.
    """
    logits = SCALE * texts @ pictures.T
    weight = right.float()
    return (_spread(logits, weight) + _spread(logits.T, weight.T)) / 2


def _spread(logits: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy against the right answers in equal shares."""
    chances = logits.log_softmax(dim=1)
    return -((chances * weight).sum(dim=1) / weight.sum(dim=1)).mean()


def telling(
    pictures: Tensor, prompts: Tensor, term: Tensor, barred: Tensor | None = None
) -> Tensor:
    """Cross entropy of pictures against one prompt of each term of a facet.

    Args:
        prompts: (terms, d) unit vectors.
        term: (n,) the right term, -1 where the picture has none.
        barred: (n, terms) bool, terms that do not count as wrong answers of a picture.
    """
    import torch.nn.functional as F

    known = term >= 0
    if not bool(known.any()):
        return pictures.sum() * 0
    logits = SCALE * pictures[known] @ prompts.T
    if barred is not None:
        logits = logits.masked_fill(barred[known], -SCALE * 10)
    return F.cross_entropy(logits, term[known])
