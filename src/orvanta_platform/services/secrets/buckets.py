"""Resources of type s3: connection settings of a bucket, in the formats of several clients."""

from __future__ import annotations

from typing import Any

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import require_workspace
from orvanta_platform.errors import BadRequest, Conflict
from orvanta_platform.orchestrator import secret_access
from orvanta_platform.services.platform import Platform

_PREFIX = "$res:"
_DEFAULT_REGION = "us-east-1"


class Bucket(msgspec.Struct, frozen=True, rename="camel"):
    """Value of a resource of type s3."""

    bucket: str
    end_point: str = msgspec.field(name="endPoint")
    """Host without scheme."""
    region: str = _DEFAULT_REGION
    use_ssl: bool = msgspec.field(name="useSSL", default=True)
    path_style: bool = msgspec.field(name="pathStyle", default=True)
    port: int | None = None
    access_key: str | None = None
    secret_key: str | None = None
    token: str | None = None

    @property
    def host(self) -> str:
        """Host, and port if it is not the default one."""
        return f"{self.end_point}:{self.port}" if self.port else self.end_point

    @property
    def endpoint_url(self) -> str:
        """Host and port with the scheme."""
        return f"{'https' if self.use_ssl else 'http'}://{self.host}"


async def get(platform: Platform, actor: Actor, workspace: str, path: str | None) -> Bucket:
    """Return the bucket of a resource. It is opened like any resource: its secret key for jobs only.

    Raises NotFound, SecretIsWriteOnly, BadRequest if it is not a bucket, and Conflict without a path: the store that
    holds the workspaces' files belongs to the whole installation, and its keys are not disclosed.
    """
    require_workspace(actor, workspace)
    if not path:
        raise Conflict(
            "The workspace's files are in the object storage of the installation, whose keys are not disclosed.",
            hint="Access them with load_s3_file and write_s3_file, or name a resource of type s3.",
        )
    value = await secret_access.read(platform, actor, workspace, "resource", path.removeprefix(_PREFIX))
    try:
        return msgspec.json.decode(value, type=Bucket)
    except msgspec.ValidationError as error:
        raise BadRequest(
            f"The resource {path} is not a bucket: {error}.", hint="It needs the fields of the resource type s3."
        ) from error


def for_polars(bucket: Bucket) -> dict[str, Any]:
    """Return arguments for s3fs and storage options for Polars."""
    keys = {"key": bucket.access_key, "secret": bucket.secret_key, "token": bucket.token}
    options = {
        "aws_access_key_id": bucket.access_key,
        "aws_secret_access_key": bucket.secret_key,
        "aws_session_token": bucket.token,
    }
    return {
        "s3fs_args": {
            "endpoint_url": bucket.endpoint_url,
            "use_ssl": bucket.use_ssl,
            "cache_regions": False,
            "client_kwargs": {"region_name": bucket.region},
            **_without_empty(keys),
        },
        "storage_options": {
            "aws_endpoint_url": bucket.endpoint_url,
            "aws_region": bucket.region,
            "aws_allow_http": str(not bucket.use_ssl).lower(),
            **_without_empty(options),
        },
    }


def for_duckdb(bucket: Bucket) -> str:
    """Return the statements that configure DuckDB for the bucket."""
    settings = {
        "s3_url_style": "path" if bucket.path_style else "vhost",
        "s3_region": bucket.region,
        "s3_endpoint": bucket.host,
        "s3_access_key_id": bucket.access_key,
        "s3_secret_access_key": bucket.secret_key,
        "s3_session_token": bucket.token,
    }
    quoted = (f"SET {name}='{text.replace(chr(39), chr(39) * 2)}';" for name, text in _without_empty(settings).items())
    return "\n".join(("INSTALL httpfs;", "LOAD httpfs;", f"SET s3_use_ssl={str(bucket.use_ssl).lower()};", *quoted))


def _without_empty(values: dict[str, str | None]) -> dict[str, str]:
    return {name: text for name, text in values.items() if text}
