"""`orvanta service-account`: members without a password, for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Manage the service accounts of a workspace.", cls=CommandGroup, rich_markup_mode=None
)


class ServiceRole(StrEnum):
    """Role of a service account."""

    DEVELOPER = "developer"
    OPERATOR = "operator"
    VIEWER = "viewer"


Name = Annotated[str, typer.Argument(help="Username of the service account.", metavar="NAME")]
RoleOption = Annotated[ServiceRole, typer.Option("--role", help="Role in the workspace.")]
Summary = Annotated[str | None, typer.Option("--summary", help="Purpose of the service account.")]
Label = Annotated[str | None, typer.Option("--label", help="Purpose of the token.")]
Scope = Annotated[
    list[str], typer.Option("--scope", help="<area>:<action> or <area>:<action>:<path>. Repeatable; required.")
]
Everywhere = Annotated[
    bool,
    typer.Option(
        "--all-workspaces",
        help="Valid in all workspaces of which the service account is a member; otherwise only in this one.",
    ),
]
Days = Annotated[int, typer.Option("--days", min=1, help="Days until the token expires.")]


@app.callback()
def service_account() -> None:
    """Manage the service accounts of a workspace."""


@command(app, "orvanta service-account list")
def _list(session: Session, limit: options.Limit = 100) -> None:
    """List service accounts with their owners. Admins only."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("service_accounts/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["username"],
            each["role"],
            each["owner"],
            "disabled" if each["disabled"] else "enabled",
            str(each["tokens"]),
            each.get("summary", ""),
        ]
        for each in found
    ]
    print_table(["USERNAME", "ROLE", "OWNER", "STATE", "TOKENS", "SUMMARY"], rows)


@command(app, "orvanta service-account create ci --role developer --summary 'Deploys from CI'")
def create(session: Session, name: Name, role: RoleOption = ServiceRole.OPERATOR, summary: Summary = None) -> None:
    """Create a service account that you own. Admins only."""
    session.change("service_accounts/create", {"username": name, "role": role, "summary": summary}, name, "created")


@command(
    app,
    "orvanta service-account token ci --scope 'jobs:run:f/sales/*' --days 90",
    "orvanta service-account token ci --scope releases:write --scope deployments:write --all-workspaces",
)
def token(
    session: Session,
    name: Name,
    scope: Scope,
    days: Days = 90,
    label: Label = None,
    all_workspaces: Everywhere = False,
) -> None:
    """Create a token of a service account, and print it. It is shown only once. Admins only."""
    from orvanta_platform.cli.client.output import print_json

    expiration = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    api = session.api
    call = api.in_workspace(f"service_accounts/tokens/create/{quote(name, safe='')}")
    body = {"label": label, "scopes": scope, "expiration": expiration, "all_workspaces": all_workspaces}
    made = api.post(call, body)
    if session.as_json:
        print_json({"token": made})
    else:
        print(made)


@command(app, "orvanta service-account disable ci")
def disable(session: Session, name: Name) -> None:
    """Disable a service account. Its tokens are deleted, and everything that acts for it stops. Admins only."""
    session.change(f"service_accounts/setenabled/{quote(name, safe='')}", {"enabled": False}, name, "disabled")


@command(app, "orvanta service-account enable ci")
def enable(session: Session, name: Name) -> None:
    """Enable a service account, which then needs new tokens. Admins only."""
    session.change(f"service_accounts/setenabled/{quote(name, safe='')}", {"enabled": True}, name, "enabled")


@command(app, "orvanta service-account delete ci")
def delete(session: Session, name: Name) -> None:
    """Delete a service account. Its username remains reserved. Admins only."""
    session.api.delete(session.api.in_workspace(f"service_accounts/delete/{quote(name, safe='')}"))
    session.print_state(name, "deleted")
