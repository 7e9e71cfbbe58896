"""Environments: permissions, their order, and workspaces that can be changed only by releases."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest
from tests.http.harness import ApiHarness, W
from tests.http.route_examples import CODE, PASS_ON

from orvanta_platform.control.actor import Role
from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.releases.rules import frozen_until, is_frozen, parse

E = "/api/environments"


async def send(client: httpx.AsyncClient, path: str, body: Any) -> tuple[int, Any]:
    """Return the status of a call, and its response or error."""
    answer = await client.post(path if path.startswith("/") else f"{W}/{path}", json=body)
    is_json = answer.headers["content-type"].startswith("application/json")
    found: Any = answer.json() if is_json else answer.text
    return answer.status_code, found["error"] if answer.status_code >= 400 else found


async def names(client: httpx.AsyncClient) -> list[str]:
    return [each["name"] for each in (await client.get(f"{E}/list")).json()]


@pytest.mark.extended
async def test_environments_are_ordered_changed_by_superadmins_and_seen_by_members(api: ApiHarness) -> None:
    for workspace in ("stage", "live"):
        assert (await send(api.client, "/api/workspaces/create", {"id": workspace, "name": workspace}))[0] == 201
    admin = await api.member("wendy", Role.ADMIN)
    for name, workspace, more in (
        ("production", "live", {"color": "#B3261E", "rules": {"approvals": 2, "approvers": ["g/ops"]}}),
        ("development", "main", {"position": 1}),
        ("staging", "stage", {"position": 2}),
    ):
        status, made = await send(api.client, f"{E}/create", {"name": name, "workspace": workspace, **more})
        assert status == 200, made
    assert await names(api.client) == ["development", "staging", "production"]
    assert await names(admin) == ["development"]
    production = (await api.client.get(f"{E}/list")).json()[-1]
    assert (production["color"], production["rules"]["approvals"], production["position"]) == ("#b3261e", 2, 3)
    assert (await send(admin, f"{E}/create", {"name": "mine", "workspace": "main"}))[0] == 403
    assert (await send(admin, f"{E}/update/development", {"color": "#000000"}))[0] == 403
    assert (await admin.delete(f"{E}/delete/development")).status_code == 403
    for body, code in (
        ({"name": "second", "workspace": "live"}, "already_exists"),
        ({"name": "staging", "workspace": "admins"}, "already_exists"),
        ({"name": "x", "workspace": "nowhere"}, "not_found"),
        ({"name": "no/slash", "workspace": "admins"}, "bad_request"),
        ({"name": "x", "workspace": "admins", "color": "red"}, "bad_request"),
        ({"name": "x", "workspace": "admins", "position": 9}, "bad_request"),
        ({"name": "x", "workspace": "admins", "rules": {"approvals": -1}}, "bad_request"),
        ({"name": "x", "workspace": "admins", "rules": {"approvers": ["ops"]}}, "bad_request"),
        ({"name": "x", "workspace": "admins", "rules": {"surprise": 1}}, "bad_request"),
    ):
        status, error = await send(api.client, f"{E}/create", body)
        assert (status >= 400, error["code"]) == (True, code), body
    moved = await send(api.client, f"{E}/update/production", {"position": 1})
    assert (moved[1]["position"], moved[1]["version"], moved[1]["rules"]["approvals"]) == (1, 2, 2)
    assert await names(api.client) == ["production", "development", "staging"]
    # Of two superadmins who edit the same version, the second one receives the version that the first one saved.
    status, error = await send(api.client, f"{E}/update/production", {"base_version": 1, "rules": {"approvals": 0}})
    assert (status, error["code"]) == (409, "version_conflict")
    details = error["details"]
    assert (details["base"], details["newest"], details["theirs"]["approvals"]) == (1, 2, 2)
    assert (await send(api.client, f"{E}/update/production", {"base_version": 2, "color": "#000000"}))[0] == 200
    assert (await api.client.delete(f"{E}/delete/production")).status_code == 200
    assert [each["position"] for each in (await api.client.get(f"{E}/list")).json()] == [1, 2]
    assert (await send(api.client, f"{E}/update/production", {}))[0] == 404
    rows = (await api.client.get("/api/audit/list", params={"per_page": 100})).json()
    operations = [each["operation"] for each in rows if each["operation"].startswith("environments.")]
    assert operations[::-1] == [*["environments.create"] * 3, *["environments.update"] * 2, "environments.delete"]


async def test_direct_deploys_are_refused_where_the_rules_say_so(api: ApiHarness) -> None:
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    assert (await send(api.client, "flows/create", {**PASS_ON, "path": "f/team/old"}))[0] == 201
    assert (await send(api.client, "scripts/create", {**CODE, "path": "f/team/old"}))[0] == 201
    made = {"name": "production", "workspace": "main", "rules": {"refuse_direct_deploys": True}}
    assert (await send(api.client, f"{E}/create", made))[0] == 200
    listed = (await api.client.get("/api/workspaces/users")).json()["workspaces"]
    assert [(each["id"], each["releases_only"]) for each in listed if each["id"] == "main"] == [("main", True)]
    developer = await api.member("dan", Role.DEVELOPER)
    text = "summary: x\nvalue:\n  modules:\n  - id: a\n    value:\n      type: identity\n"
    change = {"items": [{"kind": "flow", "path": "f/team/new", "content": {"text": text}}]}
    plan = (await developer.post(f"{W}/changes/plan", json=change)).json()["plan_hash"]
    for client in (developer, api.client):
        for call, body in (
            ("flows/create", {**PASS_ON, "path": "f/team/new"}),
            ("flows/update/f/team/old", {**PASS_ON, "path": "f/team/old", "summary": "x"}),
            ("scripts/create", {**CODE, "path": "f/team/new"}),
            ("flows/archive/f/team/old", {"archived": True}),
            ("scripts/delete/p/f/team/old", None),
            ("changes/apply", {**change, "plan_hash": plan}),
            ("moves/apply", {"items": [{"kind": "flow", "path": "f/team/old", "target": "f/team/new"}]}),
        ):
            status, error = await send(client, call, body)
            assert (status, error["code"]) == (400, "direct_deploys_refused"), call
            assert "promote" in error["hint"]
    # Variables and resources remain editable: their values belong to the environment.
    assert (await send(developer, "variables/create", {"path": "f/team/key", "value": "1"}))[0] == 201
    assert (await send(api.client, f"{E}/update/production", {"rules": {}}))[0] == 200
    assert (await send(developer, "changes/apply", {**change, "plan_hash": plan}))[0] == 200


async def test_code_that_is_not_deployed_does_not_run_where_the_rules_say_so(api: ApiHarness) -> None:
    """Neither as a preview, nor by repeating or restarting one from before, nor as a dry run or with an edited node."""
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
    assert (await send(api.client, "flows/create", {**PASS_ON, "path": "f/team/flow"}))[0] == 201
    flow = {"value": PASS_ON["value"], "args": {}}
    runs = [
        (await api.client.post(f"{W}/jobs/run/{path}", json=body)).text
        for path, body in (("preview_flow", flow), ("f/f/team/flow", {}))
    ]
    for run in runs:
        assert (await api.client.post(f"{W}/jobs_u/queue/cancel/{run}", json={})).is_success
    made = {"name": "production", "workspace": "main", "rules": {"refuse_previews": True}}
    assert (await send(api.client, f"{E}/create", made))[0] == 200
    code = {"content": "echo 1", "language": "bash", "args": {}}
    calls: list[tuple[str, Any]] = [
        ("jobs/run/preview", code),
        ("jobs/run/preview", {**code, "path": "f/team/flow"}),
        ("jobs/run/preview_flow", flow),
        (f"jobs/rerun/{runs[0]}", {}),
        (f"jobs/restart/f/{runs[0]}", {"step_id": "a"}),
        (f"jobs/restart_preview/f/{runs[1]}", {"step_id": "a", "value": PASS_ON["value"]}),
        ("jobs/dry_run/preview_flow", {"value": PASS_ON["value"]}),
    ]
    for call, body in calls:
        status, error = await send(api.client, call, body)
        assert (status, error["code"]) == (400, "direct_deploys_refused"), (call, error)
    assert (await send(api.client, "jobs/run/f/f/team/flow", {}))[0] == 201


@pytest.mark.parametrize(
    ("time", "frozen"),
    [
        ("2026-11-27T16:59:00+01:00", False),  # a Friday
        ("2026-11-27T16:00:00+00:00", True),
        ("2026-11-29T23:59:00+01:00", True),
        ("2026-11-30T05:59:00+01:00", True),
        ("2026-11-30T05:00:00+00:00", False),
        ("2026-12-01T05:00:00+01:00", False),
    ],
)
def test_frozen_hours_are_local_and_may_pass_midnight(time: str, frozen: bool) -> None:
    windows = [
        {"days": ["fri"], "start": "17:00", "end": "24:00"},
        {"days": ["sat"], "start": "00:00", "end": "24:00"},
        {"days": ["sun"], "start": "00:00", "end": "24:00"},
        {"days": ["sun"], "start": "22:00", "end": "06:00"},
    ]
    rules = parse({"frozen_hours": {"timezone": "Europe/Berlin", "windows": windows}})
    assert is_frozen(rules, datetime.fromisoformat(time)) is frozen
    assert not is_frozen(parse({}), datetime.fromisoformat(time))


@pytest.mark.parametrize(
    ("time", "end"),
    [
        ("2026-11-27T16:00:00+00:00", "2026-11-30T06:00:00+01:00"),  # three windows without a break
        ("2026-11-30T05:59:00+01:00", "2026-11-30T06:00:00+01:00"),
        ("2026-11-30T06:00:00+01:00", None),
    ],
)
def test_frozen_hours_end_with_the_last_window_without_a_break(time: str, end: str | None) -> None:
    windows = [
        {"days": ["fri"], "start": "17:00", "end": "24:00"},
        {"days": ["sat", "sun"], "start": "00:00", "end": "24:00"},
        {"days": ["sun"], "start": "22:00", "end": "06:00"},
    ]
    rules = parse({"frozen_hours": {"timezone": "Europe/Berlin", "windows": windows}})
    found = frozen_until(rules, datetime.fromisoformat(time))
    assert (None if found is None else found.isoformat()) == end


def test_frozen_hours_of_every_minute_have_no_end() -> None:
    windows = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}]
    rules = parse({"frozen_hours": {"windows": windows}})
    assert frozen_until(rules, datetime.fromisoformat("2026-11-27T16:00:00+00:00")) is None


def test_frozen_hours_that_are_not_valid_are_refused() -> None:
    for hours in (
        {"timezone": "Mars/Olympus"},
        {"windows": [{"days": [], "start": "17:00", "end": "24:00"}]},
        {"windows": [{"days": ["fri"], "start": "24:00", "end": "24:00"}]},
        {"windows": [{"days": ["fri"], "start": "7:00", "end": "12:00"}]},
        {"windows": [{"days": ["friday"], "start": "07:00", "end": "12:00"}]},
    ):
        with pytest.raises(BadRequest):
            parse({"frozen_hours": hours})
