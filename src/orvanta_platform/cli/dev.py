"""`orvanta dev`: runs of workflows and scripts in files whenever they change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

Source = Annotated[
    Path | None,
    typer.Argument(help="Workflow, script, or folder that contains them; the current folder by default."),
]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    examples = ("orvanta dev f/sales/report.flow --input order.json", "orvanta dev f/sales", "orvanta dev -i n:=5")
    command(app, *examples)(dev)


def dev(
    session: Session,
    source: Source = None,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
) -> None:
    """Watch files, and run each workflow or script that changes as a preview, until Ctrl-C.

    Nothing is deployed: a run uses the code of the files, also that of scripts of the folder that a workflow names.
    Sub-workflows and imported scripts are those of the workspace. Progress goes to stderr, and each result to stdout,
    like those of `orvanta flow run`. A single workflow or script runs at the start too. Problems are printed with file
    and line. A change during a run cancels it and runs the new files; Ctrl-C cancels it and ends the command.
    """
    from orvanta_platform.cli.client.dev import watch_files

    session.folder = source or Path()
    watch_files(session, session.folder, pairs or [], input_file)
