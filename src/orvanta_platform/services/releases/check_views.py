"""Checks after deployments, as members may see them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.db import deployment_checks
from orvanta_platform.db.deployment_checks import CheckRow
from orvanta_platform.db.environments import EnvironmentRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.reasons import stored
from orvanta_platform.services.releases import environment_rules


async def list_checks(
    conn: Connection, actor: Actor, environment: EnvironmentRow, deployments: Sequence[int]
) -> dict[int, CheckRow]:
    """Return the checks of deployments that the actor may see, by deployment. Raises NotFound."""
    require_workspace(actor, environment.workspace)
    found = await deployment_checks.list_of(conn, environment.name, deployments)
    if environment_rules.may_apply(actor, environment):
        return found
    hidden = {key: row.rollback_detail and stored(environment_rules.HIDDEN) for key, row in found.items()}
    return {key: replace(row, rollback_detail=hidden[key]) for key, row in found.items()}
