"""Preview of what stops when an account or a member leaves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orvanta_platform.cli.client.command import Session

CancelRuns = Annotated[
    bool, typer.Option("--cancel-runs", help="Cancel the runs in progress; by default they continue.")
]


def runs_query(cancel: bool) -> str:
    """Return the query of a call that disables or removes an account or a member."""
    return "?runs=cancel" if cancel else ""


def show(session: Session, path: str) -> None:
    """Print what stops when an account or a member is disabled or removed."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found: dict[str, Any] = session.api.get(path)
    if session.as_json:
        print_json(found)
        return
    print(f"Sessions: {found['sessions']}, tokens: {found['tokens']}, runs in progress: {found['runs']}")
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
