"""`orvanta scim-token`: tokens of identity providers that manage accounts by SCIM."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Manage tokens of SCIM clients.", cls=CommandGroup, rich_markup_mode=None)

Prefix = Annotated[str, typer.Argument(help="First characters of the token, as listed.", metavar="PREFIX")]
Days = Annotated[int | None, typer.Option("--days", min=1, help="Days until it expires; a year by default.")]


@app.callback()
def scim_token() -> None:
    """Manage tokens of SCIM clients."""


@command(app, "orvanta scim-token list")
def _list(session: Session) -> None:
    """List the tokens of SCIM clients. Superadmins only."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    found = session.api.get("/api/scim_tokens/list")
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["token_prefix"],
            each["created_by"],
            local_time(each["created_at"]),
            local_time(each["last_used_at"]) if each["last_used_at"] else "",
            local_time(each["expiration"]),
        ]
        for each in found
    ]
    print_table(["PREFIX", "CREATED BY", "CREATED", "LAST USED", "EXPIRES"], rows)


@command(app, "orvanta scim-token create --days 90")
def create(session: Session, days: Days = None) -> None:
    """Create a token of a SCIM client, and print it. It is shown only once. Superadmins only."""
    from datetime import UTC, datetime, timedelta

    from orvanta_platform.cli.client.output import print_json

    expiration = None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()
    token = session.api.post("/api/scim_tokens/create", {"expiration": expiration})
    if session.as_json:
        print_json({"token": token})
    else:
        print(token)


@command(app, "orvanta scim-token revoke ovp_Vq3kLm2x")
def revoke(session: Session, prefix: Prefix) -> None:
    """Revoke a token of a SCIM client. Superadmins only."""
    session.api.delete(f"/api/scim_tokens/delete/{quote(prefix, safe='')}")
    session.print_state(prefix, "revoked")
