"""Objects in a store of somebody's cloud: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import AzureStore, GCSStore, MemoryStore, S3Store

from orvanta_platform.errors import SettingsError, StorageError
from orvanta_platform.storage import ObjectMissing, checked

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

T = TypeVar("T")

Store = S3Store | GCSStore | AzureStore | MemoryStore

PIECE: Final = 8 << 20
"""Bytes of one part of a large upload; two are under way at a time."""

_PAGE = 500
_PASSED_ON = 1 << 20
_SHOWN = 300
_PARAMETERS: Final = {"s3": {"endpoint", "region"}, "gs": {"endpoint"}, "az": {"endpoint"}}
"""What may stand behind the `?` of a URL, by its scheme."""


def connect(url: str) -> RemoteStorage:
    """The store of `s3://bucket/prefix?endpoint=&region=`, `gs://bucket/prefix` or `az://container/prefix`.

    Credentials come from where its vendor's programs take them: AWS_…, GOOGLE_… and AZURE_… in the environment, or the
    machine's own identity. Raises SettingsError.
    """
    parts = urlsplit(url)
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(asked.keys() - _PARAMETERS.get(parts.scheme, set()))
    if not parts.netloc or "@" in parts.netloc or unknown:
        raise SettingsError(
            "OBJECT_STORAGE_URL cannot be read.",
            hint="Write s3://bucket/prefix?endpoint=https://host&region=name, gs://bucket/prefix or "
            "az://container/prefix; credentials stand in AWS_ACCESS_KEY_ID and the like.",
        )
    try:
        place = parts.scheme, parts.netloc, parts.path.strip("/"), asked
        return RemoteStorage(_store(*place, _PATIENT), _store(*place, _ONCE))
    except (BaseError, ValueError) as error:
        raise SettingsError(f"The object storage is not set up: {_said(error)}.") from None


_PATIENT: Final[tuple[float, RetryConfig]] = (
    300,
    {
        "max_retries": 1000,  # pauses are random: twenty were over after 45 s
        "retry_timeout": timedelta(seconds=120),
        "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=10), "base": 3},
    },
)
"""Seconds of one request, and how often it is made."""

_ONCE: Final[tuple[float, RetryConfig]] = (2, {"max_retries": 0})


def _store(scheme: str, bucket: str, prefix: str, asked: Mapping[str, str], tries: tuple[float, RetryConfig]) -> Store:
    endpoint = asked.get("endpoint")
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=tries[0]),
        "allow_http": (endpoint or "").startswith("http://"),
    }
    given: dict[str, Any] = {"prefix": prefix or None, "client_options": client, "retry_config": tries[1]}
    if endpoint:
        given["base_url" if scheme == "gs" else "endpoint"] = endpoint
    match scheme:
        case "s3":
            # A server of one's own has no name for each bucket: the bucket stands in the path.
            region = asked.get("region", "us-east-1")
            return S3Store(bucket, region=region, virtual_hosted_style_request=endpoint is None, **given)
        case "gs":
            return GCSStore(bucket, **given)
        case _:
            return AzureStore(bucket, **given)


class RemoteStorage:
    """Objects of one store, below its prefix. A large one is uploaded in parts that appear as one at the end.

    A process that dies while it uploads leaves parts that no list shows: the bucket's own rule for broken uploads
    removes them.
    """

    def __init__(self, store: Store, once: Store | None = None) -> None:
        """`once`: the same store, asked a single time and not for long."""
        self._store = store
        self._once = once or store

    async def put(self, key: str, body: bytes) -> None:
        """Keep `body` under `key`. Raises StorageError."""
        await _kept(key, obstore.put_async(self._store, checked(key), body, chunk_size=PIECE, max_concurrency=2))

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Keep what `pieces` gives as one object; at most a few parts of it are in memory. Raises StorageError."""
        upload = obstore.put_async(
            self._store, checked(key), pieces, use_multipart=True, chunk_size=PIECE, max_concurrency=2
        )
        await _kept(key, upload)

    async def get(self, key: str) -> bytes:
        """The whole object. Raises ObjectMissing, StorageError."""
        found = await _told(key, obstore.get_async(self._store, checked(key)))
        return bytes(await _told(key, found.bytes_async()))

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most `length` bytes from `start` on. Raises ObjectMissing, StorageError."""
        length = min(length, await self.size(key) - start)
        if length <= 0:
            return b""
        return bytes(await _told(key, obstore.get_range_async(self._store, key, start=start, length=length)))

    async def size(self, key: str) -> int:
        """Bytes of the object. Raises ObjectMissing, StorageError."""
        return int((await _told(key, obstore.head_async(self._store, checked(key))))["size"])

    async def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """At most `length` bytes from `start` on, a piece at a time. Raises ObjectMissing, StorageError."""
        if length is None or start:
            size = await self.size(key)
            length = size - start if length is None else min(length, size - start)
        if length <= 0:
            return
        found = await _told(
            key, obstore.get_async(self._store, checked(key), options={"range": (start, start + length)})
        )
        stream = found.stream(min_chunk_size=_PASSED_ON)
        while True:
            try:
                piece = await anext(stream)
            except StopAsyncIteration:
                return
            except BaseError as error:
                raise _failed(f"object {key}", error) from error
            for at in range(0, len(piece), _PASSED_ON):
                yield bytes(piece[at : at + _PASSED_ON])

    async def link(self, key: str, expires_s: int) -> str | None:
        """An address signed by the store's own credentials, which it does not show. Raises StorageError."""
        if isinstance(self._store, MemoryStore):
            return None
        signing = obstore.sign_async(self._store, "GET", checked(key), timedelta(seconds=expires_s))
        return await _told(key, signing)

    async def answers(self) -> bool:
        """Whether the store answers at this moment, be it that it does not permit what it is asked."""
        try:
            await obstore.head_async(self._once, "answers")
        except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError):
            return True
        except BaseError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove the object; nothing happens where there is none. Raises StorageError."""
        with suppress(ObjectMissing):
            await _told(key, obstore.delete_async(self._store, checked(key)))

    async def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Pages of keys of what was last written before `before`. Raises StorageError."""
        pages = obstore.list(self._store, chunk_size=_PAGE)
        while True:
            try:
                page = await anext(pages)
            except StopAsyncIteration:
                return
            except BaseError as error:
                raise _failed("list of objects", error) from error
            if keys := [each["path"] for each in page if each["last_modified"] < before]:
                yield keys


async def _told(key: str, work: Awaitable[T]) -> T:
    """What `work` gives; what it raises, in our words."""
    try:
        return await work
    except FileNotFoundError as error:
        raise ObjectMissing(f"The object {key} is gone.") from error
    except BaseError as error:
        raise _failed(f"object {key}", error) from error


async def _kept(key: str, upload: Awaitable[Any]) -> None:
    try:
        await _told(key, upload)
    except ObjectMissing as error:
        raise StorageError(
            "The object storage has no bucket or container of that name.",
            hint="Make it, or name another one in OBJECT_STORAGE_URL.",
        ) from error


def _failed(what: str, error: BaseError) -> StorageError:
    return StorageError(
        f"The object storage did not answer for the {what}: {_said(error)}.",
        hint="Check OBJECT_STORAGE_URL, the credentials in the environment and that the store is up.",
    )


def _said(error: Exception) -> str:
    """The first line of what the store's client says; the rest is its inside."""
    return str(error).split("\n", 1)[0][:_SHOWN].rstrip(".")
