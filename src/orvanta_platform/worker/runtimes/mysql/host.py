"""Host of SQL scripts for MySQL and MariaDB inside a cell. Standard library, and pymysql of the job's package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import dbapi
from orvanta_platform.worker.runtimes.sql_text import MYSQL

_PORT = 3306
_CONNECT_S = 30
_JSON = 245
"""Type code of columns of the type json."""


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Execute the statements in order; see `Host.run`."""
    dbapi.run_script(job, content, args, dialect=MYSQL, connect=_connect, error_name="MySQLError", json_type=_JSON)


def _connect(database: Mapping[str, Any]) -> Any:
    import pymysql

    if not database.get("host"):
        raise dbapi.NoDatabase("the resource names no host")
    return pymysql.connect(
        host=str(database["host"]),
        port=int(database.get("port") or _PORT),
        user=str(database.get("user") or ""),
        password=str(database.get("password") or "").encode(),  # the driver would encode a text as Latin-1
        database=str(database.get("database") or "") or None,
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=_CONNECT_S,
        ssl=_tls(database),
    )


def _tls(database: Mapping[str, Any]) -> Any:
    """Return the settings of TLS if the resource asks for it. The certificate of the server is verified."""
    authority = str(database.get("root_certificate_pem") or "")
    if not (database.get("ssl") or authority):
        return None
    import ssl

    return ssl.create_default_context(cadata=authority or None)


finish: None = None
"""No function, as the process writes its result itself."""
