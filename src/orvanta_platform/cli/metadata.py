"""`orvanta generate-metadata`: settings and locks of the scripts in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client.command import Session, command

Sources = Annotated[
    list[Path] | None,
    typer.Argument(help="Scripts, workflows, or folders that contain them; the current folder by default."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be written, without writing.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    examples = (
        "orvanta generate-metadata",
        "orvanta generate-metadata f/sales/total.py",
        "orvanta generate-metadata --dry-run",
    )
    command(app, *examples)(generate_metadata)


def generate_metadata(session: Session, sources: Sources = None, dry_run: DryRun = False) -> None:
    """Write the settings and locks that scripts in files lack, or that are outdated.

    Next to total.py it writes total.script.yaml, with the schema of the inputs from the signature of main, and
    total.script.lock, which the server resolves. For nodes of a workflow it writes the locks. Existing files keep
    their summaries, descriptions, limits and comments; only inputs that differ from the signature change, and locks
    that lack a package. A second run writes nothing. Errors name file and line, and the exit code is 1.
    """
    from orvanta_platform.cli.client.metadata import generate

    chosen = sources or [Path()]
    session.folder = chosen[0]
    generate(session, chosen, dry_run=dry_run)
