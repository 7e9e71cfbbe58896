"""Documents written from the description alone, each run by one call that returns the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.e2e.installation import Installation

from orvanta_platform.workflow import document

W = "/api/w/main"
FILES = sorted((Path(__file__).parents[1] / "cases").glob("i*.yaml"))
CASES: dict[str, dict[str, Any]] = {path.stem: document.parse(path.read_bytes(), "yaml").tree for path in FILES}
PLAIN = [stem for stem, case in CASES.items() if not case.get("preprocess")]
"""Cases without a preprocessor, which a preview does not run."""


@pytest.mark.parametrize("stem", PLAIN)
def test_document_result_matches_description(installation: Installation, stem: str) -> None:
    case = CASES[stem]
    for path, value in case.get("calls", {}).items():
        created = installation.client.post(f"{W}/flows/create", json={"path": path, "summary": "", "value": value})
        assert created.status_code == 201, created.text
    body = {"value": case["flow"], "args": case.get("input", {})}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == (500 if "error" in case else 200), answer.text
    if "result" in case:
        assert answer.json() == case["result"]
    if "error" in case:
        error = answer.json()["error"]
        assert {name: error.get(name) for name in case["error"]} == case["error"]
