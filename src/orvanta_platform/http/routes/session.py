"""Routes of sign-in, the caller's account and tokens, and the accounts of the instance."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers, cookies
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    base_url_of,
    body_of,
    bool_of,
    caller_of,
    page_of,
    platform_of,
    small_body_of,
)
from orvanta_platform.http.schemas import accounts
from orvanta_platform.services.access import session, tokens, users, workspaces
from orvanta_platform.services.access.session import Session
from orvanta_platform.services.access.tokens import NewToken
from orvanta_platform.services.access.users import NewAccount

_OPEN_BODY = 16 << 10
"""Maximum size in bytes of a body that needs no token."""


@post("/api/auth/login", status_code=200, request_max_body_size=_OPEN_BODY, opt=call(body=accounts.Login))
async def login(request: AnyRequest) -> Response[bytes]:
    """Log in with e-mail address and password. Returns a session token, which is also set as a cookie."""
    body = await body_of(request, accounts.Login)
    made = await session.login(platform_of(request), body.email, body.password, caller_of(request), body.code)
    return _with_cookie(request, made)


@post(
    "/api/auth/first_password", status_code=200, request_max_body_size=_OPEN_BODY, opt=call(body=accounts.FirstPassword)
)
async def first_password(request: AnyRequest) -> Response[bytes]:
    """Set the first password with the token of the one-time link, and log in.

    The response is empty, without a session, if the login also needs a code.
    """
    body = await body_of(request, accounts.FirstPassword)
    made = await session.first_password(platform_of(request), body.token, body.password, caller_of(request))
    return answers.text("") if made is None else _with_cookie(request, made)


@post("/api/auth/logout", status_code=200, opt=call())
async def logout(request: AnyRequest) -> Response[bytes]:
    """End the session of this call."""
    own = cookies.value_of(request.headers, cookies.full_name(cookies.OWN, base_url_of(request)))
    await session.logout(platform_of(request), actor_of(request), own)
    answer = answers.text("Logged out.")
    answer.set_cookie(cookies.cookie(cookies.SESSION, "", 0, base_url_of(request)))
    if own is not None:
        answer.set_cookie(cookies.cookie(cookies.OWN, "", 0, base_url_of(request)))
    return answer


@get("/api/users/whoami", opt=call(answer=accounts.User))
async def whoami(request: AnyRequest) -> Response[bytes]:
    """Get the caller's account."""
    actor = actor_of(request)
    return answers.json(accounts.user(await users.whoami(platform_of(request), actor), actor.impersonator))


@get("/api/users/email", opt=call())
async def email(request: AnyRequest) -> Response[bytes]:
    """Get the caller's e-mail address."""
    return answers.text((await users.whoami(platform_of(request), actor_of(request))).email)


@get("/api/workspaces/users", opt=call(answer=accounts.UserWorkspaces))
async def list_workspaces_as_user(request: AnyRequest) -> Response[bytes]:
    """List the caller's workspaces, with the username in each."""
    actor = actor_of(request)
    return answers.json(accounts.user_workspaces(actor, await workspaces.list_mine(platform_of(request), actor)))


@post("/api/users/tokens/create", status_code=201, opt=call(body=accounts.CreateToken))
async def create_token(request: AnyRequest) -> Response[bytes]:
    """Create a token. It is shown only in this response."""
    body = await small_body_of(request, accounts.CreateToken)
    new = NewToken(body.label, body.expiration, body.scopes, body.workspace_id)
    return answers.text(await tokens.create(platform_of(request), actor_of(request), new), 201)


@get("/api/users/tokens/list", opt=call(answer=list[accounts.Token], query=PAGED[:2]))
async def list_tokens(request: AnyRequest) -> Response[bytes]:
    """List the caller's tokens, newest first."""
    page = page_of(request)
    rows = await tokens.list_mine(platform_of(request), actor_of(request), limit=page.limit, offset=page.offset)
    return answers.json([accounts.token(row) for row in rows])


@get("/api/users/tokens/max_age", opt=call(answer=accounts.TokenMaxAge, query=("workspace",)))
async def get_token_max_age(request: AnyRequest) -> Response[bytes]:
    """Get the maximum lifetime of a new token of the caller, valid in one `workspace` or, without it, in all."""
    workspace = request.query_params.get("workspace") or None
    days = await tokens.get_max_age_days(platform_of(request), actor_of(request), workspace)
    return answers.json(accounts.TokenMaxAge(days))


@delete("/api/users/tokens/delete/{token_prefix:str}", status_code=200, opt=call())
async def delete_token(request: AnyRequest, token_prefix: FromPath[str]) -> Response[bytes]:
    """Revoke the caller's token with this prefix."""
    await tokens.delete(platform_of(request), actor_of(request), token_prefix)
    return answers.text("Revoked the token.")


@post("/api/users/create", status_code=201, opt=call(body=accounts.CreateUser))
async def create_user(request: AnyRequest) -> Response[bytes]:
    """Create an account. Superadmins only.

    With `link`, its owner receives a link by mail, which is valid for 24 hours. If no mail was sent, because the
    setting smtp has no server or the server refused it, the response is the link.
    """
    body = await body_of(request, accounts.CreateUser)
    new = NewAccount(
        email=body.email,
        password=body.password,
        username=body.username,
        name=body.name,
        super_admin=body.super_admin,
        devops=body.devops,
    )
    link = await users.create(platform_of(request), actor_of(request), new, link=body.link)
    return answers.text(link or f"Created the account {body.email}.", 201)


@get("/api/users/list_as_super_admin", opt=call(answer=list[accounts.User], query=(*PAGED[:2], "after", "deleted")))
async def list_accounts(request: AnyRequest) -> Response[bytes]:
    """List all accounts by address; with `deleted=true`, deleted ones as well. Superadmins and devops only."""
    page = page_of(request)
    rows = await users.list_accounts(
        platform_of(request),
        actor_of(request),
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
        deleted=bool_of(request, "deleted") or False,
    )
    return answers.json([accounts.user(row) for row in rows])


def _with_cookie(request: AnyRequest, made: Session) -> Response[bytes]:
    """Return the token as text, and set it as a cookie."""
    answer = answers.text(made.token)
    answer.set_cookie(cookies.cookie(cookies.SESSION, made.token, made.lives_s, base_url_of(request)))
    return answer


ROUTES = [
    login,
    first_password,
    logout,
    whoami,
    email,
    list_workspaces_as_user,
    create_token,
    list_tokens,
    get_token_max_age,
    delete_token,
    create_user,
    list_accounts,
]
