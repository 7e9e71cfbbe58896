"""Present paths of the scripts and workflows of runs, which may have been moved since the runs started."""

from __future__ import annotations

from orvanta_platform.db import runs as run_rows
from orvanta_platform.db.pool import Connection


async def of_workflow(conn: Connection, workspace: str, path: str | None, version: int | None) -> str:
    """Return the path of the workflow with a version that a run started at `path`; `path` if it has none."""
    found = None if version is None else await run_rows.resolve_version(conn, workspace, version)
    return (path or "") if found is None else found.path


async def of_script(conn: Connection, workspace: str, path: str | None, version_hash: str | None) -> str:
    """Return the path of the script with a version that a run started at `path`; `path` if it has none."""
    found = None if version_hash is None else await run_rows.resolve_hash(conn, workspace, version_hash)
    return (path or "") if found is None else found.path
