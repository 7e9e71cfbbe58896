"""Routes of identity tokens, and of the keys with which other systems verify them."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery

from orvanta_platform.control.identity_tokens import ALGORITHM
from orvanta_platform.http import answers
from orvanta_platform.http.openapi import AnyObject
from orvanta_platform.http.openapi import call as shape
from orvanta_platform.http.requests import AnyRequest, actor_of, item_path, platform_of
from orvanta_platform.services.run_views import identity_tokens


class KeySet(msgspec.Struct):
    """Keys that verify identity tokens, as JSON Web Keys."""

    keys: list[AnyObject]


class IssuerMetadata(msgspec.Struct, kw_only=True):
    """Description of the issuer of identity tokens, as OpenID Connect Discovery defines it."""

    issuer: str
    jwks_uri: str
    """Address of the keys."""

    response_types_supported: tuple[str, ...] = ("id_token",)
    subject_types_supported: tuple[str, ...] = ("public",)
    id_token_signing_alg_values_supported: tuple[str, ...] = (ALGORITHM,)
    claims_supported: tuple[str, ...] = (
        *("iss", "sub", "aud", "iat", "exp", "workspace", "email", "username", "groups"),
        *("job_id", "run_id", "path"),
    )


@post("/api/w/{workspace:str}/oidc/token/{audience:path}", status_code=200, opt=shape())
async def create_identity_token(
    request: AnyRequest, workspace: FromPath[str], audience: FromPath[str], expires_in: FromQuery[float | None] = None
) -> Response[bytes]:
    """Create an identity token for another system (`audience`): a JSON Web Token that names the job, or the caller.

    It is valid for `expires_in` seconds: one hour by default, one day at most.
    """
    found = await identity_tokens.issue(
        platform_of(request), actor_of(request), workspace, item_path(audience), expires_in
    )
    return answers.text(found)


@get("/api/oidc/.well-known/openid-configuration", opt=shape(answer=IssuerMetadata))
async def get_issuer_metadata(request: AnyRequest) -> IssuerMetadata:
    """Describe the issuer of identity tokens, for systems that verify them."""
    issuer = identity_tokens.issuer(platform_of(request))
    return IssuerMetadata(issuer=issuer, jwks_uri=f"{issuer}/jwks")


@get("/api/oidc/jwks", opt=shape(answer=KeySet))
async def get_keys(request: AnyRequest) -> KeySet:
    """Get the public keys with which identity tokens are verified."""
    return KeySet(await identity_tokens.public_keys(platform_of(request)))


ROUTES: list[Any] = [create_identity_token, get_issuer_metadata, get_keys]
