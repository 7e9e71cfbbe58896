"""`orvanta init`, `pull`, `push`, `status` and `diff`: the items of a workspace as a tree of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

Source = Annotated[
    Path | None, typer.Argument(help="Folder that contains f and u, or one below; the current one by default.")
]
Prune = Annotated[
    bool,
    typer.Option(
        "--prune",
        help="Delete the items whose files were deleted since the last push; with --force in a folder that was never "
        "synchronised, all that the folder lacks, with --include-users also the members.",
    ),
]
ForcePush = Annotated[bool, typer.Option("--force", help="Replace what was changed in the workspace meanwhile.")]
ForcePull = Annotated[
    bool,
    typer.Option(
        "--force", help="Take the workspace's version of items that changed in both; others are left as they are."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be written, without writing.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if anything differs.")]


def register(app: typer.Typer) -> None:
    """Register the commands with the root application."""
    command(app, "orvanta init", "orvanta init repo --workspace sales")(init)
    command(app, "orvanta pull", "orvanta pull repo --dry-run")(pull)
    command(app, "orvanta push", "orvanta push repo --dry-run", "orvanta push --prune -m 'Retire the old report'")(push)
    command(app, "orvanta status", "orvanta status repo --json")(status)
    command(app, "orvanta diff", "orvanta diff --exit-code")(diff)


def init(session: Session, source: Source = None) -> None:
    """Make a folder the working copy of a workspace.

    Its state is stored in .orvanta/state.json: the hashes of all items when they were last pushed or pulled.
    """
    from orvanta_platform.cli.client import tree_pull

    tree_pull.init(session, source or Path())


def pull(
    session: Session,
    source: Source = None,
    dry_run: DryRun = False,
    force: ForcePull = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Write the items of the workspace as files. Only items that changed in the workspace are written.

    The code of workflows is written to files of its own. Items that changed in the folder as well are merged:
    workflows by node, other items by key. Where both sides changed the same place, the item is a conflict and stays as
    it is, with exit code 1. Files of items that were deleted in the workspace are deleted.
    """
    from orvanta_platform.cli.client import tree_pull

    session.folder = source or Path()
    optional = options.optional_kinds(include_users, include_settings)
    tree_pull.pull(session, session.folder, dry_run=dry_run, force=force, optional=optional)


def push(
    session: Session,
    source: Source = None,
    message: options.Message = None,
    dry_run: options.DryRun = False,
    no_wait: options.NoWait = False,
    prune: Prune = False,
    force: ForcePush = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Apply the changes of a folder to the workspace: all of them in one transaction, or none.

    Items are folders, groups, types of resources, variables, resources, scripts, workflows and their tests, schedules
    and HTTP triggers. Items that changed in the workspace since the last push or pull are conflicts, and nothing is
    pushed. Items that are only in the workspace remain. A secret variable that exists keeps its value. A user without
    an account on the instance is left out, with exit code 1.
    """
    from orvanta_platform.cli.client.tree_push import PushOptions, push_tree

    session.folder = root = source or Path()
    if not root.is_dir():
        raise typer.BadParameter(f"{root} is not a folder.")
    optional = options.optional_kinds(include_users, include_settings)
    push_tree(session, root, PushOptions(message, dry_run, not no_wait, prune, force, optional))


def status(
    session: Session,
    source: Source = None,
    exit_code: ExitCode = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Print the items that differ between the folder and the workspace, and where they changed."""
    from orvanta_platform.cli.client import tree_pull

    session.folder = source or Path()
    optional = options.optional_kinds(include_users, include_settings)
    tree_pull.status(session, session.folder, exit_code=exit_code, optional=optional)


def diff(
    session: Session,
    source: Source = None,
    exit_code: ExitCode = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Print the differences of all files, from the workspace to the folder."""
    from orvanta_platform.cli.client import tree_pull

    session.folder = source or Path()
    optional = options.optional_kinds(include_users, include_settings)
    tree_pull.diff(session, session.folder, exit_code=exit_code, optional=optional)
