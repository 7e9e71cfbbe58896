"""Routes of releases."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, page_of, platform_of, row_of
from orvanta_platform.http.schemas import releases as schemas
from orvanta_platform.services.releases import imports, releases
from orvanta_platform.services.releases.releases import SignedRelease
from orvanta_platform.workflow.tree.item import Key

_R = "/api/w/{workspace:str}/releases"


@get("/api/releases/key", opt=call(answer=schemas.ReleaseKey))
async def get_release_key(request: AnyRequest) -> Response[bytes]:
    """Get the public key with which other instances verify releases that this one exports."""
    return answers.json(schemas.ReleaseKey(public_key=releases.public_key(platform_of(request), actor_of(request))))


@get(f"{_R}/list", opt=call(answer=list[schemas.ReleaseSummary], query=("before", "per_page")))
async def list_releases(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the releases of the workspace of which you may read all items, newest first.

    `before`: number below which the page begins.
    """
    page = page_of(request)
    before = row_of("before", page.before)
    found = await releases.list_page(
        platform_of(request), actor_of(request), workspace, before=before, limit=page.limit
    )
    return answers.json([schemas.summary(each) for each in found])


@get(f"{_R}/get/{{number:int}}", opt=call(answer=schemas.Release))
async def get_release(request: AnyRequest, workspace: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    """Get a release with its content, if you may read all of its items."""
    found = await releases.get(platform_of(request), actor_of(request), workspace, number)
    return answers.json(schemas.release(found))


@post(f"{_R}/create", status_code=201, opt=call(body=schemas.NewRelease, answer=schemas.Release))
async def create_release(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a release of items and everything that they reference: scripts, workflows and resource types.

    You must be able to read all of it. Variables and resources become requirements: a release contains no values.
    """
    body = await body_of(request, schemas.NewRelease)
    chosen: list[Key] = [(each.kind, each.path) for each in body.items]
    made = await releases.create(
        platform_of(request),
        actor_of(request),
        workspace,
        chosen,
        notes=body.notes,
        enabled=body.enabled,
        removed=body.removed,
    )
    return answers.json(schemas.release(made), 201)


@get(f"{_R}/export/{{number:int}}", opt=call(answer=SignedRelease))
async def export_release(request: AnyRequest, workspace: FromPath[str], number: FromPath[int]) -> Response[bytes]:
    """Get a release as a file, signed with the key of the instance."""
    file = await releases.export(platform_of(request), actor_of(request), workspace, number)
    answer = answers.json(file)
    answer.headers["Content-Disposition"] = f'attachment; filename="{workspace}-{number}.release.json"'
    return answer


@post(f"{_R}/import", status_code=201, opt=call(body=schemas.ImportRelease, answer=schemas.Release))
async def import_release(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Store a release from a file as the next release of the workspace. You must be able to write all of its items.

    The file must be signed by this instance, or with a key of the setting `trusted_release_keys`.
    """
    body = await body_of(request, schemas.ImportRelease)
    made = await imports.import_file(platform_of(request), actor_of(request), workspace, body.file)
    return answers.json(schemas.release(made), 201)


ROUTES = [get_release_key, list_releases, get_release, create_release, export_release, import_release]
