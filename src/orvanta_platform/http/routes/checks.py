"""Routes for checks while a document is being edited. Nothing is stored and nothing runs."""

from __future__ import annotations

from litestar import Response, post
from litestar.params import FromPath

from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, decode, platform_of, read_large
from orvanta_platform.http.schemas import checks, items
from orvanta_platform.services.catalog import validation as checking

_W = "/api/w/{workspace:str}"
_UNNAMED = ""


@post(f"{_W}/flows/validate", status_code=200, opt=call(body=items.CreateFlow, answer=checks.DocumentCheck))
async def validate_flow(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Check a workflow as a deploy would: `value` and `schema`, or `source` to get positions in the text as well."""
    platform, actor = platform_of(request), actor_of(request)
    require_workspace(actor, workspace)
    new = await read_large(workspace, await request.body(), items.new_flow, _UNNAMED)
    found = await checking.check_flow(platform, actor, workspace, new)
    return answers.json(checks.checked(found))


@post(f"{_W}/scripts/schema", status_code=200, opt=call(body=checks.SchemaRequest, answer=checks.ScriptSchema))
async def script_schema(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the JSON Schema of a script's arguments from the signature of `main`. The script is not run."""
    platform, actor = platform_of(request), actor_of(request)
    require_workspace(actor, workspace)
    body = await read_large(workspace, await request.body(), decode, checks.SchemaRequest)
    found, fault = await checking.schema(platform, actor, workspace, body.language, body.content)
    return answers.json(checks.script_schema(found, fault))


ROUTES = [validate_flow, script_schema]
