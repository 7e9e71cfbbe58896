"""The permission table: roles, paths, folders, extra_perms, scopes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orvanta_platform.control import scopes
from orvanta_platform.control.actor import Actor, FolderGrant, Role, folder_access, principals_of
from orvanta_platform.control.permissions import RULES, Target, can, readable, require
from orvanta_platform.errors import Forbidden, NotFound

ROOT = Path(__file__).parents[3]
GRANTS = [
    FolderGrant("own", frozenset({"u/ada"}), {}),
    FolderGrant("write", frozenset(), {"g/builders": True}),
    FolderGrant("read", frozenset(), {"u/ada": False}),
    FolderGrant("everyone", frozenset(), {"g/all": False}),
    FolderGrant("other", frozenset({"u/bob"}), {"u/bob": True}),
]


def actor(role: Role | None = Role.DEVELOPER, **more: object) -> Actor:
    groups = frozenset({"builders"})
    access = folder_access(principals_of("ada", groups), GRANTS)
    values = {"email": "ada@example.com", "username": "ada", "workspace": "main", "role": role} | more
    return Actor(groups=groups, folders=access, **values)  # type: ignore[arg-type]


def script(path: str, **perms: bool) -> Target:
    return Target("main", "script", path, extra_perms={key.replace("_", "/"): value for key, value in perms.items()})


@pytest.mark.parametrize(
    ("path", "reads", "writes"),
    [
        ("u/ada/x", True, True),
        ("u/bob/x", False, False),
        ("f/own/x", True, True),
        ("f/write/deep/x", True, True),
        ("f/read/x", True, False),
        ("f/everyone/x", True, False),
        ("f/other/x", False, False),
        ("f/ow/x", False, False),
        ("f/owner/x", False, False),
        ("g/own/x", False, False),
    ],
)
def test_path_belongs_to_user_or_folder(path: str, reads: bool, writes: bool) -> None:
    assert can(actor(), "read", script(path)) is reads
    assert can(actor(), "write", script(path)) is writes
    assert can(actor(Role.ADMIN), "write", script(path))


@pytest.mark.parametrize(
    ("role", "reads", "runs", "writes", "administers"),
    [
        (None, False, False, False, False),
        (Role.VIEWER, True, False, False, False),
        (Role.OPERATOR, True, True, False, False),
        (Role.DEVELOPER, True, True, True, False),
        (Role.ADMIN, True, True, True, True),
    ],
)
def test_each_role_includes_lower_ones(
    role: Role | None, reads: bool, runs: bool, writes: bool, administers: bool
) -> None:
    mine = script("f/own/x")
    run = Target("main", "run", "f/own/x", created_by="bob")
    assert can(actor(role), "read", mine) is reads
    assert can(actor(role), "run", mine) is runs
    assert can(actor(role), "cancel", run) is runs
    assert can(actor(role), "write", mine) is writes
    assert can(actor(role), "run", Target("main", "preview")) is writes
    assert can(actor(role), "admin", Target("main", "member")) is administers
    assert can(actor(role), "create", Target("main", "folder", "f/new")) is administers


def test_extra_perms_of_an_item_allow_reading_or_writing() -> None:
    assert can(actor(), "read", script("f/other/x", u_ada=False))
    assert not can(actor(), "write", script("f/other/x", u_ada=False))
    assert can(actor(), "write", script("f/other/x", g_builders=True))
    assert not can(actor(), "read", script("f/other/x", u_bob=True, g_strangers=True))


def test_run_is_visible_to_its_starter_regardless_of_path() -> None:
    assert can(actor(), "read", Target("main", "run", "f/other/x", created_by="ada"))
    assert can(actor(), "read", Target("main", "run", None, created_by="ada"))
    assert not can(actor(), "read", Target("main", "run", None, created_by="bob"))
    assert not can(actor(), "read", Target("main", "run", "f/other/x", created_by="bob"))


def test_another_workspace_is_closed_to_admins_too() -> None:
    for kind, action in RULES:
        thing = Target("other", kind, "u/ada/x", created_by="ada")
        if RULES[(kind, action)].roles:
            assert not can(actor(Role.ADMIN, super_admin=True), action, thing)


def test_unknown_action_is_denied() -> None:
    assert not can(actor(Role.ADMIN, super_admin=True), "explode", script("f/own/x"))


def test_unreadable_is_not_found_and_unwritable_is_forbidden() -> None:
    with pytest.raises(NotFound, match=re.escape("The script f/other/x does not exist.")):
        require(actor(), "run", script("f/other/x"))
    with pytest.raises(NotFound) as missing:
        require(actor(), "write", script("f/new/x"))
    assert missing.value.hint is not None and "admin" in missing.value.hint
    with pytest.raises(Forbidden):
        require(actor(), "write", script("f/read/x"))
    with pytest.raises(NotFound, match="workspace"):
        require(actor(None), "read", script("u/ada/x"))


@pytest.mark.parametrize(
    ("kind", "action", "message", "hint"),
    [
        ("instance", "manage_accounts", "You may not manage accounts.", "This requires a superadmin."),
        ("instance", "list_accounts", "You may not list accounts.", "This requires a superadmin or devops."),
        ("member_token", "list", "You may not list the tokens of members.", "This requires the role admin"),
        ("resource", "write_state", "You may not write the state of the resource f/read/x.", None),
    ],
)
def test_refusal_names_action_and_required_role(kind: str, action: str, message: str, hint: str | None) -> None:
    target = Target(None, kind) if kind == "instance" else Target("main", kind, "f/read/x" if hint is None else None)
    with pytest.raises(Forbidden) as refused:
        require(actor(), action, target)
    assert str(refused.value) == message
    assert (refused.value.hint or "").startswith(hint or "")


def test_refusals_contain_no_names_of_the_table() -> None:
    for (kind, action), rule in RULES.items():
        if not rule.scope:
            continue
        target = Target("main" if rule.roles else None, kind, "f/own/x", created_by="ada@example.com")
        with pytest.raises(Forbidden) as refused:
            require(actor(scopes=()), action, target)
        assert not re.search(r"_|admin the|the instance\.$", str(refused.value).removesuffix(" of the instance."))


def test_areas_of_scopes_are_those_of_rules_page_and_documentation() -> None:
    needed = {rule.scope.partition(":")[0] for rule in RULES.values() if rule.scope}
    assert needed == set(scopes.AREAS) - {"*"}
    page = (ROOT / "editor/src/settings/scopes.ts").read_text().partition("ACTIONS")[0]
    assert set(re.findall(r'^  "?([\w*]+)"?: t\(', page, re.MULTILINE)) == set(scopes.AREAS)
    text = (ROOT / "docs/reference/http.md").read_text().partition("### Scopes")[2].partition("##")[0]
    named = set(re.findall(r"`([\w*]+)`", text))
    assert named >= set(scopes.AREAS) | set(scopes.JOB_ACTIONS)
    for rule in RULES.values():
        if rule.scope:
            scopes.check(rule.scope)


@pytest.mark.parametrize(
    ("scopes", "action", "path", "allowed"),
    [
        (("jobs:run:f/own/*",), "run", "f/own/x", True),
        (("jobs:run:f/own/*",), "run", "f/owner/x", False),
        (("jobs:run:f/own/x",), "run", "f/own/x", True),
        (("jobs:run:f/own/x",), "run", "f/own/xy", False),
        (("jobs:run",), "run", "f/write/x", True),
        (("jobs:run",), "read", "f/own/x", False),
        (("scripts:read",), "read", "f/own/x", True),
        (("scripts:read",), "write", "f/own/x", False),
        (("scripts:write",), "read", "f/own/x", True),
        (("flows:write",), "write", "f/own/x", False),
        (("*:*",), "write", "f/own/x", True),
        (("*:*",), "write", "f/other/x", False),
        ((), "read", "f/own/x", False),
    ],
)
def test_scopes_limit_what_the_role_allows(scopes: tuple[str, ...], action: str, path: str, allowed: bool) -> None:
    assert can(actor(scopes=scopes), action, script(path)) is allowed


def test_lists_are_limited_to_readable_paths_and_scope() -> None:
    who = readable(actor(scopes=("jobs:read:f/own/*",)), "run")
    assert not who.everything
    assert "u/ada/%" in who.patterns and "f/own/%" in who.patterns and "f/other/%" not in who.patterns
    assert who.scope == ["f/own/%"]
    assert readable(actor(Role.ADMIN), "run").everything
    with pytest.raises(Forbidden):
        readable(actor(scopes=("scripts:read",)), "run")


def test_like_patterns_match_names_literally() -> None:
    access = folder_access(frozenset({"u/a_b"}), [FolderGrant("x_y", frozenset({"u/a_b"}), {})])
    named = Actor(email="e", username="a_b", workspace="main", role=Role.VIEWER, folders=access)
    assert readable(named).patterns[:2] == ["u/a\\_b/%", "f/x\\_y/%"]


def test_instance_is_for_superadmins_and_own_account() -> None:
    assert not can(actor(Role.ADMIN), "create_account", Target(None, "instance"))
    assert can(actor(super_admin=True), "create_account", Target(None, "instance"))
    assert can(actor(devops=True), "list_accounts", Target(None, "instance"))
    assert not can(actor(devops=True), "create_workspace", Target(None, "instance"))
    assert can(actor(), "read", Target(None, "account", created_by="ada@example.com"))
    assert not can(actor(), "write", Target(None, "token", created_by="bob@example.com"))
