"""The table of shaders: every profile runs one, and asking for another is a clear error."""

from __future__ import annotations

import pickle
import re

import pytest

from gm_assets.diffusion import named_shader, shader_spec
from gm_assets.diffusion.profiles import folder_shader, profiles_of, shaders
from gm_assets.errors import ModelError
from gm_assets.settings import PROFILES


@pytest.mark.parametrize("profile", [profile for profile in PROFILES if profile != "none"])
def test_every_profile_runs_a_shader(profile: str) -> None:
    spec = shader_spec(profile)
    assert spec is not None and profiles_of(spec.name) == (profile,)
    assert spec == named_shader(spec.name) == pickle.loads(pickle.dumps(spec))
    assert spec in shaders() and hash(spec)


def test_the_profile_none_runs_no_shader() -> None:
    assert shader_spec("none") is None


def test_what_is_not_in_the_table_is_refused_with_what_is() -> None:
    with pytest.raises(ModelError, match="Profiles are embedded, studio, none"):
        shader_spec("gpu")
    with pytest.raises(ModelError, match="Shaders are leash, sdxl-union"):
        named_shader("flux")


def test_parts_of_the_hub_take_safetensors_by_name_and_pinned_commits_are_commits() -> None:
    for spec in shaders():
        for part in spec.parts:
            assert (part.kind == "repository") == bool(part.files)
            assert any(name.endswith(".safetensors") for name in part.files) or not part.files
            assert part.revision is None or re.fullmatch("[0-9a-f]{40}", part.revision)
            assert part.name == spec.name and part.licence != "not stated"


def test_a_folder_outside_the_table_runs_as_the_embedded_shader() -> None:
    spec = folder_shader("/models/mine")
    assert (spec.kind, spec.name, spec.part("pipeline").source) == (
        "embedded",
        "mine",
        "/models/mine",
    )
    with pytest.raises(KeyError):
        spec.part("controlnet")
