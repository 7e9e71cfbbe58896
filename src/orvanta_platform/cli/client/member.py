"""`orvanta member`: members of the workspace, invitations, and new owners for items of former members."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import departure, options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Manage the members of a workspace.", cls=CommandGroup, rich_markup_mode=None
)


class RoleName(StrEnum):
    """Role in a workspace."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    VIEWER = "viewer"


class ItemKind(StrEnum):
    """Kind of an item that acts for a member."""

    SCHEDULE = "schedule"
    HTTP_TRIGGER = "http_trigger"
    FLOW = "flow"
    SCRIPT = "script"
    SERVICE_ACCOUNT = "service_account"
    ERROR_HANDLER = "error_handler"


Username = Annotated[str, typer.Argument(help="Username in the workspace.", metavar="USERNAME")]
Email = Annotated[str, typer.Argument(help="E-mail address of the account.", metavar="EMAIL")]
RoleOption = Annotated[RoleName, typer.Option("--role", help="Role in the workspace.")]
RoleArgument = Annotated[RoleName, typer.Argument(help="Role in the workspace.", metavar="ROLE")]
NewUsername = Annotated[str | None, typer.Option("--username", help="Username; that of the account by default.")]
Kind = Annotated[
    ItemKind,
    typer.Argument(help="schedule, http_trigger, flow, script, service_account or error_handler.", metavar="KIND"),
]
Owner = Annotated[str, typer.Argument(help="New owner, for whom the item acts: u/<username>.", metavar="OWNER")]
Enable = Annotated[
    bool,
    typer.Option("--enable", help="Enable the schedule, HTTP trigger, error handler or service account as well."),
]
References = Annotated[
    bool, typer.Option("--references", help="Allow runs to read references in the arguments as the new owner.")
]
TransferTarget = Annotated[
    str, typer.Argument(help="u/<username> of an enabled member, or f/<folder>.", metavar="TARGET")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="List the items and their new paths, and move nothing.")]


@app.callback()
def member() -> None:
    """Manage the members of a workspace."""


@command(app, "orvanta member list", "orvanta member list --workspace sales --json")
def _list(session: Session, limit: options.Limit = 100) -> None:
    """List the members of the workspace."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("users/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["username"],
            each["email"],
            each["role"],
            "disabled" if each["disabled"] else "enabled",
            ", ".join(name for name in each["groups"] if name != "all"),
        ]
        for each in found
    ]
    print_table(["USERNAME", "EMAIL", "ROLE", "STATE", "GROUPS"], rows)


@command(app, "orvanta member add ada@example.org --role operator")
def add(session: Session, email: Email, role: RoleOption = RoleName.DEVELOPER, username: NewUsername = None) -> None:
    """Add an account to the workspace. Admins only."""
    body = {"email": email, "role": role, "username": username}
    session.change("workspaces/add_user", body, email, "added")


@command(app, "orvanta member invite ada@example.org --role operator")
def invite(session: Session, email: Email, role: RoleOption = RoleName.DEVELOPER) -> None:
    """Invite an address, whose account need not exist yet. Admins only.

    Its owner joins with `orvanta member join`. No mail is sent if there is no mail server in the setting smtp, or if
    somebody must create the account first.
    """
    from orvanta_platform.cli.client.output import say

    api = session.api
    answer = api.post(api.in_workspace("workspaces/invite_user"), {"email": email, "role": role})
    mailed = answer.endswith(" by mail.")
    session.print_state(email, "invited by mail" if mailed else "invited; no mail was sent")
    if "who has no account yet" in answer and not mailed:
        say(
            f"{email} has no account. Ask a superadmin to create it (`orvanta user create {email}`): its owner gets a"
            " link, and can join then. This is not necessary if single sign-on creates the account at the first login."
        )


@command(app, "orvanta member invitations")
def invitations(session: Session) -> None:
    """List the invitations of the workspace. Admins only."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("workspaces/list_pending_invites"))
    if session.as_json:
        print_json(found)
        return
    rows = [[each["email"], each["role"], each["invited_by"], local_time(each["created_at"])] for each in found]
    print_table(["EMAIL", "ROLE", "BY", "SINCE"], rows)


@command(app, "orvanta member withdraw ada@example.org")
def withdraw(session: Session, email: Email) -> None:
    """Withdraw an invitation. Admins only."""
    session.change("workspaces/delete_invite", {"email": email}, email, "withdrawn")


@command(app, "orvanta member join --workspace sales")
def join(session: Session, username: NewUsername = None) -> None:
    """Accept an invitation to the workspace."""
    workspace = session.api.connection.workspace
    session.api.post("/api/users/accept_invite", {"workspace_id": workspace, "username": username})
    session.print_state(workspace, "joined")


@command(app, "orvanta member role ada viewer")
def role(session: Session, username: Username, role: RoleArgument) -> None:
    """Change the role of a member. Admins only."""
    session.change(f"users/update/{quote(username, safe='')}", {"role": role}, username, role)


@command(app, "orvanta member departure ada")
def departure_(session: Session, username: Username) -> None:
    """List what stops when a member is disabled or removed. Admins only."""
    departure.show(session, session.api.in_workspace(f"users/departure/{quote(username, safe='')}"))


@command(app, "orvanta member disable ada", "orvanta member disable ada --cancel-runs")
def disable(session: Session, username: Username, cancel_runs: departure.CancelRuns = False) -> None:
    """Disable a member, and stop everything that acts for it. Admins only."""
    call = f"users/update/{quote(username, safe='')}{departure.runs_query(cancel_runs)}"
    session.change(call, {"disabled": True}, username, "disabled")


@command(app, "orvanta member enable ada")
def enable(session: Session, username: Username) -> None:
    """Enable a member. Items that were stopped stay disabled. Admins only."""
    session.change(f"users/update/{quote(username, safe='')}", {"disabled": False}, username, "enabled")


@command(app, "orvanta member remove ada", "orvanta member remove ada --cancel-runs")
def remove(session: Session, username: Username, cancel_runs: departure.CancelRuns = False) -> None:
    """Remove a member, and stop everything that acts for it. Admins only."""
    call = f"users/delete/{quote(username, safe='')}{departure.runs_query(cancel_runs)}"
    session.api.delete(session.api.in_workspace(call))
    session.print_state(username, "removed")


@command(app, "orvanta member ownerless")
def ownerless(session: Session, limit: options.Limit = 100) -> None:
    """List items that act for former members. Admins only.

    These are schedules, HTTP triggers, workflows, scripts, service accounts, the error handler and automatic
    promotions.
    """
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("ownership/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    print_table(["KIND", "PATH", "ACTS FOR"], [[each["kind"], each["path"], each["permissioned_as"]] for each in found])


@command(app, "orvanta member assign schedule f/sales/nightly u/ada --enable")
def assign(
    session: Session,
    kind: Kind,
    path: options.ItemPath,
    owner: Owner,
    enable: Enable = False,
    references: References = False,
) -> None:
    """Assign an item to another owner. Its current version is accepted for this member. Admins only."""
    body: dict[str, Any] = {"kind": kind, "path": path, "owner": owner, "enable": enable, "references": references}
    session.change("ownership/assign", body, path, owner)


@command(app, "orvanta member transfer ada u/bea --dry-run", "orvanta member transfer ada f/sales")
def transfer(session: Session, username: Username, target: TransferTarget, dry_run: DryRun = False) -> None:
    """Move the items at `u/USERNAME/…` to another member or a folder, with the references to them. Admins only.

    Exits with 1 if an item could not be moved, or if code still refers to a former path.
    """
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    body = {"username": username, "target": target, "dry_run": dry_run}
    done: dict[str, Any] = api.send("POST", api.in_workspace("ownership/transfer"), body=body).json()
    if session.as_json:
        print_json(done)
    else:
        print_table(["KIND", "FROM", "TO"], [[each["kind"], each["path"], each["target"]] for each in done["moved"]])
        for item in done["refused"]:
            print(f"Not moved: {item['kind']} {item['path']}: {item['message']}")
        for item in done["referring"]:
            print(f"Change by hand: {item['kind']} {item['path']} refers to a former path.")
        if done["more"]:
            print("There are more items: repeat the command.")
    if done["refused"] or done["referring"]:
        raise typer.Exit(1)
