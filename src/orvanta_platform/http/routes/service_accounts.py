"""Routes of service accounts."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.params import FromPath

from orvanta_platform.http import answers
from orvanta_platform.http.openapi import PAGED, call
from orvanta_platform.http.requests import AnyRequest, actor_of, body_of, page_of, platform_of, small_body_of
from orvanta_platform.http.schemas import service_accounts as schemas
from orvanta_platform.services.access import service_accounts
from orvanta_platform.services.access.service_accounts import NewServiceAccount
from orvanta_platform.services.access.tokens import NewToken

_S = "/api/w/{workspace:str}/service_accounts"


@get(f"{_S}/list", opt=call(answer=list[schemas.ServiceAccount], query=(*PAGED[:2], "after")))
async def list_service_accounts(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List the service accounts of the workspace by username. Admins only."""
    page = page_of(request)
    rows = await service_accounts.list_page(
        platform_of(request),
        actor_of(request),
        workspace,
        after=page.after or "",
        limit=page.limit,
        offset=page.offset,
    )
    return answers.json([schemas.service_account(row) for row in rows])


@post(f"{_S}/create", status_code=201, opt=call(body=schemas.CreateServiceAccount))
async def create_service_account(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a service account, which the caller owns. Admins only."""
    body = await body_of(request, schemas.CreateServiceAccount)
    new = NewServiceAccount(body.username, body.role, body.summary)
    await service_accounts.create(platform_of(request), actor_of(request), workspace, new)
    return answers.text(f"Created the service account {body.username}.", 201)


@post(f"{_S}/tokens/create/{{username:str}}", status_code=201, opt=call(body=schemas.CreateServiceToken))
async def create_service_account_token(
    request: AnyRequest, workspace: FromPath[str], username: FromPath[str]
) -> Response[bytes]:
    """Create a token of a service account. It is shown only in this response. Admins only."""
    body = await small_body_of(request, schemas.CreateServiceToken)
    new = NewToken(body.label, body.expiration, body.scopes, None if body.all_workspaces else workspace)
    made = await service_accounts.create_token(platform_of(request), actor_of(request), workspace, username, new)
    return answers.text(made, 201)


@post(f"{_S}/setenabled/{{username:str}}", status_code=200, opt=call(body=schemas.EnableServiceAccount))
async def enable_service_account(
    request: AnyRequest, workspace: FromPath[str], username: FromPath[str]
) -> Response[bytes]:
    """Enable a service account, or disable it in all workspaces, which deletes its tokens and stops what acts for it.

    Admins only.
    """
    body = await body_of(request, schemas.EnableServiceAccount)
    await service_accounts.set_enabled(
        platform_of(request), actor_of(request), workspace, username, enabled=body.enabled
    )
    return answers.text(f"{'Enabled' if body.enabled else 'Disabled'} the service account {username}.")


@delete(f"{_S}/delete/{{username:str}}", status_code=200, opt=call())
async def delete_service_account(
    request: AnyRequest, workspace: FromPath[str], username: FromPath[str]
) -> Response[bytes]:
    """Delete a service account with its tokens, and stop what acts for it. Admins only."""
    await service_accounts.delete(platform_of(request), actor_of(request), workspace, username)
    return answers.text(f"Deleted the service account {username}.")


ROUTES = [
    list_service_accounts,
    create_service_account,
    create_service_account_token,
    enable_service_account,
    delete_service_account,
]
