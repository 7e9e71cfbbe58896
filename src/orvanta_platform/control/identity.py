"""Construction of actors from the database rows behind a token or a run."""

from __future__ import annotations

from msgspec.structs import replace

from orvanta_platform.control.actor import Actor, FolderGrant, Role, folder_access, principals_of
from orvanta_platform.db import tokens
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.tokens import Bearer


def actor_of(bearer: Bearer, requested: str | None = None) -> Actor:
    """Return the actor of a bearer that requested the workspace `requested`.

    A token bound to a workspace, such as that of a job, has no rights outside of it.
    """
    bound = bearer.token_workspace
    workspace = bearer.workspace
    if bound is not None and requested not in (None, bound):
        workspace = None
    is_member = workspace is not None and bearer.username is not None
    username = (bearer.username if is_member else None) or bearer.account_username
    groups = frozenset(bearer.groups) if is_member else frozenset()
    grants = [FolderGrant(each.name, frozenset(each.owners), each.extra_perms) for each in bearer.grants]
    access = folder_access(principals_of(username, groups), grants if is_member else [])
    return Actor(
        email=bearer.email,
        username=username,
        workspace=workspace,
        role=_role(bearer, workspace, is_member=is_member),
        archived=bearer.archived and workspace is not None,
        super_admin=bearer.super_admin and bound is None,
        devops=bearer.devops and bound is None,
        groups=groups,
        folders=access,
        scopes=None if bearer.scopes is None else tuple(bearer.scopes),
        bound=bound is not None,
        impersonator=bearer.impersonator,
    )


async def actor_of_run(
    conn: Connection, workspace: str, permissioned_as: str, email: str, scopes: list[str] | None = None
) -> Actor | None:
    """Return the actor that a run acts as, with the limits of the run; tokens of its jobs resolve to the same actor.

    Returns None if the account was deleted or disabled, or is no longer a member of the workspace with this username.
    """
    bearer = await tokens.resolve_identity(conn, workspace, permissioned_as, email, scopes)
    return None if bearer is None else replace(actor_of(bearer), kind="job")


def _role(bearer: Bearer, workspace: str | None, *, is_member: bool) -> Role | None:
    if workspace is None:
        return None
    if bearer.super_admin:
        return Role.ADMIN
    return Role(bearer.role) if is_member and bearer.role else None
