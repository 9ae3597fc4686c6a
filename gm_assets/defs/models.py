"""The active encoder as definitions ask for it: there, or the reason why not.

A run that a person asked for fails with that reason. What Dagster starts by itself leaves
the work alone and says so in its log: without a model nothing that worked before may fail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from gm_assets.errors import GmError, ModelError

if TYPE_CHECKING:
    from gm_assets.encoding import EncoderSpec
    from gm_assets.library import Library

#: Dagster's mark of a run that an automation condition asked for.
_AUTOMATIC = "dagster/from_automation_condition"


def no_encoder(library: Library) -> GmError | None:
    """What keeps the active encoder from being opened; None where nothing does.

    Nothing is loaded.
    """
    from gm_assets.encoding import obstacle

    try:
        return obstacle(library.active_encoder())
    except GmError as error:
        return error


def active_encoder(library: Library) -> EncoderSpec:
    """The active encoder, which can be opened.

    Raises:
        MissingExtra: the packages that run models are not installed.
        ModelError: vectors are switched off, or the model is not there or damaged.
    """
    if (error := no_encoder(library)) is not None:
        raise error
    return library.active_encoder()


def not_ready(library: Library) -> GmError | None:
    """What keeps labels from being made: no encoder, or a new one whose vectors are not there.

    Labelling with a model that has seen few of the pictures would take away the labels of the
    one before. It counts as rolled out once it has half as many vectors as any other.
    """
    error = no_encoder(library)
    if error is not None:
        return error
    from gm_assets.encoding import active_fingerprint

    spec, store = active_encoder(library), library.vectors
    model = active_fingerprint(spec)
    try:
        count = store.count(model)
        most = max((store.count(other) for other in store.models()), default=0)
    except GmError as error:
        return error
    if 2 * count >= most:
        return None
    return ModelError(
        f"the active model {spec.name} has {count:,} vectors here, another one {most:,}",
        where=library.root,
        remedy="Run the job embed_corpus over all shards, or gm embed",
    )


def left_alone(
    context: dg.AssetExecutionContext, library: Library, *, needs_vectors: bool = False
) -> bool:
    """Whether an automatic run has nothing to do here, for want of an encoder or its vectors."""
    if not automatic(context):
        return False
    error = not_ready(library) if needs_vectors else no_encoder(library)
    if error is not None:
        context.log.warning(f"Left alone: {error}")
    return error is not None


def automatic(context: dg.AssetExecutionContext) -> bool:
    """Whether an automation condition asked for this run, and not a person."""
    return context.run.tags.get(_AUTOMATIC) == "true"
