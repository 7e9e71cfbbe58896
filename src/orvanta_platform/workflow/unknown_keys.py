"""Warnings about keys of files that nothing reads, with the known key that is nearest.

Keys that begin with `x-`, `_` or `$` belong to the author of a file and are never reported.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic, pointer
from orvanta_platform.workflow.grammar import DOCUMENT, FLOW, MODULE, VALUES
from orvanta_platform.workflow.graph import modules_of
from orvanta_platform.workflow.item_settings import SCRIPT
from orvanta_platform.workflow.shapes import Items, Record, Shape, TextOr
from orvanta_platform.workflow.tree.item import FIELDS

_OWN: Final = ("x-", "_", "$")
_CUTOFF: Final = 0.6
_MIN_START: Final = 3
"""Minimum length of a key that another one begins with, as `tag_override` does with `tag`."""
_MAX_SHOWN: Final = 60

_WRITTEN: Final = frozenset(
    (
        *("workspace_id", "path", "name", "id", "hash", "parent_hash", "parent_hashes", "version_id", "versions"),
        *("created_at", "created_by", "updated_at", "updated_by", "edited_at", "edited_by", "email"),
        *(
            "permissioned_as",
            "on_behalf_of_email",
            "extra_perms",
            "archived",
            "deleted",
            "starred",
            "draft",
            "draft_only",
        ),
        *(
            "has_draft",
            "error",
            "last_server_ping",
            "server_id",
            "lock_error_logs",
            "deployment_message",
            "ws_specific",
        ),
    )
)
"""Keys that clients of the ecosystem, and answers of the API, have in files of any kind. They have no effect here."""

_OTHERS: Final[Mapping[str, frozenset[str]]] = {
    "folder": frozenset({"display_name", "default_permissioned_as"}),
    "group": frozenset({"admins"}),
    "variable": frozenset({"account", "is_oauth", "is_expired", "is_refreshed", "is_linked", "expires_at"}),
    "resource": frozenset({"account", "is_oauth", "is_expired", "is_refreshed", "is_linked", "refresh_error"}),
    "schedule": frozenset({"is_bpmn"}),
    "http_trigger": frozenset(
        (
            *("enabled", "is_async", "is_static_website", "static_asset_config", "error_handler_path"),
            *("error_handler_args", "workspaced_http_route", "route_path_key"),
        )
    ),
}
"""Keys of kinds of items in the ecosystem beside those of FIELDS."""

_SYNONYMS: Final[Mapping[str, str]] = {
    "cron": "schedule",
    "crontab": "schedule",
    "secret": "is_secret",
    "type": "resource_type",
}
"""Names that other tools have for keys."""
_OF_SCRIPT: Final = frozenset({*SCRIPT, "content", "language", "lock", "is_trigger"})
_TOLERATED: Final = frozenset({"delete_after_use"})
_OF_VALUE: Final = frozenset({"type", "tool_type", "summary", "pass_flow_input_directly"})
_OF_DOCUMENT: Final = frozenset({"dependency_job", "lock", "auto_kind", "kind"})
_WITHIN: Final[Mapping[str, frozenset[str]]] = {
    "suspend": frozenset({"continue_on_disapproved"}),
    "branches": frozenset({"label", "parallel", "skip_failure"}),
    "needs": frozenset({"true"}),
}
"""Other spellings of keys within the values of these keys."""


def of_item(kind: str, tree: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield a warning for each unknown key in the file of an item, for a script in its settings file."""
    if kind == "script":
        if tree.get("retry"):
            message = "`retry` has no effect on a script: the schedule, trigger or node that runs it has one"
            yield Diagnostic("unknown_key", "warning", None, "/retry", message)
        known = _OF_SCRIPT
    elif kind == "settings":
        # Workspaces of the ecosystem have many settings that are not listed here.
        fields = {key: value for key, value in tree.items() if _nearest(key, FIELDS["settings"], 0.8)}
        yield from _unknown(fields, FIELDS["settings"], "")
        return
    else:
        known = frozenset(FIELDS[kind]) | _OTHERS.get(kind, frozenset())
    rest = {key: value for key, value in tree.items() if key != "retry"} if kind == "script" else tree
    yield from _unknown(rest, known, "")


def of_workflow(tree: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Yield a warning for each unknown key of a workflow, and for each that has no effect where it is.

    Values of inputs, schemas and other data are not searched.
    """
    in_value = {key: "it belongs in `value`" for key in FLOW.known if key not in DOCUMENT.known}
    yield from _unknown(tree, frozenset(DOCUMENT.known) | _OF_DOCUMENT, "", misplaced=in_value)
    value = tree.get("value")
    if not isinstance(value, dict):
        return
    beside = {key: "it belongs beside `value`" for key in DOCUMENT.known if key not in FLOW.known}
    yield from _unknown(value, frozenset(FLOW.known) | _TOLERATED, "/value", misplaced=beside)
    for at, module in modules_of(value):
        yield from _of_module(f"/value{at}", module)


def _of_module(at: str, module: Mapping[str, Any]) -> Iterator[Diagnostic]:
    node = module.get("id") if isinstance(module.get("id"), str) else None
    value = module.get("value")
    value = value if isinstance(value, dict) else {}
    shape = VALUES.get(value.get("type")) if isinstance(value.get("type"), str) else None  # type: ignore[arg-type]
    known = frozenset(shape.known) if isinstance(shape, Record) else None
    inside = {key: "it belongs in the `value` of the node" for key in known or () if key not in MODULE.known}
    yield from _unknown(module, frozenset(MODULE.known) | _TOLERATED, at, node, misplaced=inside)
    for key, each in MODULE.known.items():
        yield from _within(each, module.get(key), pointer(at, key), node, key)
    if known is not None and isinstance(shape, Record):
        beside = {key: "it belongs in the node, beside `value`" for key in MODULE.known if key not in known}
        yield from _unknown(value, known | _OF_VALUE, f"{at}/value", node, misplaced=beside)
        for key, each in shape.known.items():
            yield from _within(each, value.get(key), pointer(f"{at}/value", key), node, key)


def _within(shape: Shape, value: Any, at: str, node: str | None, key: str) -> Iterator[Diagnostic]:
    """Yield the warnings about records inside the value of a key."""
    if isinstance(shape, TextOr):
        shape = shape.otherwise
    if isinstance(shape, Items) and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _within(shape.item, each, f"{at}/{index}", node, key)
    elif isinstance(shape, Record) and isinstance(value, dict) and key not in ("mock", "ui"):
        yield from _unknown(value, frozenset(shape.known) | _WITHIN.get(key, frozenset()), at, node)
        for name, each in shape.known.items():
            yield from _within(each, value.get(name), pointer(at, name), node, name)


def _unknown(
    tree: Mapping[str, Any],
    known: Collection[str],
    at: str,
    node: str | None = None,
    misplaced: Mapping[str, str] | None = None,
) -> Iterator[Diagnostic]:
    for key, value in tree.items():
        if key in known or key.startswith(_OWN) or value is None:
            continue
        place = (misplaced or {}).get(key)
        if place is None and key in _WRITTEN:
            continue
        shown = f"`{key[:_MAX_SHOWN]}`"
        nearest = None if place is not None else _nearest(key, known)
        advice = f": {place}" if place else f". Did you mean `{nearest}`?" if nearest else ", and is ignored"
        subject = f"node {node}: " if node is not None else ""
        message = f"{subject}{shown} {'has no effect here' if place else 'is not a known key'}{advice}"
        yield Diagnostic("unknown_key", "warning", node, pointer(at, key), message)


def _nearest(key: str, known: Collection[str], cutoff: float = _CUTOFF) -> str | None:
    if (same := _SYNONYMS.get(key)) in known:
        return same
    close = difflib.get_close_matches(key, sorted(known), 1, cutoff)
    longer = [each for each in sorted(known) if each.startswith(f"{key}_") and len(key) >= _MIN_START]
    return next(iter([*close, *longer]), None)
