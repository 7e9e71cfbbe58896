"""Missing, empty, huge and hostile values in each field of the bodies that the settings pages send."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import W
from tests.http.route_examples import Examples, scene_with_examples

from orvanta_platform.control.instance_settings import REGISTRY
from orvanta_platform.http import app, openapi

FORMS = {
    *("acls", "configs", "environments", "folders", "groups", "ownership", "policies", "resources", "scim_tokens"),
    *("service_accounts", "settings", "users", "variables", "workers", "workspaces"),
}
"""Tags of the operations that the pages call."""

MISSING = object()
LONG = "x" * 1_000_000
NOT_A_LINE = (LONG, "\u202egnp.exe", "a\nb", "a\x00b", "\ud800", " ", "\u0085x")
"""Texts that are not valid names."""

VALUES: tuple[Any, ...] = (
    *(MISSING, None, True, "", *NOT_A_LINE, "unknown-choice", -1, 0.5, 2**63, 10**30, 1e308),
    *([], {}, [None], [LONG], ["a\nb"], ["\ud800"], {"\ud800": 1}, {"a\x00": 1}, "0001-01-01T00:00:00Z"),
)
BODIES = (b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"null", b"[]", b'"text"', b"1e999")
TEXTS = {
    *("summary", "description", "message", "password", "current_password", "client_secret", "error_handler"),
    *("large_file_storage", "webhook", "rules", "value", "schema", "env_vars_static"),
}
"""Fields that are not names: texts of several lines, JSON, or values that are only compared with stored ones."""

SETTINGS: dict[str, Any] = {
    "alerts": {
        "channels": {
            "ops": {"kind": "slack", "url": "https://hooks.example.com/x"},
            "mail": {"kind": "email", "host": "m.example.org", "to": ["a@example.org"], "sender": "b@example.org"},
        }
    },
    "break_glass_account": None,
    "oidc_providers": {
        "corp": {
            "label": "Corp",
            "issuer": "https://id.example.org",
            "client_id": "orvanta",
            "scopes": ["openid", "email"],
            "domains": ["example.org"],
            "groups_claim": "groups",
            "networks": ["10.0.0.0/8"],
            "grants": [{"claim": "dev", "workspace": "main", "role": "developer", "groups": ["ops"]}],
        }
    },
    "scim_grants": [{"claim": "dev", "workspace": "main", "role": "developer", "groups": ["ops"]}],
    "smtp": {"host": "mail.example.org", "sender": "orvanta@example.org", "user": "orvanta"},
    "trusted_release_keys": {},
    "worker_groups": {"gpu": {"worker_tags": ["gpu"], "env_vars_static": {"A": "b"}}},
}
SHARES = [
    pytest.param(24, id="quick"),
    pytest.param(4, marks=pytest.mark.extended, id="quarter"),
    pytest.param(1, marks=pytest.mark.soak, id="all"),
]
PATHS = {"/api/environments/update/{name}": {"name": "staging"}, "/api/configs/update/{name}": {"name": "gone"}}
READS = (
    *("/api/policies/list", "/api/environments/list", "/api/configs/list_worker_groups", "/api/settings/list_global"),
    *("/api/users/list_as_super_admin", "/api/users/tokens/list", "/api/scim_tokens/list", "/api/workspaces/list"),
    *(f"{W}/{each}/list" for each in ("folders", "groups", "resources", "variables", "service_accounts", "policies")),
    *(f"{W}/resources/type/list", f"{W}/users/list", f"{W}/workspaces/get_settings", f"{W}/audit/list"),
)
"""Calls that return stored values to the pages."""

Place = tuple[str | int, ...]


def forms() -> Iterator[tuple[str, str, list[str]]]:
    """Yield (path, setting of the instance or "", fields of the body) of the calls that store values."""
    found = openapi.document(app.api_handlers(app.create_router()))
    for path, operations in found["paths"].items():
        for operation in operations.values():
            if operation["tags"][0] in FORMS and "requestBody" in operation and "/exists" not in path:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                while "$ref" in schema:
                    schema = found["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
                for setting in REGISTRY if path == "/api/settings/global/{name}" else ("",):
                    yield path, setting, list(schema.get("properties", ()))


def places(value: Any, fields: list[str], at: Place = ()) -> Iterator[Place]:
    """Yield the path of each member of a body, at every depth."""
    inner: dict[str | int, Any] = {}
    if isinstance(value, dict | list):
        inner = dict(value if isinstance(value, dict) else enumerate(value))
    for name in dict.fromkeys([*fields, *inner]):
        yield (*at, name)
        yield from places(inner.get(name), [], (*at, name))


def put(body: Any, place: Place, value: Any) -> Any:
    """Return a body with a value at this path, or without the member."""
    changed = deepcopy(body) if isinstance(body, dict) else {}
    holder: Any = changed
    for name in place[:-1]:
        holder = holder[name]
    if value is not MISSING:
        holder[place[-1]] = value
    else:
        with suppress(KeyError):
            del holder[place[-1]]
    return changed


@pytest.mark.parametrize("share", SHARES)
async def test_forms_refuse_hostile_values(database: TestDatabase, tmp_path: Path, share: int) -> None:
    """Each field receives every `share`-th value, from a rotating start. Names that lists cannot show are refused."""
    wrong: list[str] = []
    turn = itertools.count()
    async with scene_with_examples(database, tmp_path) as (api, examples):
        for path, setting, fields in forms():
            body = await body_of(examples, path, setting)
            for place in places(body, fields):
                for value in VALUES[next(turn) % share :: share]:
                    sent = json.dumps(put(fresh(body, path, place, next(turn)), place, value)).encode()
                    answer = await send(api.client, examples, path, setting, sent)
                    reason = fault_of(answer) or stored_fault(answer, place[1:] if setting else place, value)
                    if reason:
                        shown = "nothing" if value is MISSING else repr(value)[:40]
                        wrong.append(f"{setting or path} {place} {shown}: {reason}")
            for raw in BODIES[next(turn) % share :: share]:
                answer = await send(api.client, examples, path, setting, raw)
                wrong += [f"{path} {raw[:20]!r}: {reason}"] if (reason := fault_of(answer)) else []
        for path in READS:
            answer = await api.client.get(path, params={"per_page": 1000})
            if answer.status_code != 200 or "x" * 20_000 in answer.text.replace(LONG, ""):
                wrong.append(f"{path}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, f"{len(wrong)} of {next(turn)}\n" + "\n".join(wrong[:80])


async def body_of(examples: Examples, path: str, setting: str) -> Any:
    """Return a valid body of a form."""
    if setting:
        return {"value": SETTINGS.get(setting, 8)}
    return (await examples.request("POST", path, PATHS.get(path)))[1]


def fresh(body: Any, path: str, place: Place, number: int) -> Any:
    """Return the body of a call that creates an object, with an unused name."""
    if not (isinstance(body, dict) and path.endswith("/create")):
        return body
    names = [name for name in ("path", "name", "id", "username", "email") if name in body and name != place[0]]
    return body | {name: f"{number}{body[name]}" if name == "email" else f"{body[name]}{number}" for name in names}


async def send(client: httpx.AsyncClient, examples: Examples, path: str, setting: str, body: bytes) -> httpx.Response:
    url, _ = await examples.request("POST", path, {"name": setting} if setting else PATHS.get(path))
    return await client.post(url, content=body, headers={"X-Workspace": "main"})


def fault_of(answer: httpx.Response) -> str:
    """Return the reason why a response is not valid for a form, or ""."""
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.status_code < 400:
        return ""
    error = answer.json()["error"]
    one_sentence = 5 < len(error["message"]) <= 2001 and error["message"][-1] in ".?…"
    if not re.fullmatch(r"[a-z_]+", error["code"]) or not one_sentence:
        return f"the error is {answer.text[:300]}"
    return ""


def stored_fault(answer: httpx.Response, place: Place, value: Any) -> str:
    """Return the reason why a value should have been refused, or ""."""
    text = value[0] if isinstance(value, list) and len(value) == 1 else value
    if answer.status_code >= 400 or not isinstance(text, str) or text not in NOT_A_LINE:
        return ""
    if text == "\ud800" or not TEXTS.intersection(place):
        return "stored"
    return "stored" if text is LONG and "value" not in place else ""
