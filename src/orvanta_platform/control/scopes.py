"""What a token is limited to: `<area>:<action>` or `<area>:<action>:<path>`.

Areas are those of the permission table (jobs, scripts, flows, schedules, http_triggers, variables, resources, files,
folders, workspaces, users, tokens, workers) or `*`; actions read, write, run or `*`, where write holds read; a path may
end in `*` (`f/sales/*`). A limit to paths never allows what has no path.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.errors import BadRequest

AREAS = (
    *("*", "files", "flows", "folders", "http_triggers", "jobs", "resources", "schedules", "scripts"),
    *("tokens", "users", "variables", "workers", "workspaces"),
)
ACTIONS = ("*", "read", "write", "run")
_PATH = re.compile(r"[ufgr]/[A-Za-z0-9_\-./]*\*?|\*")


def check(scope: str) -> None:
    """Nothing for a scope that can be understood. Raises BadRequest."""
    area, _, rest = scope.partition(":")
    action, colon, path = rest.partition(":")
    if area not in AREAS or action not in ACTIONS or (colon and not _PATH.fullmatch(path)):
        raise BadRequest(
            f"The scope {scope[:200]!r} is not known.",
            hint="Write <area>:<action> or <area>:<action>:<path>, for example jobs:run:f/sales/*.",
            details={"areas": AREAS, "actions": ACTIONS},
        )


def allow(held: Sequence[str] | None, needed: str, path: str | None) -> bool:
    """Whether scopes `held` (None: no limit) cover `needed` (`area:action`) for this path."""
    return held is None or any(_matches(limit, path) for limit in _paths(held, needed))


def patterns(held: Sequence[str] | None, needed: str) -> list[str] | None:
    """LIKE patterns of the paths for which `needed` is covered; None: all, and what has no path too."""
    if held is None:
        return None
    limits = _paths(held, needed)
    if None in limits:
        return None
    return [_like(limit) for limit in limits if limit is not None]


def runs_only(held: Sequence[str] | None) -> bool:
    """Whether a token can do nothing but start runs: then its runs come from a webhook."""
    return bool(held) and all(scope == "jobs:run" or scope.startswith("jobs:run:") for scope in held or ())


def without(actor: Actor) -> Actor:
    """The same actor without its token's limits, to tell "you may not" from "your token may not"."""
    return replace(actor, scopes=None) if actor.scopes is not None else actor


def _paths(held: Sequence[str], needed: str) -> list[str | None]:
    area, _, action = needed.partition(":")
    found: list[str | None] = []
    for scope in held:
        its_area, _, rest = scope.partition(":")
        its_action, _, path = rest.partition(":")
        holds = its_action in ("*", action) or (its_action == "write" and action == "read")
        if its_area in ("*", area) and holds:
            found.append(path if path and path != "*" else None)
    return found


def _matches(limit: str | None, path: str | None) -> bool:
    if limit is None:
        return True
    if path is None:
        return False
    return path.startswith(limit[:-1]) if limit.endswith("*") else path == limit


def _like(limit: str) -> str:
    exact = limit.rstrip("*").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return exact + ("%" if limit.endswith("*") else "")
