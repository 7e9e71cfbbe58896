"""Routes of a workspace's files, and of buckets in its resources: `job_helpers`."""

from __future__ import annotations

from urllib.parse import quote

from litestar import Response, delete, get, post
from litestar.params import FromPath
from litestar.response import Stream

from orvanta_platform.db.files import FileFilter, FileRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.http import answers, ranges, streaming
from orvanta_platform.http.openapi import BINARY, AnyObject, call
from orvanta_platform.http.requests import (
    MAX_PAGE,
    AnyRequest,
    actor_of,
    body_of,
    live_actor_of,
    number_of,
    platform_of,
)
from orvanta_platform.http.schemas import files as shapes
from orvanta_platform.services.maintenance import files
from orvanta_platform.services.secrets import buckets

_H = "/api/w/{workspace:str}/job_helpers"
_WHERE = ("s3_resource_path", "storage")
_DEFAULT_STORAGE = ("", "_default_")
_PREVIEW = 64 << 10
_MAX_PREVIEW = 1 << 20
_LINK_S = 12 * 3600
_TEXTS = ("json", "xml", "yaml", "javascript", "sql", "x-sh", "x-ndjson", "toml")


@post(
    f"{_H}/upload_s3_file",
    status_code=200,
    request_max_body_size=None,
    opt=call(
        body=BINARY,
        answer=shapes.Uploaded,
        query=("file_key", "file_extension", *_WHERE, "content_type", "content_disposition"),
    ),
)
async def upload_file(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Store the body as a file of the workspace. A file of the same name is replaced.

    Without `file_key` the file gets a generated name that ends in `file_extension`.
    """
    _require_own(request)
    query = request.query_params
    upload = files.Upload(
        key=query.get("file_key"),
        extension=query.get("file_extension"),
        mime_type=query.get("content_type"),
        disposition=query.get("content_disposition"),
    )
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isascii() and announced.isdigit() else None
    key = await files.upload(platform_of(request), live_actor_of(request), workspace, upload, request.stream(), size)
    return answers.json(shapes.Uploaded(key))


@get(f"{_H}/download_s3_file", opt=call(answer=BINARY, query=("file_key", *_WHERE)))
async def download_file(request: AnyRequest, workspace: FromPath[str]) -> Stream:
    """Download a file, or with `Range` (one range) a part of it: 206. Browsers run nothing in the file."""
    file = await _requested_file(request, workspace)
    part = ranges.requested_range(request.headers.get("range"), file.size)
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": file.disposition or _attachment(file.key),
        "Content-Length": str(part.length if part else file.size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Last-Modified": file.edited_at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    }
    if part:
        headers["Content-Range"] = part.header
    start, length = (part.start, part.length) if part else (0, file.size)
    pieces = await files.content(platform_of(request), live_actor_of(request), workspace, file, start, length)
    return streaming.download(pieces, file.mime_type, status=206 if part else 200, headers=headers)


@delete(f"{_H}/delete_s3_file", status_code=200, opt=call(answer=bool, query=("file_key", *_WHERE)))
async def delete_file(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Delete a file."""
    await files.delete(platform_of(request), actor_of(request), workspace, _key(request))
    return answers.json(True)


@get(f"{_H}/move_s3_file", opt=call(answer=bool, query=("src_file_key", "dest_file_key", *_WHERE)))
async def move_file(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Rename a file. This GET changes data, so calls with the cookie need the header `X-Orvanta`."""
    source, target = _key(request, "src_file_key"), _key(request, "dest_file_key")
    await files.move(platform_of(request), actor_of(request), workspace, source, target)
    return answers.json(True)


@get(f"{_H}/list_stored_files", opt=call(answer=shapes.StoredFiles, query=("max_keys", "marker", "prefix", *_WHERE)))
async def list_files(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """List files the caller may read, by name. At most `max_keys` (100) after `marker` that start with `prefix`."""
    _require_own(request)
    limit = min(max(number_of(request, "max_keys", 100), 1), MAX_PAGE)
    query = request.query_params
    filter_ = FileFilter(after=query.get("marker") or "", prefix=query.get("prefix") or "", limit=limit + 1)
    found, restricted = await files.list_page(platform_of(request), actor_of(request), workspace, filter_)
    return answers.json(shapes.listed(found, limit, restricted=restricted))


@get(f"{_H}/load_file_metadata", opt=call(answer=shapes.FileMetadata, query=("file_key", *_WHERE)))
async def load_file_metadata(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the metadata of a file."""
    return answers.json(shapes.metadata(await _requested_file(request, workspace)))


@get(
    f"{_H}/load_file_preview",
    opt=call(answer=shapes.FilePreview, query=("file_key", "read_bytes_from", "read_bytes_length", *_WHERE)),
)
async def load_file_preview(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get a part of a text file: `read_bytes_length` (64 KiB, at most 1 MiB) from `read_bytes_from`."""
    file = await _requested_file(request, workspace)
    start = number_of(request, "read_bytes_from", 0)
    length = min(number_of(request, "read_bytes_length", _PREVIEW), _MAX_PREVIEW)
    raw = await files.part(platform_of(request), file, start, length)
    return answers.json(_preview(file, raw))


@get(f"{_H}/presign_s3_file", opt=call(answer=shapes.FileLink, query=("file_key", "expiry_secs", *_WHERE)))
async def presign_file(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Create a URL of the object store that needs no token, valid for `expiry_secs` (12 h; 60 s to 7 days).

    409 if the store has no such URLs, as a local folder.
    """
    expires_s = number_of(request, "expiry_secs", _LINK_S)
    url, until = await files.link(platform_of(request), actor_of(request), workspace, _key(request), expires_s)
    return answers.json(shapes.FileLink(url, until))


@get(f"{_H}/test_connection", opt=call(answer=bool, query=_WHERE))
async def try_storage(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Write, read and delete an object in the object storage. Returns the error if one of them fails."""
    _require_own(request)
    await files.try_storage(platform_of(request), actor_of(request), workspace)
    return answers.json(True)


@post(
    f"{_H}/v2/s3_resource_info",
    status_code=200,
    opt=call(body=shapes.BucketRequest, answer=shapes.BucketSettings),
)
async def bucket_info(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the bucket of a resource of type s3. Only jobs can read its secret key: 403 `secret_is_write_only`.

    409 without a resource, as the keys of the installation's own object storage are never returned.
    """
    return answers.json(shapes.bucket(await _bucket(request, workspace)))


@post(
    f"{_H}/v2/polars_connection_settings",
    status_code=200,
    opt=call(body=shapes.BucketRequest, answer=AnyObject),
)
async def polars_settings(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the bucket of a resource of type s3 as settings of s3fs and Polars."""
    return answers.json(buckets.for_polars(await _bucket(request, workspace)))


@post(
    f"{_H}/v2/duckdb_connection_settings",
    status_code=200,
    opt=call(body=shapes.BucketRequest, answer=shapes.DuckDbSettings),
)
async def duckdb_settings(request: AnyRequest, workspace: FromPath[str]) -> Response[bytes]:
    """Get the bucket of a resource of type s3 as statements for DuckDB."""
    return answers.json(shapes.DuckDbSettings(buckets.for_duckdb(await _bucket(request, workspace))))


async def _bucket(request: AnyRequest, workspace: str) -> buckets.Bucket:
    body = await body_of(request, shapes.BucketRequest)
    return await buckets.get(platform_of(request), actor_of(request), workspace, body.s3_resource_path)


async def _requested_file(request: AnyRequest, workspace: str) -> FileRow:
    return await files.get(platform_of(request), actor_of(request), workspace, _key(request))


def _key(request: AnyRequest, name: str = "file_key") -> str:
    _require_own(request)
    return request.query_params.get(name) or ""


def _require_own(request: AnyRequest) -> None:
    """Raise BadRequest for a storage other than the installation's."""
    if request.query_params.get("s3_resource_path"):
        raise BadRequest(
            "The server cannot access the buckets of resources.",
            hint="Access them in a script: boto3_connection_settings(path) returns the settings.",
        )
    if request.query_params.get("storage", "") not in _DEFAULT_STORAGE:
        raise BadRequest("A workspace has only one storage.", hint="Leave `storage` out.")


def _attachment(key: str) -> str:
    name = key.rpartition("/")[2]
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _preview(file: FileRow, raw: bytes) -> shapes.FilePreview:
    kind = file.mime_type.partition(";")[0].strip().lower()
    is_text = kind.startswith("text/") or any(word in kind for word in _TEXTS)
    if b"\0" in raw or not (is_text or _is_utf8(raw)):
        return shapes.FilePreview(content_type="Unknown", msg=f"A file of the type {kind} cannot be shown as text.")
    text = raw.decode("utf-8", "replace")
    return shapes.FilePreview(content_type="Csv" if kind == "text/csv" else "RawText", content=text)


def _is_utf8(raw: bytes) -> bool:
    """Return True if the bytes are UTF-8, except for characters cut at the ends of the part."""
    return len(raw) - len(raw.decode("utf-8", "ignore").encode()) <= 6


ROUTES = [
    upload_file,
    download_file,
    delete_file,
    move_file,
    list_files,
    load_file_metadata,
    load_file_preview,
    presign_file,
    try_storage,
    bucket_info,
    polars_settings,
    duckdb_settings,
]
