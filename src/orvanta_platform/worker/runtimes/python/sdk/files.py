"""Calls for files and buckets."""

from __future__ import annotations

from io import BufferedReader
from typing import Any

from .data import resource_path
from .s3_reader import S3BufferedReader, bytes_generator
from .s3_types import (
    Boto3ConnectionSettings,
    DuckDbConnectionSettings,
    PolarsConnectionSettings,
    S3Object,
    parse_s3_object,
)
from .workspace import Workspace


class Files(Workspace):
    """Files of a workspace."""

    def load_s3_file(self, s3object: S3Object | str, s3_resource_path: str | None = None) -> bytes:
        """Return the content of a file of the workspace. Raises ApiError."""
        with self.load_s3_file_reader(s3object, s3_resource_path) as reader:
            return reader.read()

    def load_s3_file_reader(self, s3object: S3Object | str, s3_resource_path: str | None = None) -> BufferedReader:
        """Open a file of the workspace for reading. Raises ApiError."""
        params = _file_parameters(s3object, s3_resource_path)
        call = self.in_workspace("job_helpers/download_s3_file")
        return S3BufferedReader(self.client.stream("GET", call, params=params, timeout=None).raise_for_status())

    def write_s3_file(
        self,
        s3object: S3Object | str | None,
        file_content: BufferedReader | bytes,
        s3_resource_path: str | None = None,
        content_type: str | None = None,
        content_disposition: str | None = None,
    ) -> S3Object:
        """Write a file of the workspace from bytes or an open file and return its reference.

        None as `s3object` generates a name. Raises ApiError.
        """
        named = parse_s3_object(s3object) if s3object is not None else S3Object(s3="")
        params = _file_parameters(named, s3_resource_path)
        params |= {"content_type": content_type, "content_disposition": content_disposition}
        is_file = hasattr(file_content, "read")
        response = self.post(
            self.in_workspace("job_helpers/upload_s3_file"),
            params=params,
            content=bytes_generator(file_content) if is_file else file_content,
            headers={"Content-Type": "application/octet-stream"},
            timeout=None,
        )
        storage = {"storage": named["storage"]} if named.get("storage") else {}
        return S3Object(s3=response.json()["file_key"], **storage)

    def delete_s3_object(self, s3object: S3Object | str, s3_resource_path: str | None = None) -> None:
        """Delete a file of the workspace. Raises ApiError."""
        params = _file_parameters(s3object, s3_resource_path)
        self.client.delete(self.in_workspace("job_helpers/delete_s3_file"), params=params).raise_for_status()

    def sign_s3_objects(self, s3_objects: list[S3Object | str], expiry_secs: int | None = None) -> list[S3Object]:
        """Return references with a link in `presigned` that reads the file without a token. Raises ApiError."""
        return [self.sign_s3_object(each, expiry_secs) for each in s3_objects]

    def sign_s3_object(self, s3_object: S3Object | str, expiry_secs: int | None = None) -> S3Object:
        """Return the reference with a link in `presigned` that reads the file without a token. Raises ApiError."""
        named = parse_s3_object(s3_object)
        params = {"file_key": named.s3, "expiry_secs": expiry_secs}
        url = self.get(self.in_workspace("job_helpers/presign_s3_file"), params=params).json()["url"]
        return S3Object({**named, "presigned": url})

    def get_presigned_s3_public_urls(
        self, s3_objects: list[S3Object | str], base_url: str | None = None, expiry_secs: int | None = None
    ) -> list[str]:
        """Return a link for each file, which reads it without a token. Raises ApiError."""
        return [self.get_presigned_s3_public_url(each, base_url, expiry_secs) for each in s3_objects]

    def get_presigned_s3_public_url(
        self, s3_object: S3Object | str, base_url: str | None = None, expiry_secs: int | None = None
    ) -> str:
        """Return a link that reads a file without a token. `base_url` is ignored: the storage determines the address.

        Raises ApiError if the installation stores its files in a folder.
        """
        named = parse_s3_object(s3_object)
        url: str = named.get("presigned") or self.sign_s3_object(named, expiry_secs)["presigned"]
        return url

    def get_duckdb_connection_settings(self, s3_resource_path: str = "") -> DuckDbConnectionSettings:
        """Return the settings with which DuckDB reads the bucket of an `s3` resource."""
        return DuckDbConnectionSettings(self._bucket("duckdb_connection_settings", s3_resource_path))

    def get_polars_connection_settings(self, s3_resource_path: str = "") -> PolarsConnectionSettings:
        """Return the settings with which polars reads the bucket of an `s3` resource."""
        return PolarsConnectionSettings(self._bucket("polars_connection_settings", s3_resource_path))

    def get_boto3_connection_settings(self, s3_resource_path: str = "") -> Boto3ConnectionSettings:
        """Return the arguments with which boto3 reads the bucket of an `s3` resource."""
        found = self._bucket("s3_resource_info", s3_resource_path)
        port = f":{found['port']}" if found.get("port") else ""
        settings = {
            "endpoint_url": f"{'https' if found['useSSL'] else 'http'}://{found['endPoint']}{port}",
            "region_name": found["region"],
            "use_ssl": found["useSSL"],
            "aws_access_key_id": found["accessKey"],
            "aws_secret_access_key": found["secretKey"],
        }
        if found.get("token"):
            settings["aws_session_token"] = found["token"]
        return Boto3ConnectionSettings(settings)

    def _bucket(self, call: str, s3_resource_path: str) -> Any:
        body = {"s3_resource_path": resource_path(s3_resource_path)} if s3_resource_path else {}
        return self.post(self.in_workspace(f"job_helpers/v2/{call}"), json=body).json()


def _file_parameters(s3object: S3Object | str, s3_resource_path: str | None) -> dict[str, Any]:
    named = parse_s3_object(s3object)
    storage = named.get("storage")
    return {"file_key": named["s3"] or None, "storage": storage, "s3_resource_path": s3_resource_path or None}
