"""Routes of impersonation by admins."""

from __future__ import annotations

from litestar import Response, post

from orvanta_platform.http import answers, cookies
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, base_url_of, body_of, platform_of
from orvanta_platform.http.schemas import accounts
from orvanta_platform.services.access import impersonation
from orvanta_platform.services.access.session import SESSION_S


@post("/api/auth/impersonate", status_code=200, opt=call(body=accounts.Impersonate))
async def impersonate(request: AnyRequest) -> Response[bytes]:
    """Act as a member of a workspace. Returns a session token, which is also set as a cookie. Admins only."""
    body = await body_of(request, accounts.Impersonate)
    made = await impersonation.start(
        platform_of(request), actor_of(request), body.workspace_id, body.username, body.minutes, body.reason
    )
    answer = answers.text(made.token)
    base_url = base_url_of(request)
    own = cookies.value_of(request.headers, cookies.full_name(cookies.SESSION, base_url))
    if own is not None:
        answer.set_cookie(cookies.cookie(cookies.OWN, own, made.lives_s, base_url))
    answer.set_cookie(cookies.cookie(cookies.SESSION, made.token, made.lives_s, base_url))
    return answer


@post("/api/auth/end_impersonation", status_code=200, opt=call())
async def end_impersonation(request: AnyRequest) -> Response[bytes]:
    """End the impersonation of this call, and return to the admin's own session."""
    await impersonation.end(platform_of(request), actor_of(request))
    answer = answers.text("Ended the impersonation.")
    base_url = base_url_of(request)
    own = cookies.value_of(request.headers, cookies.full_name(cookies.OWN, base_url))
    session = cookies.cookie(cookies.SESSION, own or "", SESSION_S if own else 0, base_url)
    answer.set_cookie(session)
    answer.set_cookie(cookies.cookie(cookies.OWN, "", 0, base_url))
    return answer


ROUTES = [impersonate, end_impersonation]
