"""`gm models`: the models that gm_assets knows, whether they are sound, and pulling one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from gm_assets.cli.options import JsonOption
from gm_assets.cli.output import note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from gm_assets.diffusion import ShaderSpec
    from gm_assets.encoding import EncoderSpec
    from gm_assets.encoding.pulling import Pulled
    from gm_assets.encoding.sealing import Origin
    from gm_assets.errors import GmError

#: Exit code of `gm models verify` where a model is damaged (docs/cli.md).
FINDINGS = 10

#: What a model is for: describing pictures, or making them on the leash of a sculpt.
Role: TypeAlias = Literal["encoder", "leash"]

NameArgument = Annotated[str, typer.Argument(help="As `gm models list` names it, or a profile.")]
RoleOption = Annotated[
    str | None, typer.Option("--role", help="Of a profile only its `encoder` or its `leash`.")
]


@dataclass(frozen=True)
class KnownModel:
    """A model of a profile: an encoder, or a shader with its parts."""

    role: Role
    spec: EncoderSpec | ShaderSpec

    @property
    def name(self) -> str:
        """As `gm models` calls it."""
        return self.spec.name

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Its folders and repositories, each with a seal of its own."""
        from gm_assets.encoding import EncoderSpec

        return (self.spec,) if isinstance(self.spec, EncoderSpec) else self.spec.parts

    def spelled(self, origin: Origin, file: str) -> str:
        """A file of it for people; those of several parts begin with the part's role."""
        role = getattr(origin, "role", None)
        return f"{role}/{file}" if role and len(self.origins) > 1 else file

    def state(self) -> tuple[GmError | None, str | None]:
        """What keeps it from being opened, and its fingerprint where nothing does."""
        from gm_assets import diffusion, encoding

        if isinstance(self.spec, encoding.EncoderSpec):
            error = encoding.obstacle(self.spec)
            return error, None if error else encoding.active_fingerprint(self.spec)
        error = diffusion.obstacle(self.spec)
        return error, None if error else diffusion.active_fingerprint(self.spec)


def register(app: typer.Typer) -> None:
    """Add this group of commands to `app`."""
    group = typer.Typer(no_args_is_help=True, help="The models that describe and make pictures.")
    group.command("list")(list_models)
    group.command()(verify)
    group.command()(pull)
    app.add_typer(group, name="models")


def list_models(as_json: JsonOption = False) -> None:
    """The models of all profiles, and which of them are here."""
    rows = [_described(model) for model in _known()]
    if as_json:
        print_json({"models": rows})
        return
    heads = ("model", "role", "profile", "state", "source", "runs on", "licence")
    keys = ("name", "role", "profile", "state", "source", "runtime", "licence")
    print_table(heads, ([row[key] for key in keys] for row in rows), styles={"ready": "green"})


def _known() -> Iterator[KnownModel]:
    from gm_assets.diffusion.profiles import shaders
    from gm_assets.encoding.profiles import encoders

    yield from (KnownModel("encoder", spec) for spec in encoders())
    yield from (KnownModel("leash", spec) for spec in shaders())


def _named(name: str, role: str | None = None) -> list[KnownModel]:
    """The model of that name, else those of the profile of that name.

    Raises:
        ModelError: there is none, or none with that role.
    """
    from gm_assets.errors import ModelError

    fitting = [model for model in _known() if role in (None, model.role)]
    found = [model for model in fitting if model.name == name]
    found = found or [model for model in fitting if name in _profiles(model)]
    if not found:
        known = ", ".join(f"{model.name} ({model.role})" for model in _known())
        raise ModelError(f"no model is called {name!r}", remedy=f"Models are {known}")
    return found


def _profiles(model: KnownModel) -> tuple[str, ...]:
    from gm_assets import diffusion, encoding

    of_role = encoding if model.role == "encoder" else diffusion
    return of_role.profiles.profiles_of(model.name)


def _described(model: KnownModel) -> dict[str, Any]:
    error, fingerprint = model.state()
    spec = model.spec
    runtime = getattr(spec, "runtime", None) or getattr(spec, "kind", None)
    return {
        "name": model.name,
        "role": model.role,
        "profile": ", ".join(_profiles(model)) or None,
        "state": "ready" if error is None else error.what,
        "source": ", ".join(origin.source for origin in model.origins),
        "runtime": f"{runtime}, {spec.dtype}, {spec.device}",
        "licence": spec.licence,
        "at_ingest": getattr(spec, "at_ingest", None),
        "fingerprint": fingerprint,
        "remedy": None if error is None else error.remedy,
    }


def verify(
    name: Annotated[
        str | None, typer.Argument(help="One model or profile; all that are here by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every file of the models with its seal; exit code 10 if one is not the sealed."""
    from gm_assets.encoding.sealing import damaged_files
    from gm_assets.errors import ModelError

    results: list[dict[str, Any]] = []
    for model in _named(name) if name else _known():
        try:
            damaged = [
                model.spelled(origin, file)
                for origin in model.origins
                for file in damaged_files(origin)
            ]
        except ModelError as error:
            if name:
                raise
            note(f"{model.name} ({model.role}): {error.what}")
            continue
        results.append(
            {"name": model.name, "role": model.role, "sound": not damaged, "damaged": damaged}
        )
    if as_json:
        print_json({"models": results})
    else:
        words = {True: "every file is the sealed one", False: "missing or changed"}
        print_table(
            ("model", "role", "", "files"),
            ((r["name"], r["role"], words[r["sound"]], ", ".join(r["damaged"])) for r in results),
            styles={words[True]: "green", words[False]: "red"},
        )
    if not all(result["sound"] for result in results):
        raise typer.Exit(FINDINGS)


def pull(name: NameArgument, role: RoleOption = None, as_json: JsonOption = False) -> None:
    """Download a model from the hub and pin it. The only command that uses the network."""
    models = _named(name, role)
    results = [
        {
            "name": model.name,
            "role": model.role,
            "parts": [_pulled(model, origin, quiet=as_json) for origin in model.origins],
        }
        for model in models
    ]
    if as_json:
        print_json({"models": results})


def _pulled(model: KnownModel, origin: Origin, *, quiet: bool) -> Pulled:
    from gm_assets.encoding.pulling import pull as run
    from gm_assets.library import Progress

    with progress_bar(quiet=quiet) as bar:

        def show(done: int, total: int, received: int, current: str) -> None:
            if bar is not None:
                bar(Progress(done, total, received, current, "pull"))

        pulled = run(origin, progress=show)
    if not quiet:
        licence = getattr(origin, "licence", model.spec.licence)
        where = f"commit {pulled.revision} of {pulled.repository}, in {pulled.folder}"
        print(f"{model.name}: {where}")
        print(f"Its licence: {licence}")
    return pulled
