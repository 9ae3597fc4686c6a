"""The model card: what `training.json` holds, in words.

Every figure comes from the file, and none is written by hand.
"""

from __future__ import annotations

from typing import Any

from gm_assets.training.plan import Phase

_STAGES = {
    "S1": "S1, pencil studies and elevations",
    "S2": "S2, washes and prints",
    "S3": "S3, clay, turntable, normals, depth, silhouettes",
    "S4": "S4, frames",
    "all": "all stages together",
}
_FACETS = ("subject", "environment", "material", "light", "shot", "look")
#: Facets that a stage does not show, and are left blank.
_NOT_APPLICABLE = "n/a"


def card(facts: dict[str, Any]) -> str:
    """The text of `README.md` for a model with this `training.json`."""
    return "\n".join(
        (
            *_head(facts),
            "## Held-out figures",
            "",
            *_method(facts),
            *_zero_shot(facts["metrics"]["zero_shot"]),
            "",
            *_recall(facts["metrics"]["retrieval"]),
            "",
            *_unseen(facts),
            "",
            *_demo(facts["demo"]),
            "",
            *_training(facts),
            "",
            *_limits(),
            "",
        )
    )


def _head(facts: dict[str, Any]) -> list[str]:
    shape = facts["shape"]
    return [
        "---",
        "license: apache-2.0",
        "library_name: transformers",
        "tags: [image-text, dual-encoder, procedural]",
        "---",
        "",
        "# The embedded encoder of gm_assets",
        "",
        (
            "An image-text dual encoder for the procedural world *Gothic Mechanica*. It knows that "
            "world and little else: pictures of other things get vectors too, but those mean "
            "nothing, and words that are not in `words.txt` carry no meaning for it."
        ),
        "",
        "| | |",
        "| --- | --- |",
        "| class | `VisionTextDualEncoderModel` (ConvNeXt and a CLIP text transformer) |",
        f"| parameters | {facts['parameters']:,} |",
        f"| vector | {shape['dimension']} numbers, compared by cosine |",
        (
            f"| picture | squeezed into {shape['image_size']} x {shape['image_size']} pixels "
            "(bicubic), values -1 to 1 |"
        ),
        f"| text | lower case, no punctuation, {shape['text_length']} tokens, WordPiece |",
        "| licence | Apache-2.0; no photograph, scan or other model took part |",
        "",
    ]


def _method(facts: dict[str, Any]) -> list[str]:
    pictures = facts["pictures"]["heldout"]
    counts = ", ".join(f"{count} {stage}" for stage, count in pictures.items())
    return [
        (
            f"Measured on {sum(pictures.values()):,} held-out pictures ({counts}) through "
            "`gm_assets.encoding`, from the vectors in `heldout.parquet`. Of S4 and S2 prints no "
            "picture shows a triple of subject, environment and material that occurs in training; "
            "of S1 and S3 all are of sculpts with other seeds, and half are seen from a 26 degree "
            "sector that no trained view shows."
        ),
        "",
        (
            "Zero-shot: the term whose text vector (the mean of its wordings) has the highest "
            f"cosine. `{_NOT_APPLICABLE}`: the stage does not show it, or fewer than 20 do. "
            "In brackets the accuracy of guessing. A frame states a material only where it would "
            f"look noticeably different if its subject were made of another{_stated(facts)}."
        ),
        "",
    ]


def _stated(facts: dict[str, Any]) -> str:
    """In how many of the held-out frames."""
    found = facts["metrics"]["zero_shot"].get("S4", {}).get("material")
    return f": in {found['pictures']} of {facts['pictures']['heldout']['S4']}" if found else ""


def _zero_shot(metrics: dict[str, Any]) -> list[str]:
    lines = [
        f"| zero-shot accuracy | {' | '.join(_FACETS)} |",
        f"| --- |{' --- |' * len(_FACETS)}",
    ]
    for stage, facets in metrics.items():
        cells = []
        for facet in _FACETS:
            one = facets.get(facet)
            cells.append(f"{one['value']:.3f} ({one['chance']:.2f})" if one else _NOT_APPLICABLE)
        lines.append(f"| {_STAGES[stage]} | {' | '.join(cells)} |")
    return lines


def _recall(retrieval: dict[str, Any]) -> list[str]:
    lines = [
        (
            "Text to picture: the full caption of every picture of a gallery is a query; a hit "
            "is a picture of which all of the caption is true. `right` is the mean number of such "
            "pictures in the gallery: drawings and clay have few facts, so several share a caption."
        ),
        "",
        "| gallery | pictures | right | recall@1 | recall@5 |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {_STAGES[stage]} | {one['gallery']} | {one['right']:.1f} | {one['at_1']:.3f} | "
        f"{one['at_5']:.3f} |"
        for stage, one in retrieval.items()
    ]
    return lines


def _unseen(facts: dict[str, Any]) -> list[str]:
    count = sum(facts["pictures"]["reference"].values())
    return [
        "### Unseen pictures of compositions that training has",
        "",
        (
            f"The {count:,} pictures of the reference: other seeds and cameras, compositions as in "
            "training. What is lower above is lost to the composition alone."
        ),
        "",
        *_zero_shot(facts["reference"]["zero_shot"]),
    ]


def _demo(demo: dict[str, Any]) -> list[str]:
    facets = ("subject", "environment", "light", "look")
    lines = [
        "## The demo library's own pictures",
        "",
        (
            "At their real size; their seeds, cameras and settings occur in no training picture. "
            "Few pictures: one more or less moves a figure by several hundredths."
        ),
        "",
        f"| zero-shot accuracy | pictures | {' | '.join(facets)} |",
        f"| --- | --- |{' --- |' * len(facets)}",
    ]
    for stage, found in demo.items():
        cells = [
            f"{found[facet]['value']:.3f} of {found[facet]['pictures']}"
            if facet in found
            else _NOT_APPLICABLE
            for facet in facets
        ]
        lines.append(f"| {_STAGES[stage]} | {found['pictures']} | {' | '.join(cells)} |")
    return lines


def _training(facts: dict[str, Any]) -> list[str]:
    plan, versions = facts["plan"], facts["versions"]
    pictures = facts["pictures"]["training"]
    counts = ", ".join(f"{count:,} {stage}" for stage, count in pictures.items())
    phases = ", then ".join(_phase(phase) for phase in plan["phases"])
    return [
        "## Training",
        "",
        (
            "`gm train encoder` makes the pictures, trains, measures and writes this folder; "
            "`docs/encoder.md` of gm_assets has the account."
        ),
        "",
        (
            f"- {sum(pictures.values()):,} pictures rendered by program ({counts}; "
            f"{facts['pictures']['takes']:,} of them frames that the leash was trained on too), "
            f"{facts['samples']:,} seen with changes of framing, tone and focus"
        ),
        (
            f"- seed {plan['seed']}; {phases}; AdamW, highest rate {plan['rate']}, warm-up and "
            f"half a cosine; the moving average of the weights ({plan['average']}) is kept"
        ),
        (
            f"- {facts['cpu_seconds'] / 60:.0f} minutes of one CPU thread for the steps, without "
            "rendering"
        ),
        (
            f"- gm_assets {versions['gm_assets']}, torch {versions['torch']}, transformers "
            f"{versions['transformers']}, Python {versions['python']}, {versions['machine']}"
        ),
        "",
        "![Held-out figures over the run](curve.png)",
        "",
        (
            "The curve is measured on at most 900 of the held-out pictures; with smaller "
            "galleries, its recall is higher than above."
        ),
        "",
        (
            "`training.json` holds all of this as data, `log.jsonl` the run, `reference.parquet` "
            "vectors of pictures that were neither trained on nor held out, for percentiles."
        ),
    ]


def _phase(phase: dict[str, Any]) -> str:
    rounds = f" from {phase['rounds']} rounds" if phase["rounds"] else ""
    changes = f", changed {phase['changes']} times as much" if phase["changes"] != 1 else ""
    if phase["fair"]:
        changes += ", held-out compositions not counted as wrong"
    if phase["takes"]:
        changes += ", with the leash's frames"
    if phase["frames"] != Phase.frames:
        changes += f", {phase['frames']:.0%} of a batch frames"
    if shape := phase["shape"]:
        changes += (
            f", in a network of {shape['image_size']} pixels in squares of {shape['patch']}, with "
            f"{', '.join(map(str, shape['depths']))} blocks"
        )
    if phase["half"]:
        changes += ", in bfloat16"
    if phase["restart"]:
        changes += f", the rate begun anew at {phase['restart']}"
    return (
        f"{phase['steps']:,} steps of {phase['batch']} pictures{rounds} at {phase['side']} "
        f"pixels{changes}"
    )


def _limits() -> list[str]:
    return [
        "## Limits",
        "",
        "- It was never shown a photograph, a person's drawing or anything outside the world.",
        "- It cannot count, read, or understand `no`, `without`, left and right.",
        (
            "- Dark materials of frames (basalt, iron, bronze, canvas) are told apart badly; light "
            "ones (bone, silver, frost) mostly well, and from dark ones."
        ),
        "- Small subjects in wide, foggy or snowed-in frames are told apart worst.",
        (
            "- The sculpts of one subject differ by seed in detail, not in design: another design "
            "of the same thing is another thing to this model."
        ),
    ]
