"""Reference page of the routes and the roles that may call them."""

from __future__ import annotations

from orvanta_platform.control.actor import Role
from orvanta_platform.control.permissions import RULES, Condition
from orvanta_platform.http.route_rules import routes

_CONDITIONS = {
    Condition.NOTHING: "",
    Condition.READ: "reads the path",
    Condition.WRITE: "writes the path",
    Condition.OWN: "owns the folder, or the path is below its `u/<username>`",
    Condition.ACCEPT: "reads the path; for the caller, or for anybody as a member of `deployers`",
    Condition.READ_IF_NAMED: "reads the path, if one is given",
    Condition.SELF: "own account",
    Condition.READ_IF_OWNED: "reads the path, if it is below a user or folder",
    Condition.WRITE_IF_OWNED: "writes the path, if it is below a user or folder; otherwise created the file",
    Condition.INSTANCE: "superadmin",
    Condition.INSTANCE_READ: "superadmin or devops",
    Condition.LOGIN: "any account",
}
_ROLES = (Role.VIEWER, Role.OPERATOR, Role.DEVELOPER, Role.ADMIN)


def page() -> str:
    """Return the reference page of routes and roles."""
    lines = [
        "# Permissions\n",
        "Every route of the API, the roles that may call it, and the condition that must hold in addition. Admins of a",
        "workspace meet every condition in it. A token with scopes also needs the named scope; every valid token reads",
        "its own identity and the workspaces in which it is valid. A denied call gets 404 if the caller may not read",
        "the object, otherwise 403.",
        "For `changes/…`, a scope that reads a kind of item replaces `workspaces:read`; the call then reaches items of",
        "these kinds only, and each change needs the scope of its item. For `acls/…`, the scope is that of the kind in",
        "the path.",
        "[Identity](../explanation/identity.md) explains which member a call, run or job acts as.\n",
        "| method | route | viewer | operator | developer | admin | condition | scope |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for method, path, rule in sorted(routes(), key=lambda each: (each[1], each[0])):
        lines.append(f"| {method} | `{path}` | {_cells(rule)} |")
    return "\n".join(lines) + "\n"


def _cells(rule: tuple[str, str] | str) -> str:
    if isinstance(rule, str):
        return f"yes | yes | yes | yes | {rule} | "
    found = RULES[rule]
    roles = ["yes" if role in found.roles or found.by in (Condition.LOGIN, Condition.SELF) else "no" for role in _ROLES]
    condition = _CONDITIONS[found.by]
    if found.by is Condition.READ and rule[0] == "run":
        condition = f"{condition}, or started the run"
    return " | ".join([*roles, condition, f"`{found.scope}`" if found.scope else ""])
