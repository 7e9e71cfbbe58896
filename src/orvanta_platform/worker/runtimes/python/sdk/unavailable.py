"""Functions of the published clients that the platform does not serve. Each raises NotServed, which names it."""

from __future__ import annotations

from typing import Any, Final, NoReturn

METHODS: Final = {
    "worker_is_draining": "workers that stop are not visible to jobs",
    "send_teams_message": "send the message with the API of Microsoft Teams",
    "get_approval_urls": "jobs do not wait for events; use `get_resume_urls` in a workflow",
    "get_mocked_api": "there is no mocked API",
    "datatable": "there are no data tables; use a `postgresql` resource",
    "ducklake": "there is no DuckLake; use DuckDB with the files of the workspace",
}
"""Methods of the client, most of which are also functions → the reason."""

_AS_CODE: Final = "workflows written as code run in one job, which cannot wait for an event; deploy a workflow"
FUNCTIONS: Final = {
    **{name: reason for name, reason in METHODS.items() if name != "get_mocked_api"},
    "wait_for_approval": _AS_CODE,
    "commit_kafka_offsets": "there are no Kafka triggers",
    "infer_sql_type": "there are no data tables",
    "parse_sql_client_name": "there are no data tables",
}
CLASSES: Final = {
    **dict.fromkeys(("DataTableClient", "DucklakeClient", "SqlQuery"), "there are no data tables"),
    "WorkflowCtx": _AS_CODE,
}


class NotServed(Exception):
    """Raised by functions that the platform does not serve."""


def refusing(name: str, reason: str) -> Any:
    """Return a function that raises NotServed for the function `name`."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise NotServed(f"{name}() is not available on this platform: {reason}.")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Raise NotServed: {reason}."
    return refuse
