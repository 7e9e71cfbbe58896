"""`orvanta push`: deployment of all items of a tree of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

Source = Annotated[Path | None, typer.Argument(help="Folder that contains f and u; the current one by default.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    command(app, "orvanta push", "orvanta push repo --dry-run")(push)


def push(
    session: Session,
    source: Source = None,
    message: options.Message = None,
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
) -> None:
    """Deploy everything under a folder in the order of references. Unchanged items are not deployed again.

    Items are folders, types of resources, variables, resources, scripts, workflows, schedules and HTTP triggers. Items
    that are only on the server remain. A secret variable that exists keeps its value. Problems are collected, and the
    other items are pushed.
    """
    from orvanta_platform.cli.client.deploy import Options
    from orvanta_platform.cli.client.tree_push import push_tree

    root = source or Path()
    if not root.is_dir():
        raise typer.BadParameter(f"{root} is not a folder.")
    push_tree(session, root, Options(message, None, dry_run, not no_wait))
