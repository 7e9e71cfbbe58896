"""Names of the errors of jobs and runs, and codes of the diagnostics of workflows, with their meanings.

Errors of calls are classes, whose docstrings are their meanings; these ones are only names. A test compares the tables
with the names that the code uses.
"""

from __future__ import annotations

from typing import Final

FAILURES: Final = {
    "BadArgument": "An argument of an SQL script does not have the type that its script declares.",
    "Canceled": "The run was cancelled.",
    "Cancelled": "The job was cancelled while it ran.",
    "CannotStart": "The program of the language could not be started, or the script could not be compiled here.",
    "CompileError": "The compiler rejects the script.",
    "DiskLimit": "The job wrote more than its limit of disk space.",
    "DuckDBError": "DuckDB rejects a statement.",
    "ExitCode": "The process of the script ended with this exit code or signal before it returned a result.",
    "Forbidden": "The member whom the run acts for lacks a permission.",
    "InvalidApproval": "A decision names a node without an approval.",
    "InvalidDelay": "The time of a delay or sleep is missing, is not a number or time, or is too far away.",
    "InvalidForm": "The form of an approval is too large or asks for a password.",
    "InvalidGroups": "`user_groups_required` of an approval or suspend is not a list of names, or is too large.",
    "InvalidInput": "The preprocessor did not return an object.",
    "InvalidIterator": "The iterator of a loop is not an array.",
    "InvalidParallelism": "The parallelism of a loop is not a number of 1 or more.",
    "InvalidTimeout": "The timeout of a node is not a number of seconds above 0.",
    "MissingArgument": "An SQL script has no value or no name for a parameter.",
    "MissingMain": "The script defines no function `main`.",
    "NoDatabase": "The database that an SQL script names cannot be reached, or no address was passed.",
    "NotFound": "The workflow that a node calls does not exist, or may not be read.",
    "ObjectMissing": "A value was stored as an object that no longer exists.",
    "OutOfMemory": "The job used more than its limit of memory.",
    "PackageMissing": "A package that the job needs was removed from the worker.",
    "PostgresError": "PostgreSQL rejects a statement.",
    "ProcessLimit": "The job started more processes than its limit.",
    "Rejected": "An approval was rejected, and no edge handles that.",
    "ResultNotJson": "The result of the script cannot be written as JSON.",
    "RuntimeFailed": "The worker could not run the job, because of a fault of the platform.",
    "SandboxLost": "The sandbox of the job was lost.",
    "SandboxUnavailable": "The worker cannot isolate the job as required.",
    "StepRefused": "The result of the job could not be recorded.",
    "SuspendedDisapproved": "A suspended run was disapproved.",
    "Timeout": "The job, node or run took longer than its timeout.",
    "expression_crashed": "The expression broke the JavaScript engine, for example by exhausting its memory.",
    "expression_timeout": "The expression ran longer than its limit.",
    "expression_too_long": "The text of the expression is longer than the limit.",
    "expression_value_too_large": "The values that the expression reads are larger than JavaScript receives.",
    "input_too_large": "The input of the job is larger than `ORVANTA_RESULT_LIMIT`.",
    "install_failed": "The packages of the script could not be installed from its lock.",
    "lock_failed": "The packages of the script could not be resolved.",
    "lock_hash_mismatch": "A file of the package index differs from the one that was locked.",
    "loop_limit": "The loop has more iterations than are allowed.",
    "no_runtime": "This worker has no runtime for the language, or its program is not installed.",
    "result_too_large": "The result or the streamed text is larger than `ORVANTA_RESULT_LIMIT`.",
    "unsafe_package": "A package contains files that are not allowed.",
    "webhook_address_refused": "The address of the call is not allowed, see `ORVANTA_ALLOWED_NETWORKS`.",
    "webhook_auth_invalid": "The resource named in `auth` holds no credentials that a call can use.",
    "webhook_auth_refused": "The credentials named in `auth` may not be sent to this host.",
    "webhook_request_invalid": "The arguments of the call do not form a request.",
    "webhook_response_invalid": "The response cannot be decoded or is not of the expected type.",
    "webhook_response_too_large": "The response is larger than the limit.",
    "webhook_status_unexpected": "The response has another status than the call expects.",
    "webhook_too_many_redirects": "The call was redirected too often.",
    "webhook_unreachable": "The server did not respond.",
    "worker_lost": "The job's worker was lost more than `ORVANTA_MAX_LOSSES` times, or with the folder of its run.",
    "worker_stopped": "The job returned to the queue because its worker was stopped. It runs again.",
}
"""Names that the platform sets as `error.name` of jobs, nodes and runs."""

STANDARD: Final = frozenset({"Error", "MemoryError", "RangeError", "ReferenceError", "SyntaxError", "TypeError"})
"""Names that languages define. The platform uses them as the languages do."""

DIAGNOSTICS: Final = {
    "cache_no_effect": "Nodes of this kind compute nothing that could be cached.",
    "code_unreadable": "The inputs of the code of a node cannot be read: it has a syntax error, or no function `main`.",
    "condition_success_edge": "An edge follows a condition on success; use the outcomes true and false.",
    "context_race": "Two nodes that can run concurrently export the same name.",
    "cyclic_graph": "The edges of the graph form a cycle.",
    "debouncing_no_effect": "The failure module and the preprocessor are never debounced.",
    "document_too_deep": "The document is nested too deeply.",
    "document_too_large": "The document is too large.",
    "duplicate_id": "Two nodes have the same id.",
    "duplicate_key": "An object has the same key twice.",
    "early_return_never": "`early_return` names a node whose result the run cannot return.",
    "empty_path": "A node names no script or workflow to run.",
    "expression_syntax": "An expression is not valid JavaScript.",
    "failure_edge_never": "An edge follows a failure that cannot occur, because the node continues on error.",
    "form_password": "The form of an approval asks for a password, which would not be protected.",
    "form_too_large": "The form of an approval is too large.",
    "inline_file_missing": "The file of an inline script does not exist.",
    "invalid_id": "The id of a node has characters that are not allowed, or is too long.",
    "invalid_json": "The document is not valid JSON.",
    "invalid_schema": "The schema of the input is not a valid JSON Schema.",
    "invalid_yaml": "The document is not valid YAML.",
    "join_never": "A node can never run, because its edges exclude each other.",
    "locale_ignored": "An expression formats for a locale or time zone, which expressions do not have.",
    "lock_not_used": "A lock cannot be read, or its file is missing: the packages are locked at the deployment.",
    "missing_input": "A required input of a node has no value.",
    "missing_key": "A required key is missing.",
    "mock_enabled": "The node is mocked: it returns a fixed value and does not run.",
    "module_id": "The failure module or the preprocessor has an id other than its own.",
    "no_runtime": "There is no runtime for the language, so the node will fail.",
    "not_a_sibling": "An edge names a node of another list.",
    "not_an_ancestor": "An expression reads a node that need not have ended before.",
    "not_an_object": "The document is not an object.",
    "not_utf8": "The document is not UTF-8.",
    "not_yet_supported": "This version does not support the kind of node, the feature or the language.",
    "nul_character": "A text contains a NUL character.",
    "number_not_exact": "A number cannot be represented exactly.",
    "out_of_bounds": "A number or the length of a list is outside the allowed range.",
    "reserved_id": "The id of a node is reserved.",
    "result_of_loop": "An expression reads a node inside a loop, whose result is null unless there is one iteration.",
    "retry_no_effect": "Nodes of this kind are not retried.",
    "runs_on_bun": "A Deno script runs on Bun.",
    "script_not_readable": "A script does not exist, or may not be read.",
    "too_many_nodes": "The workflow has too many nodes.",
    "unknown_kind": "The type of a node is not a kind of node.",
    "unknown_node": "An edge names a node that does not exist.",
    "unknown_outcome": "An edge names an outcome that its node does not have.",
    "unpaired_surrogate": "A text contains an unpaired surrogate.",
    "webhook_auth": "`auth` of a call is not a reference to a resource.",
    "webhook_method": "The HTTP method of a call is not allowed.",
    "wrong_type": "A value has the wrong type.",
    "wrong_value": "A value is not one of those that are allowed.",
}
"""Codes of faults of a workflow document, in `details` of `invalid_workflow` and in warnings of a deploy."""


def section(title: str, text: str, names: dict[str, str], column: str) -> list[str]:
    """Return the lines of a section with a table of names and meanings."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in names.items()]
    return ["", f"## {title}", "", text, "", f"| {column} | meaning |", "|---|---|", *rows]
