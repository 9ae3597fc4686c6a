"""What a part is, by the words of its name: `Helmet_Visor` is armour, `wall.003` architecture.

Rules, not guesses: a name is taken apart into words, and the words of one class decide. Where
no word is known, or words of two classes meet (`hand_glove`), nothing is said and a person or
the file has to. What a file itself states about a part is never overruled.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words of part names for each class. Plurals with a final s are known as well.
WORDS: dict[str, frozenset[str]] = {
    "living-body": _words(
        "skin flesh face hair beard eye eyes eyeball eyelash eyebrow teeth tongue torso "
        "finger hand forearm thigh foot feet human person man woman child creature animal"
    ),
    "cloth": _words(
        "cloth clothes coat cloak cape robe dress skirt shirt trouser pants jacket scarf hood "
        "sleeve glove boot shoe hat veil fabric canvas banner flag curtain textile"
    ),
    "armour": _words("armour armor helmet helm visor cuirass gauntlet pauldron greave"),
    "machine": _words(
        "machine engine motor gear cog piston wheel car truck ship vehicle robot mech turbine "
        "pump crane valve drone thruster cockpit chassis fuselage"
    ),
    "architecture": _words(
        "architecture building wall roof floor column pillar arch vault tower spire stair "
        "staircase window door gate buttress facade bridge dome house temple"
    ),
    "ground": _words("ground terrain soil sand dune rock snowfield landscape grass"),
    "light": _words("light lamp lantern candle flame glow neon emitter beacon"),
    "air": _words("air sky fog mist smoke cloud haze atmosphere steam"),
    "prop": _words(
        "prop sword spear shield staff book cup bottle crate barrel box table chair rope chain "
        "weapon"
    ),
}

#: Words that decide only where no other word does: a `body` is a person's, a car's is not.
WEAK: dict[str, frozenset[str]] = {"living-body": _words("body head arm leg")}

#: Materials that say what their part is.
OF_MATERIAL: dict[str, str] = {
    "skin": "living-body",
    "flesh": "living-body",
    "hair": "living-body",
    "cloth": "cloth",
    "fabric": "cloth",
    "glow": "light",
}

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def semantic_of(name: str, material: str = "") -> str:
    """The class that the words of a part's name, or else its material, stand for.

    Args:
        name: of the part, mesh, node or prim.
        material: its name; asked only where the part's name holds no known word.

    Returns:
        One of the classes of `gm_assets.sculpt.model.SEMANTICS`, or an empty text where no
        word is known or the words disagree.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    for table in (WORDS, WEAK):
        found = {one for word in words for one, known in table.items() if _is_one(word, known)}
        if found:
            return found.pop() if len(found) == 1 else ""
    return OF_MATERIAL.get("-".join(word.lower() for word in _WORD.findall(material)), "")


def _is_one(word: str, known: frozenset[str]) -> bool:
    return word in known or (word.endswith("s") and word[:-1] in known)
