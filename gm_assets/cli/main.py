"""`gm`: the command line. Registers the commands and turns errors into messages and codes.

One module for each group of commands; whatever is slow to import is imported inside them, so
that `gm --help` and shell completion answer at once. `docs/cli.md` has the commands, the shapes
of their JSON and the exit codes.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from gm_assets import __version__
from gm_assets.cli import (
    convert,
    doctor,
    embedding,
    files,
    finding,
    generate,
    labels,
    lift,
    look,
    models,
    passes,
    sculpt,
    services,
    stale,
    suggest,
    tidy,
    training,
    up,
    vocabulary,
)
from gm_assets.cli.options import LibraryOption
from gm_assets.cli.output import describe_error, note, print_error
from gm_assets.errors import GmError

#: The exit code of a program that Ctrl-C ended.
INTERRUPTED = 130

Answer = TypeVar("Answer")


class Commands(TyperGroup):
    """`gm` itself: what Typer says to people or swallows is told to programs as well."""

    as_json = False

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        self.as_json = "--json" in args
        make = super().make_context
        return self._told(lambda: make(info_name, args, *rest, **extra))

    def invoke(self, ctx: Any) -> Any:
        run = super().invoke
        return self._told(lambda: run(ctx))

    def _told(self, step: Callable[[], Answer]) -> Answer:
        """The answer of `step`. A usage error becomes a document on stdout under `--json`.

        Typer takes every broken pipe for a reader that has gone, and ends without a word.
        That is right for `gm chains | head` and wrong for a pipe to another process of ours.
        """
        try:
            return step()
        except TyperException as error:
            if self.as_json:
                remedy = "`gm COMMAND --help` lists its options"
                wrong = GmError(error.format_message(), remedy=remedy)
                describe_error(wrong, kind="UsageError", exit_code=error.exit_code)
            raise
        except BrokenPipeError as error:
            if _reader_gone():
                raise
            raise _system_error(error) from error


app = typer.Typer(
    name="gm",
    cls=Commands,
    help="Images and 3D files that carry their own memory.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"gm_assets {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    library: LibraryOption = None,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the code an error arose.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Images and 3D files that carry their own memory."""
    ctx.obj = library


for group in (
    *(files, look, stale, suggest, tidy, embedding, finding, labels, vocabulary),
    *(convert, passes, generate, sculpt, lift, models, training, services, up, doctor),
):
    group.register(app)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `gm` with these arguments (the process's own by default) and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a test's stream may be no text file
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app(args=arguments, prog_name="gm")
    except GmError as error:
        if "--debug" in arguments:
            raise
        print_error(error, as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except OSError as error:
        if "--debug" in arguments:
            raise
        print_error(_system_error(error), as_json="--json" in arguments)
        sys.exit(1)
    except SystemExit as stopped:
        if stopped.code == INTERRUPTED:
            note("gm: interrupted. Every file is whole; the same command goes on from here.")
        raise
    sys.exit(0)


def _reader_gone() -> bool:
    """Whether nobody reads stdout or stderr any more."""
    streams = select.poll()
    for descriptor in (1, 2):
        streams.register(descriptor, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in streams.poll(0))


def _system_error(error: OSError) -> GmError:
    """The operating system's refusal as an error of ours: a full disk, a missing permission."""
    where: Any = error.filename
    return GmError(
        error.strerror or str(error),
        where=Path(os.fsdecode(where)) if isinstance(where, str | bytes) else None,
        remedy="`gm doctor` looks at permissions and free space; --debug shows the code",
    )


if __name__ == "__main__":
    main()
