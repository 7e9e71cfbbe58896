"""Default queues of the jobs of scripts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from orvanta_platform.clock import now
from orvanta_platform.db.runs import RunRow
from orvanta_platform.engine.compile import compile_plan
from orvanta_platform.orchestrator.blueprints import Blueprint, Pin, work_of

RUN = RunRow(
    id=UUID(int=1),
    workspace="main",
    kind="flow",
    path="f/a/b",
    version=1,
    document=None,
    language=None,
    pin_set=None,
    engine_version=1,
    rev=0,
    state=b"",
    status="queued",
    root=UUID(int=1),
    created_by="ann",
    email="ann@example.com",
    permissioned_as="u/ann",
    seed=0,
    scheduled_at=now(),
    priority=0,
    queue=None,
    timeout_s=None,
)


@pytest.mark.parametrize(
    ("node_tag", "script_tag", "run_tag", "queue"),
    [
        ("of the node", "of the script", "of the workflow", "of the node"),
        (None, "of the script", "of the workflow", "of the script"),
        (None, None, "of the workflow", "of the workflow"),
        (None, None, None, "python3"),
        ("gpu-$workspace", "of the script", None, "gpu-main"),
        (None, "$workspace", None, "main"),
    ],
)
def test_queue_of_script_is_first_configured_tag(
    node_tag: str | None, script_tag: str | None, run_tag: str | None, queue: str
) -> None:
    named: dict[str, Any] = {"type": "script", "path": "f/a/x", "input_transforms": {}}
    plan = compile_plan({"modules": [{"id": "a", "value": named | ({"tag_override": node_tag} if node_tag else {})}]})
    pin = Pin("f/a/x", 1, "00", "python3", tag=script_tag)
    assert work_of(Blueprint(plan, {"f/a/x": pin}), plan.nodes[0], replace(RUN, queue=run_tag)).queue == queue
