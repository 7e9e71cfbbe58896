"""Settings of schedules, routes, variables and resources of a wrong type: the server refuses what lint reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cli.test_lint_items import WRONG_TYPES
from tests.http.harness import ApiHarness, W

from orvanta_platform.services.changes.writers import type_faults
from orvanta_platform.workflow.tree.paths import locate
from orvanta_platform.workflow.tree.reading import read


@pytest.mark.parametrize(("name", "text"), [each[:2] for each in WRONG_TYPES])
async def test_change_set_refuses_what_lint_reports(api: ApiHarness, name: str, text: str) -> None:
    files = {str(Path("f/sales", name)): text.encode()}
    item = read(locate(files)[0], files)
    assert len(list(type_faults(item))) == 1
    body = {"items": [{"kind": item.kind, "path": item.path, "content": dict(item.content)}]}
    planned = (await api.client.post(f"{W}/changes/plan", json=body)).json()
    answer = await api.client.post(f"{W}/changes/apply", json={**body, "plan_hash": planned["plan_hash"]})
    assert answer.status_code in (400, 409) and "not valid" in answer.text, answer.text
