"""Grammar of a workflow as shapes: every known key of the document, of its nodes and of their kinds.

Lists of nodes are only checked to be lists of objects; `validate` visits their nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orvanta_platform.workflow.kinds import EFFECTS, KINDS, OUTCOMES
from orvanta_platform.workflow.shapes import (
    Anything,
    Boolean,
    Choice,
    Expression,
    Items,
    Language,
    Members,
    Number,
    Reader,
    Record,
    Shape,
    Text,
    TextOr,
    Timestamp,
    Transform,
)

MAX_ATTEMPTS: Final = 1_000
MAX_APPROVERS: Final = 1_000
MAX_WAIT_S: Final = 10 * 366 * 86_400
"""Maximum length of a delay in seconds: ten years."""

_ANY = Anything()
_TEXT = Text()
_TAG = Text(longest=300)
_FLAG = Boolean()
_OBJECT = Members(_ANY)
_SECONDS = Number(low=0)
_COUNT = Number(low=0, whole=True)
_TRANSFORM = Transform()
_INPUTS = Members(_TRANSFORM)
_NODES = Items(_OBJECT)
_EXPR = Record({"expr": Expression()}, frozenset({"expr"}))
_STOP = Record({"expr": Expression(), "skip_if_stopped": _FLAG, "error_message": _TEXT}, frozenset({"expr"}))
_JSON_SCHEMA = _OBJECT


_ATTEMPTS: Final = Number(0, MAX_ATTEMPTS, whole=True)


class _Exponential:
    """Exponential delays; without attempts, the bounds of the other numbers do not matter."""

    _unused = Record({"attempts": _ATTEMPTS, **dict.fromkeys(("multiplier", "seconds", "random_factor"), Number())})
    _used = Record(
        {
            "attempts": _ATTEMPTS,
            "multiplier": Number(low=0),
            "seconds": Number(low=1),
            "random_factor": Number(0, 100),
        }
    )

    def check(self, value: Any, path: str, reader: Reader) -> None:
        unused = isinstance(value, dict) and value.get("attempts", 0) == 0
        (self._unused if unused else self._used).check(value, path, reader)


RETRY: Final = Record(
    {
        "constant": Record({"attempts": Number(0, MAX_ATTEMPTS, whole=True), "seconds": _SECONDS}),
        "exponential": _Exponential(),
        "retry_if": _EXPR,
    }
)

DEBOUNCE: Final[Mapping[str, Shape]] = {
    "debounce_delay_s": _SECONDS,
    "debounce_key": _TEXT,
    "debounce_args_to_accumulate": Items(_TEXT),
    "max_total_debouncing_time": _SECONDS,
    "max_total_debounces_amount": _COUNT,
}
_DEBOUNCING = Record(DEBOUNCE)

_SUSPEND = Record(
    {
        "required_events": _COUNT,
        "timeout": _SECONDS,
        "resume_form": Record({"schema": _JSON_SCHEMA}),
        "user_auth_required": _FLAG,
        "user_groups_required": _TRANSFORM,
        "self_approval_disabled": _FLAG,
        "hide_cancel": _FLAG,
        "continue_on_disapprove_timeout": _FLAG,
    }
)
_EDGE = TextOr(_TEXT, Record({"node": _TEXT, "on": Choice(tuple(sorted(OUTCOMES)))}, frozenset({"node"})))

MODULE: Final = Record(
    {
        "id": _TEXT,
        "value": _OBJECT,
        "summary": _TEXT,
        "description": _TEXT,
        "stop_after_if": _STOP,
        "stop_after_all_iters_if": _STOP,
        "skip_if": _EXPR,
        "sleep": Transform(_SECONDS),
        "timeout": Transform(_SECONDS),
        "cache_ttl": _SECONDS,
        "cache_ignore_s3_path": _FLAG,
        "delete_after_secs": _SECONDS,
        "mock": Record({"enabled": _FLAG, "return_value": _ANY}),
        "suspend": _SUSPEND,
        "priority": Number(0, 100, whole=True),
        "continue_on_error": _FLAG,
        "retry": RETRY,
        "debouncing": _DEBOUNCING,
        "needs": Items(_EDGE),
        "join": Choice(("all", "settled", "any")),
        "export": Members(_TRANSFORM),
        "effects": Choice(EFFECTS),
        "result_schema": _JSON_SCHEMA,
    },
    frozenset({"id", "value"}),
)

FLOW: Final = Record(
    {
        "modules": _NODES,
        "failure_module": _OBJECT,
        "preprocessor_module": _OBJECT,
        "same_worker": _FLAG,
        "concurrent_limit": _COUNT,
        "concurrency_key": _TEXT,
        "concurrency_time_window_s": _SECONDS,
        **DEBOUNCE,
        "skip_expr": Expression(),
        "cache_ttl": _SECONDS,
        "cache_ignore_s3_path": _FLAG,
        "delete_after_secs": _SECONDS,
        "flow_env": _OBJECT,
        "priority": Number(0, 100, whole=True),
        "early_return": _TEXT,
        "chat_input_enabled": _FLAG,
        "notes": Items(_ANY),
        "groups": Items(_ANY),
        "output": _TRANSFORM,
        "ui": Record({"nodes": Members(Record({"x": Number(), "y": Number()}))}),
    },
    frozenset({"modules"}),
)

DOCUMENT: Final = Record(
    {
        "summary": _TEXT,
        "description": _TEXT,
        "value": _OBJECT,
        "schema": _JSON_SCHEMA,
        "on_behalf_of_email": _TEXT,
        "path": _TEXT,
        "tag": _TAG,
        "ws_error_handler_muted": _FLAG,
        "priority": Number(0, 100, whole=True),
        "dedicated_worker": _FLAG,
        "timeout": _SECONDS,
        "visible_to_runner_only": _FLAG,
        "labels": Items(_TEXT),
        "deployment_message": _TEXT,
        "draft_only": _FLAG,
    },
    frozenset({"value"}),
)

_ASSET = Record(
    {
        "path": _TEXT,
        "kind": Choice(("s3object", "resource", "ducklake", "datatable", "volume")),
        "access_type": Choice(("r", "w", "rw")),
        "alt_access_type": Choice(("r", "w", "rw")),
    },
    frozenset({"path", "kind"}),
)
_NOTIFY = Record({"channel": Choice(("email", "slack", "webhook")), "resource": _TEXT}, frozenset({"channel"}))


class _Delay:
    """Exactly one of {seconds} and {until}."""

    _record = Record({"seconds": Transform(Number(0, MAX_WAIT_S)), "until": Transform(Timestamp())})

    def check(self, value: Any, path: str, reader: Reader) -> None:
        self._record.check(value, path, reader)
        if ("seconds" in value) == ("until" in value):
            reader.fault("wrong_value", path, f"{path} must have either seconds or until")


class _Tools:
    """Tools of an agent: a node's value (in older documents without `tool_type`), an MCP server or web search."""

    _tool = Record({"id": _TEXT, "summary": _TEXT, "value": _OBJECT}, frozenset({"id", "value"}))
    _kind = Record(
        {"tool_type": Choice(("flowmodule", "mcp", "websearch")), "resource_path": _TEXT},
    )

    def check(self, value: Any, path: str, reader: Reader) -> None:
        Items(self._tool).check(value, path, reader)
        for index, tool in enumerate(value if isinstance(value, list) else ()):
            inner = tool.get("value") if isinstance(tool, dict) else None
            if isinstance(inner, dict):
                self._kind.check(inner, f"{path}/{index}/value", reader)
                if inner.get("tool_type", "flowmodule") == "flowmodule":
                    check_value(inner, f"{path}/{index}/value", reader)


VALUES: Final[dict[str, Shape]] = {
    "rawscript": Record(
        {
            "content": _TEXT,
            "language": Language(),
            "input_transforms": _INPUTS,
            "path": _TEXT,
            "lock": _TEXT,
            "tag": _TAG,
            "concurrent_limit": _COUNT,
            "concurrency_time_window_s": _SECONDS,
            "custom_concurrency_key": _TEXT,
            "dedicated": _FLAG,
            "is_trigger": _FLAG,
            "assets": Items(_ASSET),
        },
        frozenset({"content", "language"}),
    ),
    "script": Record(
        {
            "path": _TEXT,
            "input_transforms": _INPUTS,
            "hash": _TEXT,
            "tag_override": _TEXT,
            "dedicated": _FLAG,
            "is_trigger": _FLAG,
        },
        frozenset({"path"}),
    ),
    "flow": Record({"path": _TEXT, "input_transforms": _INPUTS}, frozenset({"path"})),
    "forloopflow": Record(
        {
            "modules": _NODES,
            "iterator": _TRANSFORM,
            "skip_failures": _FLAG,
            "parallel": _FLAG,
            "parallelism": Transform(Number(low=1)),
            "squash": _FLAG,
        },
        frozenset({"iterator"}),
    ),
    "whileloopflow": Record(
        {
            "modules": _NODES,
            "skip_failures": _FLAG,
            "parallel": _FLAG,
            "parallelism": Transform(Number(low=1)),
            "squash": _FLAG,
        }
    ),
    "branchone": Record(
        {
            "branches": Items(Record({"expr": Expression(), "modules": _NODES, "summary": _TEXT}, frozenset({"expr"}))),
            "default": _NODES,
        }
    ),
    "branchall": Record(
        {
            "branches": Items(Record({"modules": _NODES, "summary": _TEXT, "skip_failure": _FLAG})),
            "parallel": _FLAG,
        }
    ),
    "identity": Record({"flow": _FLAG}),
    "aiagent": Record(
        {
            "input_transforms": _INPUTS,
            "tools": _Tools(),
            "parallel": _FLAG,
            "omit_output_from_conversation": _FLAG,
        }
    ),
    "approval": Record(
        {
            "approvers": Items(_TEXT, MAX_APPROVERS),
            "required_approvals": Number(low=1, whole=True),
            "self_approval": _FLAG,
            "timeout": _SECONDS,
            "on_timeout": Choice(("reject", "continue")),
            "notify": Items(_NOTIFY),
            "message": _TEXT,
            "form": _JSON_SCHEMA,
            "input_transforms": _INPUTS,
        }
    ),
    "condition": _EXPR,
    "webhook": Record(
        {
            "method": _TEXT,
            "url": _TRANSFORM,
            "headers": _TRANSFORM,
            "query": _TRANSFORM,
            "body": _TRANSFORM,
            "auth": _TEXT,
            "expect": Items(Number(100, 599, whole=True)),
            "response": Choice(("json", "text", "bytes")),
        },
        frozenset({"method", "url"}),
    ),
    "delay": _Delay(),
}


def check_value(value: dict[str, Any], path: str, reader: Reader) -> None:
    """Check a node's value according to its kind."""
    kind = value.get("type")
    if kind is None:
        reader.fault("missing_key", path, f"{path} lacks the key type")
    elif kind not in KINDS:
        reader.fault("unknown_kind", f"{path}/type", f"{path}/type is not a kind of node: {kind!r}")
    else:
        VALUES[kind].check(value, path, reader)
