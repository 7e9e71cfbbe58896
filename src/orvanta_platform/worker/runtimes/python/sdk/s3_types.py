"""Values of file functions: dictionaries whose keys are also attributes."""

from __future__ import annotations

import re
from typing import Any


class _Record(dict[str, Any]):
    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class S3Object(_Record):
    """Reference to a file: `s3`, its name; `storage` and `presigned` if there are any."""


class S3FsClientKwargs(_Record):
    """Part of S3FsArgs: `region_name`."""


class S3FsArgs(_Record):
    """Arguments of s3fs."""


class StorageOptions(_Record):
    """Storage options of polars."""


class PolarsConnectionSettings(_Record):
    """Settings for polars: `s3fs_args`, `storage_options`."""


class Boto3ConnectionSettings(_Record):
    """Arguments of boto3's client."""


class DuckDbConnectionSettings(_Record):
    """Settings for DuckDB: `connection_settings_str`."""


def parse_s3_object(s3_object: S3Object | dict[str, Any] | str) -> S3Object:
    """Return the reference for `s3://storage/name` or `s3:///name`. Raises ValueError for another text."""
    if not isinstance(s3_object, str):
        return S3Object(s3_object)
    match = re.fullmatch(r"s3://([^/]*)/(.+)", s3_object, re.DOTALL)
    if match is None:
        raise ValueError(f"{s3_object!r} is not a file: write s3:///name, or S3Object(s3=name).")
    return S3Object(s3=match[2], storage=match[1] or None)
