"""All functions of the published Python client 6.5.0: supported ones, and the features that the others need."""

from __future__ import annotations

import ast

NOW = frozenset(
    {
        *("Orvanta.get_client", "Orvanta.get", "Orvanta.post", "Orvanta.get_mocked_api", "Orvanta.__init__"),
        *("Orvanta.worker_has_internal_server", "Orvanta.create_token"),
        *("Orvanta.version", "Orvanta.whoami", "Orvanta.user", "Orvanta.username_to_email"),
        *("Orvanta.run_script_async", "Orvanta.run_script_by_path_async", "Orvanta.run_script_by_hash_async"),
        *("Orvanta.run_script", "Orvanta.run_script_by_path", "Orvanta.run_script_by_hash"),
        *("Orvanta.run_flow_async", "Orvanta.run_inline_script_preview", "Orvanta.wait_job"),
        *("Orvanta.cancel_job", "Orvanta.cancel_running"),
        *("Orvanta.get_job", "Orvanta.get_root_job_id", "Orvanta.get_job_status", "Orvanta.get_result"),
        *("Orvanta.get_variable", "Orvanta.set_variable"),
        *("Orvanta.get_resource", "Orvanta.set_resource", "Orvanta.list_resources"),
        *("Orvanta.get_connection", "Orvanta.set_connection", "Orvanta.list_connections"),
        *("Orvanta.set_state", "Orvanta.get_state", "Orvanta.state_path", "Orvanta.state"),
        *("get_workspace", "get_version", "whoami", "username_to_email"),
        *("run_script_async", "run_script_by_path_async", "run_script_by_hash_async", "run_flow_async"),
        *("run_script", "run_script_by_path", "run_script_by_hash", "run_script_sync", "run_script_by_path_sync"),
        *("run_inline_script_preview", "cancel_job", "cancel_running"),
        *("get_job", "get_root_job_id", "get_job_status", "get_result"),
        *("get_variable", "set_variable", "get_resource", "set_resource", "list_resources"),
        *("get_connection", "set_connection", "list_connections"),
        *("set_state", "get_state", "get_state_path"),
        *("append_to_result_stream", "stream_result"),
        *("parse_resource_syntax", "parse_variable_syntax", "parse_s3_object"),
        *("BusinessError.__init__", "throw_business_error"),
        *("Orvanta.get_duckdb_connection_settings", "Orvanta.get_polars_connection_settings"),
        *("Orvanta.get_boto3_connection_settings", "Orvanta.load_s3_file", "Orvanta.load_s3_file_reader"),
        *("Orvanta.write_s3_file", "Orvanta.delete_s3_object"),
        *("duckdb_connection_settings", "polars_connection_settings", "boto3_connection_settings"),
        *("load_s3_file", "load_s3_file_reader", "write_s3_file", "delete_s3_object"),
    }
)

FOR_USERS = frozenset({"Orvanta.create_token"})
"""Functions for users only: the token of a job cannot create tokens."""

IN_A_WORKFLOW = frozenset(
    {
        *("Orvanta.set_flow_user_state", "Orvanta.get_flow_user_state", "set_flow_user_state", "get_flow_user_state"),
        *("Orvanta.get_resume_urls", "get_resume_urls"),
    }
)
"""Functions that have an effect only inside a workflow; `test_node_requests_approval_with_own_links` calls them."""

IN_A_JOB = frozenset(
    {
        *("Orvanta.get_id_token", "get_id_token"),
        *("Orvanta.set_progress", "Orvanta.get_progress", "set_progress", "get_progress"),
    }
)
"""Functions for jobs only, which a job calls."""

ON_ONE_WORKER = frozenset(
    {
        *("Orvanta.set_shared_state_pickle", "Orvanta.get_shared_state_pickle"),
        *("Orvanta.set_shared_state", "Orvanta.get_shared_state"),
        *("set_shared_state_pickle", "get_shared_state_pickle", "set_shared_state", "get_shared_state"),
    }
)
"""Functions that have an effect only with `same_worker`; `test_nodes_on_one_worker_share_state` calls them."""

AT_IMPORT = frozenset({"init_global_client", "deprecate"})
"""Decorators of the client, which are called when it is imported."""

LATER = {
    "approvals in Slack": {
        *("Orvanta.request_interactive_slack_approval", "request_interactive_slack_approval"),
    },
    "tables of the workspace": {
        *("Orvanta.datatable", "Orvanta.ducklake", "datatable", "ducklake"),
        *("DataTableClient.__init__", "DataTableClient.query", "DucklakeClient.__init__", "DucklakeClient.query"),
        *("SqlQuery.__init__", "SqlQuery.fetch", "SqlQuery.fetch_one", "SqlQuery.fetch_one_scalar"),
        *("SqlQuery.execute", "infer_sql_type", "parse_sql_client_name"),
    },
    "workflows written as code": {
        *("TaskError.__init__", "WorkflowCtx.__init__", "task", "task_script", "task_flow", "workflow"),
        *("step", "sleep", "wait_for_approval", "parallel"),
    },
    "Kafka": {"commit_kafka_offsets"},
}


def public_functions(source: str) -> set[str]:
    """Return the public functions of a client's source, as `name` or `Class.name`."""
    names: set[str] = set()
    for part in ast.parse(source).body:
        owner, parts = ("", [part]) if not isinstance(part, ast.ClassDef) else (f"{part.name}.", part.body)
        if owner.startswith("_"):
            continue
        for each in parts:
            name = each.name if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) else "_"
            if not name.startswith("_") or name == "__init__":
                names.add(owner + name)
    return names
