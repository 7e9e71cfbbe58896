"""`orvanta doctor`: what this installation stands on, and whether its data is whole."""

from __future__ import annotations

from typing import Annotated

import typer

Consistency = Annotated[bool, typer.Option("--consistency", help="Check the data; exit code 1 on problems.")]


def doctor(consistency: Consistency = False) -> None:
    """Look at database, schema, isolation, storage and workers, and say what is missing.

    With --consistency the data is checked as well: every reference that the database does not guarantee
    itself. Exit code 1 where that finds a problem.
    """
    from orvanta_platform.cli.findings import report

    if not report(consistency=consistency):
        raise typer.Exit(1)
