"""Host of SQL scripts for BigQuery inside a cell. Standard library, and Google's driver of the job's package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from orvanta_platform.sandbox.job import Job
from orvanta_platform.worker.runtimes import dbapi
from orvanta_platform.worker.runtimes.sql_text import STANDARD


def run(job: Job, content: str, args: bytes) -> NoReturn:
    """Execute the statements in order; see `Host.run`."""
    dbapi.run_script(job, content, args, dialect=STANDARD, connect=_connect, error_name="BigQueryError")


def _connect(database: Mapping[str, Any]) -> Any:
    from google.cloud import bigquery
    from google.cloud.bigquery import dbapi as driver
    from google.oauth2 import service_account

    project = str(database.get("project_id") or "")
    if not project:
        raise dbapi.NoDatabase("the resource names no project_id")
    credentials = service_account.Credentials.from_service_account_info(dict(database))
    return driver.connect(bigquery.Client(project=project, credentials=credentials))


finish: None = None
"""No function, as the process writes its result itself."""
