"""Flow user states: the run's context by API, for members who may run the workflow, while the run is active."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W, script
from tests.http.jobs_running import claimed, job_client
from tests.http.test_token_limits import limited

from orvanta_platform.control.actor import Role


def state(id: Any, key: str) -> str:
    return f"{W}/jobs/flow/user_states/{id}/{key}"


async def test_state_is_run_context(api: ApiHarness) -> None:
    more = {"export": {"seen": {"type": "javascript", "expr": "context['a b'].n + 1"}}}
    run = await api.flow(script("a", **more), output={"type": "javascript", "expr": "context"})
    job = (await api.worker.claim())["a"]
    assert (await api.client.get(state(run, "a b"))).json() is None
    for id, value in ((run, {"n": 1}), (job.id, {"n": 4})):
        answer = await api.client.post(state(id, "a b"), json=value)
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
        assert (await api.client.get(state(run, "a b"))).json() == value
    await api.worker.finish(job, {})
    found = await api.get(f"jobs_u/completed/get/{run}")
    assert found["result"] == {"a b": {"n": 4}, "seen": 5}
    assert (await api.client.get(state(run, "a b"))).json() == {"n": 4}
    assert (await api.client.post(state(run, "a b"), json=1)).status_code == 409
    async with api.platform.db.acquire() as conn:
        told = await conn.fetch("SELECT node, data::text AS d FROM event WHERE kind = 'export' ORDER BY seq")
    assert [(row["node"], '"a b"' in row["d"]) for row in told] == [(None, True), ("a", True), ("a", False)]


async def test_large_state_is_stored_by_reference(api: ApiHarness) -> None:
    run = await api.flow(script("a"))
    large = "x" * 400_000
    assert (await api.client.post(state(run, "k"), json=large)).status_code == 200
    assert (await api.client.get(state(run, "k"))).json() == large


async def test_read_and_write_permissions(api: ApiHarness) -> None:
    run = await api.flow(script("a"))
    for role, username in ((Role.OPERATOR, "bea"), (Role.VIEWER, "vic")):
        client = await api.member(username, role=role)
        assert (await client.get(state(run, "k"))).status_code == 404
        assert (await client.post(state(run, "k"), json=1)).status_code == 404
    assert (await api.client.post(state(run, "k"), content=b"{")).status_code == 400
    assert (await api.client.post(state(run, "x" * 201), json=1)).status_code == 400


async def test_states_of_on_behalf_run_cannot_be_set_by_caller(api: ApiHarness) -> None:
    """Expressions read them with the rights of the run's identity, not with those of a limited token."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": True}})
    value = {"modules": [script("a")], "output": {"type": "javascript", "expr": "context"}}
    await api.client.post(f"{W}/flows/create", json={"path": "f/team/flow", "summary": "", "value": value})
    run = (await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})).text
    mine = await claimed(api, run)
    for role in (Role.OPERATOR, Role.DEVELOPER):
        client = await api.member(f"m{role}", role=role)
        assert (await client.post(state(run, "k"), json="forged")).status_code == 403
        own = (await client.post(f"{W}/jobs/run/f/f/team/flow", json={})).text
        assert (await client.post(state(own, "k"), json=1)).status_code == 200
    assert (await (await limited(api, "jobs:run", "jobs:read")).post(state(run, "k"), json=1)).status_code == 403
    async with job_client(api, mine) as job:
        assert (await job.post(state(run, "k"), json="by its job")).status_code == 200
    assert (await api.client.get(state(run, "k"))).json() == "by its job"
