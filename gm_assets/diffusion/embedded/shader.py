"""The shader of the embedded profile: our own small pipeline, on the CPU, offline.

It knows the procedural world of Gothic Mechanica and little else: seven environments, five
lights, seven materials. Geometry it takes from any sculpt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.diffusion.checking import check_guide, check_settings
from gm_assets.diffusion.determinism import described, repeatable
from gm_assets.diffusion.embedded.features import CHANNELS_OF, features, scaled
from gm_assets.diffusion.embedded.lexicon import Lexicon
from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.diffusion.protocol import Guide, Picture, Reading, Settings, Shaded, Words
from gm_assets.errors import GmError, ModelError

#: Shortest and longest side of a frame in pixels. Training showed about 512.
LEAST, MOST = 128, 2048
#: Sides that the networks can fold and halve.
_FOLD = 16
#: Steps of the base network where settings name none, and of the detail network.
STEPS, DETAIL_STEPS = 5, 8
GUIDANCE = 2.0
#: Noise put on the base frame, so that bodies are drawn by the guide rather than by its blotches.
BLUR = 0.5
#: Cells of the base frame, a side, over which the tint of the frame is held to it, living bodies
#: left out.
TINT = 2
_REQUIRED = ("depth", "normal", "silhouette")


class EmbeddedShader:
    """Our pipeline on a leash. Make one with `open`; not for several threads.

    Attributes:
        spec: the entry of a profile that it was opened from.
        fingerprint: over the files of the model folder, 64 hexadecimal digits.
        obeys: the maps that it takes.
    """

    obeys: tuple[str, ...] = tuple(CHANNELS_OF)

    def __init__(self, spec: ShaderSpec, fingerprint: str, lexicon: Lexicon, pipeline: Any) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._lexicon = lexicon
        self._pipeline = pipeline

    @classmethod
    def open(
        cls, spec: ShaderSpec, folder: Path, fingerprint: str, *, threads: int | None = 1
    ) -> EmbeddedShader:
        """Load a folder whose files were compared with their seal.

        Raises:
            ModelError: it cannot be loaded.
        """
        import torch
        from diffusers.utils import logging

        from gm_assets.diffusion.embedded.pipeline import LeashPipeline

        if threads is not None and torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        logging.disable_progress_bar()
        try:
            lexicon = Lexicon.read(folder)
            pipeline = LeashPipeline.from_pretrained(
                str(folder),
                dtype=torch.float32,
                local_files_only=True,
                use_safetensors=True,
                low_cpu_mem_usage=False,
            )
        except Exception as error:  # diffusers raises as it likes
            raise ModelError(
                f"the model cannot be loaded ({error})",
                where=folder,
                remedy="`gm models verify` compares its files; install it again",
            ) from error
        return cls(spec, fingerprint, lexicon, pipeline)

    def reading(self, words: Words) -> Reading:
        """The terms that a prompt names, and the words that mean nothing to this model."""
        told, refused = self._lexicon.reading(words.prompt), self._lexicon.reading(words.negative)
        negative = {f"not {facet}": term for facet, term in refused.understood.items()}
        return Reading({**told.understood, **negative}, (*told.unknown, *refused.unknown))

    def shade(
        self,
        words: Words,
        settings: Settings,
        guides: Sequence[Guide],
        *,
        identity: Picture | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Iterator[Shaded]:
        """One frame for every guide, in their order, each as soon as it is done.

        Raises:
            GmError: settings or a guide cannot be followed; asked before the first frame.
            ModelError: the memory does not suffice.
        """
        if identity is not None:
            raise GmError(
                "the embedded model takes no picture of the subject",
                remedy="Leave the identity out, or use the profile studio",
            )
        check_settings(settings, multiple=8, least=LEAST, most=MOST)
        for guide in guides:
            check_guide(guide, settings, self.obeys, _REQUIRED)
            if guide.camera is None:
                raise GmError(
                    "the embedded model needs the camera of a view",
                    where=f"view {guide.view}",
                    remedy="Make the passes with `gm passes`, which records it",
                )
            if not (guide.map("silhouette") & np.isfinite(guide.map("depth"))).any():
                raise GmError(
                    "no camera sees the subject: silhouette and depth share no pixel",
                    where=f"view {guide.view}",
                    remedy="Choose another view, or look at the mesh with `gm passes`",
                )
        return self._frames(words, settings, guides, progress)

    def _frames(
        self,
        words: Words,
        settings: Settings,
        guides: Sequence[Guide],
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Shaded]:
        steps = settings.steps or STEPS
        each = steps + DETAIL_STEPS
        for number, guide in enumerate(guides):

            def report(done: int, _: int, number: int = number) -> None:
                if progress is not None:
                    progress(number * each + done, len(guides) * each)

            yield self._frame(words, settings, guide, steps, report)

    def _frame(
        self,
        words: Words,
        settings: Settings,
        guide: Guide,
        steps: int,
        report: Callable[[int, int], None],
    ) -> Shaded:
        import torch

        told = self._lexicon.reading(words.prompt).understood
        refused = self._lexicon.reading(words.negative).understood
        guidance = GUIDANCE if settings.guidance is None else settings.guidance
        values = scaled(features(guide, told.get("material")), settings.weights)
        down, right = (-side % _FOLD for side in (settings.height, settings.width))
        values = np.pad(values, ((0, 0), (0, down), (0, right)), mode="edge")
        try:
            with repeatable("cpu"):
                picture = self._pipeline(
                    values,
                    self._lexicon.codes(told),
                    self._lexicon.codes(refused),
                    generator=torch.Generator("cpu").manual_seed(settings.seed),
                    steps=steps,
                    detail_steps=DETAIL_STEPS,
                    guidance=guidance,
                    blur=BLUR,
                    tint=TINT,
                    progress=report,
                )
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, MemoryError) or "alloc" in str(error).lower():
                raise ModelError(
                    f"the memory does not suffice for {settings.width} x {settings.height}",
                    where=f"view {guide.view}",
                    remedy="Make a smaller frame",
                ) from error
            raise
        recipe = self._recipe(told, refused, settings, guide, steps, guidance)
        return Shaded(guide.view, picture[: settings.height, : settings.width].copy(), recipe)

    def _recipe(
        self,
        told: Mapping[str, str],
        refused: Mapping[str, str],
        settings: Settings,
        guide: Guide,
        steps: int,
        guidance: float,
    ) -> dict[str, Any]:
        return {
            "method": "diffusion from noise in two stages; no render enters",
            "scheduler": type(self._pipeline.scheduler).__name__,
            "steps": steps,
            "detail_steps": DETAIL_STEPS,
            "guidance": guidance,
            "blur": BLUR,
            "tint": TINT,
            "seed": settings.seed,
            "width": settings.width,
            "height": settings.height,
            "understood": dict(told),
            "refused": dict(refused),
            "passes": {
                name: settings.weights.get(name, 1.0) for name in self.obeys if name in guide.maps
            },
            "determinism": described("cpu", "float32"),
        }
