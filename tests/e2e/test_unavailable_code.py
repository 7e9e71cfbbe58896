"""Nodes and scripts without code or runtime can be deployed, and fail when they run."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.installation import Installation

HUB = "hub/7/slack/send"


def wait_result(installation: Installation, kind: str, path: str) -> Any:
    return installation.client.post(f"/api/w/main/jobs/run_wait_result/{kind}/{path}", json={}).json()


def deploy_script(installation: Installation, path: str, language: str, content: str) -> None:
    body = {"path": path, "content": content, "language": language, "summary": ""}
    created = installation.client.post("/api/w/main/scripts/create", json=body)
    assert created.status_code == 201, created.text


def deploy_flow(installation: Installation, path: str, value: dict[str, Any]) -> None:
    body = {"path": path, "summary": "", "value": {"modules": [{"id": "a", "value": value}]}}
    created = installation.client.post("/api/w/main/flows/create", json=body)
    assert created.status_code == 201, created.text


def test_script_of_the_hub_is_that_of_the_workspace_or_unavailable(installation: Installation) -> None:
    deploy_flow(installation, "f/examples/calls_hub", {"type": "script", "path": HUB, "input_transforms": {}})
    error = wait_result(installation, "f", "f/examples/calls_hub")["error"]
    assert (error["name"], error["step_id"], f"f/{HUB}" in error["message"]) == ("hub_unavailable", "a", True)
    deploy_script(installation, f"f/{HUB}", "bash", "echo sent")
    assert wait_result(installation, "f", "f/examples/calls_hub") == "sent"


@pytest.mark.parametrize("language", ["oracledb", "cobol"])
def test_language_without_runtime_fails_when_it_runs(installation: Installation, language: str) -> None:
    deploy_script(installation, f"f/examples/in_{language}", language, "fn main() {}")
    value = {"type": "rawscript", "language": language, "content": "", "input_transforms": {}}
    deploy_flow(installation, f"f/examples/with_{language}", value)
    for kind, path in (("p", f"f/examples/in_{language}"), ("f", f"f/examples/with_{language}")):
        error = wait_result(installation, kind, path)["error"]
        assert error["name"] == "no_runtime" and language in error["message"]
    preview = {"content": "", "language": language, "args": {}}
    error = installation.client.post("/api/w/main/jobs/run_wait_result/preview", json=preview).json()["error"]
    assert error["name"] == "no_runtime"


def test_agent_is_deployed_and_fails_when_it_runs(installation: Installation) -> None:
    inputs = {"user_message": {"type": "static", "value": "Hello"}}
    deploy_flow(installation, "f/examples/agent", {"type": "aiagent", "tools": [], "input_transforms": inputs})
    error = wait_result(installation, "f", "f/examples/agent")["error"]
    assert (error["name"], error["step_id"], "aiagent" in error["message"]) == ("no_runtime", "a", True)


def test_script_of_the_hub_can_be_called_directly(installation: Installation) -> None:
    path = "hub/9/github/star"
    error = wait_result(installation, "p", path)["error"]
    assert (error["name"], f"f/{path}" in error["message"]) == ("hub_unavailable", True)
    started = installation.client.post(f"/api/w/main/jobs/run/p/{path}", json={})
    assert started.status_code == 201, started.text
    deploy_script(installation, f"f/{path}", "bash", "echo starred")
    assert wait_result(installation, "p", path) == "starred"
