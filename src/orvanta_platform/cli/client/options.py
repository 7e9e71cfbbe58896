"""Parameters shared by several commands, and their values."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from orvanta_platform.workflow.tree.item import Kind


def run_id(text: str) -> str:
    """Return an argument that is an id of a run or job. Raises BadParameter for any other text."""
    try:
        return str(UUID(text))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not an id such as 0199f2c4-0000-7000-8000-000000000000. `orvanta job list` prints ids."
        ) from None


class Status(StrEnum):
    """Status of a run."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


ItemPath = Annotated[str, typer.Argument(help="Path: f/<folder>/<name> or u/<user>/<name>.", metavar="PATH")]
Message = Annotated[
    str | None, typer.Option("--message", "-m", help="Description of the version, stored in its history.")
]
Base = Annotated[
    int | None,
    typer.Option("--base", help="Number of the version that the files are based on: refuse if there is a newer one."),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what was changed in the workspace since the folder was pulled.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be deployed, and its problems, without deploying.")
]
PolicyBypass = Annotated[
    str | None,
    typer.Option(
        "--policy-bypass-reason",
        help="Reason for deploying a single item in spite of violated policies that name you in `bypass`.",
    ),
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until the dependencies are locked.")]
All = Annotated[bool, typer.Option("--all", help="Push everything under the folder; the current one by default.")]
Pairs = Annotated[
    list[str] | None,
    typer.Option("-i", help="One input: key=text, or key:=json. Repeatable.", metavar="KEY=VALUE"),
]
InputFile = Annotated[
    str | None, typer.Option("--input", help="JSON object with the inputs; - is stdin.", metavar="FILE")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Print the id of the run without waiting for its end.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end without showing progress.")]
CancelOnInterrupt = Annotated[bool, typer.Option("--cancel-on-interrupt", help="Ctrl-C cancels the run.")]
Prefix = Annotated[str | None, typer.Argument(help="Only paths with this prefix, such as f/sales/.", metavar="PREFIX")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="Maximum number of rows.")]
Users = Annotated[bool, typer.Option("--include-users", help="Include the members of the workspace. Admins only.")]
Settings = Annotated[
    bool, typer.Option("--include-settings", help="Include the settings of the workspace. Admins only.")
]


def optional_kinds(users: bool, settings: bool) -> tuple[Kind, ...]:
    """Return the optional kinds of items that a command includes."""
    kinds: tuple[tuple[bool, Kind], ...] = ((users, "user"), (settings, "settings"))
    return tuple(kind for included, kind in kinds if included)
