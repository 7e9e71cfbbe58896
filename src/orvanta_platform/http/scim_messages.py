"""Messages of SCIM 2.0 (RFC 7643 and 7644): descriptions of the server, filters, and changes of resources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from orvanta_platform.errors import BadRequest, OrvantaError

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_MAX_OPERATIONS: Final = 1000
_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0:"

_EQUALS = re.compile(r'\s*([A-Za-z]+)\s+eq\s+("(?:[^"\\]|\\.)*")\s*', re.IGNORECASE)
_MEMBER = re.compile(r'members\[value\s+eq\s+"([^"]*)"\]', re.IGNORECASE)
_ATTRIBUTES: Final = {each.lower(): each for each in ("userName", "displayName", "externalId", "active", "members")}


class ScimError(BadRequest):
    """The request does not follow SCIM; `kind` is the `scimType` of the response."""

    code = "scim_invalid"

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ScimUnsupported(OrvantaError):
    """The server does not support this optional part of SCIM."""

    code = "scim_unsupported"
    status = 501


def _attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    base = {"name": name, "type": kind, "multiValued": False, "description": "", "required": False, "caseExact": True}
    return {**base, "mutability": "readWrite", "returned": "default", "uniqueness": "none", **more}


def _schema(id: str, name: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    schemas = [f"{_CORE}Schema"]
    meta = {"resourceType": "Schema", "location": f"/scim/v2/Schemas/{id}"}
    return {"schemas": schemas, "id": id, "name": name, "description": name, "attributes": attributes, "meta": meta}


def _only_read(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return _attribute(name, kind, mutability="readOnly", **more)


_SUPPORTED = [_only_read("supported", "boolean", required=True)]
_MEMBER_PARTS = [
    _attribute("value", mutability="immutable"),
    _attribute("$ref", "reference", mutability="immutable", referenceTypes=["User"]),
]
_EMAIL_PARTS = [_only_read("value"), _only_read("primary", "boolean")]

SCHEMAS: Final[Mapping[str, dict[str, Any]]] = {
    each["id"]: each
    for each in (
        _schema(
            USER,
            "User",
            [
                _attribute("userName", required=True, caseExact=False, mutability="immutable", uniqueness="server"),
                _attribute("displayName"),
                # Required, so that no client removes it; the default is true.
                _attribute("active", "boolean", required=True),
                _only_read("emails", "complex", multiValued=True, subAttributes=_EMAIL_PARTS),
            ],
        ),
        _schema(
            GROUP,
            "Group",
            [
                _attribute("displayName", required=True, uniqueness="server"),
                _attribute("members", "complex", multiValued=True, subAttributes=_MEMBER_PARTS),
            ],
        ),
        _schema(
            f"{_CORE}ServiceProviderConfig",
            "ServiceProviderConfig",
            [
                _only_read("documentationUri", "reference", referenceTypes=["external"]),
                *[
                    _only_read(name, "complex", required=True, subAttributes=_SUPPORTED)
                    for name in ("patch", "changePassword", "sort", "etag")
                ],
                _only_read(
                    "bulk",
                    "complex",
                    required=True,
                    subAttributes=[
                        *_SUPPORTED,
                        _only_read("maxOperations", "integer", required=True),
                        _only_read("maxPayloadSize", "integer", required=True),
                    ],
                ),
                _only_read(
                    "filter",
                    "complex",
                    required=True,
                    subAttributes=[*_SUPPORTED, _only_read("maxResults", "integer", required=True)],
                ),
                _only_read(
                    "authenticationSchemes",
                    "complex",
                    multiValued=True,
                    required=True,
                    subAttributes=[_only_read(name, required=True) for name in ("type", "name", "description")],
                ),
            ],
        ),
        _schema(
            f"{_CORE}ResourceType",
            "ResourceType",
            [
                _only_read("id"),
                _only_read("name", required=True),
                _only_read("description"),
                _only_read("endpoint", "reference", required=True, referenceTypes=["uri"]),
                _only_read("schema", "reference", required=True, referenceTypes=["uri"]),
            ],
        ),
        _schema(
            f"{_CORE}Schema",
            "Schema",
            [
                _only_read("id", required=True),
                _only_read("name"),
                _only_read("description"),
                _only_read(
                    "attributes",
                    "complex",
                    multiValued=True,
                    required=True,
                    subAttributes=[_only_read("name", required=True), _only_read("type", required=True)],
                ),
            ],
        ),
    )
}

RESOURCE_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    name: {
        "schemas": [f"{_CORE}ResourceType"],
        "id": name,
        "name": name,
        "description": text,
        "endpoint": f"/{name}s",
        "schema": schema,
        "meta": {"resourceType": "ResourceType", "location": f"/scim/v2/ResourceTypes/{name}"},
    }
    for name, schema, text in (("User", USER, "Accounts of people"), ("Group", GROUP, "Groups of accounts"))
}


def provider_config(most_results: int) -> dict[str, Any]:
    """Return the description of what the server supports."""
    return {
        "schemas": [f"{_CORE}ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": most_results},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Token", "description": "A token that a superadmin has created"}
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": "/scim/v2/ServiceProviderConfig"},
    }


def listed(resources: list[dict[str, Any]], total: int, start: int = 1) -> dict[str, Any]:
    """Return a page of a list; `start` is the number of its first resource."""
    counts = {"totalResults": total, "startIndex": start, "itemsPerPage": len(resources)}
    return {"schemas": [LIST], **counts, "Resources": resources}


def equality(text: str) -> tuple[str, str]:
    """Return attribute, in lower case, and value of a filter such as `userName eq "ada@example.org"`.

    Raises ScimError for other filters.
    """
    found = _EQUALS.fullmatch(text)
    if found is None:
        raise ScimError("invalidFilter", 'Only filters of the form `attribute eq "value"` are supported.')
    try:
        return found[1].lower(), str(msgspec.json.decode(found[2]))
    except msgspec.DecodeError as error:
        raise ScimError("invalidFilter", "The value of the filter is not valid.") from error


def changed(resource: Mapping[str, Any], operations: Any) -> dict[str, Any]:
    """Return a resource after the operations of a PATCH request. Attributes that are not supported do not change.

    Raises ScimError.
    """
    if not isinstance(operations, list):
        raise ScimError("invalidSyntax", "Operations must be a list.")
    if len(operations) > _MAX_OPERATIONS:
        raise ScimError("tooMany", f"A request has at most {_MAX_OPERATIONS} operations.")
    after = dict(resource)
    if "members" in after:
        after["members"] = _members(after["members"])
    for each in operations:
        if not isinstance(each, dict):
            raise ScimError("invalidSyntax", "An operation must be an object.")
        apply = _OPERATIONS.get(str(each.get("op")).lower())
        if apply is None:
            raise ScimError("invalidSyntax", "The operation must be add, replace or remove.")
        path, value = each.get("path"), each.get("value")
        if path is None:
            if apply is _remove or not isinstance(value, dict):
                raise ScimError("noTarget", "The operation needs a path.")
            for name, part in value.items():
                apply(after, name, part)
        else:
            apply(after, str(path), value)
    if "members" in after:
        after["members"] = list(after["members"].values())
    return after


def _name_of(path: str) -> str | None:
    """Return the supported attribute of a path, also with its schema; None for any other attribute."""
    return _ATTRIBUTES.get(path.rpartition(":")[2].lower())


def _add(resource: dict[str, Any], path: str, value: Any) -> None:
    name = _name_of(path)
    if name == "members":
        resource.setdefault(name, {}).update(_members(value))
    elif name is not None:
        resource[name] = value


def _replace(resource: dict[str, Any], path: str, value: Any) -> None:
    name = _name_of(path)
    if name is not None:
        resource[name] = _members(value) if name == "members" else value


def _remove(resource: dict[str, Any], path: str, value: Any) -> None:
    name, one = _name_of(path), _MEMBER.fullmatch(path)
    if one is not None or (name == "members" and value):
        for gone in [one[1]] if one is not None else _members(value):
            resource.get("members", {}).pop(gone, None)
    elif name is not None:
        resource.pop(name, None)


_OPERATIONS: Final[Mapping[str, Callable[[dict[str, Any], str, Any], None]]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
}


def _members(value: Any) -> dict[str, dict[str, Any]]:
    """Return members by their values, so that each operation takes only as long as what it names."""
    found = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(each, dict) and isinstance(each.get("value"), str) for each in found):
        raise ScimError("invalidValue", "A member needs a value.")
    return {each["value"]: each for each in found}
