"""Signatures of requests to S3-compatible object storage (AWS Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

_NO_BODY: Final = hashlib.sha256(b"").hexdigest()
_SIGNED: Final = "host;x-amz-content-sha256;x-amz-date"


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """Access key of a region."""

    id: str
    secret: str
    region: str


def headers(key: Key, url: str, at: datetime) -> dict[str, str]:
    """Return the headers that sign a GET request without a body, sent at the time `at` in UTC."""
    parts = urlsplit(url)
    stamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    query = sorted(f"{quote(name, safe='~')}={quote(text, safe='~')}" for name, text in parse_qsl(parts.query))
    lines = [f"host:{parts.netloc}", f"x-amz-content-sha256:{_NO_BODY}", f"x-amz-date:{stamp}"]
    request = "\n".join(["GET", quote(parts.path, safe="/~"), "&".join(query), *lines, "", _SIGNED, _NO_BODY])
    scope = f"{day}/{key.region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signing = f"AWS4{key.secret}".encode()
    for part in (day, key.region, "s3", "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    signature = hmac.digest(signing, text.encode(), "sha256").hex()
    return {
        "x-amz-content-sha256": _NO_BODY,
        "x-amz-date": stamp,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key.id}/{scope},SignedHeaders={_SIGNED},Signature={signature}",
    }
