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
"""Header with the warnings about items that are deployed: a JSON list of `code` and `message`."""

_MAX_WARNINGS: Final = 20


def text(content: str, status: int = 200, warnings: Sequence[Diagnostic] = ()) -> Response[bytes]:
    """Return `content` as `text/plain`, unquoted: ids, hashes, tokens, messages."""
    return Response(content.encode(), status_code=status, media_type="text/plain", headers=_warning_headers(warnings))


def json(content: Any, status: int = 200, warnings: Sequence[Diagnostic] = ()) -> Response[bytes]:
    """Return `content` as JSON. A `str` is quoted."""
    headers = _warning_headers(warnings)
    return Response(_encoder.encode(content), status_code=status, media_type=_JSON, headers=headers)


def _warning_headers(warnings: Sequence[Diagnostic]) -> dict[str, str]:
    if not warnings:
        return {}
    return {
        WARNINGS: ascii_json.dumps([{"code": each.code, "message": each.message} for each in warnings[:_MAX_WARNINGS]])
    }
