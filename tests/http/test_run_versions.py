"""Runs on earlier versions by API: their list, the move, and who may do it."""

from __future__ import annotations

from typing import Any

from tests.http.harness import ApiHarness, W

from orvanta_platform.control.actor import Role

PATH = "f/team/order"


def approved(*later: str, **more: Any) -> dict[str, Any]:
    """Return a workflow that waits for an approval before these nodes."""
    nodes = [{"id": each, "value": {"type": "identity"}} for each in later]
    ask = {"id": "ask", "value": {"type": "approval", **more}}
    return {"path": PATH, "summary": "", "value": {"modules": [ask, *nodes]}}


async def test_runs_are_moved_by_those_who_may_change_the_workflow(api: ApiHarness) -> None:
    folder = {"name": "team", "owners": ["u/admin"], "extra_perms": {"u/ann": False}}
    assert (await api.client.post(f"{W}/folders/create", json=folder)).is_success
    assert (await api.client.post(f"{W}/flows/create", json=approved("a"))).is_success
    run = (await api.client.post(f"{W}/jobs/run/f/{PATH}", json={})).text
    assert (await api.get(f"versions/earlier_runs/{PATH}"))["count"] == 0
    assert (await api.client.post(f"{W}/flows/update/{PATH}", json=approved("a", "b"))).is_success
    ann, eve = await api.member("ann", Role.DEVELOPER), await api.member("eve", Role.DEVELOPER)
    found = (await ann.get(f"{W}/versions/earlier_runs/{PATH}")).json()
    assert (found["count"], found["number"], found["more"]) == (1, 2, False)
    assert found["runs"] == [
        {
            "id": run,
            "number": 1,
            "status": "awaiting_approval",
            "created_by": "admin",
            "at": ["ask"],
            "next": ["a"],
            "changed": [],
            "obstacles": [],
        }
    ]
    move = f"{W}/versions/move_runs/{PATH}"
    assert (await ann.post(move, json={"runs": [run]})).status_code == 403
    assert (await eve.post(move, json={"runs": [run]})).status_code == 404
    assert (await eve.get(f"{W}/versions/earlier_runs/{PATH}")).status_code == 404
    other = (await api.client.post(f"{W}/jobs/run/preview", json={"content": "", "language": "bash"})).text
    answer = await api.client.post(move, json={"runs": [run, other]})
    assert [(each["id"], each["moved"]) for each in answer.json()] == [(run, True), (other, False)]
    assert (await api.get(f"versions/earlier_runs/{PATH}"))["count"] == 0


async def test_version_must_be_accepted_for_the_member_of_the_run(api: ApiHarness) -> None:
    """Somebody who may change a workflow cannot make the runs of others execute it before they accept it."""
    folder = {"name": "team", "owners": ["u/admin"], "extra_perms": {"u/ann": True}}
    assert (await api.client.post(f"{W}/folders/create", json=folder)).is_success
    assert (await api.client.post(f"{W}/flows/create", json=approved("a"))).is_success
    run = (await api.client.post(f"{W}/jobs/run/f/{PATH}", json={})).text
    ann = await api.member("ann", Role.DEVELOPER)
    assert (await ann.post(f"{W}/flows/update/{PATH}", json=approved("a", "mine"))).is_success
    (refused,) = (await ann.post(f"{W}/versions/move_runs/{PATH}", json={"runs": [run]})).json()
    reason = "It runs the newest version that is accepted for u/admin."
    assert not refused["moved"] and refused["obstacles"] == [{"node": None, "reason": reason}]
    (listed,) = (await ann.get(f"{W}/versions/earlier_runs/{PATH}")).json()["runs"]
    assert listed["obstacles"] == refused["obstacles"]
