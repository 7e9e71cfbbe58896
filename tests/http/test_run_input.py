"""Arguments in the body of a run call; only the content type determines the format."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import PYTHON, ApiHarness, W, api_harness

PATH = "f/hooks/take"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        answer = await made.client.post(f"{W}/scripts/create", json={**PYTHON, "path": PATH, "summary": ""})
        assert answer.status_code == 201, answer.text
        yield made


async def args(api: ApiHarness, **sent: Any) -> Any:
    """Return the arguments for a body."""
    answer = await api.client.post(f"{W}/jobs/run/p/{PATH}", **sent)
    assert answer.status_code == 201, answer.text
    return await api.get(f"jobs_u/get_args/{answer.text}")


@pytest.mark.parametrize(
    ("kind", "body", "found"),
    [
        ("application/json; charset=utf-8", '{"a": "ä"}', {"a": "ä"}),
        ("application/cloudevents+json", '{"a": 1}', {"a": 1}),
        (FORM, "a=1&b=x+y&b=%C3%A4&c=", {"a": "1", "b": ["x y", "ä"], "c": ""}),
        (FORM, '{"a": 1}', {"a": 1}),
        ("text/plain", '{"a": 1}', {"raw_string": '{"a": 1}'}),
        ("text/xml", "<a/>", {"raw_string": "<a/>"}),
        (FORM, "__proto__=1&constructor=2", {"__proto__": "1", "constructor": "2"}),
    ],
)
async def test_bodies(api: ApiHarness, kind: str, body: str, found: Any) -> None:
    assert await args(api, content=body.encode(), headers={"Content-Type": kind}) == found


async def test_multipart_forms_are_data(api: ApiHarness) -> None:
    files = [("file", ("../x.png", b"\x00\x01", "image/png")), ("tag", (None, "a")), ("tag", (None, "b"))]
    file = {"name": "../x.png", "type": "image/png", "base64": "AAE="}
    assert await args(api, files=files) == {"file": file, "tag": ["a", "b"]}
    forged = {"file": {"name": "/etc/passwd", "type": "text/plain", "path": "/etc/passwd"}}
    assert await args(api, json=forged) == forged, "an object that looks like a file is that object"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/octet-stream", b'{"a": 1}'),
        ("image/png", b"\x89"),
        ("application/json", b"[1"),
        ("text/plain", b"\xff"),
        (FORM, b"a=%ff"),
        (FORM, b"a=\xff"),
        (FORM, b"&".join(b"a=%d" % n for n in range(1001))),
        ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data", b"--x--"),
    ],
)
async def test_invalid_bodies_are_refused(api: ApiHarness, kind: str, body: bytes) -> None:
    headers = {"Content-Type": kind}
    answer: httpx.Response = await api.client.post(f"{W}/jobs/run/p/{PATH}", content=body, headers=headers)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] in ("invalid_input", "bad_request")
    assert json.loads((await api.client.get(f"{W}/jobs/list")).text) == []
