"""Actor of a request: a person or a job, with its role, groups and folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Literal
from uuid import UUID

import msgspec

EVERYONE = "all"
"""Group of all members of a workspace, written `g/all`."""


class Role(StrEnum):
    """Role of a member in a workspace; each role includes the ones below it."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    VIEWER = "viewer"


class FolderAccess(msgspec.Struct, frozen=True):
    """Names of the folders that an actor may read, write and own. Owned ⊆ written ⊆ read."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


class FolderGrant(msgspec.Struct, frozen=True):
    """Permissions of one folder: its owners and its extra_perms (`u/…`, `g/…` → may write)."""

    name: str
    owners: frozenset[str]
    extra_perms: Mapping[str, bool]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Caller in one workspace."""

    email: str
    username: str
    workspace: str | None = None
    """None if the request names no workspace."""
    role: Role | None = None
    """None if the actor is not a member of the workspace."""
    archived: bool = False
    """True if the workspace is archived: it can be read, and runs in progress continue."""
    super_admin: bool = False
    devops: bool = False
    groups: frozenset[str] = frozenset()
    folders: FolderAccess = msgspec.field(default_factory=FolderAccess)
    scopes: tuple[str, ...] | None = None
    """None means unlimited."""
    kind: Literal["user", "session", "job", "system"] = "user"
    """Origin of the caller: a token, a browser session, the token of a running job, or the platform itself."""
    job: UUID | None = None
    """Job of a job token."""
    attempt: int | None = None
    """Attempt of a job token."""
    address: str | None = None
    request_id: str | None = None
    via_query: bool = False
    """True if the token was passed as `?token=`."""
    interactive: bool = False
    """True if the caller states that a person triggered the request."""
    bound: bool = False
    """True if the token, such as that of a job, is valid in one workspace only."""
    token: bytes | None = None
    """Hash of the token, for logging out and refreshing."""
    impersonator: str | None = None
    """Username of the admin who acts as this member; None: the member itself."""

    @property
    def principals(self) -> frozenset[str]:
        """Names that match this actor in extra_perms and owners: `u/<username>` and its `g/<group>`s."""
        return principals_of(self.username, self.groups)

    @property
    def permissioned_as(self) -> str:
        """Identity of a run started by this actor."""
        return f"u/{self.username}"


def principals_of(username: str, groups: Iterable[str]) -> frozenset[str]:
    """Return `u/<username>`, `g/<group>` of each group, and `g/all`."""
    return frozenset([f"u/{username}", f"g/{EVERYONE}", *(f"g/{group}" for group in groups)])


def folder_access(principals: frozenset[str], grants: Iterable[FolderGrant]) -> FolderAccess:
    """Return the access of these principals to these folders: owners can write, extra_perms grant read or write."""
    read, write, own = set(), set(), set()
    for grant in grants:
        grants_of_principals = [grant.extra_perms[name] for name in principals if name in grant.extra_perms]
        if not principals.isdisjoint(grant.owners):
            own.add(grant.name)
        if grant.name in own or any(grants_of_principals):
            write.add(grant.name)
        if grant.name in write or grants_of_principals:
            read.add(grant.name)
    return FolderAccess(frozenset(read), frozenset(write), frozenset(own))


def system(workspace: str | None = None, *, name: str = "system") -> Actor:
    """Return the actor of the platform itself, for first start, daemons and the command line. It has all rights."""
    role = Role.ADMIN if workspace else None
    return Actor(email=name, username=name, workspace=workspace, role=role, super_admin=True, kind="system")
