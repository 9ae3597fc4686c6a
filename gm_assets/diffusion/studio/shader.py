"""The shader of the studio profile: SDXL, ControlNet-Union and IP-Adapter.

Every frame begins from the noise of the same seed, drawn on the CPU, so that it does not depend
on the frames before it nor on the device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gm_assets.diffusion.checking import check_guide, check_settings
from gm_assets.diffusion.determinism import described, repeatable
from gm_assets.diffusion.profiles import ShaderSpec
from gm_assets.diffusion.protocol import Guide, Picture, Reading, Settings, Shaded, Words
from gm_assets.diffusion.studio.controls import MODES, Control, controls
from gm_assets.diffusion.studio.loading import (
    NO_ROOM,
    Place,
    add_identity,
    load_pipeline,
    out_of_memory,
    remove_identity,
    require_room,
)
from gm_assets.errors import GmError, ModelError

#: Shortest and longest side of a frame in pixels. SDXL was trained around 1024.
LEAST, MOST = 64, 4096
#: Of the sampler, where neither settings nor the profile name any.
STEPS, GUIDANCE = 30, 5.0


class UnionShader:
    """A pipeline of the SDXL family on a leash. Make one with `open`; not for several threads.

    Attributes:
        spec: the entry of a profile that it was opened from.
        fingerprint: over the files of its parts, 64 hexadecimal digits.
        obeys: the maps that it takes.
    """

    obeys: tuple[str, ...] = tuple(MODES)

    def __init__(
        self,
        spec: ShaderSpec,
        fingerprint: str,
        folders: Mapping[str, Path],
        place: Place,
        pipeline: Any,
    ) -> None:
        self.spec = spec
        self.fingerprint = fingerprint
        self._folders = dict(folders)
        self._place = place
        self._pipeline = pipeline
        self._with_identity = False

    @classmethod
    def open(
        cls,
        spec: ShaderSpec,
        folders: Mapping[str, Path],
        fingerprint: str,
        *,
        threads: int | None = 1,
    ) -> UnionShader:
        """Load the parts from folders whose files were compared with their seals.

        Raises:
            ModelError: not loadable, or larger than the memory of this machine.
        """
        import torch

        if threads is not None and torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        place = Place.of(spec)
        return cls(spec, fingerprint, folders, place, load_pipeline(spec, folders, place))

    def reading(self, words: Words) -> Reading:
        """Free text is read as it is, up to the length of the text encoder; the rest is not."""
        prompt, cut = self._read(words.prompt)
        negative, more = self._read(words.negative)
        understood = {"prompt": prompt} | ({"negative": negative} if negative else {})
        return Reading(understood, (*cut, *more))

    def _read(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The part of a text that fits, and the words that do not."""
        words, tokenizer = text.split(), self._pipeline.tokenizer

        def fits(count: int) -> bool:
            ids = tokenizer(" ".join(words[:count]), truncation=False, verbose=False).input_ids
            return len(ids) <= int(tokenizer.model_max_length)

        if fits(len(words)):
            return " ".join(words), ()
        low, high = 0, len(words)  # `low` words fit, `high` do not
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return " ".join(words[:low]), tuple(words[low:])

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

        Args:
            identity: (h, w, 3) uint8, a picture whose subject the frames should keep.
            progress: called with steps done and steps in all.

        Raises:
            GmError: settings or a guide cannot be followed; asked before the first frame.
            ModelError: the memory does not suffice, or the model gives what is no picture.
        """
        side = 2 ** (len(self._pipeline.vae.config.block_out_channels) - 1)
        check_settings(settings, multiple=side, least=LEAST, most=MOST)
        _check_identity(identity)
        for guide in guides:
            check_guide(guide, settings, self.obeys)
        scribble = self.spec.lines == "scribble"
        chosen = [controls(guide, settings.weights, scribble=scribble) for guide in guides]
        for guide, pictures in zip(guides, chosen, strict=True):
            if not pictures:
                raise GmError(
                    "the weights of all its passes are 0: nothing would be obeyed",
                    where=f"view {guide.view}",
                    remedy="Give at least one pass a weight above 0",
                )
        return self._frames(
            words, settings, list(zip(guides, chosen, strict=True)), identity, progress
        )

    def _frames(
        self,
        words: Words,
        settings: Settings,
        views: Sequence[tuple[Guide, tuple[Control, ...]]],
        identity: Picture | None,
        progress: Callable[[int, int], None] | None,
    ) -> Iterator[Shaded]:
        read = self.reading(words)
        steps = settings.steps or self.spec.steps or STEPS
        for number, (guide, pictures) in enumerate(views):

            def told(step: int, number: int = number) -> None:
                if progress is not None:
                    progress(number * steps + step, len(views) * steps)

            require_room(self.spec, self._place, settings.width, settings.height)
            self._follow(identity is not None)  # another call may have come between two frames
            picture = self._picture(read, settings, steps, pictures, identity, told)
            yield Shaded(
                guide.view, picture, self._recipe(read, settings, steps, pictures, identity)
            )

    def _follow(self, identity: bool) -> None:
        """Have IP-Adapter in the pipeline or not; while it is in, every call needs a picture."""
        if identity and not self._with_identity:
            try:
                add_identity(self._pipeline, self.spec, self._folders["identity"], self._place)
            except ModelError:  # half of it may be in: the next frame needs a whole pipeline
                self._pipeline = None
                self._pipeline = load_pipeline(self.spec, self._folders, self._place)
                raise
        elif self._with_identity and not identity:
            remove_identity(self._pipeline, self._place)
        self._with_identity = identity

    def _guidance(self, settings: Settings) -> float:
        wanted = settings.guidance if settings.guidance is not None else self.spec.guidance
        return GUIDANCE if wanted is None else float(wanted)

    def _picture(
        self,
        read: Reading,
        settings: Settings,
        steps: int,
        pictures: Sequence[Control],
        identity: Picture | None,
        told: Callable[[int], None],
    ) -> Picture:
        import torch
        from PIL import Image

        def step_done(_: Any, step: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
            told(step + 1)
            return values

        asked: dict[str, Any] = {
            "prompt": read.understood["prompt"],
            "negative_prompt": read.understood.get("negative", ""),
            "control_image": [Image.fromarray(control.picture) for control in pictures],
            "control_mode": [control.mode for control in pictures],
            "controlnet_conditioning_scale": [control.weight for control in pictures],
            "width": settings.width,
            "height": settings.height,
            "num_inference_steps": steps,
            "guidance_scale": self._guidance(settings),
            "generator": torch.Generator("cpu").manual_seed(settings.seed),
            "output_type": "np",
            "callback_on_step_end": step_done,
        }
        if identity is not None:
            asked["ip_adapter_image"] = Image.fromarray(identity)
        try:
            with repeatable(self._place.device):
                values = self._pipeline(**asked).images[0]
        except Exception as error:
            if out_of_memory(error):
                raise ModelError(
                    f"not enough memory for a frame of {settings.width} x {settings.height}",
                    where=self.spec.name,
                    remedy=NO_ROOM,
                ) from None
            raise
        if not np.isfinite(values).all():
            raise ModelError(
                f"the model gave no picture but NaN in {self._place.dtype}",
                where=self.spec.name,
                remedy="Set `dtype` in gm_assets/diffusion/profiles.toml to `bfloat16`",
            )
        picture: Picture = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
        return picture

    def _recipe(
        self,
        read: Reading,
        settings: Settings,
        steps: int,
        pictures: Sequence[Control],
        identity: Picture | None,
    ) -> dict[str, Any]:
        import diffusers
        import transformers

        scheduler = self._pipeline.scheduler
        config = {k: v for k, v in dict(scheduler.config).items() if not k.startswith("_")}
        recipe: dict[str, Any] = {
            "pipeline": type(self._pipeline).__name__,
            "scheduler": {"class": type(scheduler).__name__, "config": config},
            "steps": steps,
            "guidance": self._guidance(settings),
            "seed": settings.seed,
            "noise": "torch.Generator of the CPU, the same for every view",
            "width": settings.width,
            "height": settings.height,
            "understood": dict(read.understood),
            "passes": {control.map: control.weight for control in pictures},
            "control_modes": {control.map: control.mode for control in pictures},
            "determinism": described(self._place.device, self._place.dtype)
            | {"diffusers": diffusers.__version__, "transformers": transformers.__version__},
        }
        if identity is not None:
            digest = hashlib.sha256(np.ascontiguousarray(identity).tobytes()).hexdigest()
            recipe["identity"] = {"rgb8_sha256": digest, "scale": self.spec.identity_scale}
        return recipe


def _check_identity(identity: Picture | None) -> None:
    if identity is None:
        return
    if (
        identity.ndim != 3
        or identity.shape[2] != 3
        or identity.dtype != np.uint8
        or not identity.size
    ):
        raise GmError(
            f"the identity is no picture: {identity.dtype} of the shape {identity.shape}",
            remedy="Give 8-bit RGB samples, height x width x 3",
        )
