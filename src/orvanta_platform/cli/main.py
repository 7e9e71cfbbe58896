"""`orvanta`: one thin function per command. Errors become a sentence and a hint, never a traceback."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from orvanta_platform import __version__
from orvanta_platform.cli import admin, doctor, processes
from orvanta_platform.errors import OrvantaError

app = typer.Typer(
    name="orvanta",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Self-hosted workflow automation on PostgreSQL.\n\n"
    "`orvanta up` starts everything on this machine: database, server and worker. `server`, `worker` and "
    "`migrate` are the same parts for deployments with a database of their own (DATABASE_URL). Settings come "
    "from the environment; docs/reference/settings.md lists them.",
)
app.add_typer(admin.app, name="admin")
app.command()(processes.up)
app.command()(processes.server)
app.command()(processes.worker)
app.command(hidden=True)(processes.worker_process)
app.command()(processes.migrate)
app.command()(doctor.doctor)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def fail(error: OrvantaError) -> int:
    """Tell an error on stderr; gives the exit code."""
    console = Console(stderr=True)
    console.print(f"Error: {error.message}", style="red", highlight=False, markup=False, soft_wrap=True)
    if error.hint:
        console.print(error.hint, highlight=False, markup=False, soft_wrap=True)
    return 1


def main() -> None:
    """The console script."""
    try:
        app()
    except OrvantaError as error:
        sys.exit(fail(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
