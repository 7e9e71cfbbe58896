"""`orvanta login`, `logout` and `whoami`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote, urlsplit

import typer
from msgspec import structs

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.prompts import prompt, prompt_secret
from orvanta_platform.errors import BadRequest

if TYPE_CHECKING:
    from orvanta_platform.cli.client.api import Api
    from orvanta_platform.cli.client.profiles import Profile, Profiles

Url = Annotated[
    str | None, typer.Argument(metavar="URL", help="Address of the server; that of the profile by default.")
]
Email = Annotated[str | None, typer.Option("--email", help="E-mail address; prompted for by default.")]
TokenStdin = Annotated[bool, typer.Option("--token-stdin", help="Read a token from stdin instead of a password.")]

_ADMINS = "admins"


def register(app: typer.Typer) -> None:
    """Register the commands with the root application."""
    command(
        app,
        "orvanta login https://orvanta.example.org",
        "orvanta login https://orvanta.example.org --profile prod --workspace sales",
        "orvanta login https://orvanta.example.org --token-stdin < token.txt",
    )(login)
    command(app, "orvanta logout", "orvanta logout --profile prod")(logout)
    command(app, "orvanta whoami", "orvanta whoami --json | jq -r .username")(whoami)


def login(session: Session, url: Url = None, email: Email = None, token_stdin: TokenStdin = False) -> None:
    """Log in to a server and store its token in a profile, which becomes the current one.

    Prompts for e-mail address and password; without a terminal, the password is the first line of standard input.
    With two-step login, a code is asked for as well, or read from the second line. A password or token is never an
    argument, because other users of the machine could read it.
    """
    from orvanta_platform.cli.client import profiles
    from orvanta_platform.cli.client.api import open_api
    from orvanta_platform.cli.client.connection import Connection, is_unencrypted
    from orvanta_platform.cli.client.output import print_json, say

    known = profiles.load()
    name, address = _target(session.profile, url, known)
    if is_unencrypted(address):
        say(f"Warning: the connection to {address} is not encrypted; the token can be read on the network.")
    token = _line_of_stdin("token") if token_stdin else _token_for_password(Connection(address, "", "", name), email)
    api = open_api(Connection(address, "", token, name))
    try:
        account = api.get("/api/users/whoami")
        workspace, invited = _workspace(api, session.workspace)
        known.with_profile(profiles.Profile(name, address, workspace, token)).save()
    except BaseException:
        if not token_stdin:
            _end_session(api)
        raise
    finally:
        api.client.close()
    if session.as_json:
        print_json({"profile": name, "url": address, "workspace": workspace, "email": account["email"]})
        return
    chosen = f"workspace {workspace}" if workspace else "no workspace"
    print(f"Logged in to {address} as {account['email']}, {chosen}, profile {name}.")
    for each in invited:
        say(f"You are invited to the workspace {each}. Join with `orvanta member join --workspace {each}`.")
    if not workspace and not invited:
        say("You are not a member of a workspace. Ask an admin of a workspace for an invitation.")


def logout(session: Session) -> None:
    """Delete the token of a profile, and end its session on the server if `login` created it.

    Address and workspace are kept for the next login. A token of `--token-stdin` remains valid on the server.
    """
    import dataclasses

    from orvanta_platform.cli.client import profiles
    from orvanta_platform.cli.client.api import open_api
    from orvanta_platform.cli.client.connection import Connection
    from orvanta_platform.cli.client.output import print_json

    known = profiles.load()
    profile = _in_file(session.profile, known)
    if profile.token is not None:
        api = open_api(Connection(profile.url, profile.workspace, profile.token, profile.name))
        try:
            _end_session(api)
        finally:
            api.client.close()
    remaining = {**known.profiles, profile.name: dataclasses.replace(profile, token=None)}
    structs.replace(known, profiles=remaining).save()
    if session.as_json:
        print_json({"profile": profile.name, "url": profile.url})
    else:
        print(f"Logged out of {profile.url}, profile {profile.name}.")


def whoami(session: Session) -> None:
    """Show the account of the token, the server and the workspace."""
    from orvanta_platform.cli.client.output import print_json, terminal_safe

    api = session.api
    account = api.get("/api/users/whoami")
    connection = api.connection
    member = (connection.workspace and api.get_or_none(api.in_workspace("users/whoami"))) or {}
    found = {
        "email": account["email"],
        "username": member.get("username", account["username"]),
        "role": member.get("role"),
        "groups": member.get("groups", []),
        "super_admin": account["super_admin"],
        "workspace": connection.workspace,
        "url": connection.url,
        "profile": connection.profile,
    }
    if session.as_json:
        print_json(found)
        return
    role = found["role"] or ("not a member, but superadmin" if found["super_admin"] else "not a member")
    place = f"the workspace {connection.workspace}" if connection.workspace else "a workspace"
    print(terminal_safe(f"{found['email']} ({found['username']}), {role} of {place}"))
    print(f"on {connection.url}, profile {connection.profile}")


def _end_session(api: Api) -> None:
    """End the session of the token on the server, and report if that fails."""
    from orvanta_platform.cli.client.errors import NotLoggedIn, ServerRefused, ServerUnreachable
    from orvanta_platform.cli.client.output import say

    try:
        api.post("/api/auth/logout")
    except (NotLoggedIn, ServerRefused, ServerUnreachable) as error:
        say(f"The server did not end the session: {error.message}")


def _target(profile: str | None, url: str | None, known: Profiles) -> tuple[str, str]:
    """Return name and address of the profile to log in to."""
    from orvanta_platform.cli.client.connection import server_url
    from orvanta_platform.cli.client.profiles import check_name

    if profile is not None:
        check_name(profile)
    if url is None:
        present = known.profiles.get(profile or known.current or "")
        url = present.url if present else os.environ.get("ORVANTA_URL")
        profile = present.name if present else profile
        if not url:
            raise typer.BadParameter("Name the server: `orvanta login https://orvanta.example.org`.")
    address = server_url(url)
    same = next((each.name for each in known.profiles.values() if each.url == address), None)
    return profile or same or (urlsplit(address).hostname or "").replace(".", "-").replace(":", "-"), address


def _in_file(name: str | None, known: Profiles) -> Profile:
    from orvanta_platform.cli.client.profiles import LOCAL

    found = known.profiles.get(name or known.current or "")
    if found is None:
        hint = (
            "The installation of this machine, profile local, has no login to end." if name in (None, LOCAL) else None
        )
        raise BadRequest("The profile does not exist." if name else "No profile is logged in.", hint=hint)
    return found


def _token_for_password(connection: Any, email: str | None) -> str:
    from orvanta_platform.cli.client.api import open_api
    from orvanta_platform.cli.client.errors import NotLoggedIn

    if sys.stdin.isatty():
        email = email or prompt("E-mail address")
        password = prompt_secret("Password")
    elif email:
        password = _line_of_stdin("password")
    else:
        raise typer.BadParameter("Without a terminal, pass --email and the password on stdin, or --token-stdin.")
    api = open_api(connection)
    credentials = {"email": email, "password": password}
    try:
        try:
            return api.post("/api/auth/login", credentials)
        except NotLoggedIn as error:
            if error.server_code != "second_factor_required":
                raise
            code = prompt("Code of the authenticator") if sys.stdin.isatty() else sys.stdin.readline().strip()
            if not code:
                raise
            return api.post("/api/auth/login", {**credentials, "code": code})
    except NotLoggedIn as error:
        raise NotLoggedIn(error.message) from None
    finally:
        api.client.close()


def _line_of_stdin(what: str) -> str:
    if sys.stdin.isatty():
        return prompt_secret(what.capitalize()).strip()
    line = sys.stdin.readline().strip() if what == "token" else sys.stdin.readline().rstrip("\r\n")
    if not line or (what == "token" and not (line.isascii() and line.isprintable())):
        raise BadRequest(f"The {what} is missing or invalid.", hint="Write it to standard input, on one line.")
    return line


def _workspace(api: Api, requested: str | None) -> tuple[str, list[str]]:
    """Return the workspace of the profile, and the workspaces that the user is invited to if it is no membership.

    It is the requested workspace, or the only one available; empty for a user without memberships and invitations.
    Raises BadRequest.
    """
    available = [each["id"] for each in api.get("/api/workspaces/users")["workspaces"] if not each["disabled"]]
    requested = requested or os.environ.get("ORVANTA_WORKSPACE")
    if requested in available:
        return str(requested), []
    invited = [] if available and not requested else _invitations(api)
    if requested in invited:
        return str(requested), [str(requested)]
    if requested and _works_in(api, requested):
        return requested, []
    if requested:
        raise BadRequest(
            f"You are not a member of the workspace {requested[:100]}.", hint=f"Your workspaces: {_listed(available)}."
        )
    candidates = [each for each in available if each != _ADMINS] or available
    if len(candidates) == 1:
        return str(candidates[0]), []
    if not candidates:
        # Somebody who belongs to no workspace can log in, to join one.
        return invited[0] if len(invited) == 1 else "", invited
    if sys.stdin.isatty():
        return _workspace(api, prompt(f"Workspace ({_listed(candidates)})"))
    raise BadRequest("The workspace is ambiguous.", hint=f"Pass --workspace with one of: {_listed(candidates)}.")


def _works_in(api: Api, workspace: str) -> bool:
    """Return whether the token is valid in a workspace; that of a superadmin may be although it cannot list them."""
    from orvanta_platform.cli.client.errors import ServerRefused

    try:
        api.get(f"/api/w/{quote(workspace, safe='')}/users/whoami")
    except ServerRefused:
        return False
    return True


def _invitations(api: Api) -> list[str]:
    """Return the workspaces that the user is invited to; none for a token with limits, which cannot list them."""
    from orvanta_platform.cli.client.errors import ServerRefused

    try:
        return [each["workspace_id"] for each in api.get("/api/users/list_invites")]
    except ServerRefused:
        return []


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "none"
