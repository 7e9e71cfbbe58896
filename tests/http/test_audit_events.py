"""Events of the audit trail: one call for each recorded event."""

from __future__ import annotations

from typing import Any

from tests.http.harness import PYTHON, ApiHarness, W, script
from tests.http.jobs_running import claimed, job_client, started

from orvanta_platform.control.actor import Role

ITEM = {"path": "u/admin/a", "value": "hush-hush", "is_secret": True, "description": ""}
SCHEDULE = {
    "path": "u/admin/s",
    "schedule": "0 0 0 1 1 *",
    "timezone": "UTC",
    "script_path": "u/admin/p",
    "is_flow": False,
    "args": {},
}


async def operations(api: ApiHarness, path: str = f"{W}/audit/list") -> list[tuple[str, str | None]]:
    rows = (await api.client.get(path, params={"per_page": 1000})).json()
    return [(row["operation"], row.get("resource")) for row in rows]


async def test_each_kind_of_event_is_a_row(api: ApiHarness) -> None:
    client = api.client

    async def call(method: str, path: str, json: Any = None) -> None:
        url = path if path.startswith("/") else f"{W}/{path}"
        answer = await client.request(method, url, json=json)
        assert answer.status_code in (200, 201), (path, answer.text)

    await api.member("bea", Role.DEVELOPER)
    await call("POST", "variables/create", ITEM)
    await call("POST", "acls/add/variable/u/admin/a", {"owner": "u/bea", "write": False})
    await call("POST", "scripts/create", {**PYTHON, "path": "u/admin/p", "summary": ""})
    await call("POST", "schedules/create", SCHEDULE)
    job = await started(api)
    assert (await job_client(api, job).get(f"{W}/variables/get_value/u/admin/a")).json() == "hush-hush"
    await call("POST", f"jobs_u/queue/cancel/{job.run.id}", {"reason": "x"})
    approved = await api.flow(script("a", suspend={"required_events": 1}), script("b"))
    await api.worker.finish(await claimed(api, approved))
    await call("POST", f"jobs/flow/resume/{approved}")
    await call("POST", "users/update/bea", {"role": "operator"})
    await call("GET", "audit/list")
    await call("GET", "audit/export")
    await call("GET", "audit/verify")
    await call("POST", "/api/users/tokens/create", {"label": "x"})
    recorded = {operation for operation, _ in await operations(api)}
    assert recorded >= {
        "variables.create",
        "variables.open",
        "acls.add",
        "scripts.create",
        "schedules.create",
        "jobs.run",
        "jobs.cancel",
        "approvals.decide",
        "audit.list",
        "audit.export",
        "audit.verify",
    }, recorded


async def test_logins_of_both_kinds_are_rows_of_the_instance(api: ApiHarness) -> None:
    for password in ("wrong-wrong", "also-wrong-1"):
        answer = await api.client.post("/api/auth/login", json={"email": "admin@localhost", "password": password})
        assert answer.status_code in (400, 401)
    recorded = await operations(api, "/api/audit/list")
    assert [each for each in recorded if each[0] == "users.login_failed"] == [
        ("users.login_failed", "admin@localhost")
    ] * 2
