"""Identity tokens: claims of jobs and members, and their verification with the published keys."""

from __future__ import annotations

from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from tests.http.harness import PYTHON, ApiHarness, W
from tests.http.jobs_running import claimed, job_client

from orvanta_platform.control.actor import Role

AUDIENCE = "vault.example.org"


async def claims_of(api: ApiHarness, token: str) -> dict[str, Any]:
    """Verify a token as other systems do, by the metadata of its issuer, and return its claims."""
    async with httpx.AsyncClient(transport=api.client._transport, base_url=api.client.base_url) as stranger:
        metadata = (await stranger.get("/api/oidc/.well-known/openid-configuration")).json()
        keys = (await stranger.get("/api/oidc/jwks")).json()
    assert metadata["jwks_uri"] == f"{metadata['issuer']}/jwks"
    found = jwt.decode(token, KeySet.import_key_set(keys), algorithms=metadata["id_token_signing_alg_values_supported"])
    assert "d" not in keys["keys"][0] and found.claims["iss"] == metadata["issuer"]
    return dict(found.claims)


async def token(client: httpx.AsyncClient, **params: Any) -> httpx.Response:
    return await client.post(f"{W}/oidc/token/{AUDIENCE}", params=params)


async def test_subject_is_the_path_of_deployed_code_and_never_the_label_of_a_preview(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "prod"})
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": "f/prod/deploy", "summary": ""})
    run = (await api.client.post(f"{W}/jobs/run/p/f/prod/deploy", json={})).text
    deployed = (await api.worker.claim())[""]
    answer = await token(job_client(api, deployed))
    assert answer.headers["content-type"].startswith("text/plain")
    claims = await claims_of(api, answer.text)
    assert claims["sub"] == "workspace:main:path:f/prod/deploy" and claims["aud"] == AUDIENCE
    assert (claims["job_id"], claims["path"], claims["username"]) == (run, "f/prod/deploy", "admin")
    assert claims["exp"] - claims["iat"] == 3600

    labelled = await claimed(api, await api.preview(path="f/prod/deploy"))
    claims = await claims_of(api, (await token(job_client(api, labelled), expires_in=60.0)).text)
    assert claims["sub"] == "workspace:main:user:admin" and "path" not in claims
    assert claims["exp"] - claims["iat"] == 60
    listed = (await api.get("audit/list", operation="oidc.token"))[0]
    assert (listed["resource"], listed["parameters"]["job_id"]) == (AUDIENCE, str(labelled.id))


async def test_limits_of_identity_tokens(api: ApiHarness) -> None:
    assert (await token(api.client)).status_code == 200
    for lifetime in ("0", "86401", "nan", "inf", "x"):
        assert (await token(api.client, expires_in=lifetime)).status_code == 400, lifetime
    assert (await token(await api.member("vic", Role.VIEWER))).status_code == 403
    assert (await token(await api.member("lim", Role.ADMIN, scopes=["jobs:run"]))).status_code == 403
    assert (await token(await api.member("zoe", Role.ADMIN, workspace="admins"))).status_code == 404
