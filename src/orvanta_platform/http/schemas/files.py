"""Schemas of files and buckets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from orvanta_platform.db.files import FileRow
from orvanta_platform.services.secrets.buckets import Bucket


class Uploaded(msgspec.Struct):
    """The name under which the file is stored."""

    file_key: str


class StoredFile(msgspec.Struct):
    """A file, in the form used in values."""

    s3: str


class StoredFiles(msgspec.Struct, kw_only=True):
    """A page of files."""

    orvanta_large_files: list[StoredFile]
    next_marker: str | UnsetType = UNSET
    restricted_access: bool
    """True if there may be other files that the caller may not read."""


class FileMetadata(msgspec.Struct, kw_only=True):
    """The metadata of a file."""

    mime_type: str
    size_in_bytes: int
    last_modified: datetime
    created_by: str
    edited_by: str


class FilePreview(msgspec.Struct, kw_only=True):
    """A part of a text file, or for other files a message."""

    content_type: Literal["RawText", "Csv", "Unknown"]
    content: str | UnsetType = UNSET
    msg: str | UnsetType = UNSET


class FileLink(msgspec.Struct):
    """A URL that needs no token."""

    url: str
    expires_at: datetime


class BucketRequest(msgspec.Struct):
    """The resource of type s3 that contains the bucket."""

    s3_resource_path: str | None = None
    storage: str | None = None


class BucketSettings(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A bucket with its credentials."""

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
    """Statements that DuckDB must execute before it can read the bucket."""

    connection_settings_str: str


def metadata(file: FileRow) -> FileMetadata:
    """Convert the metadata of a file."""
    return FileMetadata(
        mime_type=file.mime_type,
        size_in_bytes=file.size,
        last_modified=file.edited_at,
        created_by=file.created_by,
        edited_by=file.edited_by,
    )


def listed(files: list[FileRow], limit: int, *, restricted: bool) -> StoredFiles:
    """Return a page of at most `limit` files. `files` contains one more if there are more."""
    shown = files[:limit]
    return StoredFiles(
        orvanta_large_files=[StoredFile(file.key) for file in shown],
        next_marker=shown[-1].key if len(files) > limit else UNSET,
        restricted_access=restricted,
    )


def bucket(found: Bucket) -> BucketSettings:
    """Convert the settings of a bucket."""
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
