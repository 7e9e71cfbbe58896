"""Shapes of the calls of files."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.files import FileRow
from orvanta_platform.services.secrets.buckets import Bucket


class Uploaded(msgspec.Struct):
    """The name under which the file is kept."""

    file_key: str


class StoredFile(msgspec.Struct):
    """A file as values name it."""

    s3: str


class StoredFiles(msgspec.Struct, kw_only=True):
    """A page of files. `restricted_access`: there may be others that the caller may not read."""

    orvanta_large_files: list[StoredFile]
    next_marker: str | UnsetType = UNSET
    restricted_access: bool


class FileMetadata(msgspec.Struct, kw_only=True):
    """What is known of a file."""

    mime_type: str
    size_in_bytes: int
    last_modified: datetime
    created_by: str
    edited_by: str


class FilePreview(msgspec.Struct, kw_only=True):
    """The beginning, or another part, of a file that holds text; of others a message."""

    content_type: Literal["RawText", "Csv", "Unknown"]
    content: str | UnsetType = UNSET
    msg: str | UnsetType = UNSET


class FileLink(msgspec.Struct):
    """An address that needs no token, until then."""

    url: str
    expires_at: datetime


class BucketAsked(msgspec.Struct):
    """The resource of type s3 whose bucket is meant."""

    s3_resource_path: str | None = None
    storage: str | None = None


class BucketSettings(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A bucket and what opens it."""

    bucket: str
    region: str
    endPoint: str  # noqa: N815
    useSSL: bool  # noqa: N815
    pathStyle: bool  # noqa: N815
    port: int | UnsetType = UNSET
    accessKey: str | UnsetType = UNSET  # noqa: N815
    secretKey: str | UnsetType = UNSET  # noqa: N815
    token: str | UnsetType = UNSET


class DuckDbSettings(msgspec.Struct):
    """Statements that DuckDB is to execute first."""

    connection_settings_str: str


def metadata(file: FileRow) -> FileMetadata:
    """A file as `load_file_metadata` tells it."""
    return FileMetadata(
        mime_type=file.mime_type,
        size_in_bytes=file.size,
        last_modified=file.edited_at,
        created_by=file.created_by,
        edited_by=file.edited_by,
    )


def listed(files: list[FileRow], limit: int, *, restricted: bool) -> StoredFiles:
    """A page of at most `limit` files; `files` holds one more where there are more."""
    shown = files[:limit]
    return StoredFiles(
        orvanta_large_files=[StoredFile(file.key) for file in shown],
        next_marker=shown[-1].key if len(files) > limit else UNSET,
        restricted_access=restricted,
    )


def bucket(found: Bucket) -> BucketSettings:
    """A bucket as `s3_resource_info` tells it."""
    return BucketSettings(
        bucket=found.bucket,
        region=found.region,
        endPoint=found.end_point,
        useSSL=found.use_ssl,
        pathStyle=found.path_style,
        port=found.port or UNSET,
        accessKey=found.access_key or UNSET,
        secretKey=found.secret_key or UNSET,
        token=found.token or UNSET,
    )
