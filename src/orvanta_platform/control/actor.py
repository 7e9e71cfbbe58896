"""Who acts: a person or a job with the roles, groups and folders that count for one request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

EVERYONE = "all"
"""The group every member of a workspace belongs to, written `g/all`."""


class Role(StrEnum):
    """What a member may do in a workspace; each role holds the ones below it."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    OPERATOR = "operator"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class FolderAccess:
    """Folder names an actor may read, write and own. Owned ⊆ written ⊆ read."""

    read: frozenset[str] = frozenset()
    write: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FolderGrant:
    """What one folder gives: its owners and its extra_perms (`u/…`, `g/…` → may write)."""

    name: str
    owners: frozenset[str]
    extra_perms: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One caller in one workspace (None: none was named).

    `role` is None for somebody who is no member there. `scopes` None means unlimited. `kind` says how the
    caller came in: with a token, a browser's session, a running job's token, or from inside the platform.
    `via_query` is true where the token stood in `?token=`; `interactive` where the caller says that a person
    pressed a button; `bound` where the token, a job's above all, is good in one workspace alone. `job` and
    `attempt` are those of a job's token. `token` is the hash of the token used, for logging out and refreshing.
    """

    email: str
    username: str
    workspace: str | None = None
    role: Role | None = None
    super_admin: bool = False
    devops: bool = False
    groups: frozenset[str] = frozenset()
    folders: FolderAccess = field(default_factory=FolderAccess)
    scopes: tuple[str, ...] | None = None
    kind: Literal["user", "session", "job", "system"] = "user"
    job: UUID | None = None
    attempt: int | None = None
    address: str | None = None
    request_id: str | None = None
    via_query: bool = False
    interactive: bool = False
    bound: bool = False
    token: bytes | None = None

    @property
    def principals(self) -> frozenset[str]:
        """The names extra_perms and owners may hold for this actor: `u/<username>` and its `g/<group>`s."""
        return principals_of(self.username, self.groups)

    @property
    def permissioned_as(self) -> str:
        """The identity a run started by this actor acts for."""
        return f"u/{self.username}"


def principals_of(username: str, groups: Iterable[str]) -> frozenset[str]:
    """`u/<username>`, `g/<group>` of each group, and `g/all`."""
    return frozenset([f"u/{username}", f"g/{EVERYONE}", *(f"g/{group}" for group in groups)])


def folder_access(principals: frozenset[str], grants: Iterable[FolderGrant]) -> FolderAccess:
    """What these principals may do in these folders: owners write, extra_perms say read or write."""
    read, write, own = set(), set(), set()
    for grant in grants:
        given = [grant.extra_perms[name] for name in principals if name in grant.extra_perms]
        if not principals.isdisjoint(grant.owners):
            own.add(grant.name)
        if grant.name in own or any(given):
            write.add(grant.name)
        if grant.name in write or given:
            read.add(grant.name)
    return FolderAccess(frozenset(read), frozenset(write), frozenset(own))


def system(workspace: str | None = None, *, name: str = "system") -> Actor:
    """The platform itself, for first start, daemons and the command line: it may do everything."""
    role = Role.ADMIN if workspace else None
    return Actor(email=name, username=name, workspace=workspace, role=role, super_admin=True, kind="system")
