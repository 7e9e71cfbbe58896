"""Each template, deployed as the API returns it and run with its input by real workers."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.installation import Installation
from tests.polling import POLL_S

W = "/api/w/main"
FOLDER = Path(__file__).parents[2] / "examples" / "templates"
NAMES = sorted(path.name.removesuffix(".flow") for path in FOLDER.glob("*.flow"))
README_BASE = "http://127.0.0.1:8000"


def deploy(installation: Installation, name: str) -> dict[str, Any]:
    """Deploy the workflow of a template at u/admin/<name>. Return the template."""
    found: dict[str, Any] = installation.client.get(f"{W}/templates/get/{name}").json()
    present = installation.client.get(f"{W}/flows/exists/u/admin/{name}").json()
    body = {"path": f"u/admin/{name}", "source": found["source"]}
    call = f"update/{body['path']}" if present else "create"
    answer = installation.client.post(f"{W}/flows/{call}", json=body)
    assert answer.status_code in (200, 201), answer.text
    return found


def run(installation: Installation, name: str, given: Any) -> Any:
    answer = installation.client.post(f"{W}/jobs/run_wait_result/f/u/admin/{name}", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", NAMES)
def test_each_template_returns_its_result(installation: Installation, name: str) -> None:
    found = deploy(installation, name)
    given = json.loads(json.dumps(found["input"]).replace(README_BASE, installation.base))
    assert run(installation, name, given) == json.loads((FOLDER / f"{name}.result.json").read_text())


@pytest.mark.parametrize(
    ("decision", "result"),
    [
        ("approved", {"paid": 900, "what": "A desk", "approved_by": "admin"}),
        ("rejected", {"paid": 0, "what": "A desk", "reason": "too dear"}),
    ],
)
def test_large_amount_waits_for_approval(installation: Installation, decision: str, result: Any) -> None:
    deploy(installation, "spending_approval")
    client = installation.client
    started = client.post(f"{W}/jobs/run/f/u/admin/spending_approval", json={"what": "A desk", "amount": 900})
    body: dict[str, Any] = {"decision": decision, "reason": "too dear"}
    headers = {"X-Workspace": "main"}
    while (answer := client.post(f"/api/v1/runs/{started.text}/consent", json=body, headers=headers)).is_error:
        assert answer.status_code in (400, 404, 409), answer.text
    while not (seen := client.get(f"{W}/jobs_u/completed/get_result_maybe/{started.text}").json())["completed"]:
        assert not seen.get("success")
    assert seen["result"] == result


def test_outage_of_both_sources_is_reported(installation: Installation) -> None:
    deploy(installation, "failure_repair")
    found = run(installation, "failure_repair", {"primary": False, "fallback": False})
    assert found["node"] == "fetch_again" and "fallback does not answer" in found["told"]


@pytest.mark.parametrize(
    ("subject", "sent_to"), [("The site is down", "on duty"), ("Hello", "inbox"), ("Wrong invoice", "accounting")]
)
def test_each_message_kind_takes_its_branch(installation: Installation, subject: str, sent_to: str) -> None:
    deploy(installation, "ticket_triage")
    assert run(installation, "ticket_triage", {"subject": subject, "text": ""})["sent_to"] == sent_to


SENT = {"outage": "The site is down", "person": "Hello", "bill": "Wrong invoice"}
"""Subjects by the node that handles them."""


def record(installation: Installation, name: str, given: Any, test: str, count: int = 1) -> None:
    """Run the workflow at u/admin/<name> and create `count` tests from the run."""
    client = installation.client
    run_id = client.post(f"{W}/jobs/run/f/u/admin/{name}", json=given).text
    while not client.get(f"{W}/jobs_u/completed/get_result_maybe/{run_id}").json()["completed"]:
        time.sleep(POLL_S)
    for number in range(count):
        body = {"name": f"{test}_{number}"}
        answer = client.post(f"{W}/workflow_tests/record/{run_id}", json=body)
        assert answer.status_code == 200, (name, answer.text)


def failing(installation: Installation, name: str) -> list[str]:
    """Return the names of the tests of a workflow that fail."""
    found = installation.client.post(f"{W}/workflow_tests/run/u/admin/{name}", json={}).json()
    return [each["name"] for each in found["tests"] if not each["passed"]]


@pytest.mark.extended
def test_changed_node_fails_the_tests_that_see_it(installation: Installation) -> None:
    found = deploy(installation, "ticket_triage")
    for node, subject in SENT.items():
        record(installation, "ticket_triage", {"subject": subject, "text": ""}, node)
    assert failing(installation, "ticket_triage") == []
    text = found["source"]["text"]
    # The branches have the same input: that of the last node is changed.
    start, end = text.rsplit("expr: flow_input.subject", 1)
    for changed, expected in (
        (f"{start}expr: flow_input.text{end}", ["person_0"]),
        (text.replace("=== 'outage'", "=== 'failure'"), ["outage_0"]),
    ):
        body = {"path": "u/admin/ticket_triage", "source": {"format": "yaml", "text": changed}}
        assert installation.client.post(f"{W}/flows/update/u/admin/ticket_triage", json=body).is_success
        assert failing(installation, "ticket_triage") == expected


@pytest.mark.soak
def test_time_of_recorded_tests(installation: Installation) -> None:
    """Print the duration of 200 recorded tests of the templates; there is no limit."""
    for name in NAMES:
        found = deploy(installation, name)
        given = json.loads(json.dumps(found["input"]).replace(README_BASE, installation.base))
        record(installation, name, given, "timed", 200 // len(NAMES))
    begun = time.monotonic()
    failed = [each for name in NAMES for each in failing(installation, name) if each.startswith("timed")]
    print(f"200 recorded tests: {time.monotonic() - begun:.2f} s")
    assert failed == []
