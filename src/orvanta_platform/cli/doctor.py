"""`orvanta doctor`: a report on the environment of the installation and the consistency of its data."""

from __future__ import annotations

from typing import Annotated

import typer

from orvanta_platform.cli.help_text import examples_epilog

Consistency = Annotated[bool, typer.Option("--consistency", help="Check the data as well; exit code 1 on problems.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    app.command(epilog=examples_epilog("orvanta doctor", "orvanta doctor --consistency"))(doctor)


def doctor(consistency: Consistency = False) -> None:
    """Check database, schema, isolation, storage and workers, and report what is missing.

    --consistency also checks the data: every reference that the database does not enforce itself. The exit code is 1 if
    that check finds a problem.
    """
    from orvanta_platform.cli.findings import report

    if not report(consistency=consistency):
        raise typer.Exit(1)
