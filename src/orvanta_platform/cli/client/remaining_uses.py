"""Warnings about items that are deleted, and that other items still use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orvanta_platform.cli.client.output import say, terminal_safe
from orvanta_platform.units import count_text

_NAMES: Final = {"flow": "workflow", "http_trigger": "HTTP trigger"}
_SHOWN: Final = 10
"""Number of items that a warning names."""


def say_uses(entries: Iterable[Mapping[str, Any]], *, truncated: bool) -> None:
    """Print a warning for each entry of a plan whose item is removed, and used by items that remain."""
    for each in entries:
        users = [*dict.fromkeys(map(_name, each.get("used_by") or ()))]
        hidden = each.get("hidden_uses") or 0
        named = users[:_SHOWN]
        if users[_SHOWN:]:
            named.append(f"{len(users) - _SHOWN} more")
        if hidden:
            named.append(f"{count_text(hidden, 'item')} that you may not read")
        if named:
            listed = ", ".join(named[:-1]) + (" and " if named[1:] else "") + named[-1]
            say(terminal_safe(f"{each['path']}: warning still_used: it is deleted, and still used by {listed}"))
    if truncated:
        say("Deleted items may have more uses than those that are listed.")


def _name(use: Mapping[str, Any]) -> str:
    if use["kind"] == "error_handler":
        return "the error handler of the workspace"
    kind = _NAMES.get(use["kind"], use["kind"].replace("_", " "))
    node = f" (node {use['node']})" if use.get("node") else ""
    return f"the {kind} {use['path']}{node}"
