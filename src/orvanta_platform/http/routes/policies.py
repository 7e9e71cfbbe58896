"""Routes of policies of workspaces and of the instance."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, page_of, platform_of, small_body_of
from orvanta_platform.http.schemas import policies as schemas
from orvanta_platform.services.catalog import policies, policy_fixes
from orvanta_platform.workflow.policies.templates import TEMPLATES

_P = "/api/w/{workspace:str}/policies"
_I = "/api/policies"


@get(f"{_P}/list", opt=call(answer=list[schemas.StoredPolicy]))
async def list_policies(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the policies of the instance and of the workspace."""
    found = await policies.list_all(platform_of(request), actor_of(request), workspace)
    return answers.json([schemas.stored(each) for each in found])


@get(f"{_P}/templates", opt=call(answer=list[schemas.PolicyBody]))
async def list_policy_templates(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List policies to start from. They are not in effect until you create them."""
    policies.require_reader(actor_of(request), workspace)
    return answers.json(TEMPLATES)


@get(f"{_P}/get/{{name:str}}", opt=call(answer=schemas.StoredPolicy))
async def get_policy(
    request: AnyRequest, workspace: FromPath[str], name: FromPath[str], instance: FromQuery[bool] = False
) -> Response[bytes]:
    """Get a policy of the workspace, or of the instance if the workspace has none of this name.

    With `instance`, policies of the workspace are ignored.
    """
    found = await policies.get(platform_of(request), actor_of(request), workspace, name, instance=instance)
    return answers.json(schemas.stored(found))


@get(f"{_P}/violations/{{name:str}}", opt=call(answer=schemas.PolicyViolations, query=("after",)))
async def list_policy_violations(
    request: AnyRequest, workspace: FromPath[str], name: FromPath[str], instance: FromQuery[bool] = False
) -> Response[bytes]:
    """List the items that violate a policy in their current version, whatever its mode.

    A page covers 50 items; request pages until `next` is null. With `instance`, policies of the workspace of this name
    are ignored.
    """
    after = page_of(request).after
    found = await policies.list_violating(
        platform_of(request), actor_of(request), workspace, name, after, instance=instance
    )
    return answers.json(schemas.violating(found))


@post(f"{_P}/fix/{{name:str}}", status_code=200, opt=call(body=schemas.PolicyFix, answer=list[schemas.PolicyProblem]))
async def fix_policy_violations(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Correct the violations of a policy in the newest version of an item, as far as the rules determine the values,
    and deploy the result. The answer lists the violations that remain.
    """
    body = await small_body_of(request, schemas.PolicyFix)
    left = await policy_fixes.fix(
        platform_of(request), actor_of(request), workspace, name, body.kind, body.path, instance=body.instance
    )
    return answers.json(schemas.problems(left))


@post(f"{_P}/create", status_code=200, opt=call(body=schemas.PolicyBody))
async def create_policy(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a policy of the workspace. Admins only."""
    return await _create(request, workspace)


@post(f"{_P}/update/{{name:str}}", status_code=200, opt=call(body=schemas.PolicyBody))
async def update_policy(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Replace a policy of the workspace. Admins only."""
    return await _update(request, workspace, name)


@delete(f"{_P}/delete/{{name:str}}", status_code=200, opt=call())
async def delete_policy(request: AnyRequest, workspace: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Delete a policy of the workspace. Admins only."""
    return await _delete(request, workspace, name)


@get(f"{_I}/list", opt=call(answer=list[schemas.StoredPolicy]))
async def list_instance_policies(request: AnyRequest) -> Response[bytes]:
    """List the policies of the instance. Superadmins only."""
    found = await policies.list_all(platform_of(request), actor_of(request), None)
    return answers.json([schemas.stored(each) for each in found])


@post(f"{_I}/create", status_code=200, opt=call(body=schemas.PolicyBody))
async def create_instance_policy(request: AnyRequest) -> Response[bytes]:
    """Create a policy of the instance, which applies to all workspaces. Superadmins only."""
    return await _create(request, None)


@post(f"{_I}/update/{{name:str}}", status_code=200, opt=call(body=schemas.PolicyBody))
async def update_instance_policy(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Replace a policy of the instance. Superadmins only."""
    return await _update(request, None, name)


@delete(f"{_I}/delete/{{name:str}}", status_code=200, opt=call())
async def delete_instance_policy(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Delete a policy of the instance. Superadmins only."""
    return await _delete(request, None, name)


async def _create(request: AnyRequest, workspace: str | None) -> Response[bytes]:
    tree = schemas.tree_of(await small_body_of(request, schemas.PolicyBody))
    policy = await policies.create(platform_of(request), actor_of(request), workspace, tree)
    return answers.text(f"Created the policy {policy.name}.")


async def _update(request: AnyRequest, workspace: str | None, name: str) -> Response[bytes]:
    tree = schemas.tree_of(await small_body_of(request, schemas.PolicyBody))
    await policies.update(platform_of(request), actor_of(request), workspace, name, tree)
    return answers.text(f"Updated the policy {name}.")


async def _delete(request: AnyRequest, workspace: str | None, name: str) -> Response[bytes]:
    await policies.delete(platform_of(request), actor_of(request), workspace, name)
    return answers.text(f"Deleted the policy {name}.")


ROUTES = [
    list_policies,
    list_policy_templates,
    get_policy,
    list_policy_violations,
    fix_policy_violations,
    create_policy,
    update_policy,
    delete_policy,
    list_instance_policies,
    create_instance_policy,
    update_instance_policy,
    delete_instance_policy,
]
