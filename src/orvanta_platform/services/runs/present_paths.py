"""Present paths of the scripts and workflows of runs, which may have been moved since the runs started."""

from __future__ import annotations

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, is_hidden
from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.runs import VersionRow
from orvanta_platform.errors import NotFound


async def of_workflow(
    conn: Connection, workspace: str, path: str | None, version: int | None, reader: Actor | None = None
) -> str:
    """Return the path of the workflow with a version that a run started at `path`; `path` if it has none.

    Raises NotFound, which names the former path only, if the workflow was moved to where the reader may not read it.
    """
    found = None if version is None else await run_rows.resolve_version(conn, workspace, version)
    return _shown(workspace, path or "", found, reader)


async def of_script(
    conn: Connection, workspace: str, path: str | None, version_hash: str | None, reader: Actor | None = None
) -> str:
    """Return the path of the script with a version that a run started at `path`; `path` if it has none.

    Raises NotFound, which names the former path only, if the script was moved to where the reader may not read it.
    """
    found = None if version_hash is None else await run_rows.resolve_hash(conn, workspace, version_hash)
    return _shown(workspace, path or "", found, reader)


def _shown(workspace: str, path: str, found: VersionRow | None, reader: Actor | None) -> str:
    if found is None:
        return path
    target = Target(workspace, found.kind, found.path, found.created_by, found.extra_perms)
    if reader is not None and found.path != path and is_hidden(reader, target):
        raise NotFound(f"The {found.kind} {path} does not exist.")
    return found.path
