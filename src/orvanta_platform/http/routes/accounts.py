"""Routes of the management of accounts by superadmins, and of one's own password and sessions."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, cancels_runs_of, platform_of
from orvanta_platform.http.schemas import people
from orvanta_platform.services.access import accounts, departures, own_account
from orvanta_platform.services.access.accounts import AccountChange

_U = "/api/users"


@post(f"{_U}/update/{{email:str}}", status_code=200, opt=call(body=people.UpdateAccount))
async def update_account(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Change the name or the roles of an account. Superadmins only."""
    body = await body_of(request, people.UpdateAccount)
    change = AccountChange(body.name, body.is_super_admin, body.is_devops)
    await accounts.update(platform_of(request), actor_of(request), email, change)
    return answers.text(f"Updated the account {email}.")


@get(f"{_U}/departure/{{email:str}}", opt=call(answer=people.Departure))
async def preview_account_departure(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """List what stops when an account is disabled or deleted. Superadmins only."""
    found = await departures.preview_account(platform_of(request), actor_of(request), email)
    return answers.json(people.departure(found))


@post(f"{_U}/disable/{{email:str}}", status_code=200, opt=call(query=("runs",)))
async def disable_account(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Disable an account, end its tokens and sessions, and stop what acts for it. Superadmins only.

    `runs`: `continue` (default) or `cancel`.
    """
    cancel = cancels_runs_of(request)
    await accounts.disable(platform_of(request), actor_of(request), email, cancel_runs=cancel)
    return answers.text(f"Disabled the account {email}.")


@post(f"{_U}/enable/{{email:str}}", status_code=200, opt=call())
async def enable_account(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Enable an account. Its tokens and sessions do not return. Superadmins only."""
    await accounts.enable(platform_of(request), actor_of(request), email)
    return answers.text(f"Enabled the account {email}.")


@delete(f"{_U}/delete/{{email:str}}", status_code=200, opt=call(query=("runs",)))
async def delete_account(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Delete an account, and stop what acts for it. What it wrote remains. Superadmins only.

    `runs`: `continue` (default) or `cancel`.
    """
    cancel = cancels_runs_of(request)
    await accounts.delete(platform_of(request), actor_of(request), email, cancel_runs=cancel)
    return answers.text(f"Deleted the account {email}.")


@post(f"{_U}/reset_password/{{email:str}}", status_code=200, opt=call())
async def reset_password(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Remove the password of an account, end its sessions, and mail a one-time link for a new one. Superadmins only.

    The link is valid for 24 hours. If no mail was sent, it is shown only in this response.
    """
    link = await accounts.reset_password(platform_of(request), actor_of(request), email)
    return answers.text(link or f"Sent a link to {email}.")


@post(f"{_U}/setpassword", status_code=200, opt=call(body=people.ChangePassword))
async def change_password(request: AnyRequest) -> Response[bytes]:
    """Replace the caller's password and end its other sessions."""
    body = await body_of(request, people.ChangePassword)
    platform, actor = platform_of(request), actor_of(request)
    await own_account.change_password(platform, actor, body.current_password, body.password)
    return answers.text("Replaced the password.")


@get(f"{_U}/sessions/list", opt=call(answer=list[people.OwnSession]))
async def list_sessions(request: AnyRequest) -> Response[bytes]:
    """List the caller's sessions, newest first."""
    rows = await own_account.list_sessions(platform_of(request), actor_of(request))
    return answers.json([people.own_session(row) for row in rows])


@delete(f"{_U}/sessions/delete/{{token_prefix:str}}", status_code=200, opt=call())
async def revoke_session(request: AnyRequest, token_prefix: FromPath[str]) -> Response[bytes]:
    """End the caller's session with this prefix."""
    await own_account.revoke_session(platform_of(request), actor_of(request), token_prefix)
    return answers.text("Ended the session.")


ROUTES = [
    update_account,
    preview_account_departure,
    disable_account,
    enable_account,
    delete_account,
    reset_password,
    change_password,
    list_sessions,
    revoke_session,
]
