"""SCIM 2.0 under /scim/v2, and the tokens of its clients."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, route
from litestar.params import FromPath

from orvanta_platform.db.scim import Matching, ScimUserRow
from orvanta_platform.errors import AlreadyExists, BadRequest, MethodNotAllowed, NotFound, OrvantaError
from orvanta_platform.http import answers, errors
from orvanta_platform.http import scim_messages as messages
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, base_url_of, body_of, platform_of
from orvanta_platform.http.schemas import scim as schemas
from orvanta_platform.http.scim_messages import ScimError, ScimUnsupported
from orvanta_platform.services.access import provisioning, scim_tokens
from orvanta_platform.services.access.provisioning import Group, GroupValues, UserValues

_PAGE: Final = 100
_MAX_RESULTS: Final = 1000
_BODY: Final = 4 << 20

_Answer = tuple[int, dict[str, Any] | None]


@get("/api/scim_tokens/list", opt=call(answer=list[schemas.ScimToken]))
async def list_scim_tokens(request: AnyRequest) -> Response[bytes]:
    """List the tokens of SCIM clients, newest first. Superadmins only."""
    rows = await scim_tokens.list_all(platform_of(request), actor_of(request))
    return answers.json([schemas.scim_token(row) for row in rows])


@post("/api/scim_tokens/create", status_code=201, opt=call(body=schemas.CreateScimToken))
async def create_scim_token(request: AnyRequest) -> Response[bytes]:
    """Create a token of a SCIM client. It is shown only in this response. Superadmins only."""
    body = await body_of(request, schemas.CreateScimToken)
    return answers.text(await scim_tokens.create(platform_of(request), actor_of(request), body.expiration), 201)


@delete("/api/scim_tokens/delete/{token_prefix:str}", status_code=200, opt=call())
async def delete_scim_token(request: AnyRequest, token_prefix: FromPath[str]) -> Response[bytes]:
    """Revoke a token of a SCIM client. Superadmins only."""
    await scim_tokens.delete(platform_of(request), actor_of(request), token_prefix)
    return answers.text("Revoked the token.")


@route(
    "/scim/v2/{path:path}",
    http_method=["GET", "POST", "PUT", "PATCH", "DELETE"],
    status_code=200,
    request_max_body_size=_BODY,
)
async def call_scim(request: AnyRequest, path: FromPath[str]) -> Response[bytes]:
    """Answer a call of a SCIM client."""
    parts = path.strip("/").split("/")
    try:
        query: Mapping[str, str] = request.query_params
        if parts[1:] == [".search"] and request.method == "POST":
            query, parts = _search(await _body(request)), parts[:1]
            status, body = await _list(request, parts[0], query)
        else:
            status, body = await _answer(request, parts[0], parts[1:])
        if body is not None and parts[0] in ("Users", "Groups"):
            body = _selected(body, query)
    except Exception as error:
        status, body = _failure(errors.translate(error, request.scope))
    content = b"" if body is None else msgspec.json.encode(body)
    location = (body or {}).get("meta", {}).get("location") if status == 201 else None
    headers = {"Location": location} if location else {}
    return Response(content, status_code=status, media_type="application/scim+json", headers=headers)


async def _answer(request: AnyRequest, kind: str, rest: list[str]) -> _Answer:
    if kind in ("ServiceProviderConfig", "Schemas", "ResourceTypes") and request.method != "GET":
        raise MethodNotAllowed(f"{kind} does not support the method {request.method}.")
    if kind in (".search", "Bulk"):
        raise ScimUnsupported(f"{kind} is not supported.", hint="Call /Users and /Groups.")
    if kind == "ServiceProviderConfig" and not rest:
        return 200, messages.provider_config(_MAX_RESULTS)
    if kind in ("Schemas", "ResourceTypes"):
        return 200, _description(messages.SCHEMAS if kind == "Schemas" else messages.RESOURCE_TYPES, rest)
    handlers = _RESOURCES.get(kind)
    if handlers is None or len(rest) > 1:
        raise NotFound("There is no such SCIM resource.")
    handler = handlers.get((request.method, bool(rest)))
    if handler is None:
        raise MethodNotAllowed(f"{kind} does not support the method {request.method} here.")
    return await handler(request, *(_id(each) for each in rest))


def _description(all_of: Mapping[str, dict[str, Any]], rest: list[str]) -> dict[str, Any]:
    if not rest:
        return messages.listed([*all_of.values()], len(all_of))
    if len(rest) > 1 or rest[0] not in all_of:
        raise NotFound("There is no such description.")
    return all_of[rest[0]]


async def _list(request: AnyRequest, kind: str, query: Mapping[str, str]) -> _Answer:
    limit, start = _page(query)
    platform, actor, least = platform_of(request), actor_of(request), max(limit, 1)
    if kind == "Users":
        users = await provisioning.list_users(
            platform, actor, _matching(query, "username"), limit=least, offset=start - 1
        )
        found = [_user(request, row) for row in users[:limit]]
        return 200, messages.listed(found, users[0].total if users else 0, start)
    if kind == "Groups":
        groups = await provisioning.list_groups(
            platform,
            actor,
            _matching(query, "displayname"),
            limit=least,
            offset=start - 1,
            members=_is_selected(query, "members"),
        )
        found = [_group(request, each) for each in groups[:limit]]
        return 200, messages.listed(found, groups[0].row.total if groups else 0, start)
    raise NotFound("There is no such SCIM resource.")


def _search(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a search in the form of those of a query."""
    return {name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in body.items()}


async def _list_users(request: AnyRequest) -> _Answer:
    return await _list(request, "Users", request.query_params)


async def _list_groups(request: AnyRequest) -> _Answer:
    return await _list(request, "Groups", request.query_params)


async def _get_user(request: AnyRequest, user: UUID) -> _Answer:
    return 200, _user(request, await provisioning.get_user(platform_of(request), actor_of(request), user))


async def _create_user(request: AnyRequest) -> _Answer:
    body = await _body(request)
    user_name = body.get("userName")
    if not isinstance(user_name, str):
        raise ScimError("invalidValue", "userName must be an e-mail address.")
    made = await provisioning.create_user(platform_of(request), actor_of(request), user_name, _user_values(body))
    return 201, (await _get_user(request, made))[1]


async def _put_user(request: AnyRequest, user: UUID) -> _Answer:
    body = await _body(request)
    return await _change_user(request, user, lambda _: body)


async def _patch_user(request: AnyRequest, user: UUID) -> _Answer:
    operations = (await _body(request)).get("Operations")
    return await _change_user(request, user, lambda row: messages.changed(_user(request, row), operations))


async def _change_user(request: AnyRequest, user: UUID, change: Callable[[ScimUserRow], Mapping[str, Any]]) -> _Answer:
    def values(row: ScimUserRow) -> UserValues:
        wanted = change(row)
        if str(wanted.get("userName", row.email)).lower() != row.email:
            raise ScimError("mutability", "The userName, which is the address of the account, cannot change.")
        return _user_values(wanted)

    await provisioning.update_user(platform_of(request), actor_of(request), user, values)
    return await _get_user(request, user)


async def _delete_user(request: AnyRequest, user: UUID) -> _Answer:
    await provisioning.delete_user(platform_of(request), actor_of(request), user)
    return 204, None


async def _get_group(request: AnyRequest, group: UUID) -> _Answer:
    members = _is_selected(request.query_params, "members")
    found = await provisioning.get_group(platform_of(request), actor_of(request), group, members=members)
    return 200, _group(request, found)


async def _create_group(request: AnyRequest) -> _Answer:
    values = _group_values(messages.changed({}, [{"op": "add", "value": await _body(request)}]))
    made = await provisioning.create_group(platform_of(request), actor_of(request), values)
    return 201, (await _get_group(request, made))[1]


async def _put_group(request: AnyRequest, group: UUID) -> _Answer:
    values = _group_values(messages.changed({}, [{"op": "add", "value": await _body(request)}]))
    await provisioning.update_group(platform_of(request), actor_of(request), group, lambda _: values)
    return await _get_group(request, group)


async def _patch_group(request: AnyRequest, group: UUID) -> _Answer:
    operations = (await _body(request)).get("Operations")

    def values(before: Group) -> GroupValues:
        return _group_values(messages.changed(_group(request, before), operations))

    await provisioning.update_group(platform_of(request), actor_of(request), group, values)
    return await _get_group(request, group)


async def _delete_group(request: AnyRequest, group: UUID) -> _Answer:
    await provisioning.delete_group(platform_of(request), actor_of(request), group)
    return 204, None


_RESOURCES: Final[Mapping[str, Mapping[tuple[str, bool], Callable[..., Awaitable[_Answer]]]]] = {
    "Users": {
        ("GET", False): _list_users,
        ("POST", False): _create_user,
        ("GET", True): _get_user,
        ("PUT", True): _put_user,
        ("PATCH", True): _patch_user,
        ("DELETE", True): _delete_user,
    },
    "Groups": {
        ("GET", False): _list_groups,
        ("POST", False): _create_group,
        ("GET", True): _get_group,
        ("PUT", True): _put_group,
        ("PATCH", True): _patch_group,
        ("DELETE", True): _delete_group,
    },
}
"""Handlers of resources by method, and whether the path has an identifier."""


def _user(request: AnyRequest, row: ScimUserRow) -> dict[str, Any]:
    return {
        "schemas": [messages.USER],
        "id": str(row.id),
        **({"externalId": row.external_id} if row.external_id is not None else {}),
        "userName": row.email,
        **({"displayName": row.name} if row.name is not None else {}),
        "active": not row.disabled,
        "emails": [{"value": row.email, "primary": True}],
        "meta": {
            "resourceType": "User",
            "created": row.created_at.isoformat(),
            "location": _location(request, "Users", row.id),
        },
    }


def _user_values(body: Mapping[str, Any]) -> UserValues:
    active = body.get("active")
    if isinstance(active, str):  # Some clients send "True" and "False".
        active = {"true": True, "false": False}.get(active.lower())
    if "active" in body and not isinstance(active, bool):
        raise ScimError("invalidValue", "active must be true or false.")
    return UserValues(_text(body, "displayName"), _text(body, "externalId"), active)


def _group(request: AnyRequest, group: Group) -> dict[str, Any]:
    row = group.row
    members = [{"value": str(each), "$ref": _location(request, "Users", each)} for each in group.members]
    return {
        "schemas": [messages.GROUP],
        "id": str(row.id),
        **({"externalId": row.external_id} if row.external_id is not None else {}),
        "displayName": row.display_name,
        **({"members": members} if members else {}),
        "meta": {
            "resourceType": "Group",
            "created": row.created_at.isoformat(),
            "location": _location(request, "Groups", row.id),
        },
    }


def _group_values(body: Mapping[str, Any]) -> GroupValues:
    name = _text(body, "displayName")
    if not name:
        raise ScimError("invalidValue", "A group needs a displayName.")
    members = [_member(each["value"]) for each in body.get("members", [])]
    return GroupValues(name, _text(body, "externalId"), members)


def _member(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError as error:
        raise ScimError("invalidValue", "A member of the group does not exist.") from error


def _location(request: AnyRequest, kind: str, id: UUID) -> str:
    return f"{base_url_of(request).rstrip('/')}/scim/v2/{kind}/{id}"


async def _body(request: AnyRequest) -> dict[str, Any]:
    try:
        return msgspec.json.decode(await request.body(), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ScimError("invalidSyntax", "The body must be a JSON object.") from error


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise ScimError("invalidValue", f"{name} must be a text.")
    if value is not None and len(value) > provisioning.MAX_NAME_LENGTH:
        raise ScimError("invalidValue", f"{name} has at most {provisioning.MAX_NAME_LENGTH} characters.")
    return value


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("There is no such SCIM resource.") from error


def _matching(query: Mapping[str, str], name: str) -> Matching:
    """Return the filter of a list; `name` is the attribute that names its resources, in lower case."""
    text = query.get("filter")
    if not text:
        return Matching()
    attribute, value = messages.equality(text)
    if attribute == name:
        return Matching(name=value.lower() if name == "username" else value)
    if attribute == "externalid":
        return Matching(external_id=value)
    if attribute == "id":
        return Matching(id=_id(value))
    raise ScimError("invalidFilter", f"Resources cannot be filtered by {attribute[:50]}.")


def _page(query: Mapping[str, str]) -> tuple[int, int]:
    """Return the number of resources of a page, and the number of its first one."""
    try:
        count, start = (int(query.get(name, default)) for name, default in
                        (("count", _PAGE), ("startIndex", 1)))  # fmt: skip
    except ValueError as error:
        raise ScimError("invalidValue", "count and startIndex must be numbers.") from error
    return min(max(count, 0), _MAX_RESULTS), min(max(start, 1), 1 << 31)


def _selected(body: dict[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Return a resource, or the resources of a list, with the attributes that the call selects."""
    if "Resources" in body:
        return {**body, "Resources": [_selected(each, query) for each in body["Resources"]]}
    return {name: value for name, value in body.items() if name in ("schemas", "id") or _is_selected(query, name)}


def _is_selected(query: Mapping[str, str], attribute: str) -> bool:
    """Return whether a call asks for an attribute."""
    only, without = (_names(query, each) for each in ("attributes", "excludedAttributes"))
    return attribute.lower() not in without and (not only or attribute.lower() in only)


def _names(query: Mapping[str, str], parameter: str) -> set[str]:
    """Return the attributes that a parameter names, in lower case, without schemas and parts."""
    names = query.get(parameter, "").split(",")
    return {each.strip().rpartition(":")[2].partition(".")[0].lower() for each in names if each.strip()}


def _failure(error: OrvantaError) -> _Answer:
    body: dict[str, Any] = {"schemas": [messages.ERROR], "status": str(error.status), "detail": error.message}
    if isinstance(error, ScimError):
        body["scimType"] = error.kind
    elif isinstance(error, AlreadyExists):
        body["scimType"] = "uniqueness"
    elif isinstance(error, BadRequest):
        body["scimType"] = "invalidValue"
    return error.status, body


ROUTES = [list_scim_tokens, create_scim_token, delete_scim_token, call_scim]
