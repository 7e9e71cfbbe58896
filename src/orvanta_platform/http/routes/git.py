"""Routes of bindings to Git repositories."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, item_path, platform_of, row_of
from orvanta_platform.http.schemas import changes as change_shapes
from orvanta_platform.http.schemas import git as schemas
from orvanta_platform.services.git import bindings, incoming, incoming_differences

_G = "/api/w/{workspace:str}/git"


@get(f"{_G}/get", opt=call(answer=schemas.GitBinding | None))
async def get_git_binding(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the repository that the workspace is bound to, with the state of the synchronisation; null if it is not."""
    actor = actor_of(request)
    return answers.json(schemas.binding(actor, await bindings.get(platform_of(request), actor, workspace)))


@post(f"{_G}/bind", status_code=200, opt=call(body=schemas.BindGit, answer=schemas.GitBound))
async def bind_git(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Bind the workspace to a branch of a repository. Admins only.

    Each deployment becomes a commit of the branch. Commits made elsewhere are shown as a plan, and are applied on
    request only. The token is write-only. A repository that cannot be read is refused; its branch need not exist.
    """
    draft = schemas.draft_of(await body_of(request, schemas.BindGit))
    found = await bindings.bind(platform_of(request), actor_of(request), workspace, draft)
    return answers.json(schemas.bound(workspace, found))


@delete(f"{_G}/unbind", status_code=200, opt=call())
async def unbind_git(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Delete the binding. Items of the workspace and commits of the repository remain. Admins only."""
    await bindings.unbind(platform_of(request), actor_of(request), workspace)
    return answers.text(f"Unbound the workspace {workspace}.")


@post(f"{_G}/fetch", status_code=200, opt=call(answer=schemas.GitFetch))
async def fetch_git(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Start to fetch the branch. It is fetched when `fetched_at` of the binding is later than the returned time."""
    at = await bindings.fetch(platform_of(request), actor_of(request), workspace)
    return answers.json(schemas.GitFetch(requested_at=at))


@get(f"{_G}/incoming", opt=call(answer=schemas.IncomingPlan))
async def get_incoming_plan(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the changes of the repository that are not applied yet: what they add, change or remove, and conflicts."""
    found = await incoming.review(platform_of(request), actor_of(request), workspace)
    return answers.json(schemas.incoming(found))


@get(f"{_G}/incoming/{{kind:str}}/{{path:path}}", opt=call(answer=schemas.IncomingDifference))
async def get_incoming_difference(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get the content of an item of the plan before and after its change. Values of secrets are masked.

    Of an item in conflict, `after` is the content in the repository.
    """
    key = schemas.kind_of(kind), item_path(path)
    found = await incoming_differences.get(platform_of(request), actor_of(request), workspace, key)
    return answers.json(schemas.incoming_difference(key, found))


@post(f"{_G}/apply", status_code=200, opt=call(body=schemas.ApplyIncoming, answer=change_shapes.AppliedChanges))
async def apply_incoming_plan(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Apply the changes of the repository as the caller, all of them or nothing.

    The plan must have the hash `plan_hash`. Items in conflict need a choice: `repository` replaces the item of the
    workspace, `workspace` commits it to the repository. A workflow in JSON changes the values in the YAML text of the
    workspace; if that is not possible, the header `X-Warnings` contains `comments_lost`.
    """
    body = await body_of(request, schemas.ApplyIncoming)
    only = None if body.items is None else {(each.kind, each.path) for each in body.items}
    done = await incoming.apply(
        platform_of(request),
        actor_of(request),
        workspace,
        body.plan_hash,
        schemas.choices_of(body),
        only,
        body.message,
    )
    return answers.json(change_shapes.applied(done), warnings=done.warnings)


@get(f"{_G}/history", opt=call(answer=list[schemas.GitCommit], query=("before",)))
async def list_git_commits(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the commits of the branch since the workspace was bound, the newest first.

    A page has 50; `before` is the `n` of the last commit of the page before.
    """
    before = row_of("before", request.query_params.get("before")) or 0
    found = await bindings.history(platform_of(request), actor_of(request), workspace, before)
    return answers.json([schemas.commit(each) for each in found])


ROUTES = [
    get_git_binding,
    bind_git,
    unbind_git,
    fetch_git,
    get_incoming_plan,
    get_incoming_difference,
    apply_incoming_plan,
    list_git_commits,
]
