"""The one decision about what an actor may do, from one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType

from orvanta_platform.control import names, scopes
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.errors import Forbidden, NotFound

DEPLOYERS = "deployers"
"""The group whose members let runs act for others."""

_NONE: Mapping[str, bool] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Target:
    """The object of an action. `workspace` None: the instance.

    `kind` is a row of the table below. `path` is the path of an item (`u/…`, `f/…`), of the script or workflow of a
    run, or `f/<name>` of a folder. `created_by` is the username of the member who started a run or for whom a version
    is accepted, or the e-mail of an account or token.
    """

    workspace: str | None
    kind: str
    path: str | None = None
    created_by: str | None = None
    extra_perms: Mapping[str, bool] = field(default_factory=lambda: _NONE)


class Condition(Enum):
    """What, beside the role, must hold of the thing's path."""

    NOTHING = auto()
    READ = auto()
    """Its path is readable, or its run was started by the actor."""
    WRITE = auto()
    OWN = auto()
    """The folder is the actor's."""
    ACCEPT = auto()
    """Its path is readable, and the actor is the member it would run for, or is in the group deployers."""
    READ_IF_NAMED = auto()
    """Its path, where it has one, is readable."""
    SELF = auto()
    """It is the actor's own account or token."""
    READ_IF_OWNED = auto()
    """Its path, where it lies below a user or folder, is readable; what lies elsewhere is everybody's."""
    WRITE_IF_OWNED = auto()
    """Its path, if below a user or folder, is writable; anything else belongs to its creator."""
    INSTANCE = auto()
    """The actor is superadmin."""
    INSTANCE_READ = auto()
    """The actor is superadmin or devops."""
    LOGIN = auto()
    """Any caller with a valid token."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Which workspace roles may (none: the instance decides), the path's condition, the scope it needs."""

    roles: frozenset[Role]
    by: Condition
    scope: str


_ANY = frozenset(Role)
_RUN = frozenset({Role.ADMIN, Role.DEVELOPER, Role.OPERATOR})
_WRITE = frozenset({Role.ADMIN, Role.DEVELOPER})
_ADMIN = frozenset({Role.ADMIN})
_INSTANCE: frozenset[Role] = frozenset()

RULES: Mapping[tuple[str, str], Rule] = MappingProxyType(
    {
        ("script", "read"): Rule(_ANY, Condition.READ, "scripts:read"),
        ("script", "run"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("script", "write"): Rule(_WRITE, Condition.WRITE, "scripts:write"),
        ("script", "accept"): Rule(_RUN, Condition.ACCEPT, "scripts:write"),
        ("script", "draft"): Rule(_WRITE, Condition.READ, "scripts:write"),
        ("flow", "read"): Rule(_ANY, Condition.READ, "flows:read"),
        ("flow", "run"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("flow", "write"): Rule(_WRITE, Condition.WRITE, "flows:write"),
        ("flow", "accept"): Rule(_RUN, Condition.ACCEPT, "flows:write"),
        ("flow", "draft"): Rule(_WRITE, Condition.READ, "flows:write"),
        ("preview", "check_flow"): Rule(_ANY, Condition.NOTHING, "flows:read"),
        ("preview", "check_script"): Rule(_ANY, Condition.NOTHING, "scripts:read"),
        ("preview", "run"): Rule(_WRITE, Condition.READ_IF_NAMED, "jobs:preview"),
        ("run", "read"): Rule(_ANY, Condition.READ, "jobs:read"),
        ("run", "write_state"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("run", "decide"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("run", "cancel"): Rule(_RUN, Condition.READ, "jobs:write"),
        ("run", "pause"): Rule(_RUN, Condition.READ, "jobs:pause"),
        ("run", "edit"): Rule(_RUN, Condition.READ, "jobs:edit"),
        ("schedule", "read"): Rule(_ANY, Condition.READ, "schedules:read"),
        ("schedule", "write"): Rule(_WRITE, Condition.WRITE, "schedules:write"),
        ("http_trigger", "read"): Rule(_ANY, Condition.READ, "http_triggers:read"),
        ("http_trigger", "write"): Rule(_WRITE, Condition.WRITE, "http_triggers:write"),
        ("folder", "read"): Rule(_ANY, Condition.READ, "folders:read"),
        ("folder", "create"): Rule(_ADMIN, Condition.NOTHING, "folders:write"),
        ("folder", "write"): Rule(_WRITE, Condition.OWN, "folders:write"),
        ("variable", "read"): Rule(_ANY, Condition.READ, "variables:read"),
        ("variable", "write"): Rule(_WRITE, Condition.WRITE, "variables:write"),
        ("variable", "reveal"): Rule(_WRITE, Condition.READ, "variables:read"),
        ("resource", "read"): Rule(_ANY, Condition.READ, "resources:read"),
        ("resource", "write"): Rule(_WRITE, Condition.WRITE, "resources:write"),
        ("resource", "write_state"): Rule(_RUN, Condition.WRITE, "resources:write"),
        ("resource", "reveal"): Rule(_WRITE, Condition.READ, "resources:read"),
        ("resource_type", "read"): Rule(_ANY, Condition.NOTHING, "resources:read"),
        ("resource_type", "create"): Rule(_WRITE, Condition.NOTHING, "resources:write"),
        ("resource_type", "write"): Rule(_ADMIN, Condition.NOTHING, "resources:write"),
        ("file", "read"): Rule(_ANY, Condition.READ_IF_OWNED, "files:read"),
        ("file", "write"): Rule(_RUN, Condition.WRITE_IF_OWNED, "files:write"),
        ("workspace", "read"): Rule(_ANY, Condition.NOTHING, "workspaces:read"),
        ("workspace", "admin"): Rule(_ADMIN, Condition.NOTHING, "workspaces:write"),
        ("member", "read"): Rule(_ANY, Condition.NOTHING, "users:read"),
        ("member", "admin"): Rule(_ADMIN, Condition.NOTHING, "users:write"),
        ("group", "read"): Rule(_ANY, Condition.NOTHING, "users:read"),
        ("group", "write"): Rule(_ADMIN, Condition.NOTHING, "users:write"),
        ("account", "read"): Rule(_INSTANCE, Condition.SELF, "users:read"),
        ("token", "read"): Rule(_INSTANCE, Condition.SELF, "tokens:read"),
        ("token", "write"): Rule(_INSTANCE, Condition.SELF, "tokens:write"),
        ("instance", "list_workspaces"): Rule(_INSTANCE, Condition.LOGIN, "workspaces:read"),
        ("instance", "list_accounts"): Rule(_INSTANCE, Condition.INSTANCE_READ, "users:read"),
        ("instance", "create_account"): Rule(_INSTANCE, Condition.INSTANCE, "users:write"),
        ("instance", "create_workspace"): Rule(_INSTANCE, Condition.INSTANCE, "workspaces:write"),
        ("instance", "write_routes"): Rule(_INSTANCE, Condition.INSTANCE, "http_triggers:write"),
        ("instance", "preview_schedule"): Rule(_INSTANCE, Condition.LOGIN, "schedules:read"),
        ("instance", "list_workers"): Rule(_INSTANCE, Condition.LOGIN, "workers:read"),
        ("instance", "see_all_workers"): Rule(_INSTANCE, Condition.INSTANCE_READ, "workers:read"),
        ("instance", "drain_worker"): Rule(_INSTANCE, Condition.INSTANCE, "workers:write"),
    }
)
"""(kind, action) → who may. An action that is not here is nobody's."""


@dataclass(frozen=True, slots=True)
class Readable:
    """What a list may show, to be put INTO its query (never applied afterwards).

    `everything`: an admin. Else a row shows where its path is LIKE one of `patterns`, its extra_perms have
    one of `principals`, or it is a run created by `username`. `scope`: LIKE patterns of which the path must
    match one whatever else holds; None where the token has no such limit.
    """

    everything: bool
    patterns: list[str]
    principals: list[str]
    username: str
    scope: list[str] | None


def can(actor: Actor, action: str, thing: Target) -> bool:
    """Whether `actor` may do `action` to `thing`. Pure: everything it needs is in its arguments."""
    rule = RULES.get((thing.kind, action))
    if rule is None:
        return False
    if not _in_scope(actor, rule, thing):
        return False
    if not rule.roles:
        return _holds_on_instance(actor, rule.by, thing)
    if thing.workspace is None or actor.workspace != thing.workspace or actor.role not in rule.roles:
        return False
    return actor.role is Role.ADMIN or _holds(actor, rule.by, thing)


def require(actor: Actor, action: str, thing: Target) -> None:
    """Nothing where it may. Raises NotFound where it may not even read the thing, else Forbidden."""
    if can(actor, action, thing):
        return
    name = f"{thing.kind} {thing.path}" if thing.path else thing.kind
    if thing.workspace is not None and (actor.workspace != thing.workspace or actor.role is None):
        raise NotFound(f"The workspace {thing.workspace} does not exist.")
    unlimited = scopes.without(actor)
    if (thing.kind, "read") in RULES and not can(unlimited, "read", thing):
        raise NotFound(f"The {name} does not exist.", hint=_folder_hint(actor, action, thing))
    raise Forbidden(f"You may not {action.replace('_', ' ')} the {name}.", hint=_role_hint(actor, action, thing))


def require_workspace(actor: Actor, workspace: str) -> None:
    """Raises NotFound where the actor is no member of `workspace`."""
    if actor.workspace != workspace or actor.role is None:
        raise NotFound(f"The workspace {workspace} does not exist.")


def readable(actor: Actor, kind: str = "run") -> Readable:
    """What lists of `kind` (script, flow, run, folder) may show this actor. See Readable.

    Raises Forbidden where the token's scopes allow no reading of this kind at all.
    """
    rule = RULES[(kind, "read")]
    limit = scopes.patterns(actor.scopes, rule.scope)
    if limit == [] or actor.role is None:
        raise Forbidden(f"You may not list {kind}s.", hint=f"The token needs the scope {rule.scope}.")
    folders = [f"f/{_literal(name)}" for name in sorted(actor.folders.read)]
    patterns = [f"u/{_literal(actor.username)}/%", *(f"{folder}/%" for folder in folders), *folders]
    return Readable(
        everything=actor.role is Role.ADMIN,
        patterns=patterns,
        principals=sorted(actor.principals),
        username=actor.username,
        scope=limit,
    )


def _in_scope(actor: Actor, rule: Rule, thing: Target) -> bool:
    # The path of a preview is a label that the caller chose: it says nothing of the code that would run.
    path = None if rule.by is Condition.READ_IF_NAMED else thing.path
    return scopes.allow(actor.scopes, rule.scope, path)


def _holds(actor: Actor, by: Condition, thing: Target) -> bool:
    match by:
        case Condition.NOTHING:
            return True
        case Condition.READ:
            own_run = thing.kind == "run" and thing.created_by == actor.username
            return own_run or _path_allows(actor, thing, write=False)
        case Condition.ACCEPT:
            own = thing.created_by == actor.username
            return (own or DEPLOYERS in actor.groups) and _path_allows(actor, thing, write=False)
        case Condition.READ_IF_NAMED:
            return thing.path is None or _path_allows(actor, thing, write=False)
        case Condition.READ_IF_OWNED:
            return not names.is_owned(thing.path) or _path_allows(actor, thing, write=False)
        case Condition.WRITE_IF_OWNED:
            if names.is_owned(thing.path):
                return _path_allows(actor, thing, write=True)
            return thing.created_by in (None, actor.username)
        case Condition.WRITE:
            return _path_allows(actor, thing, write=True)
        case Condition.OWN:
            return thing.path is not None and thing.path.removeprefix("f/") in actor.folders.own
        case _:
            return False


def _holds_on_instance(actor: Actor, by: Condition, thing: Target) -> bool:
    match by:
        case Condition.LOGIN:
            return True
        case Condition.INSTANCE:
            return actor.super_admin
        case Condition.INSTANCE_READ:
            return actor.super_admin or actor.devops
        case Condition.SELF:
            return actor.super_admin or thing.created_by == actor.email
        case _:
            return False


def _path_allows(actor: Actor, thing: Target, *, write: bool) -> bool:
    area, _, rest = (thing.path or "").partition("/")
    name = rest.partition("/")[0]
    if area == "u" and name == actor.username:
        return True
    if area == "f" and name in (actor.folders.write if write else actor.folders.read):
        return True
    given = [thing.extra_perms[each] for each in actor.principals if each in thing.extra_perms]
    return any(given) if write else bool(given)


def _folder_hint(actor: Actor, action: str, thing: Target) -> str | None:
    if action == "write" and thing.path and thing.path.startswith("f/") and thing.kind != "folder":
        folder = thing.path.split("/")[1]
        if folder not in actor.folders.read:
            return f"The folder {folder} is missing or not yours to see; an admin can make it or add you."
    return None


def _role_hint(actor: Actor, action: str, thing: Target) -> str | None:
    rule = RULES.get((thing.kind, action))
    if rule is None:
        return None
    if not _in_scope(actor, rule, thing):
        return f"The token needs the scope {rule.scope}."
    if rule.roles and actor.role not in rule.roles:
        return f"It needs the role {' or '.join(sorted(rule.roles))}; yours is {actor.role}."
    return None


def _literal(text: str) -> str:
    """`text` as LIKE matches it exactly."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
