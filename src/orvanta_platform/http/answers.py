"""Simple responses: plain text and JSON."""

from __future__ import annotations

import json as ascii_json
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from litestar import Response

from orvanta_platform.workflow.diagnostics import Diagnostic

_JSON = "application/json"
_encoder = msgspec.json.Encoder()


WARNINGS: Final = "X-Warnings"
"""Header with the warnings about a deployed item: a JSON list of `code` and `message`."""

_MAX_WARNINGS: Final = 20


def text(content: str, status: int = 200, warnings: Sequence[Diagnostic] = ()) -> Response[bytes]:
    """Return `content` as `text/plain`, unquoted: ids, hashes, tokens, messages."""
    headers = {}
    if warnings:
        listed = [{"code": each.code, "message": each.message} for each in warnings[:_MAX_WARNINGS]]
        headers[WARNINGS] = ascii_json.dumps(listed)
    return Response(content.encode(), status_code=status, media_type="text/plain", headers=headers)


def json(content: Any, status: int = 200) -> Response[bytes]:
    """Return `content` as JSON. A `str` is quoted."""
    return Response(_encoder.encode(content), status_code=status, media_type=_JSON)
