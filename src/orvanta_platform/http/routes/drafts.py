"""Routes of drafts of workflows and scripts. Only the owner of a draft can open it."""

from __future__ import annotations

from litestar import Response, delete, get, post, put
from litestar.params import FromPath
from msgspec.structs import asdict

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, item_path, page_of, platform_of, read_large, row_of
from orvanta_platform.http.schemas import drafts as shapes
from orvanta_platform.services.catalog import drafts

_D = "/api/w/{workspace:str}/drafts"


@post(f"{_D}/create", status_code=201, opt=call(body=shapes.CreateDraft))
async def create_draft(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Save a draft. It replaces any other draft of the caller at its path."""
    platform, actor = platform_of(request), actor_of(request)
    drafts.require_role(actor, workspace, "flow", "script")
    new = await read_large(workspace, await request.body(), shapes.to_create)
    await drafts.save(platform, actor, workspace, new)
    return answers.text(f"Saved the draft of {new.path}.", 201)


@put(f"{_D}/{{kind:str}}/{{path:path}}", opt=call(body=shapes.SaveDraft, answer=shapes.DraftHead))
async def save_draft(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Save the caller's draft on top of the state with `seq`, and return the new `seq`.

    If the stored draft has another one, the response is 409 `draft_conflict`. Its details are `base` (version and hash
    that the stored draft started from), `theirs` (`seq` and hash of the stored draft, null if it is gone) and `mine`.
    """
    platform, actor, item = platform_of(request), actor_of(request), (shapes.kind_of(kind), item_path(path))
    await drafts.require_allowed(platform, actor, workspace, *item)
    new = await read_large(workspace, await request.body(), shapes.to_save, *item)
    return answers.json(shapes.head(await drafts.save(platform, actor, workspace, new)))


@get(f"{_D}/{{kind:str}}/{{path:path}}", opt=call(answer=shapes.Draft | None))
async def get_draft(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Get the caller's draft of the item at a path; null if there is none. The item may not exist yet.

    The response is null for callers who may read the item but not draft changes of it.
    """
    item = (shapes.kind_of(kind), item_path(path))
    found = await drafts.find(platform_of(request), actor_of(request), workspace, *item)
    return answers.json(None if found is None else shapes.draft(found))


@get(f"{_D}/list/{{kind:str}}", opt=call(answer=list[shapes.DraftHead], query=PAGED[:2]))
async def list_drafts(request: AnyRequest, workspace: FromPath[str], kind: FromPath[str]) -> Response[bytes]:
    """List the caller's drafts of workflows (`flow`) or scripts (`script`), the last edited first."""
    page = page_of(request)
    rows = await drafts.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        shapes.kind_of(kind),
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([shapes.head(row) for row in rows])


@get(f"{_D}/others/{{kind:str}}/{{path:path}}", opt=call(answer=list[shapes.OthersDraft]))
async def list_others_drafts(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """List the members who have drafts of the item at a path, other than the caller, the last edited first."""
    item = (shapes.kind_of(kind), item_path(path))
    rows = await drafts.list_others(platform_of(request), actor_of(request), workspace, *item)
    return answers.json([shapes.OthersDraft(**asdict(row)) for row in rows])


@delete(
    [f"{_D}/delete/{{kind:str}}/{{path:path}}", f"{_D}/{{kind:str}}/{{path:path}}"],
    status_code=200,
    opt=call(query=("seq",)),
)
async def delete_draft(
    request: AnyRequest, workspace: FromPath[str], kind: FromPath[str], path: FromPath[str]
) -> Response[bytes]:
    """Discard the caller's draft. With `seq`, another state is not discarded: 409 `draft_conflict`."""
    path = item_path(path)
    revision = row_of("seq", request.query_params.get("seq"))
    await drafts.discard(
        platform_of(request), actor_of(request), workspace, shapes.kind_of(kind), path, revision=revision
    )
    return answers.text(f"Discarded the draft of {path}.")


ROUTES = [create_draft, save_draft, get_draft, list_drafts, list_others_drafts, delete_draft]
