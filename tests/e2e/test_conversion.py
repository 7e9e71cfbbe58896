"""Exports of other products: converted, deployed without problems, and run with the expected results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.e2e.installation import Installation
from tests.unit.workflow.test_importers import FILES, converted, name_of

W = "/api/w/main"
FIRST = ("n8n/order_webhook", "kestra/hello")
"""Exports that are run on every change."""
RUNNING = [file for file in FILES if json.loads(file.with_suffix(".expected.json").read_text())["runs"]]


def deploy(installation: Installation, path: str, text: str) -> None:
    body = {"path": path, "source": {"format": "yaml", "text": text}}
    present = installation.client.get(f"{W}/flows/exists/{path}").json()
    call = f"update/{path}" if present else "create"
    answer = installation.client.post(f"{W}/flows/{call}", json=body)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize(
    "file",
    [pytest.param(each, marks=[] if name_of(each) in FIRST else pytest.mark.extended) for each in RUNNING],
    ids=name_of,
)
def test_converted_workflow_returns_its_result(installation: Installation, file: Any) -> None:
    path = f"u/admin/{file.parent.name}_{file.stem}"
    deploy(installation, path, converted(file).items[0].content["text"])
    for each in json.loads(file.with_suffix(".expected.json").read_text())["runs"]:
        answer = installation.client.post(f"{W}/jobs/run_wait_result/f/{path}", json=each["input"])
        expected = each["result"]
        if isinstance(expected, dict) and "orvanta_status_code" in expected:
            assert answer.status_code == expected["orvanta_status_code"], answer.text
            expected = expected["result"]
        if isinstance(expected, dict) and "error" in expected:
            assert answer.status_code == 500 and expected["error"] in answer.text
            continue
        assert answer.json() == expected


def test_converted_workflows_have_no_problem(installation: Installation) -> None:
    """A deploy would accept each workflow, including the syntax of its expressions; the only warnings are about parts
    that were not converted.
    """
    for file in FILES:
        source = {"format": "yaml", "text": converted(file).items[0].content["text"]}
        found = installation.client.post(f"{W}/flows/validate", json={"source": source}).json()
        others = [each for each in found["diagnostics"] if each["code"] != "not_converted"]
        assert (found["deployable"], others) == (True, []), (name_of(file), others)
