"""Contents of the items of a workspace, with a hash by which a change is recognised."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.names import is_service_email
from orvanta_platform.control.permissions import Target, can, readable, require_workspace
from orvanta_platform.db import (
    error_handlers,
    folders,
    groups,
    http_triggers,
    resource_types,
    schedules,
    tree,
    workflow_tests,
    workspaces,
)
from orvanta_platform.db.groups import GroupRow
from orvanta_platform.db.http_triggers import HttpTriggerFilter, HttpTriggerRow
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.schedules import ScheduleFilter, ScheduleRow
from orvanta_platform.db.tree import TreeFilter, VersionContent
from orvanta_platform.errors import Forbidden, TooLarge
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.orchestrator.interpolation import STATE_TYPES
from orvanta_platform.services.changes.flow_texts import added_settings, flow_text, flow_tree, own_settings
from orvanta_platform.workflow.hashes import hash_json
from orvanta_platform.workflow.tree.item import (
    FIELDS,
    OPTIONAL_KINDS,
    ORDER,
    SETTINGS_PATH,
    Item,
    Key,
    Kind,
    parts_of_test,
    path_of_test,
)

Depth: TypeAlias = Literal["hashes", "settings", "trees", "texts"]
"""Contents of scripts and workflows that are read: none; the settings of scripts; those that plans compare (`Stored`);
the text of all.
"""

_WITH_BODIES: Final = ("trees", "texts")

MAX_READ_SIZE: Final = 16 << 20
"""Maximum size of the contents of items that are read at once."""

LARGE_KINDS: Final[tuple[Kind, ...]] = ("variable", "resource", "script", "flow", "workflow_test", "schedule")
"""Kinds whose contents may be large. The rows of the others are few or small."""

_PART_SIZE: Final = 4 << 20
"""Maximum size of large items that are read together, unless one alone is larger."""

_SIZE_OF_ROW: Final = 2 << 10
"""Size that is assumed for the rest of an item, such as its description."""

_SIZE_OF_TEST: Final = 64 << 10
"""Size that is assumed for a test, which has at most 1 MiB."""

_ALL = 1_000_000
_JSON = ("args", "retry", "on_failure_extra_args", "on_recovery_extra_args", "on_success_extra_args")


class Present(msgspec.Struct, frozen=True):
    """Item as it is stored."""

    hash: str
    """Hash of its content, as hex digits."""
    content: Mapping[str, Any]
    """Content as in `Item`, of a workflow as in `Stored` if it was read for a plan; empty for a script or workflow that
    was read without it.
    """
    version: str | None = None
    """Hash of the newest version of a script, id of that of a workflow."""
    acts_for: str | None = None
    """Member that the runs of a schedule or HTTP trigger act for, as `u/<username>`."""


class Rows(msgspec.Struct, frozen=True):
    """Rows of the database."""

    decode: Callable[[], Iterable[tuple[str, Present]]]
    size: int = 0
    """Size of their contents, as far as these may be large."""


Reading: TypeAlias = list[tuple[Kind, frozenset[str] | None, Rows]]
"""Rows of each kind, and the paths of which items were asked for."""


async def read(
    conn: Connection,
    actor: Actor,
    workspace: str,
    keys: Iterable[Key] | None = None,
    *,
    optional: Collection[Kind] = (),
    depth: Depth = "texts",
) -> Reading:
    """Read the items that the actor may read. Kinds that the token may not read are left out.

    `keys`: these only; without, `optional` names the optional kinds that are read. The rows become items later,
    without the connection (`items_in`). Raises NotFound.
    """
    require_workspace(actor, workspace)
    wanted = None if keys is None else set(keys)
    found: Reading = []
    for kind in ORDER:
        if wanted is None and kind in OPTIONAL_KINDS and kind not in optional:
            continue
        paths = None if wanted is None else sorted(path for each, path in wanted if each == kind)
        if paths != [] and may_list(actor, workspace, kind):
            rows = await _READERS[kind](conn, actor, workspace, kind, paths, depth)
            found.append((kind, None if paths is None else frozenset(paths), rows))
    return found


async def read_limited(conn: Connection, actor: Actor, workspace: str, keys: Iterable[Key]) -> Reading:
    """Read items as `read`, in parts, whose contents are at most MAX_READ_SIZE together. Raises NotFound, TooLarge."""
    wanted = set(keys)
    large = sorted(key for key in wanted if key[0] in LARGE_KINDS)
    found = await read(conn, actor, workspace, wanted.difference(large))
    for part in _parts(large, await _list_sizes(conn, workspace, large, "texts")):
        found += await read(conn, actor, workspace, part)
        if len(wanted) > 1 and sum(rows.size for _, _, rows in found) > MAX_READ_SIZE:
            raise _too_large()
    return sorted(found, key=lambda each: ORDER.index(each[0]))


async def read_parts(
    connect: Callable[[], AbstractAsyncContextManager[Connection]],
    actor: Actor,
    workspace: str,
    keys: Iterable[Key],
    depth: Depth,
) -> AsyncIterator[Reading]:
    """Read items as `read`, in parts of limited size: each is to be released before the next one.

    `connect`: returns a connection, which is released before a part is decoded. Raises NotFound.
    """
    wanted = set(keys)
    large = sorted(key for key in wanted if key[0] in LARGE_KINDS)
    async with connect() as conn:
        reading = await read(conn, actor, workspace, wanted.difference(large), depth=depth)
        sizes = await _list_sizes(conn, workspace, large, depth)
    yield reading
    for part in _parts(large, sizes):
        del reading  # before the next part is read
        async with connect() as conn:
            reading = await read(conn, actor, workspace, part, depth=depth)
        yield reading


async def _list_sizes(
    conn: Connection, workspace: str, keys: Sequence[Key], depth: Depth
) -> Mapping[tuple[str, str], int]:
    if len(keys) < 2:
        return {}
    paths: dict[str, list[str]] = {}
    for kind, path in keys:
        paths.setdefault(kind, []).append(path)
    return await tree.list_sizes(conn, workspace, paths, bodies=depth in _WITH_BODIES)


def _parts(keys: Sequence[Key], sizes: Mapping[tuple[str, str], int]) -> Iterator[list[Key]]:
    """Yield the keys of items in parts whose contents are at most _PART_SIZE together, or of one item each."""
    part: list[Key] = []
    total = 0
    for key in keys:
        size = _SIZE_OF_ROW + (_SIZE_OF_TEST if key[0] == "workflow_test" else sizes.get(key, 0))
        if part and total + size > _PART_SIZE:
            yield part
            part, total = [], 0
        part.append(key)
        total += size
    if part:
        yield part


async def items_in(workspace: str, reading: Reading, *, limited: bool = False) -> dict[Key, Present]:
    """Return items that were read, by kind and path, in the order in which they are applied.

    `limited`: the YAML of workflows, also of those that were deployed as JSON, is at most MAX_READ_SIZE together.

    Raises TooLarge.
    """
    return await document_threads.run_in_slices(workspace, _items(reading, limited))


def _items(reading: Reading, limited: bool) -> Generator[None, None, dict[Key, Present]]:
    found: dict[Key, Present] = {}
    size = 0
    for key, present in decode(reading):
        yield
        found[key] = present
        size += len(present.content.get("text", "")) if key[0] == "flow" else 0
        if limited and len(found) > 1 and size > MAX_READ_SIZE:
            raise _too_large()
    return found


def decode(reading: Reading) -> Iterator[tuple[Key, Present]]:
    """Yield the items that were read. To decode one may take a second of processor time (`document_threads`)."""
    for kind, paths, rows in reading:
        for path, present in rows.decode():
            if paths is None or path in paths:
                yield (kind, path), present


def without_body(key: Key, present: Present) -> Present:
    """Return an item as it is stored, without what may be large and is not necessary to change it."""
    match key[0]:
        case "flow" | "workflow_test":
            return replace(present, content={})
        case "script" | "variable":
            small = {name: each for name, each in present.content.items() if name in ("settings", "is_secret")}
            return replace(present, content=small)
        case _:
            return present


def _too_large() -> TooLarge:
    return TooLarge(
        f"The contents of items that are read at once have at most {MAX_READ_SIZE >> 20} MiB together.",
        hint="Read them in several calls. The content of a single item is returned whatever its size is.",
        details={"limit": MAX_READ_SIZE},
    )


def may_list(actor: Actor, workspace: str, kind: Kind) -> bool:
    """Return whether the actor may list items of a kind."""
    if kind in ("group", "resource_type"):
        return can(actor, "read", Target(workspace, kind))
    if kind in OPTIONAL_KINDS:
        return can(actor, "admin", target_of(workspace, (kind, "")))
    try:
        readable(actor, _PERMITTED_AS.get(kind, kind))
    except Forbidden:
        return False
    return True


def target_of(workspace: str, key: Key) -> Target:
    """Return the target of permissions for an item."""
    match key:
        case "folder", name:
            return Target(workspace, "folder", f"f/{name}")
        case ("group" | "resource_type") as kind, _:
            return Target(workspace, kind)
        case "user", _:
            return Target(workspace, "member")
        case "settings", _:
            return Target(workspace, "workspace")
        case "workflow_test", path:
            return Target(workspace, "flow", parts_of_test(path)[0])
        case kind, path:
            return Target(workspace, kind, path)


def items_of(found: Mapping[Key, Present]) -> list[Item]:
    """Return the items with their contents."""
    return [Item(kind, path, present.content) for (kind, path), present in found.items()]


_PERMITTED_AS: Mapping[Kind, Kind] = {"workflow_test": "flow"}
"""Kinds whose permissions are those of another one."""


def _filter(actor: Actor, kind: Kind, paths: Sequence[str] | None) -> TreeFilter:
    return TreeFilter(**readable(actor, _PERMITTED_AS.get(kind, kind)).conditions(), paths=paths)


def _present(kind: Kind, values: Mapping[str, Any]) -> Present:
    content = {name: values[name] for name in FIELDS[kind] if values.get(name) is not None}
    return Present(hash_json(content), content)


async def _folders(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    who = readable(actor, kind)
    found = await folders.list_page(
        conn,
        workspace,
        everything=who.everything,
        names=sorted(actor.folders.read),
        scope=who.scope,
        after="",
        limit=_ALL,
        offset=0,
    )
    return Rows(
        lambda: (
            (row.name, _present(kind, {"summary": row.summary, "owners": row.owners, "extra_perms": row.extra_perms}))
            for row in found
        )
    )


async def _groups(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    found = await groups.list_page(conn, workspace, after="", limit=_ALL, offset=0)
    return Rows(lambda: ((row.name, _present(kind, group_content(row))) for row in found))


def group_content(row: GroupRow) -> dict[str, Any]:
    """Return the content of a group."""
    managers = sorted(name.removeprefix("u/") for name, writes in row.extra_perms.items() if writes)
    return {"summary": row.summary, "members": row.members, "managers": managers}


async def _types(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    found = await resource_types.list_all(conn, workspace)
    return Rows(
        lambda: (
            (
                row.name,
                _present(
                    kind,
                    {
                        "description": row.description,
                        "schema": _decode(row.schema),
                        "format_extension": row.format_extension,
                        "is_fileset": row.is_fileset or None,
                    },
                ),
            )
            for row in found
        )
    )


async def _variables(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    found = await tree.list_variables(conn, workspace, _filter(actor, kind, paths))
    return Rows(
        lambda: (
            (
                row.path,
                _present(
                    kind,
                    {
                        "value": None if row.is_secret else row.value,
                        "is_secret": row.is_secret,
                        "description": row.description,
                        "labels": row.labels,
                    },
                ),
            )
            for row in found
        ),
        sum(len(row.value or "") for row in found),
    )


async def _resources(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    filter = _filter(actor, kind, paths)
    found = await tree.list_resources(conn, workspace, filter, without=sorted(STATE_TYPES))
    return Rows(
        lambda: (
            (
                row.path,
                _present(
                    kind,
                    {
                        "resource_type": row.resource_type,
                        "value": _decode(row.value),
                        "description": row.description,
                        "labels": row.labels,
                    },
                ),
            )
            for row in found
        ),
        sum(len(row.value) for row in found),
    )


async def _versions(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    bodies = depth in _WITH_BODIES
    found = await tree.list_versions(conn, workspace, kind, _filter(actor, kind, paths), bodies=bodies)
    return Rows(
        lambda: ((row.path, _version(kind, row, depth)) for row in found),
        sum(map(_size_of_version, found)),
    )


def _size_of_version(row: VersionContent) -> int:
    """Return the size of a version. The tree of a workflow may be much larger than its YAML, because of aliases."""
    return max(len(row.body or b""), len(row.tree or "")) + len(row.settings) + len(row.lock or "")


def _version(kind: Kind, row: VersionContent, depth: Depth) -> Present:
    content: Mapping[str, Any] = {}
    if depth in _WITH_BODIES:
        content = _script(row) if kind == "script" else _flow(row, depth == "texts")
    elif depth == "settings" and kind == "script":
        content = {"settings": _script_settings(row)}
    return Present(_version_hash(row), content, _version_of(kind, row))


def item_of_version(kind: Kind, row: VersionContent) -> Item:
    """Return the item in one version of a script or workflow, which was read with its document."""
    return Item(kind, row.path, _script(row) if kind == "script" else {"text": flow_text(row)})


def _version_of(kind: Kind, row: VersionContent) -> str:
    return row.hash if kind == "script" else str(row.id)


def _version_hash(row: VersionContent) -> str:
    return hash_json((row.document.hex(), row.format, row.language, row.settings))


def _flow(row: VersionContent, texts: bool) -> dict[str, Any]:
    if texts:
        return {"text": flow_text(row)}
    settings = own_settings(msgspec.json.decode(row.settings))
    if row.format == "json":
        return {"tree": flow_tree(row, settings)}
    if row.tree is None:  # an older version deployed it
        return {"text": flow_text(row)}
    tree = msgspec.json.decode(row.tree)
    added = added_settings(tree, settings)
    text = {"write_text": partial(flow_text, row)} if added else {"text": flow_text(row)}
    return {"tree": {**tree, **added}, **text}


def _script(row: VersionContent) -> dict[str, Any]:
    lock = {"lock": row.lock} if row.lock else {}
    assert row.body is not None
    return {"content": row.body.decode(), "language": row.language, "settings": _script_settings(row), **lock}


def _script_settings(row: VersionContent) -> dict[str, Any]:
    settings = msgspec.json.decode(row.settings)
    schema = {"schema": settings["schema"]} if settings.get("schema") is not None else {}
    return own_settings(settings) | schema


async def _tests(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    found = await workflow_tests.list_tree(conn, workspace, _filter(actor, kind, paths))
    return Rows(
        lambda: ((path_of_test(row.path, row.name), Present(row.hash, _decode(row.body))) for row in found),
        sum(len(row.body) for row in found),
    )


async def _schedules(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    filter = ScheduleFilter(**readable(actor, kind).conditions(), limit=_ALL, paths=paths)
    found = await schedules.list_page(conn, workspace, filter)
    return Rows(
        lambda: ((row.path, replace(_present(kind, _schedule(row)), acts_for=row.permissioned_as)) for row in found),
        sum(len(getattr(row, name) or "") for row in found for name in _JSON),
    )


def _schedule(row: ScheduleRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in FIELDS["schedule"] if name not in ("schedule", *_JSON)}
    paused = row.paused_until
    values |= {name: _decode(getattr(row, name)) for name in _JSON}
    return {**values, "schedule": row.cron, "paused_until": None if paused is None else paused.isoformat()}


async def _http_triggers(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    filter = HttpTriggerFilter(**readable(actor, kind).conditions(), limit=_ALL, paths=paths)
    found = await http_triggers.list_page(conn, workspace, filter)
    return Rows(
        lambda: ((row.path, replace(_present(kind, _http_trigger(row)), acts_for=row.permissioned_as)) for row in found)
    )


def _http_trigger(row: HttpTriggerRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in FIELDS["http_trigger"]}
    return {**values, "retry": _decode(row.retry)}


async def _users(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    found = await workspaces.list_members(conn, workspace, after="", limit=_ALL, offset=0)
    return Rows(
        lambda: (
            (row.email, _present(kind, {"username": row.username, "role": row.role, "disabled": row.disabled}))
            for row in found
            if not is_service_email(row.email)  # a workspace creates its own
        )
    )


async def _workspace_settings(
    conn: Connection, actor: Actor, workspace: str, kind: Kind, paths: Sequence[str] | None, depth: Depth
) -> Rows:
    row = await workspaces.get_settings(conn, workspace)
    handler = await error_handlers.get(conn, workspace)
    assert row is not None
    name = None if handler is None else f"{'flow' if handler.is_flow else 'script'}/{handler.path}"
    # The webhook is a secret, and the name and the color distinguish the workspace from its copies.
    values = {**msgspec.structs.asdict(row), "error_handler": name}
    return Rows(lambda: [(SETTINGS_PATH, _present(kind, values))])


def _decode(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


_READERS = {
    "folder": _folders,
    "group": _groups,
    "resource_type": _types,
    "variable": _variables,
    "resource": _resources,
    "script": _versions,
    "flow": _versions,
    "workflow_test": _tests,
    "schedule": _schedules,
    "http_trigger": _http_triggers,
    "user": _users,
    "settings": _workspace_settings,
}
