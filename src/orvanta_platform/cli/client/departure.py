"""Preview of what stops when an account or a member leaves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orvanta_platform.cli.client.command import Session

CancelRuns = Annotated[
    bool, typer.Option("--cancel-runs", help="Cancel the runs in progress; by default they continue.")
]


References = Annotated[
    bool,
    typer.Option("--references", help="Allow runs of schedules to read references in the arguments as the successor."),
]


def runs_of(cancel: bool) -> str:
    """Return what happens to the runs in progress."""
    return "cancel" if cancel else "continue"


def show(session: Session, path: str) -> None:
    """Print what stops when an account or a member is disabled or removed."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found: dict[str, Any] = session.api.get(path)
    if session.as_json:
        print_json(found)
        return
    print(f"Sessions: {found['sessions']}, tokens: {found['tokens']}, runs in progress: {found['runs']}")
    for listed, total in (("items", "items_total"), ("owned", "owned_total")):
        if found[total] > len(found[listed]):
            print(f"Only {len(found[listed])} of {found[total]} are listed.")
    for workspace in found["only_admin_of"]:
        print(f"Only admin of the workspace {workspace}")
    if found["items"]:
        rows = [[each["kind"], each["workspace_id"], each["path"]] for each in found["items"]]
        print_table(["KIND", "WORKSPACE", "PATH"], rows)
    if found["owned"]:
        print("Remains until it is transferred:")
        print_table(
            ["KIND", "WORKSPACE", "PATH"],
            [[each["kind"], each["workspace_id"], each["path"]] for each in found["owned"]],
        )
