"""Flow user states (the run's context by API) and progress, for members who may run the workflow while it is active."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W, script
from tests.http.jobs_running import claimed, job_client, started
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
        events = await conn.fetch("SELECT node, data::text AS d FROM event WHERE kind = 'export' ORDER BY seq")
    assert [(row["node"], '"a b"' in row["d"]) for row in events] == [(None, True), ("a", True), ("a", False)]
    rows = await api.get("audit/list", operation="jobs.update")
    assert [each["parameters"] for each in rows] == [{"run": run, "state": "a b"}] * 2


async def test_state_set_by_job_has_no_row_in_the_audit_trail(api: ApiHarness) -> None:
    """It is in the history of the run, which names the node. Jobs set states often."""
    job = await started(api)
    assert (await job_client(api, job).post(state(job.run.id, "k"), json=1)).status_code == 200
    assert await api.get("audit/list", operation="jobs.update") == []


async def test_large_state_is_stored_by_reference(api: ApiHarness) -> None:
    run = await api.flow(script("a"))
    large = "x" * 400_000
    assert (await api.client.post(state(run, "k"), json=large)).status_code == 200
    assert (await api.client.get(state(run, "k"))).json() == large
    for body in (b'"%s",1' % (b"x" * 400_000), b'1,"value":"%s"' % (b"x" * 400_000), b'"%s' % (b"x" * 400_000)):
        refused = await api.client.post(state(run, "k"), content=body)
        assert refused.status_code == 400, refused.text
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
    """Expressions read the states with the rights of the run's identity, not with those of a limited token."""
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


async def test_progress_of_running_job(api: ApiHarness) -> None:
    """The progress never decreases, restarts with each attempt, and ends with the job."""
    job = await started(api)
    client = job_client(api, job)
    get, put = f"{W}/job_metrics/get_progress/{job.id}", f"{W}/job_metrics/set_progress/{job.id}"
    assert (await client.get(get)).json() is None
    for percent, expected in ((40, 40), (20.5, 40), (-1, 40), (1000, 99)):
        assert (await client.post(put, json={"percent": percent, "flow_job_id": None})).json() == expected
        assert (await api.client.get(get)).json() == expected
    assert (await client.post(put, json={"percent": "much"})).status_code == 400
    other = await api.member("bea", role=Role.OPERATOR)
    assert (await other.get(get)).status_code == (await other.post(put, json={"percent": 1})).status_code == 404
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE job_live SET state = 'available', seq = nextval('job_seq') WHERE id = $1", job.id)
    again = await claimed(api, str(job.run.id))
    assert (await api.client.get(get)).json() is None
    await api.worker.finish(again, {})
    assert (await api.client.get(get)).json() is None
    assert (await api.client.post(put, json={"percent": 1})).status_code == 409
