"""`orvanta user`: accounts of the instance, and the user's own password and sessions."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import departure, options, totp
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.prompts import prompt_secret
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Manage accounts.", cls=CommandGroup, rich_markup_mode=None)

Email = Annotated[str, typer.Argument(help="E-mail address of the account.", metavar="EMAIL")]
Username = Annotated[str | None, typer.Option("--username", help="Username; derived from the address by default.")]
Name = Annotated[str | None, typer.Option("--name", help="Name of the person.")]
Superadmin = Annotated[
    bool | None, typer.Option("--superadmin/--no-superadmin", help="Grant all permissions in every workspace.")
]
Devops = Annotated[
    bool | None,
    typer.Option("--devops/--no-devops", help="Allow it to read all accounts, workers, queues and alerts."),
]
Deleted = Annotated[bool, typer.Option("--deleted", help="Also list deleted accounts.")]
Provider = Annotated[str, typer.Argument(help="Name of the provider in oidc_providers.", metavar="PROVIDER")]
Issuer = Annotated[str, typer.Argument(help="Issuer of the identity, as listed.", metavar="ISSUER")]
Subject = Annotated[str, typer.Argument(help="Identifier of the person at the provider (`sub`).", metavar="SUBJECT")]
Prefix = Annotated[str, typer.Argument(help="First characters of the token, as listed.", metavar="PREFIX")]


@app.callback()
def user() -> None:
    """Manage accounts."""


@command(app, "orvanta user list")
def _list(session: Session, deleted: Deleted = False, limit: options.Limit = 100) -> None:
    """List accounts. Superadmins and devops only."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get("/api/users/list_as_super_admin", deleted=deleted, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [[each["email"], each["username"], _role(each), _state(each), each.get("name", "")] for each in found]
    print_table(["EMAIL", "USERNAME", "ROLE", "STATE", "NAME"], rows)


@command(app, "orvanta user create ada@example.org", "orvanta user create ada@example.org --superadmin --json")
def create(
    session: Session,
    email: Email,
    username: Username = None,
    name: Name = None,
    superadmin: Superadmin = None,
    devops: Devops = None,
) -> None:
    """Create an account, and mail a one-time link by which its owner sets the password. Superadmins only.

    The link is valid for 24 hours. Without a mail server in the setting smtp, it is printed, and shown only once.
    """
    body: dict[str, Any] = {"email": email, "link": True, "username": username, "name": name}
    body |= {"super_admin": bool(superadmin), "devops": bool(devops)}
    _print_link(session, email, session.api.post("/api/users/create", body))


@command(app, "orvanta user update ada@example.org --no-superadmin")
def update(
    session: Session, email: Email, name: Name = None, superadmin: Superadmin = None, devops: Devops = None
) -> None:
    """Change the name or the roles of an account. Superadmins only."""
    body = {"name": name, "is_super_admin": superadmin, "is_devops": devops}
    session.api.post(_path("update", email), body)
    session.print_state(email, "updated")


@command(app, "orvanta user departure ada@example.org")
def departure_(session: Session, email: Email) -> None:
    """List what stops when an account is disabled or deleted. Superadmins only."""
    departure.show(session, _path("departure", email))


@command(app, "orvanta user disable ada@example.org", "orvanta user disable ada@example.org --cancel-runs")
def disable(session: Session, email: Email, cancel_runs: departure.CancelRuns = False) -> None:
    """Disable an account, end its tokens and sessions, and stop everything that acts for it. Superadmins only."""
    session.api.post(_path("disable", email) + departure.runs_query(cancel_runs))
    session.print_state(email, "disabled")


@command(app, "orvanta user enable ada@example.org")
def enable(session: Session, email: Email) -> None:
    """Enable an account. Its tokens and sessions do not return. Superadmins only."""
    session.api.post(_path("enable", email))
    session.print_state(email, "enabled")


@command(app, "orvanta user delete ada@example.org")
def delete(session: Session, email: Email, cancel_runs: departure.CancelRuns = False) -> None:
    """Delete an account, and stop everything that acts for it. Superadmins only.

    Its items and runs remain, and its address cannot be used again.
    """
    session.api.delete(_path("delete", email) + departure.runs_query(cancel_runs))
    session.print_state(email, "deleted")


@command(app, "orvanta user reset-password ada@example.org")
def reset_password(session: Session, email: Email) -> None:
    """Remove the password of an account, end its sessions, and mail a one-time link. Superadmins only.

    The link is valid for 24 hours. Without a mail server in the setting smtp, it is printed, and shown only once. API
    tokens of the account remain valid.
    """
    _print_link(session, email, session.api.post(_path("reset_password", email)))


@command(app, "orvanta user identities ada@example.org")
def identities(session: Session, email: Email) -> None:
    """List the identities at OpenID providers that can log in to an account. Superadmins only."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get(_path("identities", email))
    if session.as_json:
        print_json(found)
        return
    print_table(["ISSUER", "SUBJECT"], [[each["issuer"], each["subject"]] for each in found])


@command(app, "orvanta user link-identity ada@example.org corp 248289761001")
def link_identity(session: Session, email: Email, provider: Provider, subject: Subject) -> None:
    """Let an identity of an OpenID provider log in to an account. Superadmins only."""
    session.api.post(_path("link_identity", email), {"provider": provider, "subject": subject})
    session.print_state(email, "linked")


@command(app, "orvanta user unlink-identity ada@example.org https://id.example.org 248289761001")
def unlink_identity(session: Session, email: Email, issuer: Issuer, subject: Subject) -> None:
    """Unlink an identity from an account, and end the sessions of the account. Superadmins only."""
    session.api.post(_path("unlink_identity", email), {"issuer": issuer, "subject": subject})
    session.print_state(email, "unlinked")


@command(app, "orvanta user password")
def password(session: Session) -> None:
    """Replace your own password, and end your other sessions.

    Prompts on a terminal, otherwise reads two lines from standard input: the current password and the new one.
    """
    from orvanta_platform.cli.client.output import print_json

    current, new = _passwords()
    session.api.post("/api/users/setpassword", {"current_password": current, "password": new})
    if session.as_json:
        print_json({"state": "updated"})
    else:
        print("Replaced the password.")


@command(app, "orvanta user sessions")
def sessions(session: Session) -> None:
    """List your own sessions."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    found = session.api.get("/api/users/sessions/list")
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            each["token_prefix"],
            local_time(each["created_at"]),
            local_time(each["last_used_at"]),
            each.get("last_address", ""),
            "current" if each["current"] else "",
        ]
        for each in found
    ]
    print_table(["PREFIX", "CREATED", "LAST USED", "ADDRESS", ""], rows)


@command(app, "orvanta user revoke-session ovs_Vq3kLm2x")
def revoke_session(session: Session, prefix: Prefix) -> None:
    """End one of your own sessions."""
    session.api.delete(f"/api/users/sessions/delete/{quote(prefix, safe='')}")
    session.print_state(prefix, "revoked")


def _path(call: str, email: str) -> str:
    return f"/api/users/{call}/{quote(email, safe='')}"


def _print_link(session: Session, email: str, link: str) -> None:
    from orvanta_platform.cli.client.output import print_json, say

    if not link.startswith("http"):
        session.print_state(email, "mailed")
    elif session.as_json:
        print_json({"email": email, "link": link})
    else:
        say(f"{email} chooses a password with this link, which is valid for 24 hours:")
        print(link)


def _passwords() -> tuple[str, str]:
    if sys.stdin.isatty():
        return prompt_secret("Current password"), prompt_secret("New password")
    lines = sys.stdin.read().splitlines()
    if len(lines) != 2:
        raise typer.BadParameter("Write two lines to standard input: the current password and the new one.")
    return lines[0], lines[1]


def _role(row: dict[str, Any]) -> str:
    return "superadmin" if row["super_admin"] else "devops" if row["devops"] else "user"


def _state(row: dict[str, Any]) -> str:
    return "deleted" if row["deleted"] else "disabled" if row["disabled"] else "enabled"


totp.register(app)
