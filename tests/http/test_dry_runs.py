"""Dry runs by API: report, permissions, and jobs of dry runs."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W
from tests.http.jobs_running import job_client

from orvanta_platform.control.actor import Role

PATH = "f/team/order"


def node(id: str, **more: Any) -> dict[str, Any]:
    total = {"total": {"type": "javascript", "expr": "flow_input.total"}}
    value = {"type": "rawscript", "language": "bash", "content": "", "input_transforms": total}
    return {"id": id, "value": value, **more}


async def test_dry_run_reports_what_would_have_been_sent(api: ApiHarness) -> None:
    """Jobs of nodes without effects are executed, and start no runs. Operators may try workflows, too."""
    modules = [node("price", effects="none"), node("charge", result_schema={"type": "integer", "default": 3})]
    for call, body in (
        ("folders/create", {"name": "team", "owners": ["u/admin"], "extra_perms": {"u/ann": False}}),
        ("flows/create", {"path": PATH, "summary": "", "value": {"modules": modules}}),
    ):
        assert (await api.client.post(f"{W}/{call}", json=body)).is_success
    ann, eve = await api.member("ann"), await api.member("eve", Role.DEVELOPER)
    assert (await eve.post(f"{W}/jobs/dry_run/f/{PATH}", json={})).status_code == 404
    assert (await ann.post(f"{W}/jobs/dry_run/preview_flow", json={"value": {"modules": modules}})).status_code == 403
    started = await ann.post(f"{W}/jobs/dry_run/f/{PATH}", json={"args": {"total": 4}})
    assert started.status_code == 201, started.text
    run = started.text
    (job,) = await api.worker.claim_all()
    assert job.node == "price" and job.run.permissioned_as == "u/ann"
    async with job_client(api, job) as inside:
        refused = await inside.post(f"{W}/jobs/run/f/{PATH}", json={})
        assert (refused.status_code, refused.json()["error"]["message"]) == (403, "A dry run starts no other runs.")
    await api.worker.finish(job, 1)
    answer = await ann.get(f"{W}/jobs/dry_run/get/{run}")
    (charge,) = answer.json()["executions"]
    shown = {name: charge[name] for name in ("execution", "effects", "language", "answer", "inputs", "workflow")}
    assert shown == {
        "execution": "charge",
        "effects": "sends",
        "language": "bash",
        "answer": "sample",
        "inputs": {"total": 4},
        "workflow": PATH,
    }
    assert (answer.json()["status"], answer.json()["executes"]) == ("succeeded", ["none"])
    assert await api.get(f"jobs_u/completed/get_result/{run}") == 3
    assert (await eve.get(f"{W}/jobs/dry_run/get/{run}")).status_code == 404
    (listed,) = await api.get("jobs/list", trigger_kind="dry_run", is_flow_step=False)
    assert (listed["id"], listed["trigger_kind"]) == (run, "dry_run")
    assert await api.get("jobs/item_histories", kind="flow") == []
    real = (await api.client.post(f"{W}/jobs/run/f/{PATH}", json={})).text
    assert (await api.client.get(f"{W}/jobs/dry_run/get/{real}")).status_code == 400
