"""The words of captions: what a term may be called in a sentence, and what that asserts.

Three sources: the vocabulary's own names, synonyms and prompts (`vocab/*.yaml`), the marks by
which the world tells its subjects apart, and the further wordings of this module. A wording
that says more than its term asserts that too, and then stands only under pictures of which
all of it is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from gm_assets.encoding.text import canonical
from gm_assets.training.facts import TERMS
from gm_assets.vocabulary import Vocabulary, load, repository_folder
from gm_assets.world.subjects import SUBJECTS

#: Facets of the vocabulary by the fields of `Facts`.
FACETS: dict[str, str] = {
    "subject": "subjects",
    "domain": "subjects",
    "environment": "environments",
    "material": "materials",
    "light": "lights",
    "shot": "shots",
}


@dataclass(frozen=True)
class Wording:
    """A phrase and what it asserts.

    Attributes:
        text: canonical words.
        facet: the facet of `TERMS` that it belongs to.
        asserts: facet to term; every one of them must be true of a picture.
    """

    text: str
    facet: str
    asserts: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))


#: Prompts of the vocabulary that say more than their term, and what else they say. None: it
#: cannot be told from a picture's facts, so the phrase is not used.
SAYS_MORE: dict[str, dict[str, str] | None] = {
    "the seam keeper in profile": {"shot": "profile"},
    "a vehicle or engine of riveted metal": {"material": "cast-iron"},
    "a vast built place with no one in it": None,
    "a view of a gothic place in winter": None,
    "a tower or gate of stone": {"material": "wet-basalt"},
    "a tall fluted spire of stone": {"material": "wet-basalt"},
    "a symmetrical riveted silver corridor toward a luminous sphere": {
        "material": "tarnished-silver"
    },
    "dunes with sharp ridge lines under snow": {"environment": "dunes-under-snow"},
    "in an interior lit by torches": {"light": "torchlight"},
    "interior with torches": {"light": "torchlight"},
    "in a dark hall with amber light": {"light": "torchlight"},
    "under a rock vault lit by torches": None,
    "on a flat grey plain under an overcast sky": {"light": "overcast"},
    "a small figure before an enormous structure": None,
    "a sphere of light in the distance": None,
    "bare human skin": None,
    "a citadel underground": None,
}

_MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "look": {
        "study": ("a pencil study", "a pencil sketch", "a pencil drawing"),
        "elevation": ("an elevation drawing", "an architect's elevation", "a measured drawing"),
        "wash": ("a wash painting", "an ink and wash painting", "a watercolour wash"),
        "silver": ("a silver print", "a gelatin silver print", "an archival silver print"),
        "dye": ("a faded transparency", "a dye print", "an old colour slide"),
        "plate": ("a glass plate", "a print from a glass plate", "a warm glass plate print"),
        "clay": ("a clay render", "a grey clay render", "a studio clay render", "plain clay"),
        "turntable": ("a turntable view", "a turntable render", "a cut-out on grey"),
        "normal": ("a normal map", "a normals pass", "surface normals"),
        "depth": ("a depth map", "a depth pass", "distance as grey"),
        "silhouette": ("a silhouette", "a white silhouette on black", "a matte"),
        "frame": ("a film frame", "a film still", "a cinematic frame", "a photoreal frame"),
    },
    "stage": {
        "S1": ("a sketch", "a hand-drawn sketch", "a drawing", "stage S1"),
        "S2": ("a reference picture", "a reference", "stage S2"),
        "S3": ("a sculpt", "a render of the sculpt", "a model without materials", "stage S3"),
        "S4": ("a frame", "a generated picture", "a rendered scene", "stage S4"),
    },
    "domain": {
        "figures": ("a figure", "a person", "a character in costume"),
        "hardware": ("a machine", "hardware", "a vehicle", "an engine or vehicle"),
        "environments": ("a place", "an environment", "a setting"),
        "structures": ("a structure", "a monument", "a building"),
    },
    "subject": {
        "seam-keeper": ("a horned keeper with a needle", "a priest with great horns and a mask"),
        "recon-pilot": ("a pilot in a long coat", "a scout with a helmet and breathing mask"),
        "dry-dock-rigger": ("a dock hand with a pike pole", "a worker with hooks and a pole"),
        "lantern-acolyte": ("an acolyte with a lantern staff", "a monk holding up a lantern"),
        "ring-freighter": (
            "a ring ship",
            "a spaceship with a big wheel",
            "a freighter with a ring",
        ),
        "coalition-cutter": ("a warship with two masts", "a narrow ship with a ram bow", "a ship"),
        "walker": ("a four-legged walker", "a walking machine on four legs", "a spider machine"),
        "breathing-engine": ("a bellows machine in a cage of ribs", "a ribbed engine with bellows"),
        "seawall-gate": ("a sea gate with buttresses", "a gate above a drained dock"),
        "subterranean-citadel": ("leaning tiers under ribs of rock", "a tiered cave citadel"),
        "spiked-citadel": (
            "a fortress of spikes",
            "a citadel of many needles",
            "a castle of spires",
        ),
        "silver-corridor": ("a corridor with ribs and rivets", "a tunnel toward a sphere"),
        "abyssal-dunes": ("a wreck in the dunes", "dunes with the ribs of a wreck", "dunes"),
        "fluted-spire": ("a spire with lesser spires around it", "a twisted needle with collars"),
        "arch": ("a pointed arch", "a lone gothic arch", "an archway with a spine"),
        "reliquary-tower": ("a tower of lanterns", "a tower of stacked octagons", "a tall tower"),
        "branching-gate": ("a gate of branches", "a tree that becomes a gate", "crossed trunks"),
    },
    "environment": {
        "dry-dock-canal": ("by the canal", "at the dry-dock canal", "between dock walls"),
        "night-city": ("in the night city", "in a city of towers by night", "in the city"),
        "dunes-under-snow": ("in the snow dunes", "on dunes under snow", "in the snow desert"),
        "subterranean-nave": ("in the nave", "in an underground church", "in the cavern"),
        "storm-at-the-seawall": ("in the storm", "by the seawall in a gale", "before the sea"),
        "ash-plain": ("on the ash plain", "in the ash", "on the grey plain"),
        "torch-lit-interior": ("in the hall", "indoors", "in a torch-lit hall"),
    },
    "material": {
        "bone": ("of bone", "in pale bone", "ivory"),
        "wet-basalt": ("of black basalt", "of wet stone", "of dark stone", "basalt"),
        "cast-iron": ("of iron", "of dark iron", "iron"),
        "tarnished-silver": ("of silver", "of old silver", "silver"),
        "oxidised-bronze": ("of bronze", "of green bronze", "bronze with verdigris"),
        "waxed-canvas": ("of canvas", "of dark cloth", "canvas"),
        "frost": ("of frost", "of ice", "white with frost", "frozen"),
    },
    "light": {
        "torchlight": ("by torchlight", "in amber torchlight", "in firelight"),
        "searchlight": ("in a searchlight", "under a searchlight", "in a cold beam"),
        "moon-through-snow": ("by moonlight", "in moonlight and snow", "under the moon"),
        "overcast": ("under an overcast sky", "in flat grey light", "on an overcast day"),
        "sphere-glow": ("in the glow of a sphere", "before a glowing sphere"),
    },
    "shot": {
        "wide": ("wide shot", "from afar", "small in the frame"),
        "full": ("full shot", "in full"),
        "profile": ("in profile", "from the side", "side view"),
        "low-angle": ("low angle", "from below", "from a low camera"),
        "turntable": ("turntable", "on a plain grey ground"),
    },
}


@cache
def wordings() -> MappingProxyType[tuple[str, str], tuple[Wording, ...]]:
    """Every wording by facet and term."""
    vocabulary = load(repository_folder())
    table: dict[tuple[str, str], tuple[Wording, ...]] = {}
    for facet, terms in TERMS.items():
        for term in terms:
            found: dict[str, Wording] = {}
            for phrase in _phrases(vocabulary, facet, term):
                text = canonical(phrase)
                more = SAYS_MORE.get(text, {})
                if more is not None and text:
                    asserts = MappingProxyType({**more, facet: term})
                    found.setdefault(text, Wording(text, facet, asserts))
            table[facet, term] = tuple(found.values())
    return MappingProxyType(table)


def _phrases(vocabulary: Vocabulary, facet: str, term: str) -> Iterator[str]:
    yield from _MORE.get(facet, {}).get(term, ())
    if facet in FACETS:
        entry = vocabulary.facet(FACETS[facet]).term(term)
        yield entry.name
        yield from entry.synonyms
        yield from entry.prompts
    if facet == "subject":
        yield SUBJECTS[term].title
        yield from SUBJECTS[term].identity_marks
