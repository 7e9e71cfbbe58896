"""Routes of two-step login."""

from __future__ import annotations

import asyncio

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, caller_of, platform_of
from orvanta_platform.http.schemas import totp as schemas
from orvanta_platform.services.access import accounts, two_step_login
from orvanta_platform.services.access.two_step_login import Enrolment

_OPEN_BODY = 16 << 10
_T = "/api/users/totp"


@get(f"{_T}/get", opt=call(answer=schemas.TwoStepLogin))
async def get_two_step_login(request: AnyRequest) -> Response[bytes]:
    """Get the state of the caller's two-step login."""
    found = await two_step_login.get_status(platform_of(request), actor_of(request))
    return answers.json(schemas.TwoStepLogin(found.enabled, found.required, found.has_password, found.recovery_codes))


@post(f"{_T}/enrol", status_code=200, opt=call(body=schemas.EnrolTotp, answer=schemas.Enrolment))
async def enrol_totp(request: AnyRequest) -> Response[bytes]:
    """Create a secret for an authenticator application. Logins need codes only after it is confirmed by one."""
    body = await body_of(request, schemas.EnrolTotp)
    return await _shown(await two_step_login.enrol(platform_of(request), actor_of(request), body.password))


@post(f"{_T}/confirm", status_code=200, opt=call(body=schemas.ConfirmTotp))
async def confirm_totp(request: AnyRequest) -> Response[bytes]:
    """Switch two-step login on with a first code, and end the caller's other sessions."""
    body = await body_of(request, schemas.ConfirmTotp)
    await two_step_login.confirm(platform_of(request), actor_of(request), body.code)
    return answers.text("Switched two-step login on.")


@post(f"{_T}/disable", status_code=200, opt=call(body=schemas.DisableTotp))
async def disable_totp(request: AnyRequest) -> Response[bytes]:
    """Switch two-step login off with the password and a code."""
    body = await body_of(request, schemas.DisableTotp)
    await two_step_login.disable(platform_of(request), actor_of(request), body.password, body.code)
    return answers.text("Switched two-step login off.")


@post("/api/users/reset_totp/{email:str}", status_code=200, opt=call())
async def reset_totp(request: AnyRequest, email: FromPath[str]) -> Response[bytes]:
    """Remove the two-step login of an account, and end its sessions. Superadmins only."""
    await accounts.reset_totp(platform_of(request), actor_of(request), email)
    return answers.text(f"Removed the two-step login of {email}.")


@post(
    "/api/auth/enrol_totp",
    status_code=200,
    request_max_body_size=_OPEN_BODY,
    opt=call(body=schemas.EnrolTotpAtLogin, answer=schemas.Enrolment),
)
async def enrol_totp_at_login(request: AnyRequest) -> Response[bytes]:
    """Create a secret for an account whose login failed with `enrolment_required`. A login with a code confirms it."""
    body = await body_of(request, schemas.EnrolTotpAtLogin)
    made = await two_step_login.enrol_at_login(platform_of(request), body.email, body.password, caller_of(request))
    return await _shown(made)


async def _shown(made: Enrolment) -> Response[bytes]:
    qr = await asyncio.to_thread(_image, made.uri)
    return answers.json(schemas.Enrolment(made.secret, made.uri, qr, made.recovery_codes))


def _image(uri: str) -> str:
    import segno  # here because few calls need it

    return segno.make(uri, micro=False).svg_data_uri(scale=4, border=4, light="white")


ROUTES = [get_two_step_login, enrol_totp, confirm_totp, disable_totp, reset_totp, enrol_totp_at_login]
