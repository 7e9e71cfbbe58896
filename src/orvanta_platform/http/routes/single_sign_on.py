"""Routes of logins by OpenID providers, and of the identities that superadmins link to accounts."""

from __future__ import annotations

from html import escape
from typing import Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath
from msgspec import UNSET

from orvanta_platform.errors import OrvantaError
from orvanta_platform.http import answers, cookies
from orvanta_platform.http.html_page import POLICY, page
from orvanta_platform.http.openapi import HTML, call
from orvanta_platform.http.requests import AnyRequest, actor_of, base_url_of, body_of, caller_of, platform_of
from orvanta_platform.http.schemas import single_sign_on as schemas
from orvanta_platform.services.access import linked_identities, session, single_sign_on

_OPEN_BODY = 16 << 10
_U = "/api/users"


@get("/api/auth/oidc/providers", opt=call(answer=schemas.LoginOptions))
async def list_login_options(request: AnyRequest) -> Response[bytes]:
    """List the providers of single sign-on, whether passwords are accepted, and the colour of the instance."""
    found = await single_sign_on.options(platform_of(request))
    providers = [schemas.LoginProvider(name, label) for name, label in found.providers.items()]
    return answers.json(schemas.LoginOptions(providers, found.passwords, found.first_visit, found.color or UNSET))


@post(
    "/api/auth/oidc/start",
    status_code=200,
    request_max_body_size=_OPEN_BODY,
    opt=call(body=schemas.StartLogin, answer=schemas.LoginAddress),
)
async def start_login(request: AnyRequest) -> Response[bytes]:
    """Start a login by a provider. Sets a cookie, without which the login cannot be finished."""
    body = await body_of(request, schemas.StartLogin)
    started = await single_sign_on.start(platform_of(request), body.provider, body.then)
    answer = answers.json(schemas.LoginAddress(started.url))
    answer.set_cookie(_login_cookie(request, started.browser, single_sign_on.LOGIN_S))
    return answer


@get("/api/auth/oidc/callback/{provider:str}", opt=call(query=("code", "state", "iss", "error"), media=(HTML,)))
async def finish_login(request: AnyRequest, provider: FromPath[str]) -> Response[Any]:
    """Finish a login: the provider sends the browser here. Sets the session cookie, and redirects to the page."""
    browser = cookies.value_of(request.headers, cookies.full_name(cookies.LOGIN, base_url_of(request)))
    parameters = {name: request.query_params[name] for name in ("code", "state", "iss", "error")
                  if name in request.query_params}  # fmt: skip
    answer: Response[Any]
    try:
        made, then = await single_sign_on.finish(
            platform_of(request), provider, parameters, browser, caller_of(request)
        )
    except OrvantaError as error:
        answer = Response(
            page("Login failed", f'<p role="alert">{escape(error.message)}</p><p>{escape(error.hint or "")}</p>'
                 '<p><a href="/login">Log in</a></p>'),
            status_code=error.status,
            media_type="text/html",
            headers={"Content-Security-Policy": POLICY},
        )  # fmt: skip
    else:
        answer = Response(b"", status_code=303, headers={"Location": then})
        answer.set_cookie(cookies.cookie(cookies.SESSION, made.token, made.lives_s, base_url_of(request)))
    answer.set_cookie(_login_cookie(request, "", 0))
    return answer


@post("/api/auth/oidc/logout", status_code=200, opt=call(answer=schemas.LogoutAddress))
async def logout_at_provider(request: AnyRequest) -> Response[bytes]:
    """End the session of this call. Returns the address at which the browser also ends the session of the provider."""
    platform, actor = platform_of(request), actor_of(request)
    url = await single_sign_on.logout_url(platform, actor)
    own = cookies.value_of(request.headers, cookies.full_name(cookies.OWN, base_url_of(request)))
    await session.logout(platform, actor, own)
    answer = answers.json(schemas.LogoutAddress(url))
    answer.set_cookie(cookies.cookie(cookies.SESSION, "", 0, base_url_of(request)))
    if own is not None:
        answer.set_cookie(cookies.cookie(cookies.OWN, "", 0, base_url_of(request)))
    return answer


@get(f"{_U}/identities/{{email:str}}", opt=call(answer=list[schemas.Identity]))
async def list_identities(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """List the identities that can log in to an account. Superadmins only."""
    rows = await linked_identities.list_identities(platform_of(request), actor_of(request), email)
    return answers.json([schemas.Identity(row.issuer, row.subject, row.created_at) for row in rows])


@post(f"{_U}/link_identity/{{email:str}}", status_code=200, opt=call(body=schemas.LinkIdentity))
async def link_identity(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Let an identity of a provider log in to an account. Superadmins only."""
    body = await body_of(request, schemas.LinkIdentity)
    await linked_identities.link(platform_of(request), actor_of(request), email, body.provider, body.subject)
    return answers.text(f"Linked the identity to {email}.")


@post(f"{_U}/unlink_identity/{{email:str}}", status_code=200, opt=call(body=schemas.UnlinkIdentity))
async def unlink_identity(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Unlink an identity from an account, and end the sessions of the account. Superadmins only."""
    body = await body_of(request, schemas.UnlinkIdentity)
    await linked_identities.unlink(platform_of(request), actor_of(request), email, body.issuer, body.subject)
    return answers.text(f"Unlinked the identity from {email}.")


def _login_cookie(request: AnyRequest, value: str, max_age_s: int) -> Cookie:
    return cookies.cookie(cookies.LOGIN, value, max_age_s, base_url_of(request))


ROUTES = [
    list_login_options,
    start_login,
    finish_login,
    logout_at_provider,
    list_identities,
    link_identity,
    unlink_identity,
]
