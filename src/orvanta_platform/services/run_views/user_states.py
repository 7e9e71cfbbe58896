"""Flow user states: a run's context, accessed from outside its nodes.

Expressions read it with the rights of the run, so only the member that the run acts for, its jobs, and admins write it.
"""

from __future__ import annotations

import re
import secrets
from functools import partial
from typing import Final
from uuid import UUID

import msgspec

from orvanta_platform.control import audit, permissions
from orvanta_platform.control.actor import Actor
from orvanta_platform.db import context
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.steps import NewValue
from orvanta_platform.errors import BadRequest, Conflict
from orvanta_platform.orchestrator import inputs, values
from orvanta_platform.orchestrator.context_events import export_data
from orvanta_platform.services.access import on_behalf
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.run_views import jobs, results

_MAX_INLINE: Final = 256 << 10
"""Size of the largest text, in bytes, that is parsed in the event loop."""

_KEY = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


async def get(platform: Platform, actor: Actor, workspace: str, id: UUID, key: str) -> bytes:
    """Return the value stored under `key` in the run of `id` as JSON text; `null` if there is none. Raises NotFound."""
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    location = (row.run, "context", key)
    return (await results.load_values(platform, [location])).get(location, b"null")


async def put(platform: Platform, actor: Actor, workspace: str, id: UUID, key: str, raw: bytes) -> None:
    """Store JSON text under `key` in the live run of `id`.

    Raises NotFound, Forbidden, BadRequest, TooLarge, and Conflict if the run has ended.
    """
    async with platform.db.acquire() as conn:
        row = await jobs.get_readable(platform, conn, actor, workspace, id)
    permissions.require(actor, "write_state", jobs.target_of(row))
    if not _KEY.fullmatch(key):
        raise BadRequest("The key must be 1 to 200 printable characters.")
    platform.tools.sizes.require_input(len(raw))
    await _require_json(platform, workspace, raw)
    attempt = secrets.randbits(62)
    value = await values.store(platform.storage, workspace, row.run, row.run, "context", raw, name=key, attempt=attempt)
    await platform.db.retrying(partial(_write, actor, row, key, raw, value))
    platform.notify.run_changed(row.run)


async def _require_json(platform: Platform, workspace: str, raw: bytes) -> None:
    """Check that a text is JSON, a long one in another process. Raises BadRequest, InvalidInput, TooComplex."""
    try:
        if len(raw) <= _MAX_INLINE:
            msgspec.json.decode(raw)
            raw.decode()
            return
        object = b'{"value":%s}' % raw
        await inputs.check(platform.evaluator.of(workspace), None, object)
        if msgspec.json.decode(object, type=dict[str, msgspec.Raw]) != {"value": msgspec.Raw(raw)}:
            raise BadRequest("The body must be one JSON value.")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {str(error)[:200]}.") from error


async def _write(actor: Actor, row: JobRow, key: str, raw: bytes, value: NewValue, conn: Connection) -> None:
    live = await run_rows.lock_run(conn, row.run)
    if live is None or live.cancel_at is not None:
        raise Conflict("The run has ended, so its states cannot be changed.")
    on_behalf.require_choice(actor, live.permissioned_as, live.scopes)
    await context.set_value(conn, value, row.node, export_data(key, raw))
    if actor.kind != "job":  # the history of the run names the nodes that set states
        details = {"run": str(row.run), "state": key}
        await audit.record(conn, actor, "jobs.update", "Updated", row.path or str(row.run), details)
