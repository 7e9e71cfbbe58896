"""Deployments to an environment, as members may see them."""

from __future__ import annotations

from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.db import deployments as rows
from orvanta_platform.db.deployments import DeploymentRow
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.releases import check_views, requests
from orvanta_platform.services.releases.releases import page_filter


async def list_page(
    platform: Platform, actor: Actor, workspace: str, *, before: int | None = None, limit: int = 30
) -> list[DeploymentRow]:
    """Return a page of the deployments of which the actor may read all paths, newest first.

    Raises NotFound, Forbidden.
    """
    environment = await requests.environment_of(platform, actor, workspace)
    filter = page_filter(actor, workspace, "deployment", limit)
    async with platform.db.acquire() as conn:
        found = await rows.list_deployments(conn, environment.name, filter, before)
        results = await check_views.list_checks(conn, actor, environment, [each.id for each in found])
    return [replace(each, check=results.get(each.id)) for each in found]
