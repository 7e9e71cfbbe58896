"""`orvanta token`: the user's own tokens, and those of the members of a workspace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Create and revoke tokens.", cls=CommandGroup, rich_markup_mode=None)

All = Annotated[bool, typer.Option("--all", help="Tokens of all members of the workspace. Admins only.")]
Prefix = Annotated[str, typer.Argument(help="First characters of the token, as listed.", metavar="PREFIX")]
Label = Annotated[str | None, typer.Option("--label", help="Purpose of the token.")]
Scope = Annotated[
    list[str] | None,
    typer.Option("--scope", help="<area>:<action> or <area>:<action>:<path>. Repeatable; all permissions by default."),
]
Days = Annotated[
    int | None,
    typer.Option("--days", min=1, help="Days until it expires; by default the maximum lifetime of tokens, or never."),
]
Bound = Annotated[bool, typer.Option("--this-workspace", help="Restrict the token to this workspace.")]


@app.callback()
def token() -> None:
    """Create and revoke tokens."""


@command(app, "orvanta token list", "orvanta token list --all --workspace sales")
def _list(session: Session, all: All = False, limit: options.Limit = 100) -> None:
    """List your tokens, or those of all members, with scopes, expiry and last use."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("tokens/list") if all else "/api/users/tokens/list", per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["token_prefix"],
            *([each["username"]] if all else []),
            each.get("label", ""),
            " ".join(each["scopes"]) if "scopes" in each else "all permissions",
            local_time(each.get("expiration")) or "never",
            local_time(each["last_used_at"]),
            each.get("last_address", ""),
        ]
        for each in found
    ]
    head = ["PREFIX", *(["USERNAME"] if all else []), "LABEL", "SCOPES", "EXPIRES", "LAST USED", "ADDRESS"]
    print_table(head, rows)


@command(app, "orvanta token create --label ci --scope 'jobs:run:f/sales/*' --days 90")
def create(
    session: Session, label: Label = None, scope: Scope = None, days: Days = None, this_workspace: Bound = False
) -> None:
    """Create a token for your account, and print it. It is shown only once."""
    from orvanta_platform.cli.client.output import print_json

    body: dict[str, Any] = {"label": label, "scopes": scope or None}
    if days is not None:
        body["expiration"] = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    if this_workspace:
        body["workspace_id"] = session.api.connection.workspace
    made = session.api.post("/api/users/tokens/create", body)
    if session.as_json:
        print_json({"token": made})
    else:
        print(made)


@command(app, "orvanta token revoke ov_Vq3kLm2xA", "orvanta token revoke ov_Vq3kLm2xA --all")
def revoke(session: Session, prefix: Prefix, all: All = False) -> None:
    """Revoke one of your tokens, or with --all one of any member.

    With --all: a token that is valid in this workspace only, or one of a service account of this workspace.
    """
    api = session.api
    name = quote(prefix, safe="")
    api.delete(api.in_workspace(f"tokens/delete/{name}") if all else f"/api/users/tokens/delete/{name}")
    session.print_state(prefix, "revoked")
