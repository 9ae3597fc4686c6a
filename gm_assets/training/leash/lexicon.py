"""The words of Gothic Mechanica that the leash is taught: environments, lights, materials."""

from __future__ import annotations

from functools import cache

from gm_assets.diffusion.embedded.lexicon import Lexicon, lexicon_of
from gm_assets.training.facts import PAINTS
from gm_assets.vocabulary import load, repository_folder
from gm_assets.world.names import ENVIRONMENTS, LIGHTS

TERMS: dict[str, tuple[str, ...]] = {
    "environment": ENVIRONMENTS,
    "light": LIGHTS,
    "material": PAINTS,
}
_FACETS = {"environment": "environments", "light": "lights", "material": "materials"}
#: Further phrases: the short words that people use.
_MORE: tuple[tuple[str, str, str], ...] = (
    ("environment", "canal", "dry-dock-canal"),
    ("environment", "night city", "night-city"),
    ("environment", "city", "night-city"),
    ("environment", "dunes", "dunes-under-snow"),
    ("environment", "nave", "subterranean-nave"),
    ("environment", "underground", "subterranean-nave"),
    ("environment", "storm", "storm-at-the-seawall"),
    ("environment", "ash", "ash-plain"),
    ("environment", "interior", "torch-lit-interior"),
    ("light", "torch", "torchlight"),
    ("light", "torches", "torchlight"),
    ("light", "searchlights", "searchlight"),
    ("light", "moon", "moon-through-snow"),
    ("light", "moonlight", "moon-through-snow"),
    ("light", "grey light", "overcast"),
    ("light", "sphere", "sphere-glow"),
    ("material", "basalt", "wet-basalt"),
    ("material", "iron", "cast-iron"),
    ("material", "silver", "tarnished-silver"),
    ("material", "bronze", "oxidised-bronze"),
    ("material", "canvas", "waxed-canvas"),
    ("material", "ice", "frost"),
)


@cache
def world_lexicon() -> Lexicon:
    """The lexicon of the demo world, from its vocabulary."""
    vocabulary = load(repository_folder())
    phrases = list(_MORE)
    for facet, terms in TERMS.items():
        known = {term.id: term for term in vocabulary.facets[_FACETS[facet]].terms}
        for term in terms:
            entry = known[term]
            phrases += [(facet, term, term)]
            phrases += [(facet, text, term) for text in (entry.name, *entry.synonyms)]
    subjects = vocabulary.facets["subjects"].terms
    domain = [text for term in subjects for text in (term.id, term.name, *term.synonyms)]
    return lexicon_of(TERMS, phrases, ("gothic mechanica", *domain))
