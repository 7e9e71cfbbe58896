"""Scopes, the limits of a token: `<area>:<action>` or `<area>:<action>:<path>`.

Areas are those of the permission table (jobs, scripts, flows, schedules, http_triggers, variables, resources, files,
folders, workspaces, users, tokens, workers, settings, audit, policies, git, environments, releases, deployments) or
`*`. The actions read, write, run and `*` exist for every area, where write includes read. A path may end in `*`
(`f/sales/*`). A limit to paths never allows items without a path.

Runs have four more actions:

- `jobs:preview` runs code that is not deployed, and restarts runs with an edited workflow;
- `jobs:pause` sets breakpoints, with or without a condition, and continues paused nodes;
- `jobs:edit` replaces values of a run: inputs of a rerun, inputs or the result of a paused node, the version of a
  restart;
- `jobs:delegate` grants the runs of deployed scripts and workflows all rights of the token's owner. Without it a run
  has the limits of the token that started it. No `*` includes it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor
from orvanta_platform.errors import BadRequest

AREAS = (
    *("*", "audit", "deployments", "environments", "files", "flows", "folders", "git", "http_triggers", "jobs"),
    *("policies", "releases", "resources", "schedules", "scripts", "settings", "tokens", "users", "variables"),
    *("workers", "workspaces"),
)
ACTIONS = ("*", "read", "write", "run")
JOB_ACTIONS = (*ACTIONS, "preview", "pause", "edit", "delegate")
"""Actions of the area jobs."""

_DELEGATE = "jobs:delegate"
_PATH = re.compile(rf"[ufgr]/[{names.LETTERS}\-./]*\*?|\*")


def check(scope: str) -> None:
    """Check that a scope is valid. Raises BadRequest."""
    area, _, rest = scope.partition(":")
    action, colon, path = rest.partition(":")
    actions = JOB_ACTIONS if area == "jobs" else ACTIONS
    if area not in AREAS or action not in actions or (colon and not _PATH.fullmatch(path)):
        raise BadRequest(
            f"The scope {scope[:200]!r} is invalid.",
            hint=f"Write <area>:<action> or <area>:<action>:<path>, for example jobs:run:f/sales/*. Areas: "
            f"{', '.join(AREAS)}.",
            details={"areas": AREAS, "actions": actions},
        )


def allow(held: Sequence[str] | None, needed: str, path: str | None) -> bool:
    """Return whether the scopes `held` (None: no limit) cover `needed` (`area:action`) for this path."""
    return held is None or any(_matches(limit, path) for limit in _paths(held, needed))


def patterns(held: Sequence[str] | None, needed: str) -> list[str] | None:
    """Return LIKE patterns of the paths for which `needed` is covered; None covers all, including items
    without a path.
    """
    if held is None:
        return None
    limits = _paths(held, needed)
    if None in limits:
        return None
    return [_like(limit) for limit in limits if limit is not None]


def covers(held: Sequence[str] | None, limits: Sequence[str] | None) -> bool:
    """Return whether `held` allows everything that `limits` allow."""
    if held is None:
        return True
    return limits is not None and all(_is_within(scope, held) for scope in limits)


def of_run(held: Sequence[str] | None, path: str | None) -> Sequence[str] | None:
    """Return the limits of a run started with a token of the scopes `held`; `path` is None for code that is not
    deployed.
    """
    if held is None or (path is not None and allow(held, _DELEGATE, path)):
        return None
    return held


def is_unattended(held: Sequence[str] | None) -> bool:
    """Return whether this is the token of a program, which represents no person: its runs count as started by a
    webhook.

    Such a token can only start runs, or grants runs all rights of its owner.
    """
    actions = [":".join(scope.split(":", 2)[:2]) for scope in held or ()]
    return _DELEGATE in actions or (bool(actions) and all(action == "jobs:run" for action in actions))


def without_limits(actor: Actor) -> Actor:
    """Return the actor without the limits of its token, to distinguish missing rights of the member from those of the
    token.
    """
    return replace(actor, scopes=None) if actor.scopes is not None else actor


def _paths(held: Sequence[str], needed: str) -> list[str | None]:
    area, _, action = needed.partition(":")
    found: list[str | None] = []
    for scope in held:
        its_area, _, rest = scope.partition(":")
        its_action, _, path = rest.partition(":")
        if its_area in ("*", area) and _includes(its_action, action):
            found.append(path if path and path != "*" else None)
    return found


def _includes(held: str, action: str) -> bool:
    if action == "delegate":
        return held == action
    return held in ("*", action) or (held == "write" and action == "read")


def _is_within(scope: str, held: Sequence[str]) -> bool:
    area, _, rest = scope.partition(":")
    action, _, path = rest.partition(":")
    for each in held:
        its_area, _, its_rest = each.partition(":")
        its_action, _, its_path = its_rest.partition(":")
        same = its_area in ("*", area) and _includes(its_action, action)
        if same and _matches(None if its_path in ("", "*") else its_path, path or None):
            return True
    return False


def _matches(limit: str | None, path: str | None) -> bool:
    if limit is None:
        return True
    if path is None:
        return False
    return path.startswith(limit[:-1]) if limit.endswith("*") else path == limit


def _like(limit: str) -> str:
    exact = limit.rstrip("*").replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return exact + ("%" if limit.endswith("*") else "")
