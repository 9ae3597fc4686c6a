"""`gm up`: the whole project on one machine, in one terminal.

Starts the Dagster UI with its daemon and the walk, makes the demo library where there is
none, has Dagster materialize its chains and then its vectors, vocabulary and labels, and stays
until it is interrupted. The UI is there first; the demo is made while it already answers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gm_assets.cli.options import LibraryOption, library_path
from gm_assets.cli.output import note
from gm_assets.errors import GmError, NotFound
from gm_assets.words import counted

HOST = "127.0.0.1"
#: The jobs that are launched one after the other, each with its one op and what its
#: materializations are called.
JOBS = (
    ("verify_chains", "verify_listed_chains", "stage"),
    ("verify_frames", "verify_listed_frames", "asset"),
    ("verify_structures", "verify_listed_structures", "asset"),
    ("describe_library", "describe_pictures", "asset"),
)
#: A code location that imports nothing heavy answers within seconds; a cold disk may need more.
START_TIMEOUT_S = 180
#: Dagster needs some seconds to end its runs and its code location.
STOP_S = 15
#: Between two lines on the progress of a run.
LINE_S = 10

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_LOCATION = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }
"""
_RUN = """
query Run($id: ID!) {
  runOrError(runId: $id) {
    ... on Run { status stats { ... on RunStatsSnapshot { materializations } } }
  }
}
"""


@dataclass(frozen=True)
class Ports:
    """Where the Dagster UI and the walk answer, on loopback."""

    ui: int = 3000
    walk: int = 3001


def checkout() -> Path:
    """The folder that holds workspace.yaml and dagster.yaml.

    Raises:
        NotFound: the package was not installed from a checkout.
    """
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        if (folder / "workspace.yaml").is_file() and (folder / "dagster.yaml").is_file():
            return folder
    raise NotFound(
        "no workspace.yaml and dagster.yaml here or above",
        where=Path.cwd(),
        remedy="Run gm up inside the checkout",
    )


def environment(folder: Path, library: Path, ports: Ports) -> dict[str, str]:
    """The environment of the services; also puts dagster.yaml in force in DAGSTER_HOME.

    Dagster reads dagster.yaml from DAGSTER_HOME alone, so the checkout's file is copied
    there. `.env` repeats the settings for `dg dev` and `dagster` run by hand from the
    checkout; it is written once and never overwritten.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or folder / ".dagster_home").resolve()
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "dagster.yaml", home / "dagster.yaml")
    ours = {
        "DAGSTER_HOME": str(home),
        "GM_LIBRARY": str(library.resolve()),
        "GM_WALK_URL": f"http://{HOST}:{ports.walk}",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    dotenv = folder / ".env"
    if not dotenv.exists():
        dotenv.write_text("".join(f"{key}={value}\n" for key, value in ours.items()), "utf-8")
    return {**os.environ, **ours}


def require_free(port: int, option: str) -> None:
    """Raises GmError where something already listens on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((HOST, port)) == 0:
            raise GmError(
                "the port is already in use",
                where=f"{HOST}:{port}",
                remedy=f"Stop what listens there, or choose another with {option}",
            )


@contextmanager
def services(
    folder: Path, library: Path, ports: Ports, env: dict[str, str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Dagster (UI, daemon, code location) and the walk as child processes.

    They write to `<DAGSTER_HOME>/logs`, run in sessions of their own so that one Ctrl-C
    reaches them through us, once, and are gone when the block ends.
    """
    logs = Path(env["DAGSTER_HOME"]) / "logs"
    logs.mkdir(exist_ok=True)
    binaries = Path(sys.executable).parent
    commands = {
        "dagster": [
            str(binaries / "dagster"),
            *("dev", "--workspace", "workspace.yaml", "--host", HOST, "--port", str(ports.ui)),
        ],
        "walk": [
            *(sys.executable, "-m", "gm_assets.cli.main", "--library", str(library)),
            *("walk", "--host", HOST, "--port", str(ports.walk)),
        ],
    }
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name, command in commands.items():
            with (logs / f"{name}.log").open("ab") as log:
                running.append(
                    subprocess.Popen(
                        command,
                        cwd=folder,
                        env=env,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
        yield running
    finally:
        _stop(running)


def _stop(running: list[subprocess.Popen[bytes]]) -> None:
    """Ask the services to end, and after `STOP_S`, or at a second Ctrl-C, end them.

    Each leads a process group; whatever is left in it ends with its leader.
    """
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + STOP_S
    try:
        for process in running:
            process.wait(max(deadline - time.monotonic(), 0.1))
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        pass
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when `url` answers.

    Raises:
        GmError: the process ended first, or did not answer in time; names its log.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise GmError("the service stopped while starting", where=url, remedy=f"See {log}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers; a library that is still empty is reported as unavailable
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise GmError(f"no answer within {START_TIMEOUT_S} s", where=url, remedy=f"See {log}")


class DagsterClient:
    """The three GraphQL calls that `gm up` needs."""

    def __init__(self, port: int) -> None:
        self.url = f"http://{HOST}:{port}/graphql"

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            self.url,
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = json.load(answer)
        if body.get("errors"):
            raise GmError(str(body["errors"][0].get("message")), where=self.url)
        return body["data"]

    def launch(self, job: str, run_config: dict[str, Any]) -> str:
        """Launch `job` through the daemon; returns the run id."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not (nodes := self._ask(_LOCATION)["repositoriesOrError"].get("nodes")):
            if time.monotonic() > deadline:
                raise GmError("Dagster did not load the code location", where=self.url)
            time.sleep(0.5)
        selector = {
            "repositoryName": nodes[0]["name"],
            "repositoryLocationName": nodes[0]["location"]["name"],
            "jobName": job,
        }
        params = {"selector": selector, "runConfigData": run_config}
        result = self._ask(_LAUNCH, params=params)["launchRun"]
        if result["__typename"] != "LaunchRunSuccess":
            raise GmError(f"Dagster did not take job {job}: {result}", where=self.url)
        return result["run"]["runId"]

    def progress(self, run_id: str) -> tuple[str, int]:
        """Status of a run and how many materializations it has recorded."""
        run = self._ask(_RUN, id=run_id)["runOrError"]
        return run["status"], (run.get("stats") or {}).get("materializations") or 0


def follow(client: DagsterClient, run_id: str) -> Iterator[tuple[str, int]]:
    """State and materializations of a run, about once a second, until it ends.

    Raises:
        GmError: the run failed or was cancelled; its page in the UI says why.
    """
    while True:
        state, done = client.progress(run_id)
        yield state, done
        if state == "SUCCESS":
            return
        if state in {"FAILURE", "CANCELED"}:
            page = client.url.replace("/graphql", f"/runs/{run_id}")
            raise GmError(f"the run ended as {state}", where=page, remedy="Its page says why")
        time.sleep(1)


def make_and_materialize(library_folder: Path, client: DagsterClient, demo: bool) -> None:
    """The demo where the library is empty, then chains and labels through Dagster, with progress.

    A demo that was interrupted goes on.
    """
    from gm_assets.library import Library

    library = Library.open(library_folder)
    if demo:
        from gm_assets.cli.services import finish_demo, make_demo

        if any(entry.name not in {".gm", "gm.toml"} for entry in library_folder.iterdir()):
            finish_demo(library)
        else:
            note("Making the demo library; this takes some minutes.")
            make_demo(library_folder)
    if not library.store.generation:
        note("The library is empty; put files into it and run gm ingest.")
        return
    for job, op, noun in JOBS:
        state, told = "", time.monotonic()
        for now, done in follow(client, client.launch(job, {"ops": {op: {"config": {}}}})):
            if now != state or time.monotonic() - told >= LINE_S:
                note(f"Dagster: {job} {now.lower()}, {counted(done, noun)} materialized")
                told = time.monotonic()
            state = now


def register(app: typer.Typer) -> None:
    """Add `gm up` to the command line."""
    app.command()(up)


def up(
    ctx: typer.Context,
    library: LibraryOption = None,
    port: Annotated[int, typer.Option(help="Port of the Dagster UI.")] = Ports.ui,
    walk_port: Annotated[int, typer.Option(help="Port of the walk.")] = Ports.walk,
    demo: Annotated[
        bool, typer.Option(help="Make the demo library where the library is empty.")
    ] = True,
    stay: Annotated[
        bool, typer.Option(help="Stay until Ctrl-C; otherwise stop once all is materialized.")
    ] = True,
) -> None:
    """Start the Dagster UI with its daemon and the walk; make and materialize the demo."""
    from gm_assets.library import Library
    from gm_assets.world.names import WORLD

    started = time.monotonic()
    folder, ports = checkout(), Ports(port, walk_port)
    require_free(ports.ui, "--port")
    require_free(ports.walk, "--walk-port")
    root = library_path(ctx, library)
    if not (root / "gm.toml").is_file():
        Library.init(root, name=WORLD if demo else None)
    env = environment(folder, root, ports)
    logs = Path(env["DAGSTER_HOME"]) / "logs"
    signal.signal(signal.SIGTERM, _interrupted)
    # A shell starts background jobs with SIGINT ignored, and so would the services be.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with services(folder, root, ports, env) as (dagster, walk):
        try:
            wait_until_up(f"http://{HOST}:{ports.walk}/health", walk, logs / "walk.log")
            wait_until_up(f"http://{HOST}:{ports.ui}/server_info", dagster, logs / "dagster.log")
            after = time.monotonic() - started
            note(f"Dagster UI  http://{HOST}:{ports.ui}   (after {after:.0f} s)")
            note(f"Walk        http://{HOST}:{ports.walk}")
            make_and_materialize(root, DagsterClient(ports.ui), demo)
            note(f"All is there after {time.monotonic() - started:.0f} s.")
            if stay:
                note(f"Logs: {logs}. Ctrl-C stops everything.")
                while dagster.poll() is None and walk.poll() is None:
                    time.sleep(1)
                raise GmError("a service stopped by itself", where=logs, remedy="See its log")
        except KeyboardInterrupt:
            note("Stopping.")


def _interrupted(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
