"""Routes of variables."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.db.variables import VariableFilter
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    body_of,
    bool_of,
    decode,
    item_path,
    page_of,
    platform_of,
)
from orvanta_platform.http.schemas import variables as shapes
from orvanta_platform.orchestrator import secret_access
from orvanta_platform.services.secrets import contextual, export_keys, variables

_V = "/api/w/{workspace:str}/variables"
_FILTERS = ("path_start", "path", "description", "value", "label")


@post(f"{_V}/create", status_code=201, opt=call(body=shapes.CreateVariable, query=("already_encrypted",)))
async def create_variable(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a variable. With `already_encrypted`, the value is one that `encrypt` or an archive has returned."""
    body = await body_of(request, shapes.CreateVariable)
    encrypted = bool_of(request, "already_encrypted") or False
    draft = shapes.created(body, already_encrypted=encrypted)
    await variables.create(platform_of(request), actor_of(request), workspace, draft)
    return answers.text(f"Created the variable {body.path}.", 201)


@post(f"{_V}/update/{{path:path}}", status_code=200, opt=call(body=shapes.EditVariable, query=("already_encrypted",)))
async def update_variable(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Update a variable. Fields missing in the body are not changed; `path` moves the variable.

    Answers 409 `version_conflict` if the variable was changed since `base_version`; details have the stored values.
    """
    body = await body_of(request, shapes.EditVariable)
    encrypted = bool_of(request, "already_encrypted") or False
    draft = shapes.edited(body, already_encrypted=encrypted)
    await variables.update(platform_of(request), actor_of(request), workspace, item_path(path), draft)
    return answers.text(f"Updated the variable {body.path or item_path(path)}.")


@get(f"{_V}/get/{{path:path}}", opt=call(answer=shapes.Variable, query=("decrypt_secret", "include_encrypted")))
async def get_variable(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get a variable, a secret without its value. `decrypt_secret=true` reads the value as `get_value` does.

    Otherwise `include_encrypted=true` returns the value as in an archive with encrypted secrets, for admins.
    """
    decrypt = bool_of(request, "decrypt_secret") or False
    platform, actor = platform_of(request), actor_of(request)
    row, value = await variables.get(platform, actor, workspace, item_path(path), decrypt=decrypt)
    if row.is_secret and not decrypt and bool_of(request, "include_encrypted"):
        value = (await export_keys.encrypted_values(platform, actor, workspace, [row.path])).get(row.path)
    return answers.json(shapes.variable(row, value))


@get(f"{_V}/get_value/{{path:path}}", opt=call(answer=str))
async def get_variable_value(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Get the value of a variable. Only jobs can read secrets: 403 `secret_is_write_only`."""
    value = await secret_access.read(platform_of(request), actor_of(request), workspace, "variable", item_path(path))
    return answers.json(msgspec.Raw(value))


@get(f"{_V}/exists/{{path:path}}", opt=call(answer=bool))
async def variable_exists(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Check whether a variable exists at a path and the caller may read it."""
    return answers.json(await variables.exists(platform_of(request), actor_of(request), workspace, item_path(path)))


@get(f"{_V}/list", opt=call(answer=list[shapes.Variable], query=(*PAGED, *_FILTERS)))
async def list_variables(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List variables the caller may read, by path, without values over 10,000 characters. `after` is a path."""
    page = page_of(request)
    filters: dict[str, Any] = {name: request.query_params.get(name) or None for name in _FILTERS}
    filter_ = VariableFilter(**filters, after=page.after or "", limit=page.limit, offset=page.offset)
    rows = await variables.list_page(platform_of(request), actor_of(request), workspace, filter_)
    return answers.json([shapes.variable(row, row.value) for row in rows])


@get(f"{_V}/list_contextual", opt=call(answer=list[shapes.ContextualVariable]))
async def list_contextual_variables(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the variables that every job has in its environment."""
    found = await contextual.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([shapes.contextual(each) for each in found])


@delete(f"{_V}/delete/{{path:path}}", status_code=200, opt=call())
async def delete_variable(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Delete a variable."""
    await variables.delete(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.text(f"Deleted the variable {item_path(path)}.")


@post(f"{_V}/encrypt", status_code=200, opt=call(body=str))
async def encrypt_value(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Encrypt a text. `create` and `update` accept the result with `already_encrypted=true`."""
    text = decode(await request.body(), str)
    return answers.text(await variables.encrypt(platform_of(request), actor_of(request), workspace, text))


ROUTES = [
    create_variable,
    update_variable,
    get_variable,
    get_variable_value,
    variable_exists,
    list_variables,
    list_contextual_variables,
    delete_variable,
    encrypt_value,
]
