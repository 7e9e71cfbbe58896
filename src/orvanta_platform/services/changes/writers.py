"""Changes of single items by the use cases of their kinds, which check permissions and write the audit rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor, Role
from orvanta_platform.control.names import check_email
from orvanta_platform.db.resource_types import ResourceTypeRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.orchestrator.resource_schemas import shipped
from orvanta_platform.services.access import folders, groups, members, workspaces
from orvanta_platform.services.access.members import MemberChange
from orvanta_platform.services.access.workspaces import SettingName
from orvanta_platform.services.catalog import flows, scripts, workflow_tests
from orvanta_platform.services.catalog.flows import NewFlow, Source
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import resource_types, resources, variables
from orvanta_platform.services.secrets.resource_types import TypeChange
from orvanta_platform.services.secrets.resources import ResourceDraft
from orvanta_platform.services.secrets.variables import VariableDraft
from orvanta_platform.services.triggers import error_handlers, http_triggers, schedules
from orvanta_platform.services.triggers.http_triggers import HttpTriggerDraft
from orvanta_platform.services.triggers.schedules import ScheduleDraft
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.playback import document as playback
from orvanta_platform.workflow.tree import sizes
from orvanta_platform.workflow.tree.item import ENCRYPTED, FIELDS, SETTINGS_PATH, Item, parts_of_test
from orvanta_platform.workflow.tree.plan import Wanted, has_effect, item_of, masked, without_masks
from orvanta_platform.workflow.type_words import in_words

T = TypeVar("T")
_JSON = ("args", "retry", "on_failure_extra_args", "on_recovery_extra_args", "on_success_extra_args")
_EMPTY: Mapping[str, Any] = {
    "summary": "",
    "description": "",
    "labels": [],
    "members": [],
    "managers": [],
    "wrap_body": False,
    "raw_string": False,
    "disabled": False,
    "secrets_readable": False,
    "search_run_data": False,
}
"""Values by which a draft removes a setting, because it leaves one unchanged that is None."""


class Folder(msgspec.Struct, kw_only=True):
    """Content of a folder."""

    summary: str | None = None
    owners: list[str] | None = []
    extra_perms: dict[str, bool] | None = {}


class Group(msgspec.Struct, kw_only=True):
    """Content of a group: usernames of its members, and of those who may change them."""

    summary: str | None = None
    members: list[str] | None = None
    managers: list[str] | None = None


class ResourceType(msgspec.Struct, kw_only=True):
    """Content of a resource type."""

    description: str | None = None
    schema: dict[str, Any] | None = None
    format_extension: str | None = None
    is_fileset: bool | None = None


class Variable(msgspec.Struct, kw_only=True):
    """Content of a variable."""

    value: str | None = None
    is_secret: bool | None = None
    description: str | None = None
    labels: list[str] | None = None


class Resource(msgspec.Struct, kw_only=True):
    """Content of a resource."""

    resource_type: str | None = None
    value: Any = msgspec.UNSET
    description: str | None = None
    labels: list[str] | None = None


class Script(msgspec.Struct, kw_only=True):
    """Content of a script; without `settings`, an existing script keeps its settings."""

    content: str
    language: str
    settings: dict[str, Any] | None = None
    lock: str | None = None


class Flow(msgspec.Struct, kw_only=True):
    """Content of a workflow: its YAML document."""

    text: str


class User(msgspec.Struct, kw_only=True):
    """Content of a user, a member of the workspace. `username`: that of the account by default."""

    role: Role | None = None
    username: str | None = None
    disabled: bool | None = None


class WorkspaceSettings(msgspec.Struct, kw_only=True):
    """Content of the settings of a workspace. `error_handler`: `flow/<path>` or `script/<path>`."""

    secrets_readable: bool | None = None
    search_run_data: bool | None = None
    retention_days: int | None = None
    token_max_age_days: int | None = None
    error_handler: str | None = None


_SHAPES: Mapping[str, type[msgspec.Struct]] = {
    "folder": Folder,
    "group": Group,
    "resource_type": ResourceType,
    "variable": Variable,
    "resource": Resource,
    "script": Script,
    "flow": Flow,
    "user": User,
    "settings": WorkspaceSettings,
}


def check(wanted: Wanted) -> Wanted:
    """Return a change with the keys that its kind has. Raises BadRequest for other types of values."""
    if wanted.kind == "user" and check_email(wanted.path) != wanted.path:
        raise BadRequest(f"The address {wanted.path[:200]} must be in lower case.")
    if wanted.kind == "settings" and wanted.path != SETTINGS_PATH:
        raise BadRequest(f"The path of the settings of a workspace is {SETTINGS_PATH}.")
    if wanted.content is None:
        return wanted
    names = FIELDS.get(wanted.kind)
    content = {
        name: value
        for name, value in wanted.content.items()
        if names is None or (name in names and has_effect(wanted.kind, name, value))
    }
    if wanted.kind == "workflow_test":
        playback.parse(content)
    shape = _SHAPES.get(wanted.kind)
    if shape is not None:
        _convert(wanted.path, content, shape)
    return Wanted(wanted.kind, wanted.path, wanted.base, content)


def type_faults(item: Item) -> Iterator[Diagnostic]:
    """Yield the settings of an item whose values have a type that `store` refuses. Those of scripts and workflows have
    more rules.
    """
    shapes: Mapping[str, type[msgspec.Struct]] = {
        **_SHAPES,
        "schedule": _ScheduleFile,
        "http_trigger": HttpTriggerDraft,
    }
    shape = shapes.get(item.kind)
    for field in () if shape is None else msgspec.structs.fields(shape):
        value = item.content.get(field.name)
        if value is None or field.name in _JSON:
            continue
        try:
            msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            message = f"the setting {field.name} is not valid: {in_words(str(error))}"
            yield Diagnostic("wrong_type", "error", None, f"/{field.name}", message)


def size_of(wanted: Wanted, limit: int) -> int:
    """Return the size of a content, as `sizes.size_of` does. Raises BadRequest for a deep one."""
    return sizes.size_of(wanted.path, wanted.content, limit)


async def store(
    platform: Platform, actor: Actor, workspace: str, wanted: Wanted, present: Present | None, message: str | None
) -> None:
    """Create, change or remove an item. Raises the errors of the use cases of its kind."""
    if wanted.content is None:
        name = present.content["username"] if wanted.kind == "user" and present is not None else wanted.path
        await _REMOVERS[wanted.kind](platform, actor, workspace, name)
    else:
        await _WRITERS[wanted.kind](platform, actor, workspace, item_of(wanted), present, message)


def _settings(item: Item, present: Present | None) -> dict[str, Any]:
    """Return the settings to write; those of an existing item that null removes are empty."""
    if present is None:
        return dict(item.content)
    return {name: _EMPTY.get(name) if value is None else value for name, value in item.content.items()}


def _convert(path: str, content: Mapping[str, Any], shape: type[T]) -> T:
    try:
        return msgspec.convert(dict(content), shape)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The content of {path[:200]} is not valid: {in_words(str(error))}.") from None


async def _folder(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, item.content, Folder)
    owners, perms = new.owners or [], new.extra_perms or {}
    if present is None:
        await folders.create(
            platform, actor, workspace, item.path, summary=new.summary, owners=owners, extra_perms=perms
        )
        if not (owners or perms):
            return
    removed = {name for name, value in item.content.items() if value is None}
    await folders.update(
        platform,
        actor,
        workspace,
        item.path,
        summary="" if "summary" in removed else new.summary,
        # An empty list grants nothing, and leaves the owners that the folder has.
        owners=owners or ([] if "owners" in removed else None),
        extra_perms=perms or ({} if "extra_perms" in removed else None),
    )


async def _group(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, _settings(item, present), Group)
    if present is None:
        await groups.create(platform, actor, workspace, item.path, new.summary)
    before = set(present.content.get("members", ())) if present is not None else set()
    for username in sorted(before - set(new.members)) if new.members is not None else ():
        await groups.remove_user(platform, actor, workspace, item.path, username)
    for username in sorted(set(new.members or ()) - before):
        await groups.add_user(platform, actor, workspace, item.path, username)
    await groups.update(platform, actor, workspace, item.path, summary=new.summary, managers=new.managers)


async def _resource_type(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, _settings(item, present), ResourceType)
    schema = None if new.schema is None else msgspec.json.encode(new.schema).decode()
    if present is None and item.path not in shipped():
        row = ResourceTypeRow(item.path, schema, new.description, new.format_extension, bool(new.is_fileset))
        await resource_types.create(platform, actor, workspace, row)
        return
    change = TypeChange(schema, new.description, new.is_fileset)
    await resource_types.update(platform, actor, workspace, item.path, change)


async def _variable(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, _settings(item, present), Variable)
    value = new.value
    if present is not None and present.content.get("is_secret") and new.is_secret is not False:
        value = None  # the value of a secret is never replaced from a file
    draft = VariableDraft(
        path=item.path,
        value=value,
        is_secret=new.is_secret,
        description=new.description,
        labels=new.labels,
        already_encrypted=value is not None and value.startswith(ENCRYPTED),
    )
    if present is None:
        await variables.create(platform, actor, workspace, draft)
    else:
        await variables.update(platform, actor, workspace, item.path, draft)


async def _resource(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, _settings(item, present), Resource)
    shown = without_masks(new.value) if present is None else masked(new.value, present.content.get("value"))
    value = None if shown is msgspec.UNSET else msgspec.json.encode(shown)
    draft = ResourceDraft(item.path, value, new.resource_type, new.description, new.labels)
    if present is None:
        await resources.create(platform, actor, workspace, draft)
    else:
        await resources.update(platform, actor, workspace, item.path, draft)


async def _script(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, item.content, Script)
    settings = new.settings
    if settings is None:
        settings = dict(present.content["settings"]) if present is not None else {}
    await scripts.create(
        platform,
        actor,
        workspace,
        NewScript(
            item.path,
            new.content,
            new.language,
            {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in settings.items()},
            parent=None if present is None else present.version,
            lock=new.lock,
            message=message,
            keeps_settings=new.settings is None or platform.deployment == "rollback",
        ),
    )


async def _flow(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    text = _convert(item.path, item.content, Flow).text
    new = NewFlow(item.path, None, None, {}, source=Source("yaml", text), message=message)
    if present is None:
        await flows.create(platform, actor, workspace, new)
    else:
        await flows.update(platform, actor, workspace, item.path, new)


async def _workflow_test(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    write = workflow_tests.create if present is None else workflow_tests.update
    await write(platform, actor, workspace, *parts_of_test(item.path), item.content)


async def _remove_test(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    await workflow_tests.delete(platform, actor, workspace, *parts_of_test(path))


async def _schedule(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    values = dict(item.content if present is None else {**present.content, **item.content})
    target = values.pop("script_path", None), bool(values.pop("is_flow", False))
    enabled = bool(values.pop("enabled", False))
    draft = replace(_schedule_draft(item.path, values), keeps_owner=platform.deployment is not None)
    path, is_flow = target
    if not isinstance(path, str):
        raise BadRequest(f"The schedule {item.path} needs `script_path`.")
    if present is None:
        await schedules.create(platform, actor, workspace, item.path, path, draft, is_flow=is_flow, enabled=enabled)
        return
    # A member whom the change set disables may have been the owner: then the schedule is disabled by now.
    if enabled != await schedules.update(platform, actor, workspace, item.path, draft, target=(path, is_flow)):
        await schedules.set_enabled(platform, actor, workspace, item.path, enabled=enabled)


class _Schedule(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    schedule: str
    timezone: str
    missed: str = "once"
    tag: str | None = None
    no_flow_overlap: bool = False
    paused_until: datetime | None = None
    dynamic_skip: str | None = None
    on_failure: str | None = None
    on_failure_times: int | None = None
    on_failure_exact: bool | None = None
    on_recovery: str | None = None
    on_recovery_times: int | None = None
    on_success: str | None = None
    ws_error_handler_muted: bool | None = None
    summary: str | None = None
    description: str | None = None
    cron_version: str | None = None
    labels: list[str] | None = None


class _ScheduleFile(_Schedule, kw_only=True):
    script_path: str


def _schedule_draft(path: str, values: Mapping[str, Any]) -> ScheduleDraft:
    texts: dict[str, Any] = {name: _text(values.get(name)) for name in _JSON}
    rest = {name: value for name, value in values.items() if name not in _JSON and value is not None}
    fields = msgspec.structs.asdict(_convert(path, rest, _Schedule))
    return ScheduleDraft(cron=fields.pop("schedule"), **fields, **texts)


async def _http_trigger(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    # Like a schedule, a new trigger without a state is disabled: its file may have been read where it exists.
    before = {"mode": "disabled"} if present is None else present.content
    values = {**before, **_settings(item, present)}
    retry = _text(values.pop("retry", None))
    # A file does not name the member that the runs act for.
    draft = replace(
        _convert(item.path, values, HttpTriggerDraft),
        retry=retry,
        owner=None,
        keeps_owner=platform.deployment is not None,
    )
    if present is None:
        await http_triggers.create(platform, actor, workspace, item.path, draft)
    else:
        await http_triggers.update(platform, actor, workspace, item.path, draft)


async def _user(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    new = _convert(item.path, _settings(item, present), User)
    if present is None:
        if new.role is None:
            raise BadRequest(f"The user {item.path} needs `role`.")
        username = await members.add(
            platform, actor, workspace, email=item.path, username=new.username, role=new.role, is_counted=True
        )
        before: Mapping[str, Any] = {"role": new.role, "disabled": False}
    else:
        before, username = present.content, present.content["username"]
        if new.username not in (None, username):
            raise BadRequest(
                f"{item.path} has the username {username}, which cannot be changed.", hint=f"Write {username}."
            )
    changed = {name: getattr(new, name) for name in ("role", "disabled")}
    changed = {name: value for name, value in changed.items() if value not in (None, before[name])}
    if changed:
        await members.update(platform, actor, workspace, username, MemberChange(**changed))


async def _workspace_settings(
    platform: Platform, actor: Actor, workspace: str, item: Item, present: Present | None, message: str | None
) -> None:
    before: Mapping[str, Any] = {} if present is None else present.content
    new = _convert(item.path, _settings(item, present), WorkspaceSettings)
    for name in item.content:
        value = getattr(new, name)
        if value == before.get(name):
            continue
        if name == "error_handler":
            await error_handlers.set_handler(platform, actor, workspace, value)
        else:
            await workspaces.change_setting(platform, actor, workspace, cast(SettingName, name), value)


async def _keep_settings(platform: Platform, actor: Actor, workspace: str, path: str) -> None:
    raise BadRequest(
        "A workspace always has settings.", hint="Write the keys to change; null is the default of a setting."
    )


def _text(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


_Writer: TypeAlias = Callable[[Platform, Actor, str, Item, Present | None, str | None], Awaitable[None]]
_Remover: TypeAlias = Callable[[Platform, Actor, str, str], Awaitable[None]]

_WRITERS: Mapping[str, _Writer] = {
    "folder": _folder,
    "group": _group,
    "resource_type": _resource_type,
    "variable": _variable,
    "resource": _resource,
    "script": _script,
    "flow": _flow,
    "workflow_test": _workflow_test,
    "schedule": _schedule,
    "http_trigger": _http_trigger,
    "user": _user,
    "settings": _workspace_settings,
}
_REMOVERS: Mapping[str, _Remover] = {
    "folder": folders.delete,
    "group": groups.delete,
    "resource_type": resource_types.delete,
    "variable": variables.delete,
    "resource": resources.delete,
    "script": scripts.delete,
    "flow": flows.delete,
    "workflow_test": _remove_test,
    "schedule": schedules.delete,
    "http_trigger": http_triggers.delete,
    "user": members.remove,
    "settings": _keep_settings,
}
