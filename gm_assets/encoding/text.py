"""The one form in which text reaches an encoder.

Image-text models of the SigLIP family were trained on lower-case text without punctuation
(big_vision's `canonicalize` preprocessing); other spellings of a phrase lose accuracy there,
and our own model knows nothing else. The version is part of a model's fingerprint: another
normaliser gives other vectors.
"""

from __future__ import annotations

import re
import unicodedata

#: Version of `canonical`; change it with any change of what that returns.
TEXT_VERSION = "ct1"

_APOSTROPHES = re.compile("['\u2018\u2019\u02bc\uff07`\u00b4]")
_ASCII_SYMBOLS = frozenset("$+<=>^|~")


def canonical(text: str) -> str:
    """`text` in lower case, without punctuation, single spaces between the words.

    Compatibility forms are folded (NFKC). Apostrophes vanish (`pilot's` becomes `pilots`), all
    other punctuation separates words (`dry-dock` becomes `dry dock`). Idempotent.
    """
    folded = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", text))
    lowered = unicodedata.normalize("NFKC", folded.lower())
    spaced = "".join(" " if _separates(letter) else letter for letter in lowered)
    return " ".join(spaced.split())


def _separates(letter: str) -> bool:
    """Whether a character ends a word: punctuation, ASCII symbols, control characters."""
    category = unicodedata.category(letter)
    return category[0] == "P" or category in ("Cc", "Cs") or letter in _ASCII_SYMBOLS
