"""The vocabulary as it lies in its folder now, facet by facet.

One file that cannot be read keeps its own facet as it was, and no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gm_assets.errors import InvalidVocabulary, Problem

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.vocabulary import Facet


@dataclass(frozen=True)
class Words:
    """What a look into the folder found.

    Attributes:
        folder: of the vocabulary in force for the library.
        facets: by id, those that are sound.
        problems: of the others, each with file, line and remedy.
        broken: ids of facets whose files are there and not sound.
    """

    folder: Path
    facets: Mapping[str, Facet]
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()

    @property
    def versions(self) -> dict[str, str]:
        """Facet to version."""
        return {id: facet.version for id, facet in self.facets.items()}

    @property
    def trouble(self) -> str:
        """Names the set of problems; empty where there is none."""
        if not self.problems:
            return ""
        return hashlib.sha256("\n".join(map(str, self.problems)).encode()).hexdigest()[:20]


def read_words(library: Library) -> Words:
    """Read the vocabulary in force for a library; what is wrong with it is in the answer."""
    from gm_assets.vocabulary import folder_for, parse
    from gm_assets.vocabulary.loading import MAX_FACETS
    from gm_assets.vocabulary.yaml_tree import MAX_BYTES

    folder = folder_for(library.root)
    paths = sorted(path for path in folder.glob("*.yaml") if not path.name.startswith("."))
    facets: dict[str, Facet] = {}
    problems: list[Problem] = []
    broken = set()
    if not paths:
        remedy = "Name a folder with facets such as subjects.yaml in GM_VOCAB"
        problems.append(Problem(str(folder), "there is no vocabulary here", remedy))
    if len(paths) > MAX_FACETS:
        what = f"more than {MAX_FACETS} facets; the others are not read"
        problems.append(Problem(str(folder), what, "Join some of them"))
    for path in paths[:MAX_FACETS]:
        try:
            with path.open("rb") as file:
                facets |= parse({path: file.read(MAX_BYTES + 1)}).facets
        except InvalidVocabulary as error:
            problems += error.problems
            broken.add(path.stem)
        except OSError as error:
            what = f"the file cannot be read ({error.strerror})"
            problems.append(Problem(str(path), what, "Make it readable for this user"))
            broken.add(path.stem)
    return Words(folder, facets, tuple(problems), frozenset(broken))
