"""Routes of the instance: its version, health, and API description."""

from __future__ import annotations

import asyncio

from litestar import Response, get

from orvanta_platform import __version__, clock
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import AnyObject, call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of
from orvanta_platform.http.schemas import accounts
from orvanta_platform.services.access import workspaces
from orvanta_platform.services.maintenance import readiness

DESCRIPTION = "orvanta.openapi"
"""Key of the application's state that holds its `Description`."""


@get("/api/version", opt=call())
async def version() -> Response[bytes]:
    """Get the version of the server."""
    return answers.text(f"Orvanta {__version__}")


@get("/api/health/status", opt=call(answer=accounts.Health))
async def health(request: AnyRequest) -> Response[bytes]:
    """Get the health of the server. The status is 503 while the database is unavailable."""
    found = await readiness.get_health(platform_of(request))
    if found is None:
        unhealthy = accounts.Health(status="unhealthy", database_healthy=False, checked_at=clock.now())
        return answers.json(unhealthy, 503)
    return answers.json(
        accounts.Health(
            status="healthy",
            database_healthy=True,
            checked_at=found.checked_at,
            workers_alive=found.workers_alive,
        )
    )


@get("/api/health/live", opt=call())
async def live() -> Response[bytes]:
    """Check that the process responds. It does so without the database, so that an outage restarts no servers."""
    return answers.text("live")


@get("/api/health/ready", opt=call())
async def ready(request: AnyRequest) -> Response[bytes]:
    """Check that the server can process calls. The status is 503, with the reason, while it cannot: the database is
    unavailable or has another schema, or the server is stopping.
    """
    reason = await readiness.find_obstacle(platform_of(request))
    return answers.text("ready" if reason is None else reason, 200 if reason is None else 503)


@get("/api/entitlements", opt=call(answer=accounts.Entitlements))
async def entitlements(request: AnyRequest) -> Response[bytes]:
    """Get the limits of the instance's licence. There is no licence, so that nothing is limited."""
    workspaces.require_login(actor_of(request))
    return answers.json(accounts.Entitlements())


@get("/api/features", opt=call(answer=accounts.Features))
async def features(request: AnyRequest) -> Response[bytes]:
    """List the features that a licence enables. There is no licence: all features of this version are available."""
    workspaces.require_login(actor_of(request))
    return answers.json(accounts.Features())


@get("/api/openapi.json", opt=call(answer=AnyObject))
async def openapi_json(request: AnyRequest) -> Response[bytes]:
    """Get this document."""
    return Response(await asyncio.to_thread(request.app.state[DESCRIPTION].json), media_type="application/json")


@get("/api/openapi.yaml", opt=call())
async def openapi_yaml(request: AnyRequest) -> Response[bytes]:
    """Get this document as YAML."""
    return Response(await asyncio.to_thread(request.app.state[DESCRIPTION].yaml), media_type="text/plain")


ROUTES = [version, health, live, ready, entitlements, features, openapi_json, openapi_yaml]
