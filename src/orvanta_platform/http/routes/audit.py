"""Routes of the audit trail, and of the tokens of a workspace's members."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
from litestar import Response, delete, get
from litestar.params import FromPath
from litestar.response import Stream

from orvanta_platform.db.audit import AuditFilter, AuditRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers, streaming
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import (
    AnyRequest,
    actor_of,
    comma_list_of,
    live_actor_of,
    page_of,
    platform_of,
    row_of,
)
from orvanta_platform.http.schemas import audit as shapes
from orvanta_platform.services.access import audit_chain, audit_trail, tokens

_W = "/api/w/{workspace:str}"
_FILTERS = (
    "username",
    "operation",
    "operations",
    "exclude_operations",
    "action_kind",
    "resource",
    "resource_prefix",
    "after",
    "before",
)
_NDJSON = "application/x-ndjson"


@get(f"{_W}/audit/list", opt=call(answer=list[shapes.AuditEntry], query=(*_FILTERS, "before_id", "page", "per_page")))
async def list_audit(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the audit trail of the workspace, newest first. Admins only.

    One entry records all calls of a reader within ten minutes. `operation`: an operation, or its first part
    (`users`). `resource`: a path, name or address; `resource_prefix`: its beginning. `after` and `before`: times;
    `before_id`: the id of the last entry of the page before.
    """
    return await _list(request, workspace)


@get("/api/audit/list", opt=call(answer=list[shapes.AuditEntry], query=(*_FILTERS, "before_id", "page", "per_page")))
async def list_instance_audit(request: AnyRequest) -> Response[bytes]:
    """List the audit trail of the instance (accounts, logins), newest first. Superadmins only."""
    return await _list(request, None)


@get(f"{_W}/audit/get/{{id:int}}", opt=call(answer=shapes.AuditEntry))
async def get_audit(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Get an entry of the audit trail. Admins only."""
    row = await audit_trail.get(platform_of(request), actor_of(request), workspace, id)
    return answers.json(shapes.audit_entry(row))


@get(f"{_W}/audit/export", opt=call(query=_FILTERS, media=(_NDJSON,)))
async def export_audit(request: AnyRequest, workspace: FromPath[str]) -> Stream:
    """Export the audit trail of the workspace as NDJSON, oldest first. Admins only. The call itself is recorded."""
    return await _export(request, workspace)


@get("/api/audit/export", opt=call(query=_FILTERS, media=(_NDJSON,)))
async def export_instance_audit(request: AnyRequest) -> Stream:
    """Export the audit trail of the instance as NDJSON, oldest first. Superadmins only."""
    return await _export(request, None)


@get(f"{_W}/audit/verify", opt=call(answer=shapes.AuditVerification, query=("anchor",)))
async def verify_audit(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Verify the hash chain of the workspace's audit trail. Admins only.

    `anchor`: `<links>:<head>` of an earlier verification, which the chain must still contain.
    """
    return await _verify(request, workspace)


@get("/api/audit/verify", opt=call(answer=shapes.AuditVerification, query=("anchor",)))
async def verify_instance_audit(request: AnyRequest) -> Response[bytes]:
    """Verify the hash chain of the instance's audit trail. Superadmins only."""
    return await _verify(request, None)


@get(f"{_W}/tokens/list", opt=call(answer=list[shapes.MemberToken], query=("page", "per_page")))
async def list_member_tokens(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the tokens with which members can act in the workspace, by username. Admins only."""
    page = page_of(request)
    rows = await tokens.list_of_workspace(
        platform_of(request), actor_of(request), workspace, limit=page.limit, offset=page.offset
    )
    return answers.json([shapes.member_token(row) for row in rows])


@delete(f"{_W}/tokens/delete/{{token_prefix:str}}", status_code=200, opt=call())
async def revoke_member_token(
    request: AnyRequest, workspace: FromPath[str], token_prefix: FromPath[str]
) -> Response[bytes]:
    """Revoke a token of a member that is valid in this workspace only, or one of a service account. Admins only."""
    await tokens.revoke(platform_of(request), actor_of(request), workspace, token_prefix)
    return answers.text("Revoked the token.")


async def _list(request: AnyRequest, workspace: str | None) -> Response[bytes]:
    page = page_of(request)
    rows = await audit_trail.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        _filter(request),
        before=row_of("before_id", request.query_params.get("before_id")),
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([shapes.audit_entry(row) for row in rows])


async def _verify(request: AnyRequest, workspace: str | None) -> Response[bytes]:
    text = request.query_params.get("anchor")
    number, colon, digest = (text or "").partition(":")
    if text and not (colon and number.isascii() and number.isdigit() and len(number) < 19):
        raise BadRequest("anchor must be <links>:<head>.")
    anchor = (int(number), digest) if text else None
    found = await audit_chain.verify(platform_of(request), live_actor_of(request), workspace, anchor)
    return answers.json(shapes.verification(found))


async def _export(request: AnyRequest, workspace: str | None) -> Stream:
    batches = await audit_trail.export(platform_of(request), live_actor_of(request), workspace, _filter(request))
    return streaming.download(_lines(batches), _NDJSON)


async def _lines(batches: AsyncIterator[list[AuditRow]]) -> AsyncIterator[bytes]:
    encoder = msgspec.json.Encoder()
    async for rows in batches:
        yield encoder.encode_lines([shapes.audit_entry(row) for row in rows])


def _filter(request: AnyRequest) -> AuditFilter:
    query = request.query_params
    return AuditFilter(
        actor=query.get("username") or None,
        operation=query.get("operation") or None,
        action_kind=query.get("action_kind") or None,
        resource=query.get("resource") or None,
        resource_prefix=query.get("resource_prefix") or None,
        since=_time(query.get("after")),
        until=_time(query.get("before")),
        operations=comma_list_of(request, "operations"),
        excluded=comma_list_of(request, "exclude_operations"),
    )


def _time(text: str | None) -> datetime | None:
    """Return a time of the query, in UTC unless it names a time zone. Raises BadRequest."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"{text[:50]!r} is not a time.", hint="Write it like 2026-01-31T12:00:00Z.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


ROUTES = [
    list_audit,
    list_instance_audit,
    get_audit,
    export_audit,
    export_instance_audit,
    verify_audit,
    verify_instance_audit,
    list_member_tokens,
    revoke_member_token,
]
