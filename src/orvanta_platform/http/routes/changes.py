"""Routes of change sets and archives: many items of a workspace at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.errors import BadRequest
from orvanta_platform.evaluate.raw import count_values
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import BINARY, call
from orvanta_platform.http.requests import AnyRequest, actor_of, bool_of, comma_list_of, decode, platform_of, whole_body
from orvanta_platform.http.schemas import changes as shapes
from orvanta_platform.services.changes import archive, archive_import, archiving, change_sets
from orvanta_platform.services.changes.archive import ArchiveOptions, ArchiveType, SecretMode
from orvanta_platform.workflow.tree.item import Key, Kind

T = TypeVar("T")

_W = "/api/w/{workspace:str}"
_CHOICES = (
    *("skip_variables", "skip_resources", "skip_resource_types", "skip_secrets", "include_schedules"),
    *("include_triggers", "include_users", "include_groups", "include_settings", "include_key", "include_tests"),
)
_MAX_VALUES = change_sets.MAX_CONTENT_SIZE + 10 * change_sets.MAX_ITEMS
"""Values of a body whose contents have at most MAX_CONTENT_SIZE."""
_OPTIONAL: Mapping[str, Kind] = {"include_users": "user", "include_settings": "settings"}
"""Parameters that include the optional kinds."""
_MAX_NAMED = 1000
_TYPES: dict[ArchiveType, str] = {"zip": "application/zip", "tar": "application/x-tar"}


@get(
    f"{_W}/workspaces/tarball",
    opt=call(
        answer=BINARY,
        query=("archive_type", "secret_mode", "plain_secret", *_CHOICES, "default_ts", "items"),
        media=tuple(_TYPES.values()),
    ),
)
async def get_tarball(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the items of the workspace as files in an archive of the type `zip` or `tar` (the default).

    Secret variables have an empty value. For admins, `secret_mode=encrypted` encrypts the values with the key of
    `workspaces/encryption_key`, as `changes/apply` and `variables/create?already_encrypted=true` accept them.
    `secret_mode=plain` (or `plain_secret=true`) needs the setting `secrets_readable`. Secret fields of resources are
    masked. The same items yield the same bytes. `items`: comma-separated `flow/<path>` and
    `script/<path>` of the only items to export, at most 1000; with `include_tests`, also the tests of these workflows.
    """
    kind = request.query_params.get("archive_type", "tar")
    if kind not in _TYPES:
        raise BadRequest("Invalid Archive Type", hint="Use zip or tar.")
    archive_type: ArchiveType = "zip" if kind == "zip" else "tar"
    chosen = {name: bool(bool_of(request, name)) for name in _CHOICES}
    deno = request.query_params.get("default_ts") == "deno"
    options = ArchiveOptions(
        **chosen,
        secret_mode=_secret_mode_of(request),
        default_ts="deno" if deno else "bun",
        items=_items_of(request),
    )
    body = await archive.create(platform_of(request), actor_of(request), workspace, archive_type, options)
    headers = {"Content-Disposition": f'attachment; filename="{workspace}.{archive_type}"'}
    return Response(body, media_type=_TYPES[archive_type], headers=headers)


def _optional_kinds_of(request: AnyRequest) -> list[Kind]:
    """Return the optional kinds that the call includes. Raises BadRequest."""
    return [kind for name, kind in _OPTIONAL.items() if bool_of(request, name)]


def _secret_mode_of(request: AnyRequest) -> SecretMode:
    """Return the mode of the values of secrets. Raises BadRequest."""
    match request.query_params.get("secret_mode") or "blank":
        case "encrypted":
            return "encrypted"
        case "plain":
            return "plain"
        case "blank":
            return "plain" if bool_of(request, "plain_secret") else "blank"
        case other:
            raise BadRequest(f"{other[:100]!r} is no mode of secrets.", hint="Use blank, encrypted or plain.")


def _items_of(request: AnyRequest) -> list[Key] | None:
    """Return the items to export, None for all. Raises BadRequest."""
    named = comma_list_of(request, "items")
    if named is None:
        return None
    if len(named) > _MAX_NAMED:
        raise BadRequest(f"At most {_MAX_NAMED} items can be named.", hint="Export the workspace as a whole.")
    found: list[Key] = []
    for name in named:
        kind, _, path = name.partition("/")
        match kind:
            case "flow" | "script":
                found.append((kind, path))
            case _:
                raise BadRequest(f"{name[:200]!r} names no item.", hint="Use flow/<path> or script/<path>.")
    return found


@get(f"{_W}/changes/items", opt=call(answer=list[shapes.ItemHash], query=tuple(_OPTIONAL)))
async def list_items(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List all items that the caller may read, with the hashes of their contents.

    Members and settings are included on request, for admins.
    """
    found = await change_sets.list_items(
        platform_of(request), actor_of(request), workspace, _optional_kinds_of(request)
    )
    return answers.json(shapes.item_hashes(found))


@post(f"{_W}/changes/read", status_code=200, opt=call(body=shapes.ReadItems, answer=list[shapes.ItemContent]))
async def read_items(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Read items with their contents. Items that do not exist or that the caller may not read are left out.

    The contents of at most 5000 items have at most 16 MiB together. A call for more is refused with `too_large`, unless
    it names a single item: name fewer items in each of several calls.
    """
    body = await _body(request, shapes.ReadItems)
    keys = [(each.kind, each.path) for each in body.items]
    found = await change_sets.read_items(platform_of(request), actor_of(request), workspace, keys)
    return answers.json(shapes.item_contents(found))


@post(f"{_W}/changes/plan", status_code=200, opt=call(body=shapes.Changes, answer=shapes.ChangePlan))
async def plan_changes(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the effect of a change set: which items it adds, changes, leaves unchanged or removes, and its conflicts."""
    change = shapes.change_set(await _body(request, shapes.Changes))
    found = await change_sets.plan(platform_of(request), actor_of(request), workspace, change)
    return answers.json(shapes.change_plan(found))


@post(f"{_W}/changes/apply", status_code=200, opt=call(body=shapes.ApplyChanges, answer=shapes.AppliedChanges))
async def apply_changes(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Apply a change set, all of it or nothing. Its plan must have the hash `plan_hash`.

    A new user without an account on the instance is left out: its entry is `unchanged` and has a `reason`. With
    `check_only`, the answer is the same, and nothing is stored.
    """
    body = await _body(request, shapes.ApplyChanges)
    done = await change_sets.apply(
        platform_of(request),
        actor_of(request),
        workspace,
        shapes.change_set(body),
        body.plan_hash,
        body.message,
        check_only=body.check_only,
    )
    return answers.json(shapes.applied(done))


@post(
    f"{_W}/changes/archive",
    status_code=200,
    opt=call(body=BINARY, answer=shapes.ArchiveContents, query=("default_ts", *_OPTIONAL)),
)
async def read_archive(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Read the items in a zip or tar archive. Nothing is changed: `changes/plan` and `changes/apply` take the items.

    The archive is one of `workspaces/tarball`, of a folder of `orvanta pull`, or of the branch of a repository.
    Members and settings are read on request, for admins. A workflow in JSON has the YAML text of the workspace, edited
    to contain its values; if that is not possible, the header `X-Warnings` contains `comments_lost`.
    """
    deno = request.query_params.get("default_ts") == "deno"
    body = await whole_body(request)
    found = await archive_import.read_archive(
        platform_of(request),
        actor_of(request),
        workspace,
        body,
        "deno" if deno else "bun",
        _optional_kinds_of(request),
    )
    return answers.json(shapes.archive_contents(found), warnings=found.warnings)


async def _body(request: AnyRequest, shape: type[T]) -> T:
    """Return the body as `shape`. Raises BadRequest; TooLarge for more values than the event loop may decode."""
    body = await request.body()
    if count_values(body) > _MAX_VALUES:
        raise change_sets.too_large()
    return decode(body, shape)


@post(f"{_W}/changes/set_archived", status_code=200, opt=call(body=shapes.SetArchived))
async def set_items_archived(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Archive workflows and scripts, or restore them with `archived: false`: all of them or none."""
    body = await _body(request, shapes.SetArchived)
    names = [(each.kind, each.path) for each in body.items]
    await archiving.set_archived(platform_of(request), actor_of(request), workspace, names, archived=body.archived)
    count = len(set(names))
    return answers.text(f"{'Archived' if body.archived else 'Restored'} {count} item{'' if count == 1 else 's'}.")


ROUTES = [
    get_tarball,
    list_items,
    read_items,
    plan_changes,
    apply_changes,
    set_items_archived,
    read_archive,
]
