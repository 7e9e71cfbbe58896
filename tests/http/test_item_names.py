"""Names of workflows and scripts in lists of runs, approvals and schedules, as far as the caller may read them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.http.harness import PYTHON, ApiHarness, W

NAME, FLOW, SCRIPT = "Report of the month", "f/team/report", "f/team/count"
ASKS = {"modules": [{"id": "ask", "value": {"type": "approval", "approvers": ["u/eve"]}}]}
SCHEDULE = {"schedule": "0 0 * * * *", "timezone": "Etc/UTC", "enabled": True, "args": {}}


@pytest.fixture
async def run(api: ApiHarness) -> str:
    """Deploy a named workflow and a script without a name, schedule both, and return a run of the workflow."""
    for folder in ("team", "times"):
        owners = {"owners": ["g/all"]} if folder == "times" else {}
        await api.client.post(f"{W}/folders/create", json={"name": folder, **owners})
    bodies: list[tuple[str, dict[str, Any]]] = [
        ("flows/create", {"path": FLOW, "summary": NAME, "value": ASKS}),
        ("scripts/create", {**PYTHON, "path": SCRIPT, "summary": ""}),
        ("schedules/create", {**SCHEDULE, "path": "f/times/report", "script_path": FLOW, "is_flow": True}),
        ("schedules/create", {**SCHEDULE, "path": "f/times/count", "script_path": SCRIPT, "is_flow": False}),
        (f"jobs/run/p/{SCRIPT}", {}),
    ]
    for call, body in bodies:
        answer = await api.client.post(f"{W}/{call}", json=body)
        assert answer.status_code < 300, answer.text
    return (await api.client.post(f"{W}/jobs/run/f/{FLOW}", json={})).text


async def test_lists_have_names_of_items(api: ApiHarness, run: str) -> None:
    named = {FLOW: NAME, SCRIPT: None}
    assert {each["script_path"]: each.get("script_summary") for each in await api.get("jobs/list")} == named
    assert "script_summary" not in await api.get(f"jobs_u/get/{run}")
    schedules = await api.get("schedules/list_with_jobs")
    assert {each["script_path"]: each.get("script_summary") for each in schedules} == named
    assert [each["summary"] for each in await api.get("approvals/list")] == [NAME]
    assert [each["summary"] for each in await api.get("jobs/item_histories", kind="flow")] == [NAME]
    home = await api.get("overview")
    assert {each["script_path"]: each.get("script_summary") for each in home["coming"]} == named
    assert [each.get("script_summary") for each in home["running"]] == [None]


async def test_names_of_items_that_may_not_be_read_are_omitted(api: ApiHarness, run: str) -> None:
    async with await api.member("eve") as eve, await api.member("ada", scopes=["schedules:read"]) as ada:
        for member in (eve, ada):
            schedules = (await member.get(f"{W}/schedules/list_with_jobs")).json()
            assert [each["script_path"] for each in schedules] == [SCRIPT, FLOW]
            assert not any("script_summary" in each for each in schedules)
        [asked] = (await eve.get(f"{W}/approvals/list")).json()
    assert asked["run"] == run and "summary" not in asked


async def test_search_of_runs_finds_names_that_may_be_read(api: ApiHarness, run: str) -> None:
    async with await api.member("eve") as eve, await api.member("ada", scopes=["jobs:read"]) as ada:
        started = (await api.client.post(f"{W}/jobs/run/f/{FLOW}", json={})).text
        assert {each["id"] for each in await api.get("jobs/list", script_path_text="OF THE month")} == {run, started}
        times = await api.get("jobs/histogram", script_path_text="of the month", created_after="2026-01-01T00:00:00Z")
        assert sum(sum(each["counts"].values()) for each in times["buckets"]) == 2
        assert await api.get("jobs/list", script_path_text="of the year") == []
        for member in (eve, ada):
            hidden = await member.get(f"{W}/jobs/list", params={"script_path_text": "of the month"})
            assert hidden.json() == []
