"""Calls of approvals and user states through the unmodified published typed client."""

from __future__ import annotations

import asyncio
from uuid import UUID

from orvanta_api import AuthenticatedClient
from orvanta_api.api.job import (
    cancel_suspended_job_get,
    cancel_suspended_job_post,
    create_job_signature,
    get_approval_info,
    get_flow_user_state,
    get_resume_urls,
    get_suspended_job_flow,
    resume_suspended,
    resume_suspended_flow_as_owner,
    resume_suspended_job_get,
    resume_suspended_job_post,
    set_flow_user_state,
)
from orvanta_api.models.cancel_suspended_job_post_body import CancelSuspendedJobPostBody
from orvanta_api.models.resume_suspended_body import ResumeSuspendedBody
from orvanta_api.models.resume_suspended_flow_as_owner_body import ResumeSuspendedFlowAsOwnerBody
from orvanta_api.models.resume_suspended_job_post_body import ResumeSuspendedJobPostBody
from tests.http.harness import ApiHarness
from tests.http.test_approvals import ended, export_node, job_of
from tests.http.test_jobs_server import served, token_of

from orvanta_platform.control.actor import Role

WORKSPACE = "main"


async def suspended(api: ApiHarness, events: int) -> tuple[UUID, UUID]:
    """Start a run that waits for this number of events; return its id and that of the job whose links are signed."""
    run = await api.flow({**export_node("a", "1"), "suspend": {"required_events": events}}, export_node("b", "resumes"))
    return UUID(run), UUID(await job_of(api, run, "a"))


async def test_typed_client_handles_approvals(api: ApiHarness) -> None:
    run, job = await suspended(api, 3)
    by_owner, asked = await suspended(api, 1)
    no, refused = await suspended(api, 1)
    others = [await api.member(name, Role.ADMIN) for name in ("bea", "cleo")]
    async with served(api) as base:
        tokens = [each.headers["Authorization"].removeprefix("Bearer ") for each in others]
        typed, bea, cleo = (
            AuthenticatedClient(f"{base}/api", token, raise_on_unexpected_status=True)
            for token in (token_of(api), *tokens)
        )
        with typed as client, bea, cleo:
            await asyncio.to_thread(agree, client, [bea, cleo], run, job)
            await asyncio.to_thread(resume_as_owner, client, by_owner, asked)
            await asyncio.to_thread(refuse, client, refused)
    for each in (run, by_owner):
        assert (await ended(api, str(each)))["success"] is True
    assert (await ended(api, str(no)))["result"]["error"]["name"] == "SuspendedDisapproved"


def agree(client: AuthenticatedClient, others: list[AuthenticatedClient], run: UUID, job: UUID) -> None:
    assert set_flow_user_state.sync(WORKSPACE, run, "k", client=client, body={"n": 1})
    assert get_flow_user_state.sync_detailed(WORKSPACE, run, "k", client=client).content == b'{"n":1}'
    urls = get_resume_urls.sync(WORKSPACE, job, 1, client=client, approver="eve")
    assert urls is not None and "/approve/" in urls.approval_page
    assert "approver=eve" in urls.resume and "/cancel/" in urls.cancel
    signature = create_job_signature.sync(WORKSPACE, job, 1, client=client)
    assert signature is not None
    with _lenient(client) as lenient:
        by_get = resume_suspended_job_get.sync_detailed(WORKSPACE, job, 1, signature, client=lenient)
    assert by_get.status_code == 405, "a GET decides nothing"
    body = ResumeSuspendedJobPostBody.from_dict({"x": 1})
    assert resume_suspended_job_post.sync(WORKSPACE, job, 1, signature, client=client, body=body)
    flow = get_suspended_job_flow.sync(WORKSPACE, job, 1, signature, client=client)
    assert flow is not None and flow.job.id == run and len(flow.approvers) == 1
    info = get_approval_info.sync(WORKSPACE, run, client=client)
    assert info is not None and info.flow_id == run and info.can_approve is True
    assert resume_suspended_job_post.sync(WORKSPACE, job, 1, signature, client=others[0], body=body)
    assert resume_suspended.sync(WORKSPACE, job, client=others[1], body=ResumeSuspendedBody(payload={"y": 2}))


def resume_as_owner(client: AuthenticatedClient, run: UUID, job: UUID) -> None:
    owner = ResumeSuspendedFlowAsOwnerBody.from_dict({})
    assert resume_suspended_flow_as_owner.sync(WORKSPACE, run, client=client, body=owner)


def refuse(client: AuthenticatedClient, job: UUID) -> None:
    urls = get_resume_urls.sync(WORKSPACE, job, 1, client=client)
    assert urls is not None
    signature = urls.cancel.rsplit("/", 1)[1]
    with _lenient(client) as lenient:
        by_get = cancel_suspended_job_get.sync_detailed(WORKSPACE, job, 1, signature, client=lenient)
    assert by_get.status_code == 405
    body = CancelSuspendedJobPostBody.from_dict({})
    assert cancel_suspended_job_post.sync(WORKSPACE, job, 1, signature, client=client, body=body)


def _lenient(client: AuthenticatedClient) -> AuthenticatedClient:
    """Return the same client without checks for unexpected statuses."""
    return AuthenticatedClient(client._base_url, client.token)
