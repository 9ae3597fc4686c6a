"""The words of a project: facets of terms in YAML files, with versions by content.

`docs/vocabulary.md` has the format. What a term scores on a picture is the matter of
`gm_assets.labelling`.
"""

from __future__ import annotations

from gm_assets.vocabulary.differences import Change, Changes, diff, diff_versions
from gm_assets.vocabulary.editing import add
from gm_assets.vocabulary.folders import folder_for, repository_folder
from gm_assets.vocabulary.history import at_revision
from gm_assets.vocabulary.loading import load, parse
from gm_assets.vocabulary.terms import Facet, Term, Vocabulary

__all__ = [
    "Change",
    "Changes",
    "Facet",
    "Term",
    "Vocabulary",
    "add",
    "at_revision",
    "diff",
    "diff_versions",
    "folder_for",
    "load",
    "parse",
    "repository_folder",
]
