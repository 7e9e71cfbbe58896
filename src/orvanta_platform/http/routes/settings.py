"""Routes of the settings of the instance."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of, small_body_of
from orvanta_platform.http.schemas import settings as schemas
from orvanta_platform.services.access import instance_settings, mail_tests
from orvanta_platform.services.access.issuer_check import find_problem
from orvanta_platform.services.maintenance import alert_tests


@get("/api/settings/list_global", opt=call(answer=list[schemas.InstanceSetting]))
async def list_settings(request: AnyRequest) -> Response[bytes]:
    """List the settings of the instance. Superadmins only."""
    platform = platform_of(request)
    found = await instance_settings.list_all(platform.db, platform.settings, actor_of(request))
    return answers.json([schemas.setting(each) for each in found])


@get("/api/settings/list_environment", opt=call(answer=list[schemas.ProcessSetting]))
async def list_environment_settings(request: AnyRequest) -> Response[bytes]:
    """List the settings that the environment of this server determines. Superadmins only."""
    rows = instance_settings.list_environment(platform_of(request).settings, actor_of(request))
    return answers.json([schemas.process_setting(row) for row in rows])


@get("/api/settings/global/{name:str}", opt=call(answer=Any))
async def get_setting(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Get the effective value of a setting; a secret field is shown as `***`. Superadmins only."""
    platform = platform_of(request)
    found = await instance_settings.get(platform.db, platform.settings, actor_of(request), name)
    return answers.json(found.value)


@post("/api/settings/global/{name:str}", status_code=200, opt=call(body=schemas.SetSetting))
async def set_setting(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Set a setting, or return it to its default. Takes effect in every server within a second. Superadmins only.

    Answers 409 `version_conflict` if the setting was changed since `base_version`; details have both values. Answers
    409 `set_by_environment` if an environment variable of the server determines the value.
    """
    body = await small_body_of(request, schemas.SetSetting)
    platform = platform_of(request)
    await instance_settings.change(
        platform.db, platform.settings, platform.keys, actor_of(request), name, body.value, body.base_version
    )
    return answers.text(f"Set {name}." if body.value is not None else f"{name} has its default again.")


@post("/api/settings/test_smtp", status_code=200, opt=call(body=schemas.SendTestMail, answer=schemas.MailTest))
async def test_smtp(request: AnyRequest) -> Response[bytes]:
    """Send a test mail with the stored mail server, or with one that is not stored yet. Superadmins only.

    The answer has the reply of the mail server.
    """
    body = await small_body_of(request, schemas.SendTestMail)
    platform = platform_of(request)
    found = await mail_tests.run(platform.db, platform.settings, platform.keys, actor_of(request), body.to, body.smtp)
    return answers.json(schemas.MailTest(success=found.success, message=found.message, duration_ms=found.duration_ms))


@post(
    "/api/settings/test_alert_channel",
    status_code=200,
    opt=call(body=schemas.TestAlertChannel, answer=schemas.AlertChannelTest),
)
async def test_alert_channel(request: AnyRequest) -> Response[bytes]:
    """Send a test message to a stored channel of the setting `alerts`. Superadmins only."""
    body = await small_body_of(request, schemas.TestAlertChannel)
    found = await alert_tests.run(platform_of(request), actor_of(request), body.channel)
    return answers.json(
        schemas.AlertChannelTest(success=found.success, message=found.message, duration_ms=found.duration_ms)
    )


@get("/api/settings/list_alert_failures", opt=call(answer=list[schemas.AlertChannelFailure]))
async def list_alert_failures(request: AnyRequest) -> Response[bytes]:
    """List the channels of the setting `alerts` whose last message could not be sent. Superadmins only."""
    rows = await alert_tests.list_failures(platform_of(request), actor_of(request))
    return answers.json([schemas.AlertChannelFailure(row.channel, row.error, row.failed_at) for row in rows])


@post("/api/settings/check_issuer", status_code=200, opt=call(body=schemas.CheckIssuer, answer=schemas.IssuerCheck))
async def check_issuer(request: AnyRequest) -> Response[bytes]:
    """Check that the discovery document of an OpenID provider can be read and names this issuer. Superadmins only.

    Only addresses that the provider may have are called. A provider with a problem can be stored nevertheless.
    """
    body = await small_body_of(request, schemas.CheckIssuer)
    found = await find_problem(platform_of(request).settings, actor_of(request), body.issuer, body.networks)
    if found is None:
        return answers.json(schemas.IssuerCheck(problem=None, code=None))
    return answers.json(schemas.IssuerCheck(problem=found.message, code=found.code))


ROUTES = [
    list_settings,
    list_environment_settings,
    get_setting,
    set_setting,
    test_smtp,
    test_alert_channel,
    list_alert_failures,
    check_issuer,
]
