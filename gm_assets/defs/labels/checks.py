"""What is asked of the vocabulary and of the labels: check specs and their evaluation.

The specs are unpartitioned: each evaluation speaks of all facets and lists the offenders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.defs.labels.reading import Words
from gm_assets.defs.models import no_encoder
from gm_assets.defs.store import ROWS
from gm_assets.defs.tables import as_table
from gm_assets.errors import GmError
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library

VOCABULARY = dg.AssetKey("vocabulary")
LABELS = dg.AssetKey("labels")

VALID = "valid"
CURRENT = "current"
REFERENCE = "reference_fits"


def check_specs() -> list[dg.AssetCheckSpec]:
    """One check of the vocabulary, two of the labels."""
    return [
        dg.AssetCheckSpec(
            VALID,
            asset=VOCABULARY,
            description="Every file of the vocabulary can be read. A file with a fault keeps its "
            "facet and its labels as they were; `gm vocab check` lists all faults.",
        ),
        dg.AssetCheckSpec(
            CURRENT,
            asset=LABELS,
            description="Every facet is labelled with its present terms, by the active model, "
            "against the reference in force, on every picture that has a vector. Otherwise: "
            "the job relabel, or `gm label`.",
        ),
        dg.AssetCheckSpec(
            REFERENCE,
            asset=LABELS,
            description="Percentiles have a reference: one of the active model, with 2,000 "
            "pictures or more. Otherwise: `gm vocab reference`.",
        ),
    ]


def valid(library: Library, words: Words) -> dg.AssetCheckEvaluation:
    """Whether every file of the vocabulary can be read; problems with file and line."""
    problems = words.problems
    if problems:
        more = len(problems) - 1
        said = f"{problems[0]}" + (f" ({counted(more, 'more problem')})" if more else "")
    else:
        said = f"{counted(len(words.facets), 'facet')} in {words.folder}."
    return dg.AssetCheckEvaluation(
        asset_key=VOCABULARY,
        check_name=VALID,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description=said,
        metadata={"problems": problem_table(words)} if problems else {},
    )


def problem_table(words: Words) -> dg.TableMetadataValue:
    """The problems of a vocabulary, one a row."""
    rows = [(problem.where, problem.what, problem.remedy) for problem in words.problems[:ROWS]]
    return as_table(("where", "what", "what to do"), rows)


def current(library: Library, words: Words) -> dg.AssetCheckEvaluation:
    """Whether the labels are those of vocabulary, model, reference and vectors as they are."""
    if library.encoder_spec() is None:
        return _of_labels(CURRENT, True, "Not applicable: vectors are switched off.")
    try:
        if (error := no_encoder(library)) is not None:
            raise error
        behind = list(_behind(library, words))
    except GmError as error:
        return _of_labels(CURRENT, False, str(error))
    if not behind:
        said = f"{counted(len(words.facets), 'facet')} labelled as they are now."
        return _of_labels(CURRENT, True, said)
    table = as_table(("facet", "why"), behind[:ROWS])
    said = f"{behind[0][0]}: {behind[0][1]}"
    if len(behind) > 1:
        said = f"{counted(len(behind), 'facet')} behind. {said}"
    return _of_labels(CURRENT, False, f"{said}. Run the job relabel.", {"behind": table})


def _behind(library: Library, words: Words) -> Iterator[tuple[str, str]]:
    """Facets whose labels are not current, with the reason."""
    from gm_assets.encoding import active_fingerprint
    from gm_assets.labelling import states
    from gm_assets.stores.labels import FOLDER, LabelStore

    spec = library.encoder_spec()
    assert spec is not None
    model = active_fingerprint(spec)
    manifest = LabelStore(library.state / FOLDER).manifest()
    vectors = library.vectors.count(model)
    for state in states(library, words.facets.values(), model):
        labelled = sum(part.pictures for part in manifest.current(state.facet))
        if state.state != "current":
            yield state.facet, state.reason or state.state
        elif labelled != vectors:
            yield state.facet, f"{labelled:,} pictures labelled, {vectors:,} have a vector"
    for entry in manifest.facets:
        if entry.facet not in words.facets and entry.facet not in words.broken:
            yield entry.facet, "labelled, and no longer in the vocabulary"


def reference_fits(library: Library, words: Words) -> dg.AssetCheckEvaluation:
    """Whether there is a reference of the active model that is large enough."""
    if library.encoder_spec() is None:
        return _of_labels(REFERENCE, True, "Not applicable: vectors are switched off.")
    try:
        if (error := no_encoder(library)) is not None:
            raise error
        passed, said = _reference(library)
    except GmError as error:
        passed, said = False, str(error)
    return _of_labels(REFERENCE, passed, said)


def _reference(library: Library) -> tuple[bool, str]:
    from gm_assets.encoding import active_fingerprint
    from gm_assets.labelling import reference_for
    from gm_assets.labelling.reference import references_folder
    from gm_assets.labelling.scores import MINIMUM_PICTURES

    spec = library.encoder_spec()
    assert spec is not None
    found = reference_for(library, active_fingerprint(spec))
    if found is not None and found.size >= MINIMUM_PICTURES:
        return True, f"{found.name}: {counted(found.size, 'picture')} of the active model."
    remedy = "Make one with `gm vocab reference`, then run the job relabel."
    if found is not None:
        said = f"{found.name} has {counted(found.size, 'picture')} of {MINIMUM_PICTURES:,}"
        return False, f"{said}: percentiles are withheld. {remedy}"
    others = len(list(references_folder(library).glob("*.parquet")))
    stale = f" ({counted(others, 'reference')} of other models)" if others else ""
    return False, f"The active model has no reference{stale}: no percentiles. {remedy}"


def _of_labels(
    name: str,
    passed: bool,
    said: str,
    metadata: Mapping[str, dg.MetadataValue] | None = None,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=LABELS,
        check_name=name,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata=dict(metadata or {}),
    )


#: How each check is evaluated.
EVALUATIONS: Mapping[str, Callable[[Library, Words], dg.AssetCheckEvaluation]] = {
    VALID: valid,
    CURRENT: current,
    REFERENCE: reference_fits,
}
