"""Behaviour common to all storages: a folder, the client of remote stores with memory, a real S3 server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from obstore.store import MemoryStore
from tests.storage import azurite, seaweed
from tests.storage.seaweed import Server

from orvanta_platform import clock
from orvanta_platform.errors import SettingsError, StorageError
from orvanta_platform.services.platform import open_storage
from orvanta_platform.settings import load
from orvanta_platform.storage import ObjectMissing, Storage
from orvanta_platform.storage.local import LocalStorage
from orvanta_platform.storage.remote import PIECE, RemoteStorage, connect

KEY = "main/0190-run/0190-job/1/result"


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    with seaweed.running() as server:
        yield server


@pytest.fixture(scope="session")
def azure() -> Iterator[azurite.Server]:
    if azurite.program() is None:
        pytest.skip("azurite is not installed")
    with azurite.running() as server:
        server.make("values")
        yield server


@pytest.fixture(params=["local", "memory", "s3", pytest.param("azure", marks=pytest.mark.soak)])
def storage(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStorage | RemoteStorage:
    match request.param:
        case "local":
            return LocalStorage(tmp_path / "objects")
        case "memory":
            return RemoteStorage(MemoryStore())
        case name:
            return on_server(request.getfixturevalue(name), monkeypatch, f"tests/{uuid4().hex}")


def on_server(server: Server | azurite.Server, monkeypatch: pytest.MonkeyPatch, prefix: str) -> RemoteStorage:
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return connect(server.url("values", prefix))


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for place, size in enumerate(sizes):
        yield bytes([place]) * size


async def keys(storage: Storage, **age: float) -> list[str]:
    return sorted([key async for page in storage.keys_before(clock.now() - timedelta(**age)) for key in page])


async def test_stored_object_is_read_back(storage: Storage) -> None:
    for body in (b"", b"x", bytes(range(256)) * 4096):
        await storage.put(KEY, body)
        assert await storage.get(KEY) == body


async def test_range_ends_at_object_end(storage: Storage) -> None:
    await storage.put(KEY, b"0123456789")
    for start, length, expected in ((0, 4, b"0123"), (8, 9, b"89"), (10, 1, b""), (99, 5, b""), (3, 0, b"")):
        assert await storage.get_range(KEY, start, length) == expected, (start, length)


async def test_pieces_become_one_object(storage: Storage) -> None:
    sizes = (5, PIECE, 1, 0, PIECE + 7)
    await storage.put_pieces(KEY, pieces(*sizes))
    found = await storage.get(KEY)
    assert len(found) == sum(sizes) and found[-1] == len(sizes) - 1
    assert await storage.get_range(KEY, PIECE, 7) == bytes([1, 1, 1, 1, 1, 2, 4])


async def test_upload_without_pieces_is_empty_object(storage: Storage) -> None:
    await storage.put_pieces(KEY, pieces())
    assert await storage.get(KEY) == b""


async def test_interrupted_upload_preserves_object(storage: Storage) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield b"n" * (PIECE + 1)
        raise ConnectionResetError

    await storage.put(KEY, b"old")
    with pytest.raises(ConnectionResetError):
        await storage.put_pieces(KEY, breaks())
    assert await storage.get(KEY) == b"old"
    assert await keys(storage, hours=-1) == [KEY]


async def test_object_is_read_in_pieces(storage: Storage) -> None:
    whole = bytes(range(256)) * (3 << 12)
    await storage.put(KEY, whole)
    parts = ((0, None), (0, len(whole)), (5, None), (5, 7), (1 << 20, (1 << 20) + 3), (len(whole) - 1, 9), (0, 0))
    for start, length in parts:
        found = [piece async for piece in storage.pieces(KEY, start, length)]
        assert b"".join(found) == whole[start : None if length is None else start + length], (start, length)
        assert max(map(len, found), default=0) <= 1 << 20 and b"" not in found
    assert [piece async for piece in storage.pieces(KEY, len(whole) + 1)] == []
    await storage.put(KEY, b"")
    assert [piece async for piece in storage.pieces(KEY)] == []


async def test_link_reads_object_without_credentials(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = on_server(s3, monkeypatch, f"tests/{uuid4().hex}")
    await storage.put(KEY, b"for everybody who has the link")
    link = await storage.link(KEY, 60)
    assert link is not None and seaweed.SECRET_KEY not in link
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(link)).content == b"for everybody who has the link"
        assert (await client.get(link.replace("X-Amz-Expires=60", "X-Amz-Expires=61"))).status_code == 403
        assert (await client.get(link.partition("?")[0])).status_code == 403


@pytest.mark.soak
async def test_azure_link_reads_only_its_object(azure: azurite.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = on_server(azure, monkeypatch, f"tests/{uuid4().hex}")
    await storage.put(KEY, b"for everybody who has the link")
    link = await storage.link(KEY, 60)
    assert link is not None and azurite.KEY not in link
    async with httpx.AsyncClient(timeout=60) as client:
        assert (await client.get(link)).content == b"for everybody who has the link"
        assert (await client.get(link.replace("result", "other"))).status_code == 403
        assert (await client.get(link.partition("?")[0])).status_code in (403, 404)


@pytest.mark.soak
async def test_missing_container_is_reported(azure: azurite.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    on_server(azure, monkeypatch, "")
    with pytest.raises(StorageError, match="bucket or container of the object storage does not exist") as refused:
        await connect(azure.url("nowhere")).put(KEY, b"x")
    assert not isinstance(refused.value, ObjectMissing)


async def test_store_without_links_is_reported(tmp_path: Path) -> None:
    for storage in (LocalStorage(tmp_path), RemoteStorage(MemoryStore())):
        assert await storage.link(KEY, 60) is None


async def test_missing_object_is_reported(storage: Storage) -> None:
    async def piece() -> None:
        await anext(storage.pieces("main/none"))

    for ask in (storage.get("main/none"), storage.get_range("main/none", 0, 1), piece()):
        with pytest.raises(ObjectMissing, match="main/none does not exist"):
            await ask


async def test_deleting_twice_is_deleting_once(storage: Storage) -> None:
    await storage.put(KEY, b"x")
    await storage.delete(KEY)
    await storage.delete(KEY)
    with pytest.raises(ObjectMissing):
        await storage.get(KEY)


async def test_empty_folders_are_removed(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "objects")
    await storage.put(KEY, b"x")
    await storage.put("main/0190-run/other", b"x")
    await storage.delete(KEY)
    assert sorted(path.name for path in (tmp_path / "objects").rglob("*")) == ["0190-run", "main", "other"]
    await storage.delete("main/0190-run/other")
    assert list((tmp_path / "objects").iterdir()) == []


async def test_putting_and_deleting_side_by_side(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "objects")

    async def both(place: int) -> None:
        for _ in range(50):
            await storage.put(f"main/run/{place}", b"x")
            await storage.delete(f"main/run/{place}")

    await asyncio.gather(*(both(place) for place in range(4)))
    assert await keys(storage, hours=-1) == []


async def test_keys_are_listed_by_their_age(storage: Storage) -> None:
    names = [f"w{place % 3}/r/{place}" for place in range(7)]
    await asyncio.gather(*(storage.put(name, b"x") for name in names))
    assert await keys(storage, hours=-1) == sorted(names)
    assert await keys(storage, hours=1) == []


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", "a b", "ä", "a\nb", "a?b"])
async def test_other_keys_are_refused(storage: Storage, key: str) -> None:
    for ask in (storage.put(key, b"x"), storage.get(key), storage.delete(key)):
        with pytest.raises(StorageError, match="is not a valid object key"):
            await ask


async def test_prefixes_of_a_bucket_see_nothing_of_each_other(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (on_server(s3, monkeypatch, f"tests/{uuid4().hex}") for _ in range(2))
    await one.put(KEY, b"mine")
    with pytest.raises(ObjectMissing):
        await other.get(KEY)
    assert await keys(other, hours=-1) == []


async def test_wrong_credentials_are_reported_without_secrets(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-value")
    with pytest.raises(StorageError) as refused:
        await connect(s3.url("values")).put(KEY, b"x")
    assert "wrong-secret-value" not in str(refused.value) and refused.value.hint is not None


@pytest.mark.parametrize(
    "url",
    [
        *("s3://", "s3:///bucket", "s3://key:secret@bucket/", "s3://bucket?colour=red"),
        *("gs://bucket?region=x", "az://?endpoint=x"),
    ],
)
def test_incomplete_or_excessive_urls_are_rejected(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        open_storage(load({"ORVANTA_HOME": str(tmp_path), "OBJECT_STORAGE_URL": url}))
    assert "secret" not in str(refused.value)


async def test_store_address_follows_url_for_every_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are signed locally, so that their addresses show the address of the store."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", azurite.ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", azurite.KEY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", seaweed.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", seaweed.SECRET_KEY)
    for url, address in (
        ("s3://b/p?region=eu-north-1", "https://b.s3.eu-north-1.amazonaws.com/p/k?"),
        ("s3://b/p?endpoint=http://127.0.0.1:9", "http://127.0.0.1:9/b/p/k?"),
        ("az://b/p", f"https://{azurite.ACCOUNT}.blob.core.windows.net/b/p/k?"),
        ("az://b/p?endpoint=http://127.0.0.1:9", "http://127.0.0.1:9/b/p/k?"),
    ):
        assert (await connect(url).link("k", 60) or "").startswith(address), url
    connect("gs://b/p?endpoint=http://127.0.0.1:9")


def test_folder_may_be_named(tmp_path: Path) -> None:
    made = open_storage(load({"ORVANTA_HOME": str(tmp_path), "OBJECT_STORAGE_URL": (tmp_path / "a b").as_uri()}))
    asyncio.run(made.put(KEY, b"x"))
    assert os.listdir(tmp_path / "a b") == ["main"]


async def test_other_users_can_neither_list_nor_read_local_objects(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        await LocalStorage(tmp_path / "made").put("w/run/key", b"x")
        found = tmp_path / "found"
        found.mkdir(mode=0o755)
        await LocalStorage(found).put("w/run/key", b"x")
    finally:
        os.umask(before)
    for folder in (tmp_path / "made", found):
        modes = {path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}
        assert modes == {0o700, 0o600}
