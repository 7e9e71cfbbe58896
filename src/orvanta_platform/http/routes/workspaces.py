"""Routes of workspaces, their members and folders."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, bool_of, page_of, platform_of, small_body_of
from orvanta_platform.http.schemas import accounts
from orvanta_platform.services.access import folders, users, workspace_life, workspaces
from orvanta_platform.services.access.workspaces import SettingName
from orvanta_platform.services.changes import item_webhooks
from orvanta_platform.services.maintenance import workspace_removal
from orvanta_platform.services.secrets import workspace_specific
from orvanta_platform.services.triggers import error_handlers

_W = "/api/w/{workspace:str}"
_ALL = 1_000_000


@get("/api/workspaces/list", opt=call(answer=list[accounts.Workspace]))
async def list_workspaces(request: AnyRequest) -> Response[bytes]:
    """List the caller's workspaces. For a superadmin whose token may list them, all workspaces."""
    rows = await workspaces.list_mine(platform_of(request), actor_of(request))
    return answers.json([accounts.Workspace(row.id, row.name, row.owner) for row in rows])


@get("/api/workspaces/list_archived", opt=call(answer=list[accounts.Workspace]))
async def list_archived_workspaces(request: AnyRequest) -> Response[bytes]:
    """List the archived workspaces of which the caller is an admin. For a superadmin, all archived workspaces."""
    rows = await workspace_life.list_archived(platform_of(request), actor_of(request))
    return answers.json([accounts.Workspace(row.id, row.name, row.owner) for row in rows])


@post(f"{_W}/workspaces/change_workspace_name", status_code=200, opt=call(body=accounts.WorkspaceName))
async def change_workspace_name(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Change the display name of the workspace. Its id does not change. Admins only."""
    body = await body_of(request, accounts.WorkspaceName)
    await workspace_life.rename(platform_of(request), actor_of(request), workspace, body.new_name, body.base)
    return answers.text(f"Renamed the workspace {workspace}.")


@post(f"{_W}/workspaces/change_workspace_color", status_code=200, opt=call(body=accounts.WorkspaceColor))
async def change_workspace_color(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Change the color of the workspace. Admins only."""
    body = await body_of(request, accounts.WorkspaceColor)
    await workspace_life.change_color(platform_of(request), actor_of(request), workspace, body.color)
    return answers.text(f"The color of the workspace {workspace} was changed.")


@post(f"{_W}/workspaces/archive", status_code=200, opt=call())
async def archive_workspace(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Archive the workspace: it starts no more runs and can only be read. Runs in progress continue. Admins only."""
    await workspace_life.archive(platform_of(request), actor_of(request), workspace)
    return answers.text(f"Archived the workspace {workspace}.")


@post(f"{_W}/workspaces/unarchive", status_code=200, opt=call())
async def unarchive_workspace(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Unarchive the workspace. Admins only."""
    await workspace_life.unarchive(platform_of(request), actor_of(request), workspace)
    return answers.text(f"Unarchived the workspace {workspace}.")


@delete("/api/workspaces/delete/{workspace:str}", status_code=200, opt=call(query=("confirm",)))
async def delete_workspace(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Delete an archived workspace with all its items, runs and files. Superadmins only.

    `confirm`: the id of the workspace, if a person typed it. The audit trail remains, and the id is not given to
    another workspace.
    """
    typed = request.query_params.get("confirm")
    await workspace_removal.delete(platform_of(request), actor_of(request), workspace, typed)
    return answers.text(f"Deleted the workspace {workspace}.")


@post("/api/workspaces/create", status_code=201, opt=call(body=accounts.CreateWorkspace))
async def create_workspace(request: AnyRequest) -> Response[bytes]:
    """Create a workspace with the caller as its admin. Superadmins only."""
    body = await body_of(request, accounts.CreateWorkspace)
    await workspaces.create(
        platform_of(request),
        actor_of(request),
        body.id,
        name=body.name or body.id,
        username=body.username or None,
        color=body.color,
    )
    return answers.text(f"Created the workspace {body.id}.", 201)


@post("/api/workspaces/exists", status_code=200, opt=call(body=accounts.WorkspaceId, answer=bool))
async def workspace_exists(request: AnyRequest) -> Response[bytes]:
    """Check whether a workspace with this id exists."""
    body = await body_of(request, accounts.WorkspaceId)
    return answers.json(await workspaces.exists(platform_of(request), actor_of(request), body.id))


@post("/api/workspaces/exists_username", status_code=200, opt=call(body=accounts.WorkspaceUsername, answer=bool))
async def username_exists(request: AnyRequest) -> Response[bytes]:
    """Check whether a username is taken in a workspace."""
    body = await body_of(request, accounts.WorkspaceUsername)
    taken = await workspaces.username_exists(platform_of(request), actor_of(request), body.id, body.username)
    return answers.json(taken)


@get(f"{_W}/workspaces/get_settings", opt=call(answer=accounts.WorkspaceSettings))
async def get_settings(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the settings of the workspace."""
    found = await workspaces.get_settings(platform_of(request), actor_of(request), workspace)
    shown = accounts.WorkspaceSettings(
        workspace, found.secrets_readable, found.retention_days, found.search_run_data, found.token_max_age_days
    )
    shown.archived = actor_of(request).archived
    shown.color = found.color or UNSET
    handler = await error_handlers.get_handler(platform_of(request), actor_of(request), workspace)
    if handler is not None:
        path = f"{'flow' if handler.is_flow else 'script'}/{handler.path}"
        shown.error_handler = accounts.SetErrorHandler(path=path)
        shown.error_handler_runs_as, shown.error_handler_error = handler.permissioned_as, handler.error
    webhook = await item_webhooks.get_webhook(platform_of(request), actor_of(request), workspace)
    if webhook is not None:
        shown.webhook, shown.webhook_error = webhook.url or UNSET, webhook.error or UNSET
    return answers.json(shown)


@get(f"{_W}/workspaces/get_workspace_name", opt=call())
async def get_workspace_name(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the display name of the workspace."""
    return answers.text(await workspaces.get_name(platform_of(request), actor_of(request), workspace))


@get(f"{_W}/workspaces/list_ws_specific", opt=call(answer=list[accounts.WsSpecificItem]))
async def list_ws_specific(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the readable variables and resources that are marked `ws_specific`: their values stay in this workspace."""
    found = await workspace_specific.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([accounts.WsSpecificItem(kind, path) for kind, path in found])


@post(f"{_W}/workspaces/edit_error_handler", status_code=200, opt=call(body=accounts.ErrorHandler))
async def edit_error_handler(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Set the script or workflow that runs, as the caller, after each failed run of a deployed version. Runs whose
    own error handler succeeded are excluded, and those that set `ws_error_handler_muted`. Admins only.

    Answers 409 `version_conflict` if the error handler is not `base`; details have both values.
    """
    body = await body_of(request, accounts.ErrorHandler)
    handler = body.error_handler or body.path
    await error_handlers.set_handler(platform_of(request), actor_of(request), workspace, handler, body.base)
    return answers.text(f"The error handler of the workspace {workspace} was changed.")


@post(f"{_W}/workspaces/edit_webhook", status_code=200, opt=call(body=accounts.EditWebhook))
async def edit_webhook(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Set the URL that receives the changes of items as JSON, or without `webhook` remove it. Admins only.

    One POST for each deployment: `{id, workspace, at, by, message, changes: [{operation, kind, path, version, to}],
    has_more}`. It is repeated with the same `id`, which is also the header `Idempotency-Key`, until the server answers
    2xx, at most 8 times.
    """
    body = await body_of(request, accounts.EditWebhook)
    await item_webhooks.set_webhook(platform_of(request), actor_of(request), workspace, body.webhook or None)
    return answers.text(f"The webhook of the workspace {workspace} was {'changed' if body.webhook else 'removed'}.")


@post(f"{_W}/workspaces/edit_secrets_readable", status_code=200, opt=call(body=accounts.SecretsReadable))
async def edit_secrets_readable(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Allow developers and admins to read secrets by API, or (the default) only jobs. Admins only."""
    body = await body_of(request, accounts.SecretsReadable)
    await _change(request, workspace, "secrets_readable", body.secrets_readable, body.base)
    return answers.text(f"Secrets of the workspace {workspace} are {'' if body.secrets_readable else 'not '}readable.")


@post(f"{_W}/workspaces/edit_search_run_data", status_code=200, opt=call(body=accounts.SearchRunData))
async def edit_search_run_data(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Enable the search of run inputs and results, or (the default) disable it and delete the index. Admins only."""
    body = await body_of(request, accounts.SearchRunData)
    await _change(request, workspace, "search_run_data", body.search_run_data, body.base)
    word = "" if body.search_run_data else "not "
    return answers.text(f"Search in the data of runs of the workspace {workspace} is {word}enabled.")


@post(f"{_W}/workspaces/edit_retention", status_code=200, opt=call(body=accounts.Retention))
async def edit_retention(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Set how many days runs are retained, at most as many as in the instance; null for its number. Admins only."""
    body = await body_of(request, accounts.Retention)
    days = body.retention_days
    await _change(request, workspace, "retention_days", days, body.base)
    period = f"for {days} days" if days else "as long as the instance retains them"
    return answers.text(f"Runs of the workspace {workspace} are retained {period}.")


@post(f"{_W}/workspaces/edit_token_max_age", status_code=200, opt=call(body=accounts.TokenMaxAge))
async def edit_token_max_age(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Set the maximum lifetime of new tokens that are valid in the workspace. Admins only."""
    body = await body_of(request, accounts.TokenMaxAge)
    await _change(request, workspace, "token_max_age_days", body.token_max_age_days, body.base)
    return answers.text(f"Changed the maximum lifetime of tokens of the workspace {workspace}.")


async def _change(request: AnyRequest, workspace: str, name: SettingName, value: Any, base: Any) -> None:
    await workspaces.change_setting(platform_of(request), actor_of(request), workspace, name, value, base)


@get(f"{_W}/users/whoami", opt=call(answer=accounts.WorkspaceUser))
async def whoami_in(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the caller as a member of the workspace."""
    member = await users.whoami_in(platform_of(request), actor_of(request), workspace)
    return answers.json(accounts.workspace_user(member))


@get(f"{_W}/users/get/{{username:str}}", opt=call(answer=accounts.WorkspaceUser))
async def get_member(request: AnyRequest, workspace: FromPath[str], username: FromPath[str]) -> Response[bytes]:
    """Get a member of the workspace."""
    member = await users.get_member(platform_of(request), actor_of(request), workspace, username)
    return answers.json(accounts.workspace_user(member))


@get(f"{_W}/users/list", opt=call(answer=list[accounts.WorkspaceUser], query=("page", "per_page", "after")))
async def list_members(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List all members of the workspace by username. With `per_page`, one page of them."""
    paged = "per_page" in request.query_params
    page = page_of(request)
    members = await users.list_members(
        platform_of(request),
        actor_of(request),
        workspace,
        after=page.after or "",
        limit=page.limit if paged else _ALL,
        offset=page.offset if paged else 0,
    )
    return answers.json([accounts.workspace_user(member) for member in members])


@get(f"{_W}/users/list_usernames", opt=call(answer=list[str]))
async def list_usernames(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the usernames of all members."""
    actor = actor_of(request)
    members = await users.list_members(platform_of(request), actor, workspace, limit=_ALL)
    return answers.json([member.row.username for member in members])


@get(f"{_W}/users/username_to_email/{{username:str}}", opt=call())
async def username_to_email(request: AnyRequest, workspace: FromPath[str], username: FromPath[str]) -> Response[bytes]:
    """Get the e-mail address of a member."""
    member = await users.get_member(platform_of(request), actor_of(request), workspace, username)
    return answers.text(member.row.email)


@post(f"{_W}/folders/create", status_code=200, opt=call(body=accounts.CreateFolder))
async def create_folder(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a folder. Admins only."""
    body = await small_body_of(request, accounts.CreateFolder)
    await folders.create(
        platform_of(request),
        actor_of(request),
        workspace,
        body.name,
        summary=body.summary,
        owners=body.owners,
        extra_perms=body.extra_perms,
    )
    return answers.text(f"Created the folder {body.name}.")


@post(f"{_W}/folders/update/{{name:str}}", status_code=200, opt=call(body=accounts.UpdateFolder))
async def update_folder(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Update a folder. Its owners and admins only."""
    body = await small_body_of(request, accounts.UpdateFolder)
    await folders.update(
        platform_of(request),
        actor_of(request),
        workspace,
        name,
        summary=body.summary,
        owners=body.owners,
        extra_perms=body.extra_perms,
    )
    return answers.text(f"Updated the folder {name}.")


@get(f"{_W}/folders/get/{{name:str}}", opt=call(answer=accounts.Folder))
async def get_folder(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Get a folder."""
    row = await folders.get(platform_of(request), actor_of(request), workspace, name)
    return answers.json(accounts.folder(workspace, row))


@get(f"{_W}/folders/exists/{{name:str}}", opt=call(answer=bool))
async def folder_exists(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Check whether a folder exists and the caller may read it."""
    return answers.json(await folders.exists(platform_of(request), actor_of(request), workspace, name))


@get(f"{_W}/folders/list", opt=call(answer=list[accounts.Folder], query=("page", "per_page", "after")))
async def list_folders(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the folders the caller may read, by name."""
    page = page_of(request)
    rows = await folders.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([accounts.folder(workspace, row) for row in rows])


@get(f"{_W}/folders/listnames", opt=call(answer=list[str], query=("only_member_of",)))
async def list_folder_names(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the names of all folders the caller may read. With `only_member_of`, only those it may write to."""
    actor = actor_of(request)
    rows = await folders.list_page(platform_of(request), actor, workspace, after="", limit=_ALL, offset=0)
    only = bool_of(request, "only_member_of")
    return answers.json([row.name for row in rows if not only or row.name in actor.folders.write])


@delete(f"{_W}/folders/delete/{{name:str}}", status_code=200, opt=call())
async def delete_folder(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Delete a folder. Its items remain, visible to admins."""
    await folders.delete(platform_of(request), actor_of(request), workspace, name)
    return answers.text(f"Deleted the folder {name}.")


@post(f"{_W}/folders/addowner/{{name:str}}", status_code=200, opt=call(body=accounts.Owner))
async def add_owner(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Add an owner to a folder."""
    body = await body_of(request, accounts.Owner)
    await folders.add_owner(platform_of(request), actor_of(request), workspace, name, body.owner)
    return answers.text(f"{body.owner} owns the folder {name}.")


@post(f"{_W}/folders/removeowner/{{name:str}}", status_code=200, opt=call(body=accounts.Owner))
async def remove_owner(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Remove an owner from a folder."""
    body = await body_of(request, accounts.Owner)
    await folders.remove_owner(platform_of(request), actor_of(request), workspace, name, body.owner, write=body.write)
    return answers.text(f"{body.owner} does not own the folder {name}.")


ROUTES = [
    list_workspaces,
    list_archived_workspaces,
    delete_workspace,
    change_workspace_name,
    change_workspace_color,
    archive_workspace,
    unarchive_workspace,
    create_workspace,
    workspace_exists,
    username_exists,
    get_settings,
    get_workspace_name,
    list_ws_specific,
    edit_secrets_readable,
    edit_retention,
    edit_token_max_age,
    edit_search_run_data,
    edit_error_handler,
    edit_webhook,
    whoami_in,
    get_member,
    list_members,
    list_usernames,
    username_to_email,
    create_folder,
    update_folder,
    get_folder,
    folder_exists,
    list_folders,
    list_folder_names,
    delete_folder,
    add_owner,
    remove_owner,
]
