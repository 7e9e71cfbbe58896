"""Examples of operations in the OpenAPI document are recorded from real calls."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import UNSET, UnsetType
from tests.conftest import TestDatabase
from tests.http.route_examples import scene_with_examples

from orvanta_platform.http import app, openapi, operation_examples
from orvanta_platform.http.operation_examples import OperationExample

FILE = Path(operation_examples.__file__).with_name(operation_examples.FILE)
MAX_ANSWER_BYTES = 2000
REPLACED = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "01980000-0000-7000-8000-000000000001"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?", "2026-01-02T03:04:05Z"),
    (r"file:///[^\"]*", "https://git.example.com/shop.git"),
    (r"\b[0-9a-f]{64}\b", "0" * 64),
    (r"\b[0-9a-f]{32}\b", "0" * 32),
    (r"/[^\s\"]*/pytest-of-[^\s\"]*", "/var/lib/orvanta"),
    (r"\b(ovt?_[A-Za-z0-9_-]{3})[A-Za-z0-9_-]+", r"\1…"),
    (r"(?=[a-z0-9+/_-]*[A-Z])[A-Za-z0-9+/_-]{40,}=*", "…"),
    (r"\bbea\b", "author"),
    (r"\bf/team/flow\b", "f/sales/price"),
    (r"\bf/team/asks\b", "f/sales/refund"),
    (r"\bf/team/movable\b", "f/sales/discount"),
    (r"\bf/team/moved\b", "f/sales/rebate"),
    (r"\bf/team/elsewhere\b", "f/sales/pricing"),
    (r"\bf/team/script\b", "f/sales/convert_currency"),
    (r"\bf/team/schedule\b", "f/sales/nightly"),
    (r"\bf/team/hook\b", "f/sales/order"),
    (r"\bf/team/variable\b", "f/sales/region"),
    (r"\bf/team/resource\b", "f/sales/shop"),
    (r"\bf/team/file\b", "f/sales/report"),
    (r"\bf/team/drafted\b", "f/sales/invoice"),
    (r"\bf/team/(new|x)\b", "f/sales/tax"),
    (r"\bf/team/newer\b", "f/sales/warehouse"),
    (r"\bf/team\b", "f/sales"),
    (r"\bteam\b", "sales"),
    (r"\bgone\b", "outdated"),
    (r"\bvanished\b", "obsolete"),
    (r"\bfresh\b", "support"),
    (r"\bthing\b", "shop"),
    (r"\bnewtype\b", "supplier"),
    (r"\bnewertype\b", "warehouse"),
    (r"\bdescribed\b", "descriptions"),
    (r"\bleaver\b", "carol"),
    (r"\bremaining\b", "dave"),
    (r"\bmachine\b", "reporting"),
    (r"^hook$", "orders"),
    (r"^k$", "progress"),
    (r"^archived_version$", "echo 2"),
    (r"^deleted_version$", "echo 3"),
)
"""Texts that differ in each recording, must not be published, or name objects of tests, with their replacements."""

SECRET = (
    "tokens/create",
    "first_password",
    "totp/enrol",
    "presign_s3_file",
    "resume_urls",
    "job_signature",
    "oidc/token",
)
"""Parts of the paths of operations whose responses are credentials: their examples have no response."""

_PASSWORD = "a long password"
SETTING = {
    "name": "min_password_length",
    "value": 12,
    "default": 12,
    "description": "Minimum length of new passwords.",
    "schema": {"type": "integer", "minimum": 8},
    "version": "default",
}
REGION = {"kind": "variable", "path": "f/sales/region", "content": {"value": "north", "is_secret": False}}
INCOMING = {
    "kind": "flow",
    "path": "f/sales/price",
    "difference": None,
    "before": None,
    "after": {"text": "summary: Price\nvalue:\n  modules: []\n"},
}
_TOTP = {"password": _PASSWORD, "code": "123456"}
PATH_VALUES = {
    "/api/settings/global/{name}": {"name": "min_password_length"},
    "/api/configs/get/{name}": {"name": "gpu"},
    "/api/configs/update/{name}": {"name": "gpu"},
    "/api/environments/update/{name}": {"name": "staging"},
    "/api/environments/delete/{name}": {"name": "staging"},
    "/api/auth/oidc/callback/{provider}": {"provider": "corp"},
}
"""Path parameters that differ from those of the permission tests' examples, by path."""

WRITTEN = {
    "POST /api/auth/login": OperationExample(body={"email": "admin@localhost", "password": _PASSWORD}),
    "POST /api/auth/enrol_totp": OperationExample(body={"email": "admin@localhost", "password": _PASSWORD}),
    "POST /api/auth/first_password": OperationExample(body={"token": "…", "password": _PASSWORD}),
    "POST /api/auth/oidc/start": OperationExample(body={"provider": "corp", "then": "/"}),
    "POST /api/auth/end_impersonation": OperationExample(answer="Ended the impersonation."),
    "POST /api/users/setpassword": OperationExample(
        body={"current_password": _PASSWORD, "password": "another long password"}, answer="Replaced the password."
    ),
    "POST /api/users/totp/enrol": OperationExample(body={"password": _PASSWORD}),
    "POST /api/users/totp/confirm": OperationExample(body={"code": "123456"}, answer="Switched two-step login on."),
    "POST /api/users/totp/disable": OperationExample(body=_TOTP, answer="Switched two-step login off."),
    "POST /api/scim_tokens/create": OperationExample(answer="…"),
    "GET /api/settings/list_global": OperationExample(answer=[SETTING]),
    "GET /api/v1/runs/search": OperationExample(answer={"runs": []}),
    "GET /api/w/{workspace}/git/incoming/{kind}/{path}": OperationExample(
        path={"workspace": "main", "kind": "flow", "path": "f/sales/price"}, answer=INCOMING
    ),
    "POST /api/w/{workspace}/changes/archive": OperationExample(
        answer={"items": [REGION], "failed": [], "left_out": ["settings.json"]}
    ),
}
"""Examples of operations that cannot be recorded here, as they need a login or a provider, or are long."""


@cache
def document() -> dict[str, Any]:
    return openapi.document(app.api_handlers(app.create_router()))


def operations() -> dict[str, dict[str, Any]]:
    """Return the operations by name, as `GET /api/version`."""
    paths = document()["paths"]
    return {f"{method.upper()} {path}": each for path, methods in paths.items() for method, each in methods.items()}


def success_of(operation: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the code and content of the success response."""
    code, response = next((code, each) for code, each in operation["responses"].items() if code != "default")
    return int(code), response["content"]


@pytest.mark.soak
async def test_examples_are_answered_as_documented(database: TestDatabase, tmp_path: Path) -> None:
    """If the environment variable `WRITE_EXAMPLES` is set, the calls are stored as the examples of the document."""
    made = {}
    async with scene_with_examples(database, tmp_path) as (api, examples):
        for name, operation in sorted(operations().items(), key=order):
            method, _, path = name.partition(" ")
            values = {**await examples.path_values(method, path), **PATH_VALUES.get(path, {})}
            url, body = await examples.request(method, path, values)
            answer = await api.client.request(method, url, json=body, headers={"X-Workspace": "main"})
            assert answer.status_code < 500 or answer.status_code == 504, (name, answer.text)
            shown = UNSET if any(part in path for part in SECRET) else shown_answer(answer, operation)
            sent = UNSET if body is None or "requestBody" not in operation else replaced(body)
            made[name] = WRITTEN.get(name) or OperationExample(replaced(values), sent, shown)
    if os.environ.get("WRITE_EXAMPLES"):
        text = msgspec.json.format(msgspec.json.encode(dict(sorted(made.items()))), indent=1)
        FILE.write_bytes(text + b"\n")
        operation_examples.stored.cache_clear()
    changed = [name for name, each in operation_examples.stored().items() if made[name].body != each.body]
    assert not changed, "record them again with WRITE_EXAMPLES=1: " + ", ".join(changed)


def order(named: tuple[str, dict[str, Any]]) -> tuple[bool, bool, str]:
    """Return the sort key by which deletions are sent late, and calls that end the session or workspace last."""
    name = named[0]
    ends = ("workspaces/archive", "auth/logout", "oidc/logout", "users/disable", "users/delete/{email}")
    return any(each in name for each in ends), name.startswith("DELETE") or "delete" in name, name


def shown_answer(answer: httpx.Response, operation: dict[str, Any]) -> Any | UnsetType:
    """Return the response as an example with lists cut to one row; UNSET if it is an error, binary or long.

    A JSON Schema with references has no example either: programs would resolve them within the document.
    """
    code, content = success_of(operation)
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.status_code != code or kind not in content or kind not in ("application/json", "text/plain"):
        return UNSET
    value = replaced(answer.json() if kind == "application/json" else answer.text)
    value = value[:1] if isinstance(value, list) else value
    text = msgspec.json.encode(value)
    return value if len(text) <= MAX_ANSWER_BYTES and b'"$ref"' not in text else UNSET


def replaced(value: Any) -> Any:
    """Return a value with the replacements of REPLACED."""
    if isinstance(value, dict):
        return {replaced(name): replaced(each) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each) for each in value]
    if isinstance(value, str):
        for pattern, fixed in REPLACED:
            value = re.sub(pattern, fixed, value)
    return value
