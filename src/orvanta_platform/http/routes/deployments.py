"""Routes of deployments to the environment of a workspace."""

from __future__ import annotations

from typing import get_args

from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET

from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, bool_of, page_of, platform_of, row_of
from orvanta_platform.http.schemas import deployments as schemas
from orvanta_platform.services.releases import (
    approver_access,
    automatic_promotions,
    deployments,
    discussion,
    history,
    item_changes,
    pending_approvals,
    plans,
    requests,
)
from orvanta_platform.services.releases.requests import PlannedRequest, RequestState

_D = "/api/w/{workspace:str}/deployments"


@get(f"{_D}/environment", opt=call(answer=schemas.EnvironmentState))
async def get_environment(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the environment of the workspace: its rules, what runs there, a hold, and changes outside of releases."""
    platform, actor = platform_of(request), actor_of(request)
    environment = await requests.environment_of(platform, actor, workspace)
    last = await history.list_page(platform, actor, workspace, limit=1)
    drift = await plans.find_drift(platform, actor, environment)
    automatic_promotion = await automatic_promotions.get(platform, actor, workspace)
    approvers = await approver_access.count_approvers(platform, actor, environment)
    return answers.json(schemas.state(environment, last[0] if last else None, drift, automatic_promotion, approvers))


@post(f"{_D}/plan", status_code=200, opt=call(body=schemas.ReleaseName, answer=schemas.ReleasePlan))
async def plan_release(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the effect of a release on the environment, and everything that prevents its deployment."""
    body = await body_of(request, schemas.ReleaseName)
    made, unfulfilled = await requests.plan(
        platform_of(request), actor_of(request), workspace, body.source, body.number, overwrite=body.overwrite
    )
    return answers.json(schemas.release_plan(made, unfulfilled))


@post(f"{_D}/create", status_code=201, opt=call(body=schemas.NewRequest, answer=schemas.DetailedRequest))
async def create_request(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Request the deployment of a release to the environment."""
    body = await body_of(request, schemas.NewRequest)
    made = await requests.create(
        platform_of(request),
        actor_of(request),
        workspace,
        body.source,
        body.number,
        overwrite=body.overwrite,
        assignees=body.assignees,
    )
    return answers.json(schemas.detailed(made), 201)


@get(f"{_D}/list", opt=call(answer=list[schemas.DeploymentRequest], query=("state", "waiting", "before", "per_page")))
async def list_requests(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List requests, newest first: your own, and those of which you may read all paths.

    `state`: open, applied, rejected or withdrawn. `waiting`: true for those that wait for your approval, oldest first.
    `before`: id below which the page begins.
    """
    page = page_of(request)
    if bool_of(request, "waiting"):
        platform, actor = platform_of(request), actor_of(request)
        waiting = await pending_approvals.list_pending(platform, actor, workspace, limit=page.limit)
        return answers.json([schemas.request(each) for each in waiting])
    found = await requests.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        before=row_of("before", page.before),
        state=_state(request.query_params.get("state")),
        limit=page.limit,
    )
    return answers.json([schemas.request(each) for each in found])


@get(f"{_D}/get/{{id:int}}", opt=call(answer=schemas.DetailedRequest))
async def get_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Get a request with its decisions, and its plan as it is now."""
    return _detailed(await requests.get(platform_of(request), actor_of(request), workspace, id))


@get(f"{_D}/changes/{{id:int}}", opt=call(answer=list[schemas.RequestedChange]))
async def list_changes(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """List the items that a request changes, with their contents before and after, and the differences of workflows."""
    found = await item_changes.list_changes(platform_of(request), actor_of(request), workspace, id)
    return answers.json([schemas.requested_change(each) for each in found])


@post(f"{_D}/approve/{{id:int}}", status_code=200, opt=call(body=schemas.PlanHash, answer=schemas.DetailedRequest))
async def approve_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Approve the plan of a request. Approvers only; the plan must be the current one."""
    body = await body_of(request, schemas.PlanHash)
    platform, actor = platform_of(request), actor_of(request)
    return _detailed(await requests.approve(platform, actor, workspace, id, body.plan_hash, body.comment))


@post(f"{_D}/reject/{{id:int}}", status_code=200, opt=call(body=schemas.Comment, answer=schemas.DetailedRequest))
async def reject_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Reject and close a request. Approvers only."""
    body = await body_of(request, schemas.Comment)
    return _detailed(await requests.reject(platform_of(request), actor_of(request), workspace, id, body.comment))


@post(f"{_D}/comment/{{id:int}}", status_code=200, opt=call(body=schemas.NewComment, answer=schemas.DetailedRequest))
async def comment_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Add a comment to a request, or to one item of its plan (`kind` and `path`)."""
    body = await body_of(request, schemas.NewComment)
    if not body.comment.strip():
        raise BadRequest("The comment is empty.")
    if (body.kind is None) != (body.path is None):
        raise BadRequest("A comment on an item needs its `kind` and its `path`.")
    item = None if body.kind is None or body.path is None else (body.kind, body.path)
    platform, actor = platform_of(request), actor_of(request)
    return _detailed(await discussion.comment(platform, actor, workspace, id, body.comment, item))


@post(f"{_D}/assign/{{id:int}}", status_code=200, opt=call(body=schemas.Assignment, answer=schemas.DetailedRequest))
async def assign_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Ask these approvers for their approval, by mail and on their home page. Its author and admins only."""
    body = await body_of(request, schemas.Assignment)
    platform, actor = platform_of(request), actor_of(request)
    return _detailed(await discussion.assign(platform, actor, workspace, id, body.assignees))


@post(f"{_D}/withdraw/{{id:int}}", status_code=200, opt=call(answer=schemas.DetailedRequest))
async def withdraw_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Close a request without applying it. Its author and admins only."""
    return _detailed(await requests.withdraw(platform_of(request), actor_of(request), workspace, id))


@post(f"{_D}/renew/{{id:int}}", status_code=200, opt=call(body=schemas.RenewRequest, answer=schemas.DetailedRequest))
async def renew_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Renew the plan of a request. Approvals of the previous plan no longer count. Its author and admins only."""
    body = await body_of(request, schemas.RenewRequest)
    overwrite = None if body.overwrite is UNSET else body.overwrite
    platform, actor = platform_of(request), actor_of(request)
    return _detailed(await requests.renew(platform, actor, workspace, id, overwrite=overwrite))


@post(f"{_D}/apply/{{id:int}}", status_code=200, opt=call(body=schemas.ApplyRequest, answer=schemas.RequestOutcome))
async def apply_request(request: AnyRequest, workspace: FromPath[str], id: FromPath[int]) -> Response[bytes]:
    """Apply a request: all of its items change, or none. They are written with your own rights."""
    body = await body_of(request, schemas.ApplyRequest)
    done = await deployments.apply(
        platform_of(request),
        actor_of(request),
        workspace,
        id,
        body.plan_hash,
        bypass_reason=body.bypass_reason,
    )
    return answers.json(schemas.outcome(done))


@post(f"{_D}/rollback", status_code=200, opt=call(body=schemas.Rollback, answer=schemas.RequestOutcome))
async def rollback(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Deploy an earlier release again, and hold promotions until the hold is lifted.

    The request stays open if rules of the environment, such as approvals, are not fulfilled yet.
    """
    body = await body_of(request, schemas.Rollback)
    done = await deployments.rollback(
        platform_of(request),
        actor_of(request),
        workspace,
        body.reason,
        source=body.source,
        number=body.number,
        overwrite=body.overwrite,
        bypass_reason=body.bypass_reason,
    )
    return answers.json(schemas.outcome(done))


@post(f"{_D}/lift_hold", status_code=200, opt=call())
async def lift_hold(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Permit promotions to the environment again after a rollback."""
    await requests.lift_hold(platform_of(request), actor_of(request), workspace)
    return answers.text("Lifted the hold.")


@post(f"{_D}/automatic", status_code=200, opt=call(body=schemas.AutomaticSetting))
async def set_automatic(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Enable or disable automatic promotion of the releases of the previous environment, with your own rights.

    Only members who may apply can enable it; they and admins of the workspace can disable it.
    """
    body = await body_of(request, schemas.AutomaticSetting)
    change = automatic_promotions.enable if body.enabled else automatic_promotions.disable
    await change(platform_of(request), actor_of(request), workspace)
    return answers.text(f"Automatic promotion is {'enabled' if body.enabled else 'disabled'}.")


@get(f"{_D}/history", opt=call(answer=list[schemas.Deployment], query=("before", "per_page")))
async def list_deployments(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the deployments to the environment of which you may read all paths, newest first.

    `before`: id below which the page begins.
    """
    page = page_of(request)
    found = await history.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        before=row_of("before", page.before),
        limit=page.limit,
    )
    return answers.json([schemas.deployment(each) for each in found])


def _detailed(found: PlannedRequest) -> Response[bytes]:
    return answers.json(schemas.detailed(found))


def _state(text: str | None) -> RequestState | None:
    if text is None:
        return None
    states: dict[str, RequestState] = {each: each for each in get_args(RequestState)}
    if text not in states:
        raise BadRequest(f"`state` is one of {', '.join(states)}.")
    return states[text]


ROUTES = [
    get_environment,
    plan_release,
    create_request,
    list_requests,
    get_request,
    list_changes,
    approve_request,
    reject_request,
    comment_request,
    assign_request,
    withdraw_request,
    renew_request,
    apply_request,
    rollback,
    lift_hold,
    set_automatic,
    list_deployments,
]
