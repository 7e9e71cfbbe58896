"""Items: the parts of a workspace that a tree of files contains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

Kind: TypeAlias = Literal[
    "folder",
    "group",
    "resource_type",
    "variable",
    "resource",
    "script",
    "flow",
    "workflow_test",
    "schedule",
    "http_trigger",
    "user",
    "settings",
]
Key: TypeAlias = tuple[Kind, str]

KINDS: Final[tuple[Kind, ...]] = (
    *("folder", "group", "resource_type", "variable", "resource"),
    *("script", "flow", "workflow_test", "schedule", "http_trigger"),
)
"""Kinds in the order in which they are applied: each after those that it may refer to."""

OPTIONAL_KINDS: Final[tuple[Kind, ...]] = ("user", "settings")
"""Kinds that are read and written on request only, by admins: the members and the settings of the workspace."""

ORDER: Final[tuple[Kind, ...]] = ("user", *KINDS, "settings")
"""All kinds in the order in which they are applied: groups have members, and settings name a workflow or script."""

SETTINGS_PATH: Final = "settings"
"""Path of the settings of a workspace, of which there is one item."""

ENCRYPTED: Final = "$encrypted:"
"""Beginning of the encrypted value of a secret variable."""

FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "folder": ("summary", "owners", "extra_perms"),
    "group": ("summary", "members", "managers"),
    "resource_type": ("description", "schema", "format_extension", "is_fileset"),
    "variable": ("value", "is_secret", "description", "labels"),
    "resource": ("resource_type", "value", "description", "labels"),
    "workflow_test": ("summary", "inputs", "nodes", "variables", "resources", "preprocess", "scheduled_at", "expect"),
    "schedule": (
        *("summary", "description", "schedule", "timezone", "enabled", "script_path", "is_flow", "args", "missed"),
        *("tag", "retry", "no_flow_overlap", "paused_until", "dynamic_skip", "on_failure", "on_failure_times"),
        *("on_failure_exact", "on_failure_extra_args", "on_recovery", "on_recovery_times", "on_recovery_extra_args"),
        *("on_success", "on_success_extra_args", "ws_error_handler_muted", "cron_version", "labels"),
    ),
    "http_trigger": (
        *("summary", "description", "script_path", "is_flow", "route_path", "http_method", "workspaced_route"),
        *("mode", "request_type", "authentication_method", "authentication_resource_path", "wrap_body", "raw_string"),
        *("retry", "labels"),
    ),
    "user": ("username", "role", "disabled"),
    "settings": ("secrets_readable", "search_run_data", "retention_days", "token_max_age_days", "error_handler"),
}
"""Keys of the content of the kinds whose file contains settings only, in the order in which they are written."""


_TESTS: Final = "/tests/"


def path_of_test(flow: str, name: str) -> str:
    """Return the path of a test of a workflow."""
    return f"{flow}{_TESTS}{name}"


def parts_of_test(path: str) -> tuple[str, str]:
    """Return the path of the workflow and the name of a test."""
    flow, _, name = path.rpartition(_TESTS)
    return flow, name


class Item(msgspec.Struct, frozen=True):
    """An item of a workspace."""

    kind: Kind
    path: str
    """Path; the name of a folder, group or resource type; `<path of the workflow>/tests/<name>` of a test; the address
    of a user; SETTINGS_PATH.
    """
    content: Mapping[str, Any]
    """JSON object.

    script: `content`, `language`, and optionally `settings` and `lock`. flow: `text`, its YAML document with the code
    of its scripts. Others: the keys of FIELDS; an absent key leaves the value of an existing item unchanged.
    """

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path
