"""`gm models`: the encoders that gm_assets knows, whether they are sound, and pulling one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gm_assets.cli.options import JsonOption
from gm_assets.cli.output import note, print_json, print_table, progress_bar

if TYPE_CHECKING:
    from gm_assets.encoding import EncoderSpec

#: Exit code of `gm models verify` where a model is damaged (docs/cli.md).
FINDINGS = 10

NameArgument = Annotated[str, typer.Argument(help="As `gm models list` names it.")]


def register(app: typer.Typer) -> None:
    """Add this group of commands to `app`."""
    group = typer.Typer(no_args_is_help=True, help="The models that describe pictures.")
    group.command("list")(list_models)
    group.command()(verify)
    group.command()(pull)
    app.add_typer(group, name="models")


def list_models(as_json: JsonOption = False) -> None:
    """The models of all profiles, and which of them are here."""
    from gm_assets.encoding.profiles import encoders

    rows = [_described(spec) for spec in encoders()]
    if as_json:
        print_json({"models": rows})
        return
    heads = ("model", "profile", "state", "source", "runs on", "licence")
    keys = ("name", "profile", "state", "source", "runtime", "licence")
    print_table(heads, ([row[key] for key in keys] for row in rows), styles={"ready": "green"})


def _described(spec: EncoderSpec) -> dict[str, Any]:
    from gm_assets.encoding import active_fingerprint, obstacle
    from gm_assets.encoding.profiles import profiles_of

    error = obstacle(spec)
    return {
        "name": spec.name,
        "profile": ", ".join(profiles_of(spec.name)) or None,
        "state": "ready" if error is None else error.what,
        "source": spec.source,
        "runtime": f"{spec.runtime}, {spec.dtype}, {spec.device}",
        "licence": spec.licence,
        "at_ingest": spec.at_ingest,
        "fingerprint": None if error else active_fingerprint(spec),
        "remedy": None if error is None else error.remedy,
    }


def verify(
    name: Annotated[
        str | None, typer.Argument(help="One model; all that are here by default.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare every file of the models with its seal; exit code 10 if one is not the sealed."""
    from gm_assets.encoding.profiles import encoders, named_encoder
    from gm_assets.encoding.sealing import damaged_files
    from gm_assets.errors import ModelError

    results: list[dict[str, Any]] = []
    for spec in (named_encoder(name),) if name else encoders():
        try:
            damaged = damaged_files(spec)
        except ModelError as error:
            if name:
                raise
            note(f"{spec.name}: {error.what}")
            continue
        results.append({"name": spec.name, "sound": not damaged, "damaged": list(damaged)})
    if as_json:
        print_json({"models": results})
    else:
        words = {True: "every file is the sealed one", False: "missing or changed"}
        print_table(
            ("model", "", "files"),
            ((r["name"], words[r["sound"]], ", ".join(r["damaged"])) for r in results),
            styles={words[True]: "green", words[False]: "red"},
        )
    if not all(result["sound"] for result in results):
        raise typer.Exit(FINDINGS)


def pull(name: NameArgument, as_json: JsonOption = False) -> None:
    """Download a model from the hub and pin it. The only command that uses the network."""
    from gm_assets.encoding.profiles import encoder_spec, named_encoder
    from gm_assets.encoding.pulling import pull as run
    from gm_assets.library import Progress
    from gm_assets.settings import PROFILES

    # `gm models pull studio` means the model of that profile.
    spec = (encoder_spec(name) if name in PROFILES else None) or named_encoder(name)
    with progress_bar(quiet=as_json) as bar:

        def show(done: int, total: int, received: int, current: str) -> None:
            if bar is not None:
                bar(Progress(done, total, received, current, "pull"))

        pulled = run(spec, progress=show)
    if as_json:
        print_json({"model": spec.name, "pulled": pulled})
        return
    print(f"{spec.name}: commit {pulled.revision} of {pulled.repository}, in {pulled.folder}")
    print(f"Its licence: {spec.licence}")
