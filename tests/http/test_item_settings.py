"""Settings of scripts and workflows with values of a wrong type: refused when deployed, reported when run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.http.harness import ApiHarness, W

PATH = "f/sales/typed"
SCRIPT = {"path": PATH, "summary": "", "content": "def main(): return 1", "language": "python3"}
VALUE = {"modules": [{"id": "a", "value": {"type": "script", "path": PATH, "input_transforms": {}}}]}

WRONG: list[tuple[str, Any]] = [
    ("timeout", "abc"),
    ("timeout", "30"),
    ("timeout", True),
    ("timeout", {"seconds": 30}),
    ("cache_ttl", "60"),
    ("cache_ignore_s3_path", "no"),
    ("concurrent_limit", "many"),
    ("concurrent_limit", 1.5),
    ("concurrency_time_window_s", [60]),
    ("concurrency_key", 1),
    ("priority", "high"),
    ("dedicated_worker", "yes"),
    ("retry", 3),
    ("retry", {"constant": {"attempts": "3"}}),
    ("restart_unless_cancelled", 1),
    ("delete_after_secs", "0"),
    ("delete_after_use", "true"),
    ("debounce_delay_s", "5"),
    ("debounce_key", 1),
    ("debounce_args_to_accumulate", "items"),
    ("max_total_debouncing_time", "1h"),
    ("max_total_debounces_amount", "3"),
    ("visible_to_runner_only", "no"),
    ("ws_error_handler_muted", 0),
    ("has_preprocessor", "no"),
    ("no_main_func", "no"),
    ("envs", "A=1"),
    ("envs", {"A": "1"}),
    ("labels", "x"),
    ("labels", [1]),
    ("auto_kind", 1),
    ("codebase", 1),
    ("on_behalf_of_email", 1),
    ("assets", {"path": "x"}),
    ("modules", []),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
async def test_setting_of_a_wrong_type_is_refused(api: ApiHarness, name: str, value: Any) -> None:
    answer = await api.client.post(f"{W}/scripts/create", json={**SCRIPT, name: value})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_item_settings"), error
    (fault,) = error["details"]
    assert (fault["code"], fault["severity"]) == ("wrong_type", "error")
    assert fault["path"].split("/")[1] == name and f"the setting {name}" in error["message"]
    assert await api.get(f"scripts/exists/p/{PATH}") is False


@pytest.mark.parametrize(("name", "value"), [("timeout", -1), ("timeout", 1e12), ("cache_ttl", -5)])
async def test_setting_out_of_bounds_is_refused(api: ApiHarness, name: str, value: Any) -> None:
    answer = await api.client.post(f"{W}/scripts/create", json={**SCRIPT, name: value})
    assert answer.json()["error"]["details"][0]["code"] == "out_of_bounds"


@pytest.mark.parametrize("value", [-1, 1e12])
async def test_workflow_has_the_bounds_of_scripts(api: ApiHarness, value: float) -> None:
    body = {"path": "f/sales/flow", "summary": "", "value": {"modules": []}, "timeout": value}
    answer = await api.client.post(f"{W}/flows/create", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_item_settings"), answer.text
    assert [(each["code"], each["path"]) for each in error["details"]] == [("out_of_bounds", "/timeout")]


@pytest.mark.parametrize("settings", [{"timeout": 0, "priority": 1000}, {"timeout": 30.5, "priority": -1}])
async def test_workflow_accepts_what_scripts_accept(api: ApiHarness, settings: dict[str, Any]) -> None:
    """Runs use the nearest priority of 0 to 100."""
    body = {"path": "f/sales/flow", "summary": "", "value": {"modules": []}, **settings}
    for call, sent in (("flows", body), ("scripts", {**SCRIPT, **settings})):
        answer = await api.client.post(f"{W}/{call}/create", json=sent)
        assert answer.status_code == 201, answer.text


async def test_every_fault_is_listed(api: ApiHarness) -> None:
    answer = await api.client.post(f"{W}/scripts/create", json={**SCRIPT, "timeout": "30", "priority": "high"})
    error = answer.json()["error"]
    assert [each["path"] for each in error["details"]] == ["/timeout", "/priority"]
    assert error["message"] == ("The script cannot be deployed: the setting timeout must be a number (and 1 more).")


async def test_values_that_published_clients_send_are_accepted(api: ApiHarness) -> None:
    """Null and 0 stand for no value, numbers may be fractions, and unknown keys are returned."""
    bodies: list[dict[str, Any]] = [
        dict.fromkeys(name for name, _ in WRONG),
        {"timeout": 0, "cache_ttl": 0, "concurrent_limit": 0, "priority": 0, "delete_after_secs": 0, "tag": ""},
        {"timeout": 30, "cache_ttl": 1.5, "concurrency_time_window_s": 0, "priority": 1000, "debounce_delay_s": 0},
        {"concurrent_limit": 2.0, "envs": [], "labels": [], "assets": [{"path": "a", "kind": "resource"}]},
        {"modules": {"lib.py": {"content": "", "language": "python3"}}, "codebase": "", "auto_kind": "lib"},
        {"retry": {"constant": None, "exponential": {"attempts": 0, "seconds": 0}}, "unknown": ["x"]},
    ]
    for at, sent in enumerate(bodies):
        answer = await api.client.post(f"{W}/scripts/create", json={**SCRIPT, "path": f"f/sales/sent_{at}", **sent})
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("name", "value"), [("timeout", "30"), ("tag", ["a"]), ("is_template", "no"), ("summary", 3)])
async def test_change_set_refuses_the_setting_of_its_script(api: ApiHarness, name: str, value: Any) -> None:
    content = {"content": "def main(): pass", "language": "python3", "settings": {name: value}}
    items = {"items": [{"kind": "script", "path": PATH, "content": content}]}
    planned = (await api.client.post(f"{W}/changes/plan", json=items)).json()
    answer = await api.client.post(f"{W}/changes/apply", json={**items, "plan_hash": planned["plan_hash"]})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "changes_refused"), error
    (refused,) = error["details"]
    assert (refused["path"], refused["error"]["code"]) == (PATH, "invalid_item_settings")
    assert [each["path"] for each in refused["error"]["details"]] == [f"/{name}"]


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", "abc"), ("tag", ["a"]), ("priority", "high"), ("dedicated_worker", "yes")]
)
async def test_setting_beside_the_value_of_a_workflow_is_refused(api: ApiHarness, name: str, value: Any) -> None:
    body = {"path": "f/sales/flow", "summary": "", "value": {"modules": []}, name: value}
    answer = await api.client.post(f"{W}/flows/create", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_item_settings"), answer.text
    answer = await api.client.post(f"{W}/flows/create", json={**body, name: None})
    assert answer.status_code == 201, answer.text


async def store_settings(api: ApiHarness, path: str, **settings: Any) -> None:
    """Change the settings of a deployed version, as earlier versions of the platform stored them."""
    query = "UPDATE version SET settings = (settings::jsonb || $1::jsonb)::json WHERE path = $2"
    async with api.platform.db.acquire() as connection:
        await connection.execute(query, json.dumps(settings), path)


@pytest.mark.parametrize(("name", "value"), [("timeout", "abc"), ("timeout", "30"), ("tag", ["a"]), ("tag", 3)])
async def test_run_of_a_stored_wrong_setting_names_it(api: ApiHarness, name: str, value: Any) -> None:
    """Runs of workflows that run the script are refused with the same message."""
    assert (await api.client.post(f"{W}/scripts/create", json=SCRIPT)).status_code == 201
    flow = {"path": "f/sales/flow", "summary": "", "value": VALUE}
    assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    await store_settings(api, PATH, **{name: value})
    for call in (f"p/{PATH}", "f/f/sales/flow"):
        answer = await api.client.post(f"{W}/jobs/run/{call}", json={})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "invalid_item_settings"), error
        assert error["message"].startswith(f"The script {PATH} cannot run: the setting {name} must be a ")
    await store_settings(api, PATH, **{name: None})
    assert (await api.client.post(f"{W}/jobs/run/p/{PATH}", json={})).status_code == 201


@pytest.mark.parametrize(("name", "value"), [("timeout", "abc"), ("tag", ["a"])])
async def test_run_of_a_workflow_with_a_stored_wrong_setting_names_it(api: ApiHarness, name: str, value: Any) -> None:
    for path, nodes in (("inner", []), ("outer", [{"id": "a", "value": {"type": "flow", "path": "f/sales/inner"}}])):
        flow = {"path": f"f/sales/{path}", "summary": "", "value": {"modules": nodes}}
        assert (await api.client.post(f"{W}/flows/create", json=flow)).status_code == 201
    await store_settings(api, "f/sales/inner", **{name: value})
    for path in ("inner", "outer"):
        answer = await api.client.post(f"{W}/jobs/run/f/f/sales/{path}", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_item_settings"), answer.text
        assert "f/sales/inner cannot run" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "settings",
    [
        {"concurrent_limit": "many", "concurrency_time_window_s": "x", "concurrency_key": 3},
        {"cache_ttl": "x", "priority": "high", "dedicated_worker": "yes", "retry": 3, "envs": 3, "labels": 3},
        {"debounce_delay_s": 5, "debounce_key": 3, "debounce_args_to_accumulate": 3, "max_total_debounces_amount": "x"},
        {"delete_after_secs": "x", "timeout": -1},
        {"timeout": False, "tag": []},
        {"timeout": "", "tag": 0},
    ],
)
async def test_stored_setting_that_never_had_an_effect_prevents_no_run(
    api: ApiHarness, settings: dict[str, Any]
) -> None:
    assert (await api.client.post(f"{W}/scripts/create", json=SCRIPT)).status_code == 201
    await store_settings(api, PATH, **settings)
    answer = await api.client.post(f"{W}/jobs/run/p/{PATH}", json={})
    assert answer.status_code == 201, answer.text
    assert (await api.client.get(f"{W}/scripts/get/p/{PATH}")).status_code == 200


async def test_old_version_with_a_wrong_setting_is_restored(api: ApiHarness) -> None:
    created = await api.client.post(f"{W}/scripts/create", json=SCRIPT)
    assert created.status_code == 201
    await store_settings(api, PATH, cache_ttl="60")
    answer = await api.client.post(f"{W}/scripts/create", json=SCRIPT | {"parent_hash": created.text})
    assert answer.status_code == 201, answer.text
    versions = await api.get(f"versions/list/script/{PATH}")
    oldest = min(each["id"] for each in versions)
    answer = await api.client.post(f"{W}/versions/restore/script/{PATH}", json={"version": oldest})
    assert answer.status_code == 201, answer.text


async def test_old_workflow_with_a_setting_out_of_bounds_is_restored(api: ApiHarness) -> None:
    path = "f/sales/flow"
    body = {"path": path, "summary": "", "value": {"modules": []}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    await store_settings(api, path, timeout=-1)
    answer = await api.client.post(f"{W}/flows/update/{path}", json={**body, "summary": "new"})
    assert answer.status_code in (200, 201), answer.text
    oldest = min(each["id"] for each in await api.get(f"versions/list/flow/{path}"))
    answer = await api.client.post(f"{W}/versions/restore/flow/{path}", json={"version": oldest})
    assert answer.status_code == 201, answer.text
