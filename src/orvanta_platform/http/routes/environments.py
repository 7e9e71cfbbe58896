"""Routes of environments."""

from __future__ import annotations

from typing import Any

from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import call
from orvanta_platform.http.requests import AnyRequest, actor_of, platform_of, small_body_of
from orvanta_platform.http.schemas import environments as schemas
from orvanta_platform.services.catalog import environments

_E = "/api/environments"


@get(f"{_E}/list", opt=call(answer=list[schemas.Environment]))
async def list_environments(request: AnyRequest) -> Response[bytes]:
    """List the environments whose workspace you are a member of, in the order of the pipeline."""
    found = await environments.list_mine(platform_of(request), actor_of(request))
    return answers.json([schemas.environment(each) for each in found])


@post(f"{_E}/create", status_code=200, opt=call(body=schemas.NewEnvironment, answer=schemas.Environment))
async def create_environment(request: AnyRequest) -> Response[bytes]:
    """Create an environment. Superadmins only."""
    body = await small_body_of(request, schemas.NewEnvironment)
    made = await environments.create(
        platform_of(request), actor_of(request), body.name, body.workspace, **_changes(body)
    )
    return answers.json(schemas.environment(made))


@post(
    f"{_E}/update/{{name:str}}", status_code=200, opt=call(body=schemas.EnvironmentUpdate, answer=schemas.Environment)
)
async def update_environment(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Change the place, colour or rules of an environment. Superadmins only."""
    body = await small_body_of(request, schemas.EnvironmentUpdate)
    base = None if body.base_version is UNSET else body.base_version
    made = await environments.update(platform_of(request), actor_of(request), name, base_version=base, **_changes(body))
    return answers.json(schemas.environment(made))


@delete(f"{_E}/delete/{{name:str}}", status_code=200, opt=call())
async def delete_environment(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Delete an environment. Its workspace remains. Superadmins only."""
    await environments.delete(platform_of(request), actor_of(request), name)
    return answers.text(f"Deleted the environment {name}.")


def _changes(body: schemas.EnvironmentChange) -> dict[str, Any]:
    sent = {name: getattr(body, name) for name in ("position", "color", "rules")}
    return {name: None if value is UNSET else value for name, value in sent.items()}


ROUTES = [list_environments, create_environment, update_environment, delete_environment]
