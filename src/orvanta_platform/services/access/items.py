"""Items at a path with an owner and extra permissions: variables, resources, schedules, HTTP triggers."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require, require_workspace
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import AlreadyExists, NotFound, VersionConflict
from orvanta_platform.services.access import folders

_TITLES: Final = {
    "variable": "variable",
    "resource": "resource",
    "schedule": "schedule",
    "http_trigger": "HTTP trigger",
}


class Item(Protocol):
    """The row of an item."""

    @property
    def created_by(self) -> str: ...

    @property
    def extra_perms(self) -> Mapping[str, bool]: ...


Row = TypeVar("Row", bound=Item)


def require_item(actor: Actor, action: str, workspace: str, kind: str, path: str, row: Row | None) -> Row:
    """Return the row at a path if the actor may perform the action on it. Raises NotFound, Forbidden.

    If there is no row, the permission for the path is checked, so that the error reveals no more than that of an
    existing item.
    """
    owner, perms = (row.created_by, row.extra_perms) if row is not None else (None, {})
    require(actor, action, Target(workspace, kind, path, owner, perms))
    return require_found(kind, path, row)


def require_found(kind: str, path: str, row: Row | None) -> Row:
    """Return the row at a path. Raises NotFound if there is none."""
    if row is None:
        raise NotFound(f"The {_TITLES[kind]} {path} does not exist.")
    return row


def version_of(edited_at: datetime) -> str:
    """Return the version of an item, which each change of it replaces."""
    return edited_at.isoformat()


def check_version(kind: str, path: str, edited_at: datetime, base: str | None, theirs: Any) -> None:
    """Check that an item has the version `base`, which a change is based on; None: any.

    `theirs`: the stored values, without secrets. Raises VersionConflict.
    """
    newest = version_of(edited_at)
    if base is None or base == newest:
        return
    raise VersionConflict(
        f"The {_TITLES[kind]} {path} was changed meanwhile.",
        hint="Compare the two values, then send base_version with the newest version.",
        details={"name": path, "base": base[:100], "newest": newest, "theirs": theirs},
    )


async def exists(actor: Actor, workspace: str, reading: Awaitable[object]) -> bool:
    """Return whether the actor can see an item, which `reading` reads."""
    try:
        await reading
    except NotFound:
        require_workspace(actor, workspace)
        return False
    return True


async def require_free(conn: Connection, actor: Actor, workspace: str, kind: str, path: str, row: Item | None) -> None:
    """Check that an item can be moved to a path, at which `row` is stored; creates the folder if necessary.

    Raises Forbidden, AlreadyExists.
    """
    require(actor, "write", Target(workspace, kind, path))
    if row is not None:
        raise AlreadyExists(f"The {_TITLES[kind]} {path} exists already.")
    await folders.ensure(conn, actor, workspace, path)


def moved(path: str, target: str) -> dict[str, str]:
    """Return the audit parameters of a move from one path to another."""
    return {"path": target} if target != path else {}
