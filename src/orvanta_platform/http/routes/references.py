"""Route of the references to an item."""

from __future__ import annotations

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, item_path, platform_of
from orvanta_platform.http.schemas import references as shapes
from orvanta_platform.services.catalog import dependents
from orvanta_platform.services.releases import later_dependents


@get("/api/w/{workspace:str}/references/{kind:str}/{path:path}", opt=call(answer=shapes.References))
async def list_references(
    request: AnyRequest,
    workspace: FromPath[str],
    kind: FromPath[str],
    path: FromPath[str],
    environments: FromQuery[bool] = False,
) -> Response[bytes]:
    """List everything that uses an item, and so is affected by its change or deletion: directly, and through
    workflows, scripts and resources.

    `kind` is `script`, `flow`, `variable`, `resource`, `resource_type`, `queue`, `group` or `policy`; a queue, group,
    policy or type has its name as `path`. Referring items are workflows with their nodes, scripts that import it,
    schedules, HTTP triggers, the error handler, resources, for a group everything that names it, and for a policy the
    scripts and workflows in its scope. Only items that the caller may read are listed, at most 1000; others are
    counted. Runs in progress are counted. A path that code composes is not found. With `environments`, the same is
    listed for the environments that follow that of the workspace in the pipeline.
    """
    platform, actor, kind_of_item = platform_of(request), actor_of(request), shapes.kind_of(kind)
    item = workspace, kind_of_item, item_path(path)
    found = await dependents.list_dependents(platform, actor, *item)
    later = await later_dependents.list_later(platform, actor, *item) if environments else None
    return answers.json(shapes.references(found, later))


ROUTES = [list_references]
