"""Permission checks, decided from one table."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import names, scopes
from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.errors import Forbidden, NotFound

DEPLOYERS = "deployers"
"""Group whose members may let runs act for others."""

_NONE: Mapping[str, bool] = MappingProxyType({})


class Target(msgspec.Struct, frozen=True):
    """Object of an action. `workspace` None: the instance.

    `kind` is a row of the table below. `path` is the path of an item (`u/…`, `f/…`), of the script or workflow of a
    run, or `f/<name>` of a folder. `created_by` is the username of the member who started a run or for whom a version
    is accepted, or the e-mail of an account or token.
    """

    workspace: str | None
    kind: str
    path: str | None = None
    created_by: str | None = None
    extra_perms: Mapping[str, bool] = msgspec.field(default_factory=lambda: _NONE)


class Condition(Enum):
    """Condition on the target, in addition to the role."""

    NOTHING = auto()
    READ = auto()
    """The path is readable, or the actor started the run."""
    WRITE = auto()
    OWN = auto()
    """The actor owns the folder, or the folder of the path, or the path is below its own `u/…`."""
    ACCEPT = auto()
    """The path is readable, and the actor is the member it would run for, or is in the group deployers."""
    READ_IF_NAMED = auto()
    """The path is readable, if there is one."""
    SELF = auto()
    """It is the account or a token of the actor."""
    READ_IF_OWNED = auto()
    """The path, if below a user or folder, is readable; any other path is readable by everybody."""
    WRITE_IF_OWNED = auto()
    """The path, if below a user or folder, is writable; any other path belongs to its creator."""
    INSTANCE = auto()
    """The actor is superadmin."""
    INSTANCE_READ = auto()
    """The actor is superadmin or devops."""
    LOGIN = auto()
    """Any caller with a valid token."""


class Rule(msgspec.Struct, frozen=True):
    """Rule of an action: the workspace roles (none: the instance decides), the condition, and the required scope."""

    roles: frozenset[Role]
    by: Condition
    scope: str
    """Empty: every valid token permits the action."""


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
        ("script", "share"): Rule(_WRITE, Condition.OWN, "scripts:write"),
        ("script", "accept"): Rule(_RUN, Condition.ACCEPT, "scripts:write"),
        ("script", "draft"): Rule(_WRITE, Condition.READ, "scripts:write"),
        ("hub_script", "run"): Rule(_RUN, Condition.NOTHING, "jobs:run"),
        ("flow", "read"): Rule(_ANY, Condition.READ, "flows:read"),
        ("flow", "run"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("flow", "write"): Rule(_WRITE, Condition.WRITE, "flows:write"),
        ("flow", "share"): Rule(_WRITE, Condition.OWN, "flows:write"),
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
        ("run", "identify"): Rule(_RUN, Condition.READ, "jobs:run"),
        ("run", "erase"): Rule(_ADMIN, Condition.READ, "jobs:write"),
        ("run", "edit"): Rule(_RUN, Condition.READ, "jobs:edit"),
        ("schedule", "read"): Rule(_ANY, Condition.READ, "schedules:read"),
        ("schedule", "write"): Rule(_WRITE, Condition.WRITE, "schedules:write"),
        ("schedule", "share"): Rule(_WRITE, Condition.OWN, "schedules:write"),
        ("http_trigger", "read"): Rule(_ANY, Condition.READ, "http_triggers:read"),
        ("http_trigger", "write"): Rule(_WRITE, Condition.WRITE, "http_triggers:write"),
        ("http_trigger", "share"): Rule(_WRITE, Condition.OWN, "http_triggers:write"),
        ("folder", "read"): Rule(_ANY, Condition.READ, "folders:read"),
        ("folder", "create"): Rule(_ADMIN, Condition.NOTHING, "folders:write"),
        ("folder", "write"): Rule(_WRITE, Condition.OWN, "folders:write"),
        ("variable", "read"): Rule(_ANY, Condition.READ, "variables:read"),
        ("variable", "write"): Rule(_WRITE, Condition.WRITE, "variables:write"),
        ("variable", "share"): Rule(_WRITE, Condition.OWN, "variables:write"),
        ("variable", "reveal"): Rule(_WRITE, Condition.READ, "variables:read"),
        ("resource", "read"): Rule(_ANY, Condition.READ, "resources:read"),
        ("resource", "write"): Rule(_WRITE, Condition.WRITE, "resources:write"),
        ("resource", "share"): Rule(_WRITE, Condition.OWN, "resources:write"),
        ("resource", "write_state"): Rule(_RUN, Condition.WRITE, "resources:write"),
        ("resource", "reveal"): Rule(_WRITE, Condition.READ, "resources:read"),
        # A test sends secrets to the server that the resource names, as a script could.
        ("resource", "test"): Rule(_WRITE, Condition.READ, "jobs:preview"),
        ("resource_type", "read"): Rule(_ANY, Condition.NOTHING, "resources:read"),
        ("resource_type", "create"): Rule(_WRITE, Condition.NOTHING, "resources:write"),
        ("resource_type", "write"): Rule(_ADMIN, Condition.NOTHING, "resources:write"),
        ("file", "read"): Rule(_ANY, Condition.READ_IF_OWNED, "files:read"),
        ("file", "write"): Rule(_RUN, Condition.WRITE_IF_OWNED, "files:write"),
        ("workspace", "read"): Rule(_ANY, Condition.NOTHING, "workspaces:read"),
        ("workspace", "change_items"): Rule(_WRITE, Condition.NOTHING, "workspaces:read"),
        ("workspace", "archive"): Rule(_ADMIN, Condition.NOTHING, "workspaces:write"),
        ("workspace", "unarchive"): Rule(_ADMIN, Condition.NOTHING, "workspaces:write"),
        ("workspace", "admin"): Rule(_ADMIN, Condition.NOTHING, "workspaces:write"),
        ("member", "read"): Rule(_ANY, Condition.NOTHING, "users:read"),
        ("member", "whoami"): Rule(_ANY, Condition.NOTHING, ""),
        ("member", "admin"): Rule(_ADMIN, Condition.NOTHING, "users:write"),
        ("member", "impersonate"): Rule(_ADMIN, Condition.NOTHING, "users:write"),
        ("member_token", "list"): Rule(_ADMIN, Condition.NOTHING, "tokens:read"),
        ("member_token", "revoke"): Rule(_ADMIN, Condition.NOTHING, "tokens:write"),
        ("audit", "list"): Rule(_ADMIN, Condition.NOTHING, "audit:read"),
        ("group", "read"): Rule(_ANY, Condition.NOTHING, "users:read"),
        ("group", "write"): Rule(_ADMIN, Condition.NOTHING, "users:write"),
        ("group", "manage"): Rule(_RUN, Condition.WRITE, "users:write"),
        ("operations", "list"): Rule(_RUN, Condition.NOTHING, "workers:read"),
        ("usage", "list"): Rule(_ADMIN, Condition.NOTHING, "workspaces:read"),
        ("policy", "read"): Rule(_ANY, Condition.NOTHING, "policies:read"),
        ("policy", "write"): Rule(_ADMIN, Condition.NOTHING, "policies:write"),
        ("git", "read"): Rule(_WRITE, Condition.NOTHING, "git:read"),
        ("git", "sync"): Rule(_WRITE, Condition.NOTHING, "git:write"),
        ("git", "admin"): Rule(_ADMIN, Condition.NOTHING, "git:write"),
        ("release", "read"): Rule(_ANY, Condition.NOTHING, "releases:read"),
        ("release", "write"): Rule(_WRITE, Condition.NOTHING, "releases:write"),
        ("deployment", "read"): Rule(_ANY, Condition.NOTHING, "deployments:read"),
        ("deployment", "write"): Rule(_WRITE, Condition.NOTHING, "deployments:write"),
        ("deployment", "decide"): Rule(_ANY, Condition.NOTHING, "deployments:write"),
        ("deployment", "apply"): Rule(_WRITE, Condition.NOTHING, "deployments:write"),
        ("account", "read"): Rule(_INSTANCE, Condition.SELF, "users:read"),
        ("account", "whoami"): Rule(_INSTANCE, Condition.SELF, ""),
        ("account", "write"): Rule(_INSTANCE, Condition.SELF, "users:write"),
        ("token", "read"): Rule(_INSTANCE, Condition.SELF, "tokens:read"),
        ("token", "write"): Rule(_INSTANCE, Condition.SELF, "tokens:write"),
        ("instance", "list_workspaces"): Rule(_INSTANCE, Condition.LOGIN, "workspaces:read"),
        ("instance", "list_own_workspaces"): Rule(_INSTANCE, Condition.LOGIN, ""),
        ("instance", "list_accounts"): Rule(_INSTANCE, Condition.INSTANCE_READ, "users:read"),
        ("instance", "create_account"): Rule(_INSTANCE, Condition.INSTANCE, "users:write"),
        ("instance", "manage_accounts"): Rule(_INSTANCE, Condition.INSTANCE, "users:write"),
        ("instance", "read_settings"): Rule(_INSTANCE, Condition.INSTANCE, "settings:read"),
        ("instance", "write_settings"): Rule(_INSTANCE, Condition.INSTANCE, "settings:write"),
        ("instance", "read_usage"): Rule(_INSTANCE, Condition.INSTANCE, "workspaces:read"),
        ("instance", "read_audit"): Rule(_INSTANCE, Condition.INSTANCE, "audit:read"),
        ("instance", "read_policies"): Rule(_INSTANCE, Condition.INSTANCE, "policies:read"),
        ("instance", "write_policies"): Rule(_INSTANCE, Condition.INSTANCE, "policies:write"),
        ("instance", "list_environments"): Rule(_INSTANCE, Condition.LOGIN, "environments:read"),
        ("instance", "write_environments"): Rule(_INSTANCE, Condition.INSTANCE, "environments:write"),
        ("instance", "read_release_key"): Rule(_INSTANCE, Condition.LOGIN, "releases:read"),
        ("instance", "create_workspace"): Rule(_INSTANCE, Condition.INSTANCE, "workspaces:write"),
        ("instance", "delete_workspace"): Rule(_INSTANCE, Condition.INSTANCE, "workspaces:write"),
        ("instance", "write_routes"): Rule(_INSTANCE, Condition.INSTANCE, "http_triggers:write"),
        ("instance", "preview_schedule"): Rule(_INSTANCE, Condition.LOGIN, "schedules:read"),
        ("instance", "list_workers"): Rule(_INSTANCE, Condition.LOGIN, "workers:read"),
        ("instance", "see_all_workers"): Rule(_INSTANCE, Condition.INSTANCE_READ, "workers:read"),
        ("instance", "drain_worker"): Rule(_INSTANCE, Condition.INSTANCE, "workers:write"),
    }
)
"""(kind, action) → rule. An action without a rule is denied."""

_PHRASES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("audit", "list"): "read the audit trail",
        ("git", "admin"): "change the binding to Git",
        ("git", "read"): "read the binding to Git",
        ("git", "sync"): "synchronise with Git",
        ("instance", "create_account"): "create accounts",
        ("instance", "create_workspace"): "create workspaces",
        ("instance", "delete_workspace"): "delete workspaces",
        ("instance", "drain_worker"): "drain workers",
        ("instance", "preview_schedule"): "preview schedules",
        ("instance", "read_audit"): "read the audit trail of the instance",
        ("instance", "read_release_key"): "read the key of releases",
        ("instance", "read_usage"): "read the usage of the instance",
        ("member", "admin"): "manage members",
        ("member_token", "list"): "list the tokens of members",
        ("member_token", "revoke"): "revoke the tokens of members",
        ("workspace", "admin"): "change settings of the workspace",
    }
)
"""(kind, action) → words of errors, if they are not "<action> the <kind>", or "<action>" of the instance."""

_VERBS = MappingProxyType(
    {"change_items": "change items of", "draft": "save drafts of", "write_state": "write the state of"}
)
"""Action → words of errors before "the <kind>", if they are not its own."""

NOT_IMPERSONATED: frozenset[tuple[str, str]] = frozenset(
    {
        ("account", "write"),
        ("deployment", "apply"),
        ("deployment", "decide"),
        ("deployment", "write"),
        ("flow", "accept"),
        ("member", "impersonate"),
        ("member_token", "revoke"),
        ("release", "write"),
        ("run", "decide"),
        ("script", "accept"),
        ("token", "write"),
    }
)
"""Actions that an admin cannot take as somebody else: credentials, and decisions that count as a person's."""


_ARCHIVED = frozenset(
    {"read", "whoami", "list", "check_flow", "check_script", "decide", "cancel", "revoke", "unarchive"}
)
"""Actions of members that an archived workspace permits."""


class WorkspaceArchived(Forbidden):
    """The workspace is archived: it can be read, and its runs in progress continue."""

    code = "workspace_archived"


class Readable(msgspec.Struct, frozen=True):
    """Filter of a list for an actor, applied inside its query (never afterwards).

    A row is visible if its path is LIKE one of `patterns`, its extra_perms contain one of `principals`, or it is a run
    created by `username`.
    """

    everything: bool
    """True if the actor is an admin, to whom every row is visible."""
    patterns: list[str]
    principals: list[str]
    username: str
    scope: list[str] | None
    """LIKE patterns of which the path must match one in any case; None if the token has no such limit."""

    def conditions(self) -> dict[str, Any]:
        """Return the fields by which the filter of a list describes its caller."""
        return {
            "everything": self.everything,
            "patterns": self.patterns,
            "principals": self.principals,
            "scope": self.scope,
        }


def can(actor: Actor, action: str, target: Target) -> bool:
    """Return whether `actor` may do `action` to `target`. Pure: all inputs are arguments."""
    rule = RULES.get((target.kind, action))
    if rule is None or (actor.impersonator is not None and (target.kind, action) in NOT_IMPERSONATED):
        return False
    if not _in_scope(actor, rule, target):
        return False
    if not rule.roles:
        return _holds_on_instance(actor, rule.by, target)
    if target.workspace is None or actor.workspace != target.workspace or actor.role not in rule.roles:
        return False
    if actor.archived and not _is_open(actor, action):
        return False
    return actor.role is Role.ADMIN or _holds(actor, rule.by, target)


def require(actor: Actor, action: str, target: Target) -> None:
    """Check that `actor` may do `action` to `target`. Raises NotFound if it may not even read the target, otherwise
    Forbidden.
    """
    if can(actor, action, target):
        return
    kind = target.kind.replace("_", " ")
    name = f"{kind} {target.path}" if target.path else kind
    if target.workspace is not None and (actor.workspace != target.workspace or actor.role is None):
        raise NotFound(f"The workspace {target.workspace} does not exist.")
    if actor.archived and can(replace(actor, archived=False), action, target):
        raise WorkspaceArchived(f"The workspace {target.workspace} is archived.", hint="An admin can unarchive it.")
    unlimited = scopes.without_limits(actor)
    if (target.kind, "read") in RULES and not can(unlimited, "read", target):
        raise NotFound(f"The {name} does not exist.", hint=_folder_hint(actor, action, target))
    words = _verb(action) if kind == "instance" else f"{_verb(action)} the {name}"
    phrase = _PHRASES.get((target.kind, action), words)
    raise Forbidden(f"You may not {phrase}.", hint=_role_hint(actor, action, target))


def is_hidden(actor: Actor, target: Target) -> bool:
    """Return whether the actor may not even read a target. The error must then be that for a missing target."""
    return not can(scopes.without_limits(actor), "read", target)


def require_workspace(actor: Actor, workspace: str) -> None:
    """Check that the actor is a member of `workspace`. Raises NotFound."""
    if actor.workspace != workspace or actor.role is None:
        raise NotFound(f"The workspace {workspace} does not exist.")


def require_role(actor: Actor, action: str, workspace: str, kinds: Collection[str]) -> None:
    """Check that the role and scopes of `actor` allow `action` for one of these kinds, before the path of the target
    is known. Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    if not any(
        actor.role in rule.roles and scopes.allow(actor.scopes, rule.scope, None)
        for rule in (RULES[kind, action] for kind in kinds)
    ):
        hint = _role_hint(actor, action, Target(workspace, next(iter(kinds))))
        raise Forbidden(f"You may not {_verb(action)} the {' or '.join(kinds)}.", hint=hint)


def refuse_job(actor: Actor, doing: str) -> None:
    """Raise Forbidden if the caller is a job, whose code another member may have written.

    `doing` completes "cannot …".
    """
    if actor.kind == "job":
        raise Forbidden(f"Jobs cannot {doing}.", hint="Log in, or use a token.")


def refuse_impersonation(actor: Actor, doing: str) -> None:
    """Raise Forbidden if the caller is an admin who acts as somebody else. `doing` completes "cannot …"."""
    if actor.impersonator is not None:
        raise Forbidden(f"An admin who acts as somebody else cannot {doing}.", hint="End the impersonation first.")


def refuse_limited(actor: Actor, doing: str, *, bound: bool = False) -> None:
    """Raise Forbidden if the token has fewer rights than its owner, so that it cannot obtain the rest of them.

    `doing` completes "cannot …". `bound`: tokens that are valid in one workspace only are accepted, except those of
    jobs.
    """
    refuse_impersonation(actor, doing)
    if actor.kind == "job" or actor.scopes is not None or actor.via_query or (actor.bound and not bound):
        raise Forbidden(
            f"Jobs, and tokens with limits, cannot {doing}.", hint="Log in, or use a token that has no limits."
        )


def readable(actor: Actor, kind: str = "run") -> Readable:
    """Return the filter of lists of `kind` (script, flow, run, folder) for this actor.

    Raises Forbidden if the scopes of the token do not allow reading this kind at all.
    """
    rule = RULES[(kind, "read")]
    limit = scopes.patterns(actor.scopes, rule.scope)
    if limit == [] or actor.role is None:
        raise Forbidden(f"You may not list {kind.replace('_', ' ')}s.", hint=f"The token needs the scope {rule.scope}.")
    folders = [f"f/{_literal(name)}" for name in sorted(actor.folders.read)]
    patterns = [f"u/{_literal(actor.username)}/%", *(f"{folder}/%" for folder in folders), *folders]
    return Readable(
        everything=actor.role is Role.ADMIN,
        patterns=patterns,
        principals=sorted(actor.principals),
        username=actor.username,
        scope=limit,
    )


def _is_open(actor: Actor, action: str) -> bool:
    """Return whether an action is permitted in an archived workspace. Jobs in progress do all but start runs."""
    return action != "run" if actor.kind == "job" else action in _ARCHIVED


def _in_scope(actor: Actor, rule: Rule, target: Target) -> bool:
    # The path of a preview is a label chosen by the caller and independent of the code that runs.
    path = None if rule.by is Condition.READ_IF_NAMED else target.path
    return not rule.scope or scopes.allow(actor.scopes, rule.scope, path)


def _holds(actor: Actor, by: Condition, target: Target) -> bool:
    match by:
        case Condition.NOTHING:
            return True
        case Condition.READ:
            own_run = target.kind == "run" and target.created_by == actor.username
            return own_run or _path_allows(actor, target, write=False)
        case Condition.ACCEPT:
            own = target.created_by == actor.username
            return (own or DEPLOYERS in actor.groups) and _path_allows(actor, target, write=False)
        case Condition.READ_IF_NAMED:
            return target.path is None or _path_allows(actor, target, write=False)
        case Condition.READ_IF_OWNED:
            return not names.is_owned(target.path) or _path_allows(actor, target, write=False)
        case Condition.WRITE_IF_OWNED:
            if names.is_owned(target.path):
                return _path_allows(actor, target, write=True)
            return target.created_by in (None, actor.username)
        case Condition.WRITE:
            return _path_allows(actor, target, write=True)
        case Condition.OWN:
            return _owns(actor, target.path or "")
        case _:
            return False


def _holds_on_instance(actor: Actor, by: Condition, target: Target) -> bool:
    match by:
        case Condition.LOGIN:
            return True
        case Condition.INSTANCE:
            return actor.super_admin
        case Condition.INSTANCE_READ:
            return actor.super_admin or actor.devops
        case Condition.SELF:
            return actor.super_admin or target.created_by == actor.email
        case _:
            return False


def _path_allows(actor: Actor, target: Target, *, write: bool) -> bool:
    area, _, rest = (target.path or "").partition("/")
    name = rest.partition("/")[0]
    if area == "u" and name == actor.username:
        return True
    if area == "f" and name in (actor.folders.write if write else actor.folders.read):
        return True
    grants = [target.extra_perms[each] for each in actor.principals if each in target.extra_perms]
    return any(grants) if write else bool(grants)


def _owns(actor: Actor, path: str) -> bool:
    area, _, rest = path.partition("/")
    name = rest.partition("/")[0]
    return (area == "u" and name == actor.username) or (area == "f" and name in actor.folders.own)


def _folder_hint(actor: Actor, action: str, target: Target) -> str | None:
    if action == "write" and target.path and target.path.startswith("f/") and target.kind != "folder":
        folder = target.path.split("/")[1]
        if folder not in actor.folders.read:
            return f"The folder {folder} does not exist or is not visible to you; an admin can create it or add you."
    return None


def _verb(action: str) -> str:
    return _VERBS.get(action, action.replace("_", " "))


_INSTANCE_HINTS = MappingProxyType(
    {
        Condition.INSTANCE: "This requires a superadmin.",
        Condition.INSTANCE_READ: "This requires a superadmin or devops.",
    }
)


def _role_hint(actor: Actor, action: str, target: Target) -> str | None:
    rule = RULES.get((target.kind, action))
    if rule is None:
        return None
    if not _in_scope(actor, rule, target):
        return f"The token needs the scope {rule.scope}."
    if rule.roles and actor.role not in rule.roles:
        return f"This requires the role {' or '.join(sorted(rule.roles))}; your role is {actor.role}."
    return _INSTANCE_HINTS.get(rule.by)


def _literal(text: str) -> str:
    """Return `text` as a LIKE pattern that matches it exactly."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
