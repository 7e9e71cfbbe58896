"""Simple responses: plain text and JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

_JSON = "application/json"
_encoder = msgspec.json.Encoder()


def text(content: str, status: int = 200) -> Response[bytes]:
    """Return `content` as `text/plain`, unquoted: ids, hashes, tokens, messages."""
    return Response(content.encode(), status_code=status, media_type="text/plain")


def json(content: Any, status: int = 200) -> Response[bytes]:
    """Return `content` as JSON. A `str` is quoted."""
    return Response(_encoder.encode(content), status_code=status, media_type=_JSON)
