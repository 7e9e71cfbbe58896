"""Secrets in archives: encrypted with the export key of the workspace, for admins, and opened only at their path."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W, client_of
from tests.http.jobs_running import job_client, started
from tests.http.test_archive_import import COPY, apply, read

from orvanta_platform.control.actor import Role

HUSH = "hush-hush-hush"
KEY = f"{W}/workspaces/encryption_key"
ENCRYPTED = f"{W}/workspaces/tarball?archive_type=zip&secret_mode=encrypted"


async def secret(client: httpx.AsyncClient, path: str = "f/team/token", value: str = HUSH) -> None:
    body = {"path": path, "value": value, "is_secret": True, "description": ""}
    assert (await client.post(f"{W}/variables/create", json=body)).status_code == 201


async def exported(client: httpx.AsyncClient, url: str = ENCRYPTED) -> tuple[bytes, dict[str, Any]]:
    """Return an archive, and its JSON files by name."""
    answer = await client.get(url)
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return answer.content, {name: json.loads(archive.read(name)) for name in archive.namelist()}


@pytest.fixture
async def copy(api: ApiHarness) -> None:
    """Create the folder team with a secret, and an empty workspace whose secrets are readable."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    await secret(api.client)
    assert (await api.client.post("/api/workspaces/create", json={"id": "copy", "name": "Copy"})).status_code == 201
    body = {"secrets_readable": True}
    assert (await api.client.post(f"{COPY}/workspaces/edit_secrets_readable", json=body)).status_code == 200


async def test_secrets_are_moved_by_archive_between_workspaces_with_same_key(api: ApiHarness, copy: None) -> None:
    body, files = await exported(api.client, f"{ENCRYPTED}&include_key=true")
    sealed = files["f/team/token.variable.json"]
    assert sealed["is_secret"] and sealed["value"].startswith("$encrypted:") and HUSH.encode() not in body
    assert body == (await exported(api.client, f"{ENCRYPTED}&include_key=true"))[0]
    key = files["encryption_key.json"]
    assert (await api.client.get(KEY)).json() == {"key": key}

    items = (await read(api, body, COPY))["items"]
    refused = await apply(api.client, COPY, items)
    assert refused.status_code == 400 and "cannot be decrypted" in refused.text
    answer = await api.client.post(f"{COPY}/workspaces/encryption_key", json={"new_key": key, "skip_reencrypt": True})
    assert answer.status_code == 200
    moved = [{**each, "path": "f/team/moved"} for each in items if each["kind"] == "variable"]
    assert (await apply(api.client, COPY, moved)).status_code == 400
    assert (await apply(api.client, COPY, items)).status_code == 200
    assert (await api.client.get(f"{COPY}/variables/get_value/f/team/token")).json() == HUSH
    # Single calls accept the value as well. Stored secrets of files are not replaced.
    created = {"path": "f/team/token", "value": sealed["value"]}
    url = f"{COPY}/variables/update/f/team/token"
    assert (await api.client.post(url, json={"value": "other"})).status_code == 200
    assert (await apply(api.client, COPY, items)).status_code == 200
    assert (await api.client.get(f"{COPY}/variables/get_value/f/team/token")).json() == "other"
    assert (await api.client.post(f"{url}?already_encrypted=true", json=created)).status_code == 200
    assert (await api.client.get(f"{COPY}/variables/get_value/f/team/token")).json() == HUSH
    shown = await api.client.get(f"{COPY}/variables/get/f/team/token?include_encrypted=true")
    assert shown.json()["value"] == sealed["value"]
    again = (await exported(api.client, ENCRYPTED.replace(W, COPY)))[1]
    assert again["f/team/token.variable.json"] == sealed
    rows = await api.get("audit/list", per_page=100)
    operations = [row["operation"] for row in rows]
    assert operations.count("workspaces.read_encryption_key") == 3 and operations.count("variables.export") == 2
    exports = [row["parameters"] for row in rows if row["operation"] == "variables.export"]
    assert exports == [{"secrets": 1, "paths": ["f/team/token"]}] * 2
    assert key not in json.dumps(rows) and HUSH not in json.dumps(rows)


async def test_key_and_encrypted_secrets_are_for_admins_without_limits(api: ApiHarness, copy: None) -> None:
    token = (await api.client.post("/api/users/tokens/create", json={"scopes": ["workspaces:write"]})).text
    for client in (
        await api.member("dev", Role.DEVELOPER),
        client_of(api.app, token),
        job_client(api, await started(api)),
    ):
        assert (await client.get(KEY)).status_code == 403
        assert (await client.post(KEY, json={"new_key": "k" * 64})).status_code == 403
        for query in ("secret_mode=encrypted", "secret_mode=encrypted&skip_secrets=true", "include_key=true"):
            assert (await client.get(f"{W}/workspaces/tarball?{query}")).status_code == 403, query
        found = await client.get(f"{W}/variables/get/f/team/token?include_encrypted=true")
        assert found.status_code in (403, 404) and HUSH not in found.text
    for key in ("short", "k" * 257, "k" * 40 + "\n", "ü" * 40):
        assert (await api.client.post(KEY, json={"new_key": key})).status_code == 400, key
    assert (await api.client.get(f"{W}/workspaces/tarball?secret_mode=other")).status_code == 400


async def test_secrets_in_clear_need_the_setting_of_the_workspace(api: ApiHarness, copy: None) -> None:
    plain = f"{W}/workspaces/tarball?archive_type=zip&"
    for query in ("secret_mode=plain", "plain_secret=true"):
        answer = await api.client.get(plain + query)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "secret_is_write_only")
    await api.client.post(f"{W}/workspaces/edit_secrets_readable", json={"secrets_readable": True})
    assert (await exported(api.client, f"{plain}secret_mode=plain"))[1]["f/team/token.variable.json"]["value"] == HUSH
    opened = [row["resource"] for row in await api.get("audit/list") if row["operation"] == "variables.open"]
    assert opened == ["f/team/token"]
    assert (await exported(api.client, plain))[1]["f/team/token.variable.json"]["value"] == ""
