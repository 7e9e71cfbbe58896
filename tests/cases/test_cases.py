"""Behaviours of workflows, one per file: {name, says, flow, input?, result | error, status?, nodes?, calls?, …}.

- `says`: sentence of the artifact's description that the case demonstrates.
- `result`: whole result of the run. `error`: members to compare with those of the run's error.
- `status`: succeeded, or failed where an error is expected.
- `nodes`: outcomes of nodes by id (succeeded, failed, cancelled; inside a loop the number of each, as a list).
- `calls`: workflows by path that are deployed first.
- `people`: decisions in order, each {node, decision, form?, reason?}.
- `context`: members of the run's context at the end.
- `preprocess`: true for a run started by a webhook or trigger.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.cases.hand import work
from tests.conftest import TestDatabase
from tests.orchestrator.harness import ACTOR, WORKSPACE, CoreHarness, core_harness

from orvanta_platform.orchestrator.recorded_tests import run_test
from orvanta_platform.services.catalog import flows, recording
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.run_views import jobs, virtual_jobs
from orvanta_platform.services.runs.start import RunOptions
from orvanta_platform.workflow import document
from orvanta_platform.workflow.playback.document import parse, tree_of

FILES = {path.stem: path for path in sorted(Path(__file__).parent.glob("*.yaml"))}
KEYS = {
    "name",
    "says",
    "flow",
    "input",
    "result",
    "error",
    "status",
    "nodes",
    "calls",
    "skipped",
    "people",
    "context",
    "preprocess",
}


@pytest.fixture
async def core(database: TestDatabase, tmp_path: Path) -> AsyncIterator[CoreHarness]:
    async with core_harness(database, tmp_path) as made:
        yield made


def read(stem: str) -> dict[str, Any]:
    """Return a case. Each test reads only its own: reading all takes seconds in every process that collects tests."""
    tree: dict[str, Any] = document.parse(FILES[stem].read_bytes(), "yaml").tree
    return tree


def test_every_case_states_its_behaviour() -> None:
    cases = {stem: read(stem) for stem in FILES}
    for stem, case in cases.items():
        assert case["name"] and case["says"] and set(case) <= KEYS, stem
        assert ("result" in case) != ("error" in case) or "error" in case, stem
    names = [case["name"] for case in cases.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("stem", FILES)
async def test_case(stem: str, core: CoreHarness) -> None:
    case = read(stem)
    for path, value in case.get("calls", {}).items():
        await deploy(core, path, value)
    options = RunOptions(preprocess=case.get("preprocess", False))
    run = await core.start(*case["flow"].pop("modules"), args=case.get("input"), options=options, **case["flow"])
    await work(core, await core.worker(), run, case.get("people", []))
    ended = await core.ended(run)
    result = await core.result(run)
    assert ended["status"] == case.get("status", "failed" if "error" in case else "succeeded"), result
    assert ended["skipped"] == case.get("skipped", False)
    if "result" in case:
        assert result == case["result"]
    if "error" in case:
        error = await error_of(core, ended, result)
        assert {name: error.get(name) for name in case["error"]} == case["error"]
    for node, state in case.get("nodes", {}).items():
        found = await core.rows("SELECT state FROM job WHERE run = $1 AND node = $2 AND kind <> 'frame'", run, node)
        states = [row["state"] for row in found]
        assert sorted(states) == sorted(state if isinstance(state, list) else [state]), (node, states)
    if "context" in case:
        rows = await core.rows("SELECT name, body FROM value WHERE id = $1 AND kind = 'context'", run)
        found_context = {row["name"]: json.loads(row["body"]) for row in rows}
        assert {name: found_context.get(name) for name in case["context"]} == case["context"]
    await core.is_whole()
    await is_reproduced(core, run)


async def is_reproduced(core: CoreHarness, run: UUID) -> None:
    """Check that a test recorded from the run passes; it repeats the run with the same decisions and values."""
    async with core.platform.db.acquire() as conn:
        row = await jobs.find(core.platform, conn, WORKSPACE, run)
        assert row is not None
        plan = await virtual_jobs.plan_of(core.platform, conn, row)
    test = await recording.of_run(core.platform, ACTOR, row)
    outcome = await run_test(plan, "f/team/flow", parse(tree_of(test)), core.platform.evaluator)
    assert outcome.failures == []


async def deploy(core: CoreHarness, path: str, value: dict[str, Any]) -> None:
    """Deploy a workflow that is called by others."""
    body = msgspec.Raw(json.dumps(value).encode())
    await flows.create(core.platform, ACTOR, WORKSPACE, NewFlow(path, body, None, {"summary": msgspec.Raw(b'""')}))


async def error_of(core: CoreHarness, ended: Any, result: Any) -> dict[str, Any]:
    """Return the run's error: that of its result or, if a loop failed, the error inside."""
    if isinstance(result, dict):
        return dict(result["error"])
    stored = await core.rows(
        "SELECT convert_from(body, 'UTF8')::json -> 'error' AS e FROM value WHERE id = $1 AND name = 'error'",
        ended["result_of"],
    )
    return dict(json.loads(stored[0]["e"]))
