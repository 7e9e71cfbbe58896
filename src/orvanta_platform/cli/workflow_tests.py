"""`orvanta test`: tests of workflows, in a folder or in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client.command import Session, command

Sources = Annotated[
    list[str] | None,
    typer.Argument(
        help="Folders with workflows, or paths of workflows of the workspace, such as f/sales/report; the current "
        "folder by default.",
        metavar="[PATH]...",
    ),
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write the outcomes to this file as JUnit XML.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    command(app, "orvanta test", "orvanta test f/sales/report.flow --junit tests.xml", "orvanta test f/sales/report")(
        _test
    )


def _test(session: Session, sources: Sources = None, junit: Junit = None) -> None:
    """Run the tests of workflows with the recorded answers of their nodes. Nothing is executed or sent.

    Tests of files need no server: they are in the folder tests of a workflow's folder. The exit code is 1 if a test
    fails.
    """
    from orvanta_platform.cli.client import workflow_tests

    session.folder = Path()
    workflow_tests.run(session, sources or ["."], junit)
