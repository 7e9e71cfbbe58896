"""Routes of tests of workflows."""

from __future__ import annotations

from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, platform_of, small_body_of
from orvanta_platform.http.schemas import workflow_tests as schemas
from orvanta_platform.services.catalog import workflow_tests
from orvanta_platform.workflow.playback.document import tree_of

_T = "/api/w/{workspace:str}/workflow_tests"


@get(f"{_T}/list/{{path:path}}", opt=call(answer=list[schemas.WorkflowTestSummary]))
async def list_workflow_tests(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """List the tests of a workflow."""
    found = await workflow_tests.list_all(platform_of(request), actor_of(request), workspace, item_path(path))
    return answers.json([schemas.summary(each) for each in found])


@get(f"{_T}/get/{{name:str}}/{{path:path}}", opt=call(answer=schemas.StoredWorkflowTest))
async def get_workflow_test(
    request: AnyRequest, workspace: FromPath[str], name: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get a test of a workflow."""
    found = await workflow_tests.get(platform_of(request), actor_of(request), workspace, item_path(path), name)
    return answers.json(schemas.stored(found))


@post(f"{_T}/create/{{path:path}}", status_code=200, opt=call(body=schemas.NewWorkflowTest))
async def create_workflow_test(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Create a test of a workflow."""
    body = await small_body_of(request, schemas.NewWorkflowTest)
    where = item_path(path)
    await workflow_tests.create(platform_of(request), actor_of(request), workspace, where, body.name, body.test)
    return answers.text(f"Created the test {body.name} of {where}.")


@post(f"{_T}/update/{{name:str}}/{{path:path}}", status_code=200, opt=call(body=schemas.ChangedWorkflowTest))
async def update_workflow_test(
    request: AnyRequest, workspace: FromPath[str], name: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Replace a test of a workflow."""
    body = await small_body_of(request, schemas.ChangedWorkflowTest)
    where = item_path(path)
    await workflow_tests.update(platform_of(request), actor_of(request), workspace, where, name, body.test)
    return answers.text(f"Updated the test {name} of {where}.")


@delete(f"{_T}/delete/{{name:str}}/{{path:path}}", status_code=200, opt=call())
async def delete_workflow_test(
    request: AnyRequest, workspace: FromPath[str], name: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Delete a test of a workflow."""
    where = item_path(path)
    await workflow_tests.delete(platform_of(request), actor_of(request), workspace, where, name)
    return answers.text(f"Deleted the test {name} of {where}.")


@post(f"{_T}/record/{{id:uuid}}", status_code=200, opt=call(body=schemas.RecordedRun, answer=schemas.RecordedTest))
async def record_workflow_test(request: AnyRequest, workspace: FromPath[str], id: FromPath[UUID]) -> Response[bytes]:
    """Create a test from a run that has ended: its inputs, the answers of its nodes, and its result.

    Secrets are masked. Everybody who may read the workflow can read the test.
    """
    body = await body_of(request, schemas.RecordedRun)
    path, test = await workflow_tests.record(
        platform_of(request), actor_of(request), workspace, id, body.name, body.summary
    )
    return answers.json(schemas.RecordedTest(path=path, name=body.name, test=tree_of(test)))


@post(f"{_T}/run/{{path:path}}", status_code=200, opt=call(body=schemas.TestsToRun, answer=schemas.TestResults))
async def run_workflow_tests(request: AnyRequest, workspace: FromPath[str], path: FromPath[str]) -> Response[bytes]:
    """Run tests of the current version of a workflow with the recorded answers. Nothing is executed, sent or stored."""
    body = await body_of(request, schemas.TestsToRun)
    found = await workflow_tests.run(platform_of(request), actor_of(request), workspace, item_path(path), body.names)
    return answers.json(schemas.results(found))


ROUTES = [
    list_workflow_tests,
    get_workflow_test,
    create_workflow_test,
    update_workflow_test,
    delete_workflow_test,
    record_workflow_test,
    run_workflow_tests,
]
