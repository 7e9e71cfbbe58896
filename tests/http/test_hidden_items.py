"""Errors about hidden items and runs, which must be identical to those about missing ones."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import PYTHON, ApiHarness, W
from tests.http.test_http_triggers import HOOK
from tests.http.test_schedules import NEW

from orvanta_platform.control.actor import Role

HIDDEN, MISSING = "f/private/item", "f/private/none"
CALLS: list[tuple[str, str, Any]] = [
    ("POST", "jobs/run/p/{path}", {}),
    ("POST", "jobs/run/f/{path}", {}),
    ("POST", "jobs/run/fv/{version}", {}),
    ("POST", "jobs/run/h/{hash}", {}),
    ("GET", "scripts/get/h/{hash}", None),
    ("GET", "scripts/raw/h/{hash}", None),
    ("GET", "scripts/deployment_status/h/{hash}", None),
    ("POST", "scripts/archive/h/{hash}", {}),
    ("GET", "flows/get/v/{version}", None),
    ("GET", "versions/get/flow/{version}", None),
    ("GET", "capture/{capture}", None),
    ("POST", "scripts/archive/p/{path}", {"archived": True}),
    ("POST", "scripts/delete/p/{path}", None),
    ("POST", "flows/archive/{path}", {"archived": True}),
    ("DELETE", "flows/delete/{path}", None),
    ("DELETE", "workflow_tests/delete/a/{path}", None),
    ("POST", "schedules/create", {**NEW, "path": "u/eve/nightly", "script_path": "{path}"}),
    ("POST", "http_triggers/create", {**HOOK, "path": "u/eve/hook", "workspaced_route": True, "script_path": "{path}"}),
    ("POST", "jobs_u/queue/cancel/{run}", {}),
    ("PUT", "/api/v1/runs/{run}/pauses/before/a", {}),
]


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
async def test_errors_do_not_tell_hidden_from_missing(api: ApiHarness, role: Role) -> None:
    await api.client.post(f"{W}/scripts/create", json={**PYTHON, "path": HIDDEN, "summary": ""})
    await api.client.post(f"{W}/flows/create", json={"path": HIDDEN, "summary": "", "value": {"modules": []}})
    listened = {"path": HIDDEN, "is_flow": False, "trigger_kind": "webhook"}
    assert (await api.client.post(f"{W}/capture/set_config", json=listened)).status_code == 200
    hidden = {
        "capture": (await api.client.post(f"{W}/capture_u/webhook/script/{HIDDEN}", json={})).text,
        "path": HIDDEN,
        "hash": (await api.get(f"scripts/get/p/{HIDDEN}"))["hash"],
        "version": str((await api.get(f"flows/get/{HIDDEN}"))["version_id"]),
        "run": (await api.client.post(f"{W}/jobs/run/p/{HIDDEN}", json={})).text,
    }
    missing = {
        "capture": "99998",
        "path": MISSING,
        "hash": "0123456789abcdef",
        "version": "99999",
        "run": "0197a228-0000-7000-8000-000000000000",
    }
    eve = await api.member("eve", role)
    for method, call, body in CALLS:
        texts = []
        for names in (hidden, missing):
            url = call.format(**names) if call.startswith("/") else f"{W}/{call.format(**names)}"
            sent = {key: names["path"] if value == "{path}" else value for key, value in (body or {}).items()}
            answer = await eve.request(method, url, json=None if body is None else sent)
            texts.append(f"{answer.status_code} {answer.text}")
            for name, value in sorted(names.items(), key=lambda each: -len(each[1])):
                texts[-1] = texts[-1].replace(value, name)
        assert texts[0] == texts[1], (call, texts)
