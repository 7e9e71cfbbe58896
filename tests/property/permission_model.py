"""An independent model of permissions to read, write and run, written from the documentation alone."""

from __future__ import annotations

from dataclasses import dataclass, field

ROLES = ("viewer", "operator", "developer", "admin")


@dataclass(slots=True)
class Folder:
    """A folder of a workspace: principals (`u/<name>`, `g/<name>`) that own, write or read it."""

    owners: set[str] = field(default_factory=set)
    writers: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Workspace:
    """Members with their roles, groups with their members, folders, and the items at each path, by kind."""

    roles: dict[str, str] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    folders: dict[str, Folder] = field(default_factory=dict)
    items: dict[str, set[str]] = field(default_factory=dict)
    runs: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Run id → (path, starter)."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with a token; `scopes`: None if the token is not limited."""

    name: str
    scopes: tuple[str, ...] | None = None


def principals(workspace: Workspace, name: str) -> set[str]:
    """Return the names under which a member receives permissions."""
    return {f"u/{name}", "g/all"} | {f"g/{group}" for group, members in workspace.groups.items() if name in members}


def in_scope(caller: Caller, area: str, action: str, path: str | None) -> bool:
    """Return whether the token covers `area:action` at the path."""
    if caller.scopes is None:
        return True
    for scope in caller.scopes:
        its_area, its_action, *rest = scope.split(":")
        if its_area != area or not (its_action == action or (its_action == "write" and action == "read")):
            continue
        limit = rest[0] if rest else None
        if limit is None or (
            path is not None and (path == limit or (limit[-1] == "*" and path.startswith(limit[:-1])))
        ):
            return True
    return False


def reaches(workspace: Workspace, name: str, path: str, *, write: bool) -> bool:
    """Return whether the path alone lets a member read or write the item there."""
    area, place = path.split("/")[:2]
    if area == "u":
        return place == name
    folder = workspace.folders.get(place)
    if folder is None:
        return False
    granted = folder.owners | folder.writers | (set() if write else folder.readers)
    return bool(granted & principals(workspace, name))


def may_read(workspace: Workspace, caller: Caller, kind: str, path: str) -> bool:
    """Return whether the caller may read the item of `kind` (`scripts`, `flows`, `variables` …) at the path."""
    role = workspace.roles.get(caller.name)
    if role is None or not in_scope(caller, kind, "read", path):
        return False
    return role == "admin" or reaches(workspace, caller.name, path, write=False)


def may_write(workspace: Workspace, caller: Caller, kind: str, path: str) -> bool:
    """Return whether the caller may create, change or delete the item of `kind` at the path."""
    role = workspace.roles.get(caller.name)
    if role not in ("developer", "admin") or not in_scope(caller, kind, "write", path):
        return False
    return role == "admin" or reaches(workspace, caller.name, path, write=True)


def may_run(workspace: Workspace, caller: Caller, path: str) -> bool:
    """Return whether the caller may start the workflow or script at the path."""
    role = workspace.roles.get(caller.name)
    if role not in ("operator", "developer", "admin") or not in_scope(caller, "jobs", "run", path):
        return False
    return role == "admin" or reaches(workspace, caller.name, path, write=False)


def may_see_run(workspace: Workspace, caller: Caller, run: str) -> bool:
    """Return whether the caller may see a run: its starter and readers of its path, within the token's scopes."""
    path, started_by = workspace.runs[run]
    role = workspace.roles.get(caller.name)
    if role is None or not in_scope(caller, "jobs", "read", path):
        return False
    return role == "admin" or started_by == caller.name or reaches(workspace, caller.name, path, write=False)


def owns_folder(workspace: Workspace, caller: Caller, name: str) -> bool:
    """Return whether the caller may change the folder."""
    role = workspace.roles.get(caller.name)
    if role not in ("developer", "admin") or not in_scope(caller, "folders", "write", f"f/{name}"):
        return False
    return role == "admin" or bool(workspace.folders[name].owners & principals(workspace, caller.name))
