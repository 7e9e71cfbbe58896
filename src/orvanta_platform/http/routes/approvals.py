"""Routes of approvals: signed links, and decisions of signed-in members."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import MediaType, Response, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.links import Action
from orvanta_platform.errors import BadRequest, InvalidInput, MethodNotAllowed
from orvanta_platform.http import answers
from orvanta_platform.http.errors import respond
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import ACTOR, AnyRequest, actor_of, body_of, platform_of
from orvanta_platform.http.schemas import approvals as schemas
from orvanta_platform.http.schemas.approvals import (
    ApprovalInfo,
    ConsentBody,
    RecordedDecision,
    ResumeBody,
    SuspendedFlow,
    Urls,
    WaitingApproval,
)
from orvanta_platform.services.approvals import decisions
from orvanta_platform.services.approvals import inbox as approval_inbox
from orvanta_platform.services.approvals.approvers import Decider
from orvanta_platform.services.approvals.links import Link

_JOBS = "/api/w/{workspace:str}/jobs"
_U = "/api/w/{workspace:str}/jobs_u"
_SIGNED = "{id:uuid}/{resume_id:int}/{signature:str}"
_MAX_PAYLOAD = 1 << 20
MAX_BODY = 2 << 20
"""Maximum size in bytes of a body sent with a signed link, which needs no token."""

_MAX_NAME = 200
_MAX_RESUME_ID = (1 << 63) - 1
_ANONYMOUS = "anonymous"


@get(f"{_JOBS}/resume_urls/{{id:uuid}}/{{resume_id:int}}", opt=shape(answer=Urls))
async def get_resume_urls(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    approver: FromQuery[str | None] = None,
    flow_level: FromQuery[bool] = False,
) -> Urls:
    """Create signed links that resume or cancel a suspended job, and the link to its approval page."""
    urls = await decisions.resume_urls(
        platform_of(request),
        actor_of(request),
        workspace,
        id,
        _checked(resume_id),
        flow_level=flow_level,
        approver=approver,
    )
    return Urls(approval_page=urls.approval_page, resume=urls.resume, cancel=urls.cancel)


@get(f"{_JOBS}/job_signature/{{id:uuid}}/{{resume_id:int}}", media_type=MediaType.TEXT, opt=shape())
async def get_job_signature(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    action: FromQuery[str] = "resume",
) -> str:
    """Create the signature of a link only; `action=cancel` for a link that cancels."""
    if action not in (Action.RESUME, Action.CANCEL):
        raise BadRequest("action must be resume or cancel.")
    return await decisions.signature(
        platform_of(request), actor_of(request), workspace, id, _checked(resume_id), Action(action)
    )


@get(f"{_U}/resume/{_SIGNED}", opt=shape())
async def resume_get(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Redirect to the approval page. A GET decides nothing: programs that preview links send one."""
    return await _redirect_to_page(request, workspace, Link(id, resume_id, signature), Action.RESUME, approver)


@post(f"{_U}/resume/{_SIGNED}", status_code=201, opt=shape(body=AnyObject), request_max_body_size=MAX_BODY)
async def resume_post(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Approve with a signed link. The next node reads the body as `resume`."""
    link = Link(id, resume_id, signature)
    return await _decide_by_link(request, workspace, link, Action.RESUME, approver, _json(await request.body()))


@get(f"{_U}/cancel/{_SIGNED}", opt=shape())
async def cancel_get(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Redirect to the approval page, as `GET resume` does."""
    return await _redirect_to_page(request, workspace, Link(id, resume_id, signature), Action.CANCEL, approver)


@post(f"{_U}/cancel/{_SIGNED}", status_code=201, opt=shape(body=AnyObject), request_max_body_size=MAX_BODY)
async def cancel_post(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
    approver: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Reject with a signed link."""
    link = Link(id, resume_id, signature)
    return await _decide_by_link(request, workspace, link, Action.CANCEL, approver, _json(await request.body()))


@get(f"{_U}/get_flow/{_SIGNED}", opt=shape(answer=SuspendedFlow))
async def get_flow_by_link(
    request: AnyRequest,
    workspace: FromPath[str],
    id: FromPath[UUID],
    resume_id: FromPath[int],
    signature: FromPath[str],
) -> SuspendedFlow:
    """Get the run behind a signed link, limited to the content of the approval page, and the approvals so far."""
    platform = platform_of(request)
    seen = await decisions.get_by_link(platform, workspace, Link(id, resume_id, signature))
    return schemas.suspended_flow(seen)


@get(f"{_U}/flow/approval_info/{{job_id:uuid}}", opt=shape(answer=ApprovalInfo))
async def get_approval_info(request: AnyRequest, workspace: FromPath[str], job_id: FromPath[UUID]) -> ApprovalInfo:
    """Get the pending decision of a run or node, and whether the caller may make it."""
    return schemas.approval_info(await decisions.info(platform_of(request), actor_of(request), workspace, job_id))


@post(
    f"{_U}/flow/resume_suspended/{{job_id:uuid}}",
    status_code=201,
    media_type=MediaType.TEXT,
    opt=shape(body=ResumeBody),
)
async def resume_suspended(request: AnyRequest, workspace: FromPath[str], job_id: FromPath[UUID]) -> str:
    """Approve or reject the pending decision of a run or node as the caller."""
    body = await body_of(request, ResumeBody)
    await decisions.decide(
        platform_of(request),
        actor_of(request),
        workspace,
        job_id,
        approved=body.approved,
        payload=_payload(body.payload),
        traceparent=request.headers.get("traceparent"),
    )
    return "resumed" if body.approved else "cancelled"


@post(f"{_JOBS}/flow/resume/{{id:uuid}}", status_code=201, media_type=MediaType.TEXT, opt=shape(body=AnyObject))
async def resume_flow(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> str:
    """Approve the pending decision of a run as the caller. The next node reads the body as `resume`."""
    await decisions.decide(
        platform_of(request),
        actor_of(request),
        workspace,
        id,
        approved=True,
        payload=_json(await request.body()),
        traceparent=request.headers.get("traceparent"),
    )
    return "resumed"


@get("/api/w/{workspace:str}/approvals/list", opt=shape(answer=list[WaitingApproval]))
async def list_approvals(
    request: AnyRequest, workspace: FromPath[str], mine: FromQuery[bool] = False, per_page: FromQuery[int] = 100
) -> list[WaitingApproval]:
    """List pending decisions in a workspace that the caller may see, or with `mine` only those it may make.

    The oldest comes first. At most `per_page`, which is limited to 500, are returned.
    """
    platform, actor = platform_of(request), actor_of(request)
    limit = min(max(per_page, 1), approval_inbox.MAX_PAGE)
    found = await approval_inbox.list_waiting(platform, actor, workspace, mine=mine, limit=limit)
    shown: list[WaitingApproval] = []
    for each in found:
        await asyncio.sleep(0)  # a large form takes long, so other tasks run in between
        shown.append(schemas.waiting_approval(each))
    return shown


@post("/api/v1/runs/{id:uuid}/consent", status_code=200, opt=shape(body=ConsentBody, answer=RecordedDecision))
async def consent(request: AnyRequest, id: FromPath[UUID]) -> RecordedDecision:
    """Make a pending decision of a run as the caller.

    If several decisions are pending, `node` selects one by its node id or job id.
    """
    actor = actor_of(request)
    if actor.workspace is None:
        raise BadRequest("The workspace is missing.", hint="Use a token of a workspace, or send X-Workspace.")
    body = await body_of(request, ConsentBody)
    outcome = await decisions.decide(
        platform_of(request),
        actor,
        actor.workspace,
        id,
        approved=body.decision == "approved",
        payload=_payload(body.form),
        fields=None if isinstance(body.fields, msgspec.UnsetType) else body.fields,
        reason=body.reason,
        node=body.node,
        traceparent=request.headers.get("traceparent"),
    )
    return RecordedDecision(
        decision="approved" if outcome.approved else "rejected", by=outcome.approver, first=outcome.first
    )


def decider_of(request: AnyRequest, approver: str | None, payload: bytes, reason: str | None = None) -> Decider:
    """Return the person that decides by a link: the signed-in member, otherwise the name in the link.

    Raises InvalidInput if the payload is too large.
    """
    _require_small(payload)
    found = request.scope.get(ACTOR)
    actor = found if isinstance(found, Actor) and found.role is not None else None
    name = (approver or _ANONYMOUS)[:_MAX_NAME]
    client = request.scope.get("client")
    address = str(client[0]) if client else None
    return Decider(name, actor, payload, reason, address, request.headers.get("traceparent"))


async def _decide_by_link(
    request: AnyRequest, workspace: str, link: Link, action: Action, approver: str | None, payload: bytes
) -> Response[bytes]:
    outcome = await decisions.decide_by_link(
        platform_of(request),
        workspace,
        link,
        action,
        approved=action is Action.RESUME,
        decider=decider_of(request, approver, payload),
    )
    word = "resumed" if outcome.approved else "cancelled"
    return answers.text(f"{word} by {outcome.approver}", 201 if outcome.first else 200)


async def _redirect_to_page(
    request: AnyRequest, workspace: str, link: Link, action: Action, approver: str | None
) -> Response[bytes]:
    """Return 303 to the page for a browser, otherwise 405, so that no program mistakes the page for a decision."""
    await decisions.check_link(platform_of(request), workspace, link, action)
    query = f"?{urlencode({'approver': approver})}" if approver else ""
    page = f"/approve/{workspace}/{link.job}/{link.resume_id}/{link.signature}{query}"
    if "text/html" in request.headers.get("accept", ""):
        return Response(b"", status_code=303, headers={"Location": page}, media_type="text/plain")
    error = MethodNotAllowed(
        "A GET decides nothing.",
        hint="Send a POST to this address to decide, or open the approval page.",
        details={"approvalPage": platform_of(request).settings.base_url.rstrip("/") + page},
    )
    return respond(error, {"Allow": "POST"})


def _checked(resume_id: int) -> int:
    if not 0 <= resume_id <= _MAX_RESUME_ID:
        raise BadRequest("The resume id is out of range.")
    return resume_id


def _require_small(payload: bytes) -> None:
    if len(payload) > _MAX_PAYLOAD:
        raise InvalidInput(f"The payload is larger than {_MAX_PAYLOAD} bytes.")


def _payload(raw: msgspec.Raw | msgspec.UnsetType) -> bytes:
    """Return the payload in a body. Raises InvalidInput if it is too large."""
    text = b"{}" if isinstance(raw, msgspec.UnsetType) else bytes(raw)
    _require_small(text)
    return text


def _json(body: bytes) -> bytes:
    """Return a body that is a payload. It is parsed here, so its size is limited. Raises InvalidInput."""
    text = body.strip()
    if not text:
        return b"{}"
    _require_small(text)
    try:
        msgspec.json.decode(text)
        text.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"The payload is not JSON: {str(error)[:200]}.") from error
    return text


ROUTES: list[Any] = [
    get_resume_urls,
    get_job_signature,
    resume_get,
    resume_post,
    cancel_get,
    cancel_post,
    get_flow_by_link,
    get_approval_info,
    resume_suspended,
    resume_flow,
    list_approvals,
    consent,
]
