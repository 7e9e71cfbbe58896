"""Files of a workspace over the API: storage, ranges, names and permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.http.jobs_running import job_client, started
from tests.http.test_jobs_server import served, token_of

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.services.maintenance import objects

H = f"{W}/job_helpers"
LIMIT = 5 << 20
BUCKET = {"bucket": "b", "endPoint": "s3.local", "port": 9000, "useSSL": False, "accessKey": "id", "region": "r"}


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path, file_limit=LIMIT) as made:
        yield made


async def put(client: httpx.AsyncClient, key: str, body: bytes = b"x", **query: str) -> str:
    answer = await client.post(f"{H}/upload_s3_file", params={"file_key": key, **query}, content=body)
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["file_key"]
    return found


async def got(client: httpx.AsyncClient, key: str, **headers: str) -> httpx.Response:
    return await client.get(f"{H}/download_s3_file", params={"file_key": key}, headers=headers)


async def names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get(f"{H}/list_stored_files", params={"max_keys": 100, **query})
    assert answer.status_code == 200, answer.text
    return [each["s3"] for each in answer.json()["orvanta_large_files"]]


def stored(api: ApiHarness) -> list[Path]:
    return sorted(path for path in (api.platform.settings.home / "objects").rglob("*") if path.is_file())


async def audited(api: ApiHarness) -> list[tuple[str, str, str]]:
    query = "SELECT operation, action_kind, resource FROM audit WHERE operation LIKE 'files.%' ORDER BY id"
    async with api.platform.db.acquire() as conn:
        return [tuple(row.values()) for row in await conn.fetch(query)]


async def test_file_is_stored_replaced_moved_and_deleted(api: ApiHarness) -> None:
    assert await put(api.client, "reports/ä b.csv", b"a,b\n1,2\n") == "reports/ä b.csv"
    assert await put(api.client, "/reports/ä b.csv", b"a,b\n3,4\n", content_type="text/csv; charset=utf-8") == (
        "reports/ä b.csv"
    )
    found = await got(api.client, "reports/ä b.csv")
    assert (found.status_code, found.content) == (200, b"a,b\n3,4\n")
    assert len(stored(api)) == 1
    metadata = await api.get("job_helpers/load_file_metadata", file_key="reports/ä b.csv")
    assert (metadata["size_in_bytes"], metadata["mime_type"]) == (8, "text/csv; charset=utf-8")
    move = {"src_file_key": "reports/ä b.csv", "dest_file_key": "u/admin/report.csv"}
    assert (await api.client.get(f"{H}/move_s3_file", params=move)).json() is True
    assert await names(api.client) == ["u/admin/report.csv"]
    await put(api.client, "other")
    taken = {"src_file_key": "other", "dest_file_key": "u/admin/report.csv"}
    assert (await api.client.get(f"{H}/move_s3_file", params=taken)).status_code == 409
    gone = await api.client.delete(f"{H}/delete_s3_file", params={"file_key": "u/admin/report.csv"})
    assert (gone.status_code, gone.json()) == (200, True)
    assert (await got(api.client, "u/admin/report.csv")).status_code == 404
    assert len(stored(api)) == 1
    assert await audited(api) == [
        ("files.upload", "Created", "reports/ä b.csv"),
        ("files.upload", "Updated", "reports/ä b.csv"),
        ("files.move", "Updated", "reports/ä b.csv"),
        ("files.upload", "Created", "other"),
        ("files.delete", "Delete", "u/admin/report.csv"),
    ]


async def test_file_without_name_gets_generated_name(api: ApiHarness) -> None:
    answer = await api.client.post(f"{H}/upload_s3_file", params={"file_extension": "csv"}, content=b"a\n")
    key = answer.json()["file_key"]
    assert key.startswith("uploads/") and key.endswith(".csv")
    assert (await got(api.client, key)).headers["content-type"].startswith("text/csv")
    other = await api.client.post(f"{H}/upload_s3_file", params={"file_extension": "../x"}, content=b"")
    assert other.status_code == 400


async def test_range_returns_part_of_file(api: ApiHarness) -> None:
    await put(api.client, "digits", b"0123456789")
    for asked, part, expected in (
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=5-99", b"56789", "bytes 5-9/10"),
    ):
        found = await got(api.client, "digits", Range=asked)
        assert (found.status_code, found.content, found.headers["content-range"]) == (206, part, expected)
    for asked in ("bytes=3-1", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        found = await got(api.client, "digits", Range=asked)
        assert (found.status_code, found.content) == (200, b"0123456789"), asked
    past = await got(api.client, "digits", Range="bytes=10-")
    assert (past.status_code, past.json()["error"]["code"]) == (416, "range_not_satisfiable")
    assert past.json()["error"]["details"] == {"size": 10}


TRICKS = [
    *("../../etc/passwd", "a/../../b", "a/..", "..", ".", "a/./b", "a//b", "//etc/passwd", "a/", "", "/"),
    *("a\0b", "a\nb", "..\\..\\x", "a\\b", "\u2028", "x" * 1025, "u/admin", "f/x"),
]


@pytest.mark.parametrize("key", TRICKS)
async def test_path_traversal_is_refused(api: ApiHarness, key: str) -> None:
    calls = [
        *(("GET", call, "file_key") for call in ("download_s3_file", "load_file_metadata", "load_file_preview")),
        *(("DELETE", "delete_s3_file", "file_key"), ("GET", "presign_s3_file", "file_key")),
        ("GET", "move_s3_file", "src_file_key"),
    ]
    for method, call, name in calls:
        answer = await api.client.request(method, f"{H}/{call}", params={name: key, "dest_file_key": "fine"})
        assert answer.status_code == 400, (call, answer.text)
    if key:
        upload = await api.client.post(f"{H}/upload_s3_file", params={"file_key": key}, content=b"x")
        assert upload.status_code == 400 and stored(api) == []


@pytest.mark.parametrize("raw", ["%2e%2e%2f%2e%2e%2fkey", "..%2f..%2fkey", "%2e%2e/key", "a%00b", "%2fetc%2f..%2fkey"])
async def test_encoded_path_traversal_is_refused(api: ApiHarness, raw: str) -> None:
    assert (await api.client.get(f"{H}/download_s3_file?file_key={raw}")).status_code == 400


async def test_double_encoded_name_is_ordinary_name(api: ApiHarness) -> None:
    (api.platform.settings.home / "secret").write_text("not yours")
    for raw in ("%252e%252e%252fsecret", "%2Fetc%2Fpasswd", "/etc/passwd"):
        assert (await api.client.get(f"{H}/download_s3_file?file_key={raw}")).status_code == 404
    await api.client.post(f"{H}/upload_s3_file?file_key=%252e%252e%252fsecret", content=b"mine")
    assert await names(api.client) == ["%2e%2e%2fsecret"]
    assert (api.platform.settings.home / "secret").read_text() == "not yours"
    assert all(path.is_relative_to(api.platform.settings.home / "objects/main/files") for path in stored(api))


async def test_files_of_folders_and_users_are_private(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "shown", "extra_perms": {"g/all": False}})
    for key in ("f/secret/a", "f/shown/a", "u/admin/a", "open/a"):
        await put(api.client, key)
    bea = await api.member("bea", Role.OPERATOR)
    await put(bea, "u/bea/a")
    assert await names(bea) == ["f/shown/a", "open/a", "u/bea/a"]
    assert await names(bea, prefix="f/") == ["f/shown/a"]
    for key in ("f/secret/a", "u/admin/a"):
        for method, call in (("GET", "download_s3_file"), ("DELETE", "delete_s3_file"), ("GET", "load_file_preview")):
            answer = await bea.request(method, f"{H}/{call}", params={"file_key": key})
            assert answer.status_code == 404, (call, key)
    for key in ("f/secret/b", "u/admin/b"):
        assert (await bea.post(f"{H}/upload_s3_file", params={"file_key": key}, content=b"")).status_code == 404
    assert (await bea.post(f"{H}/upload_s3_file", params={"file_key": "f/shown/a"}, content=b"")).status_code == 403
    assert (await bea.delete(f"{H}/delete_s3_file", params={"file_key": "f/shown/a"})).status_code == 403
    assert (await got(bea, "f/shown/a")).status_code == 200
    viewer = await api.member("vic", Role.VIEWER)
    assert (await got(viewer, "open/a")).status_code == 200
    assert (await viewer.post(f"{H}/upload_s3_file", params={"file_key": "open/b"}, content=b"")).status_code == 403


async def test_workspace_sees_only_its_files(api: ApiHarness) -> None:
    await put(api.client, "shared/name", b"of main")
    zoe = await api.member("zoe", Role.ADMIN, workspace="admins")
    assert (await got(zoe, "shared/name")).status_code == 404
    theirs = "/api/w/admins/job_helpers"
    assert (await zoe.get(f"{theirs}/download_s3_file", params={"file_key": "shared/name"})).status_code == 404
    for key in ("main/shared/name", "../main/shared/name", str(stored(api)[0].parent.name)):
        answer = await zoe.get(f"{theirs}/download_s3_file", params={"file_key": key})
        assert answer.status_code in (400, 404), key
    assert (await zoe.get(f"{theirs}/list_stored_files", params={"max_keys": 9})).json()["orvanta_large_files"] == []


async def test_scoped_token_reaches_files_in_scope(api: ApiHarness) -> None:
    for key in ("f/sales/a", "f/other/a", "open"):
        await put(api.client, key)
    scoped = await api.member("sam", Role.ADMIN, scopes=["files:read:f/sales/*"])
    assert await names(scoped) == ["f/sales/a"]
    assert [(await got(scoped, key)).status_code for key in ("f/sales/a", "f/other/a", "open")] == [200, 403, 403]
    assert (await scoped.delete(f"{H}/delete_s3_file", params={"file_key": "f/sales/a"})).status_code == 403
    other = await api.member("kim", Role.ADMIN, scopes=["jobs:run"])
    assert (await other.get(f"{H}/list_stored_files", params={"max_keys": 1})).status_code == 403


async def test_page_has_marker_of_next_page(api: ApiHarness) -> None:
    for key in ("a", "B", "a/c", "ab", "z%_"):
        await put(api.client, key)
    first = await api.get("job_helpers/list_stored_files", max_keys=2)
    assert first == {
        "orvanta_large_files": [{"s3": "B"}, {"s3": "a"}],
        "next_marker": "a",
        "restricted_access": False,
    }
    assert await names(api.client, max_keys=9, marker="a") == ["a/c", "ab", "z%_"]
    assert await names(api.client, prefix="a") == ["a", "a/c", "ab"]
    assert await names(api.client, prefix="z%") == ["z%_"]
    assert await names(api.client, prefix="%") == []


async def test_preview_shows_text_only(api: ApiHarness) -> None:
    await put(api.client, "a.csv", b"a,b\n1,2\n")
    await put(api.client, "b.bin", bytes(range(256)))
    await put(api.client, "notes", "ä".encode() * 100)
    preview = "job_helpers/load_file_preview"
    assert await api.get(preview, file_key="a.csv") == {"content_type": "Csv", "content": "a,b\n1,2\n"}
    part = {"file_key": "a.csv", "read_bytes_from": 4, "read_bytes_length": 3}
    assert await api.get(preview, **part) == {"content_type": "Csv", "content": "1,2"}
    assert (await api.get(preview, file_key="b.bin"))["content_type"] == "Unknown"
    cut = await api.get(preview, file_key="notes", read_bytes_from=1, read_bytes_length=9)
    assert cut == {"content_type": "RawText", "content": "\ufffdääää"}


async def test_download_cannot_run_in_browser(api: ApiHarness) -> None:
    await put(api.client, "x/page.html", b"<script>alert(1)</script>")
    found = (await got(api.client, "x/page.html")).headers
    assert found["content-security-policy"].startswith("sandbox")
    assert found["content-disposition"] == "attachment; filename*=UTF-8''page.html"
    assert found["x-content-type-options"] == "nosniff"
    await put(api.client, "y", content_disposition='inline; filename="y.txt"', content_type="text/plain")
    assert (await got(api.client, "y")).headers["content-disposition"] == 'inline; filename="y.txt"'
    for name, value in (("content_type", "text/html\r\nSet-Cookie: a=b"), ("content_disposition", "form-data; x")):
        query = {"file_key": "z", name: value}
        assert (await api.client.post(f"{H}/upload_s3_file", params=query, content=b"")).status_code == 400


async def test_file_over_limit_leaves_nothing(api: ApiHarness) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        for _ in range(size >> 20):
            yield bytes(1 << 20)
        yield b"x"

    url = f"{H}/upload_s3_file"
    for content in (bytes(LIMIT + 1), pieces(LIMIT)):
        answer = await api.client.post(url, params={"file_key": "big"}, content=content)
        assert (answer.status_code, answer.json()["error"]["details"]) == (413, {"limit": LIMIT})
    assert stored(api) == []
    answer = await api.client.post(url, params={"file_key": "big"}, content=pieces(LIMIT - (1 << 20)))
    assert answer.status_code == 200


async def test_upload_and_download_are_streamed(api: ApiHarness) -> None:
    """Parts of an upload are stored, and parts of a download are sent, before the rest is read."""
    arrived, rest = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a" * (1 << 20)
        arrived.set()
        await rest.wait()
        yield b"b" * (1 << 20)

    async with served(api) as base, httpx.AsyncClient(base_url=base, timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {token_of(api)}"
        upload = asyncio.create_task(client.post(f"{H}/upload_s3_file?file_key=slow", content=pieces()))
        await arrived.wait()
        await api.until(lambda: sum(path.stat().st_size for path in stored(api)) == 1 << 20)
        rest.set()
        assert (await upload).status_code == 200
        async with client.stream("GET", f"{H}/download_s3_file?file_key=slow") as answer:
            parts = answer.aiter_raw()
            first = await anext(parts)
            await api.client.delete(f"{H}/delete_s3_file", params={"file_key": "slow"})
            whole = first + b"".join([part async for part in parts])
    assert whole == b"a" * (1 << 20) + b"b" * (1 << 20)


async def test_job_uses_files_of_its_workspace(api: ApiHarness) -> None:
    job = await started(api)
    client = job_client(api, job)
    await put(client, "out.txt", b"from a job")
    assert (await got(client, "out.txt")).content == b"from a job"
    theirs = "/api/w/admins/job_helpers/download_s3_file"
    assert (await client.get(theirs, params={"file_key": "out.txt"})).status_code == 404


async def test_only_jobs_read_bucket_credentials(api: ApiHarness) -> None:
    value = {**BUCKET, "secretKey": "it's secret"}
    body = {"path": "f/sales/bucket", "resource_type": "s3", "value": value}
    assert (await api.client.post(f"{W}/resources/create", json=body)).status_code == 201
    asked = {"s3_resource_path": "$res:f/sales/bucket"}
    denied = await api.client.post(f"{H}/v2/s3_resource_info", json=asked)
    assert (denied.status_code, denied.json()["error"]["code"]) == (403, "secret_is_write_only")
    client = job_client(api, await started(api))
    info = (await client.post(f"{H}/v2/s3_resource_info", json=asked)).json()
    assert info == {**value, "pathStyle": True}
    polars = (await client.post(f"{H}/v2/polars_connection_settings", json=asked)).json()
    assert polars["storage_options"]["aws_endpoint_url"] == "http://s3.local:9000"
    assert polars["s3fs_args"]["secret"] == "it's secret"
    duckdb = (await client.post(f"{H}/v2/duckdb_connection_settings", json=asked)).json()["connection_settings_str"]
    assert "SET s3_secret_access_key='it''s secret';" in duckdb and "SET s3_use_ssl=false;" in duckdb
    for settings in ("s3_resource_info", "polars_connection_settings", "duckdb_connection_settings"):
        answer = await client.post(f"{H}/v2/{settings}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    wrong = {"path": "f/sales/no_bucket", "resource_type": "any", "value": {"bucket": 1}}
    await api.client.post(f"{W}/resources/create", json=wrong)
    asked = {"s3_resource_path": "f/sales/no_bucket"}
    assert (await client.post(f"{H}/v2/s3_resource_info", json=asked)).status_code == 400


async def test_unsupported_storage_features_are_refused(api: ApiHarness) -> None:
    await put(api.client, "a")
    link = await api.client.get(f"{H}/presign_s3_file", params={"file_key": "a"})
    assert (link.status_code, link.json()["error"]["code"]) == (409, "conflict")
    for query in ({"s3_resource_path": "f/a/b"}, {"storage": "second"}):
        assert (await got(api.client, "a")).status_code == 200
        answer = await api.client.get(f"{H}/download_s3_file", params={"file_key": "a", **query})
        assert answer.status_code == 400
    assert await api.get("job_helpers/test_connection") is True
    assert len(stored(api)) == 1


async def test_missing_object_is_named(api: ApiHarness) -> None:
    await put(api.client, "a")
    (path,) = stored(api)
    path.unlink()
    for call in ("download_s3_file", "load_file_preview"):
        answer = await api.client.get(f"{H}/{call}", params={"file_key": "a"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "object_missing")
        assert path.parent.name in answer.json()["error"]["message"]


async def test_upload_without_row_is_swept(api: ApiHarness) -> None:
    await put(api.client, "kept")
    storage = api.platform.storage
    await storage.put("main/files/01900000-0000-7000-8000-000000000000/lost", b"x")
    assert await objects.delete_unreferenced(api.platform.db, storage, clock.now() + timedelta(hours=1)) == 1
    assert (await got(api.client, "kept")).status_code == 200 and len(stored(api)) == 1
