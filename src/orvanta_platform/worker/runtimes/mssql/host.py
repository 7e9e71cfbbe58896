"""Host of SQL scripts for SQL Server inside a cell. Standard library, and pymssql of the job's package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import dbapi
from orvanta_platform.worker.runtimes.sql_text import BATCHES

_PORT = 1433
_CONNECT_S = 30


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Execute the batches in order; see `Host.run`."""
    dbapi.run_script(job, content, args, dialect=BATCHES, connect=_connect, error_name="MSSQLError")


def _connect(database: Mapping[str, Any]) -> Any:
    import pymssql

    if not database.get("host"):
        raise dbapi.NoDatabase("the resource names no host")
    instance = str(database.get("instance_name") or "")
    return pymssql.connect(
        server=str(database["host"]) + (f"\\{instance}" if instance else ""),
        port=str(database.get("port") or _PORT),
        user=str(database.get("user") or ""),
        password=str(database.get("password") or ""),
        database=str(database.get("dbname") or database.get("database") or ""),
        charset="UTF-8",
        autocommit=True,
        login_timeout=_CONNECT_S,
    )


finish: None = None
"""No function, as the process writes its result itself."""
