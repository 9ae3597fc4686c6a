"""`gm doctor`: the environment, the settings and the library's health, with remedies."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import typer

from gm_assets import __version__
from gm_assets.cli.options import JsonOption, LibraryOption, library_path
from gm_assets.cli.output import print_json, print_table
from gm_assets.errors import GmError, LibraryError
from gm_assets.words import counted

if TYPE_CHECKING:
    from gm_assets.library import Library
    from gm_assets.settings import Settings

#: Exit code where something must be repaired (docs/cli.md).
FINDINGS = 10
#: Below this much free space writes are likely to fail.
LOW_SPACE = 500 * 1024 * 1024

State: TypeAlias = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One line of the report; `remedy` says what to do about a note or a problem."""

    topic: str
    state: State
    detail: str
    remedy: str | None = None


def register(app: typer.Typer) -> None:
    """Add this command to `app`."""
    app.command()(doctor)


def doctor(ctx: typer.Context, library: LibraryOption = None, as_json: JsonOption = False) -> None:
    """Look at environment, settings and library; exit code 10 if something must be repaired."""
    findings = list(_examine(ctx, library))
    problems = sum(finding.state == "problem" for finding in findings)
    if as_json:
        print_json({"version": __version__, "problems": problems, "findings": findings})
    else:
        print_table(
            ("", "", "", ""),
            ((f.state, f.topic, f.detail, f.remedy) for f in findings),
            styles={"problem": "red", "note": "yellow", "ok": "green"},
        )
    if problems:
        raise typer.Exit(FINDINGS)


def _examine(ctx: typer.Context, chosen: Path | None) -> Iterator[Finding]:
    from gm_assets.library import Library
    from gm_assets.settings import Settings

    yield from _environment()
    try:
        settings = Settings.from_environment()
    except GmError as error:
        yield Finding("settings", "problem", f"{error.where}: {error.what}", error.remedy)
        return
    yield from _settings(settings)
    try:
        home = Library.open(library_path(ctx, chosen), read_only=True)
    except LibraryError as error:
        yield Finding("library", "problem", f"{error.where}: {error.what}", error.remedy)
        return
    yield from _library(home)


#: Packages whose versions decide what is read and how, by the names they are installed under.
_PACKAGES = ("dagster", "Pillow", "lxml", "duckdb", "pyarrow", "pydantic", "numpy")


def _environment() -> Iterator[Finding]:
    from importlib import metadata

    yield Finding("gm_assets", "ok", f"{__version__} in {Path(__file__).parents[1]}")
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("python", "ok", f"{platform.python_version()} on {system}, {sys.executable}")
    for name in _PACKAGES:
        try:
            yield Finding(name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Finding(name, "problem", "not installed", "Run `make env` in the checkout")


def _settings(settings: Settings) -> Iterator[Finding]:
    from gm_assets.settings import available_cpus

    yield Finding("profile", "ok", settings.profile)
    yield _leash(settings.profile)
    yield Finding("workers", "ok", f"{settings.workers} of {available_cpus()} CPUs")
    home = os.environ.get("DAGSTER_HOME")
    if not home:
        yield Finding("dagster home", "note", "DAGSTER_HOME is not set", "`gm up` sets it")
    elif not Path(home, "dagster.yaml").is_file():
        yield Finding(
            "dagster home", "note", f"{home} has no dagster.yaml", "`gm up` puts it there"
        )
    else:
        yield Finding("dagster home", "ok", home)
    if _answers(f"{settings.walk_url}/health"):
        yield Finding("walk", "ok", f"answers at {settings.walk_url}")
    else:
        yield Finding(
            "walk",
            "note",
            f"no answer at {settings.walk_url}",
            "Pictures in Dagster need it: run `gm walk`",
        )


def _leash(profile: str) -> Finding:
    """The model that makes frames; it is checked, not loaded."""
    from gm_assets.diffusion import active_fingerprint, obstacle, shader_spec

    spec = shader_spec(profile)
    if spec is None:
        return Finding("leash", "ok", "switched off (profile none): no frames are generated")
    if (error := obstacle(spec)) is not None:
        return Finding("leash", "note", f"{spec.name}: {error.what}", error.remedy)
    return Finding("leash", "ok", f"{spec.name} ({active_fingerprint(spec)[:16]})")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=0.5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _library(home: Library) -> Iterator[Finding]:
    managed = "managed" if home.config.managed else "not managed: nothing is written into files"
    yield Finding("library", "ok", f"{home.root} ({home.config.name}), {managed}")
    for topic, folder in (("library folder", home.root), ("derived stores", home.state)):
        yield _writable(topic, folder)
    free = shutil.disk_usage(home.root).free
    space = f"{free / 1e9:.1f} GB"
    if free < LOW_SPACE:
        yield Finding("free space", "problem", space, "Make room: a write needs a whole copy")
    else:
        yield Finding("free space", "ok", space)
    yield from _encoder(home)
    try:
        yield from _store(home)
    except GmError as error:
        yield Finding("store", "problem", error.what, error.remedy or "Run `gm rebuild`")


def _encoder(home: Library) -> Iterator[Finding]:
    """The model that gives pictures their vectors; it is checked, not loaded."""
    from gm_assets.encoding import active_fingerprint, obstacle

    spec = home.encoder_spec()
    if spec is None:
        yield Finding("encoder", "ok", "switched off (profile none): pictures get no vectors")
        return
    if (error := obstacle(spec)) is not None:
        yield Finding("encoder", "note", f"{spec.name}: {error.what}", error.remedy)
        return
    detail = f"{spec.name} ({active_fingerprint(spec)[:16]}) on {spec.runtime}"
    yield Finding("encoder", "ok", detail)


def _writable(topic: str, folder: Path) -> Finding:
    """Whether a file can be made there; permissions alone do not tell of read-only mounts."""
    existing = folder if folder.exists() else folder.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Finding(topic, "ok", f"{folder} can be written")
    except OSError as error:
        return Finding(
            topic,
            "note",
            f"{folder} cannot be written ({error.strerror})",
            "Reading works; for derived stores elsewhere set GM_STATE",
        )


#: What is counted of the catalogue: topic, query, what to do where it is not zero.
_COUNTS = (
    ("quarantine", "select count(*) from quarantine", "`gm check` says why"),
    (
        "altered files",
        "select count(*) from files where altered",
        "Accept edits with `gm revise FILE`, or restore the files",
    ),
    (
        "open links",
        "select count(*) from links where resolution in ('absent', 'ambiguous')",
        "`gm show FILE` names the parents; bring them into the library",
    ),
    (
        "stale documents",
        "select count(distinct child) from links where resolution = 'superseded'",
        "Their parents were revised: make them again, or place them again",
    ),
    (
        "unverified files",
        "select count(*) from files where not verified",
        "`gm rebuild --verify` reads and decodes them",
    ),
)


def _store(home: Library) -> Iterator[Finding]:
    if not home.store.generation:
        yield Finding("store", "note", "nothing was ingested yet", "Run `gm ingest`")
        return
    home.store.verify()
    con = home.catalogue()
    files, documents = con.execute(
        "select (select count(*) from files), (select count(*) from assets)"
    ).fetchall()[0]
    generation = home.store.generation
    yield Finding(
        "store",
        "ok",
        f"generation {generation}: {counted(files, 'file')}, {counted(documents, 'document')}",
    )
    for topic, query, remedy in _COUNTS:
        count = con.execute(query).fetchall()[0][0]
        if count:
            yield Finding(topic, "note", str(count), remedy)
        else:
            yield Finding(topic, "ok", "none")
