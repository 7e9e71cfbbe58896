"""Storage of objects in a cloud store: S3 and compatible stores, Google Cloud Storage, Azure Blob Storage."""

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
"""Bytes of one part of a large upload; two parts are sent concurrently."""

_PAGE = 500
_READ_PIECE = 1 << 20
_MAX_ERROR = 300
_PARAMETERS: Final = {"s3": {"endpoint", "region"}, "gs": {"endpoint"}, "az": {"endpoint"}}
"""Query parameters of a URL, by its scheme."""


def connect(url: str) -> RemoteStorage:
    """Return the store of `s3://bucket/prefix?endpoint=&region=`, `gs://bucket/prefix` or `az://container/prefix`.

    Credentials are read from the usual places of the vendor: AWS_…, GOOGLE_… and AZURE_… in the environment, or the
    identity of the machine. Raises SettingsError.
    """
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = sorted(parameters.keys() - _PARAMETERS.get(parts.scheme, set()))
    if not parts.netloc or "@" in parts.netloc or unknown:
        raise SettingsError(
            "OBJECT_STORAGE_URL is invalid.",
            hint="Write s3://bucket/prefix?endpoint=https://host&region=name, gs://bucket/prefix or "
            "az://container/prefix; set credentials in AWS_ACCESS_KEY_ID and similar variables.",
        )
    try:
        location = parts.scheme, parts.netloc, parts.path.strip("/"), parameters
        return RemoteStorage(_store(*location, _PATIENT), _store(*location, _ONCE))
    except (BaseError, ValueError) as error:
        raise SettingsError(f"The object storage cannot be configured: {_first_line(error)}.") from None


_PATIENT: Final[tuple[float, RetryConfig]] = (
    300,
    {
        "max_retries": 1000,  # pauses are random: twenty retries could be over after 45 s
        "retry_timeout": timedelta(seconds=120),
        "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=10), "base": 3},
    },
)
"""Timeout of one request in seconds, and its retries."""

_ONCE: Final[tuple[float, RetryConfig]] = (2, {"max_retries": 0})


def _store(
    scheme: str, bucket: str, prefix: str, parameters: Mapping[str, str], tries: tuple[float, RetryConfig]
) -> Store:
    endpoint = parameters.get("endpoint")
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=5),
        "timeout": timedelta(seconds=tries[0]),
        "allow_http": (endpoint or "").startswith("http://"),
    }
    options: dict[str, Any] = {"prefix": prefix or None, "client_options": client, "retry_config": tries[1]}
    if endpoint:
        options["base_url" if scheme == "gs" else "endpoint"] = endpoint
    match scheme:
        case "s3":
            # A self-hosted server has no host name per bucket: the bucket is part of the path.
            region = parameters.get("region", "us-east-1")
            return S3Store(bucket, region=region, virtual_hosted_style_request=endpoint is None, **options)
        case "gs":
            return GCSStore(bucket, **options)
        case _:
            return AzureStore(bucket, **options)


class RemoteStorage:
    """Objects of one store, below its prefix. A large one is uploaded in parts that become visible as one object at the
    end.

    A process that crashes during an upload leaves parts that no list shows: the lifecycle rule of the bucket for
    incomplete uploads removes them.
    """

    def __init__(self, store: Store, once: Store | None = None) -> None:
        """Use `store`. `once` is the same store without retries and with a short timeout."""
        self._store = store
        self._once = once or store

    async def put(self, key: str, body: bytes) -> None:
        """Store `body` under `key`. Raises StorageError."""
        await _store_object(
            key, obstore.put_async(self._store, checked(key), body, chunk_size=PIECE, max_concurrency=2)
        )

    async def put_pieces(self, key: str, pieces: AsyncIterable[bytes]) -> None:
        """Store the concatenation of `pieces` as one object, with at most a few parts in memory. Raises
        StorageError.
        """
        upload = obstore.put_async(
            self._store, checked(key), pieces, use_multipart=True, chunk_size=PIECE, max_concurrency=2
        )
        await _store_object(key, upload)

    async def get(self, key: str) -> bytes:
        """Return the whole object. Raises ObjectMissing, StorageError."""
        found = await _convert_errors(key, obstore.get_async(self._store, checked(key)))
        return bytes(await _convert_errors(key, found.bytes_async()))

    async def get_range(self, key: str, start: int, length: int) -> bytes:
        """Return at most `length` bytes from `start` on. Raises ObjectMissing, StorageError."""
        length = min(length, await self.size(key) - start)
        if length <= 0:
            return b""
        return bytes(await _convert_errors(key, obstore.get_range_async(self._store, key, start=start, length=length)))

    async def size(self, key: str) -> int:
        """Return the size of the object in bytes. Raises ObjectMissing, StorageError."""
        return int((await _convert_errors(key, obstore.head_async(self._store, checked(key))))["size"])

    async def pieces(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield at most `length` bytes from `start` on, in pieces. Raises ObjectMissing, StorageError."""
        if length is None or start:
            size = await self.size(key)
            length = size - start if length is None else min(length, size - start)
        if length <= 0:
            return
        found = await _convert_errors(
            key, obstore.get_async(self._store, checked(key), options={"range": (start, start + length)})
        )
        stream = found.stream(min_chunk_size=_READ_PIECE)
        while True:
            try:
                piece = await anext(stream)
            except StopAsyncIteration:
                return
            except BaseError as error:
                raise _failed(f"object {key}", error) from error
            for at in range(0, len(piece), _READ_PIECE):
                yield bytes(piece[at : at + _READ_PIECE])

    async def link(self, key: str, expires_s: int) -> str | None:
        """Return a URL signed with the store's credentials, which it does not reveal. Raises StorageError."""
        if isinstance(self._store, MemoryStore):
            return None
        signing = obstore.sign_async(self._store, "GET", checked(key), timedelta(seconds=expires_s))
        return await _convert_errors(key, signing)

    async def answers(self) -> bool:
        """Return whether the store responds, even with a refusal."""
        try:
            await obstore.head_async(self._once, "answers")
        except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError):
            return True
        except BaseError:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Delete the object, if it exists. Raises StorageError."""
        with suppress(ObjectMissing):
            await _convert_errors(key, obstore.delete_async(self._store, checked(key)))

    async def keys_before(self, before: datetime) -> AsyncIterator[Sequence[str]]:
        """Yield pages of keys last written before `before`. Raises StorageError."""
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


async def _convert_errors(key: str, work: Awaitable[T]) -> T:
    """Return the result of `work`, and convert its errors into StorageError."""
    try:
        return await work
    except FileNotFoundError as error:
        raise ObjectMissing(f"The object {key} does not exist.") from error
    except BaseError as error:
        raise _failed(f"object {key}", error) from error


async def _store_object(key: str, upload: Awaitable[Any]) -> None:
    try:
        await _convert_errors(key, upload)
    except ObjectMissing as error:
        raise StorageError(
            "The bucket or container of the object storage does not exist.",
            hint="Create it, or name another one in OBJECT_STORAGE_URL.",
        ) from error


def _failed(what: str, error: BaseError) -> StorageError:
    return StorageError(
        f"The object storage failed for the {what}: {_first_line(error)}.",
        hint="Check OBJECT_STORAGE_URL, the credentials in the environment, and whether the store is available.",
    )


def _first_line(error: Exception) -> str:
    """Return the first line of an error of the store's client; the rest is internal."""
    return str(error).split("\n", 1)[0][:_MAX_ERROR].rstrip(".")
