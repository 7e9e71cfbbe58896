"""Random workflows, outcomes, crashes, cancellations and interleavings on the real database, against the oracle."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.conftest import TestDatabase
from tests.orchestrator.harness import WORKSPACE, CoreHarness, core_harness
from tests.property.replay import Journal
from tests.property.workload import SCRIPT, Tracked, Workload
from tests.unit.engine import oracle
from tests.unit.engine.generate import EXPRESSIONS, THROWN

from orvanta_platform.engine.state import MARK_STATE, Mark, RunState
from orvanta_platform.engine.states import NODE

AT_ONCE = 50
FEATURES = (
    "list", "graph", "kind rawscript", "kind script", "kind identity", "kind condition",
    "join all", "join settled", "join any",
    "edge on success", "edge on failure", "edge on always", "edge on true", "edge on false",
    "retry", "timeout", "export", "output", "continue_on_error", "failure module",
    "succeeded", "failed", "recovered", "cancelled", "scheduled",
    "retried", "failure edge taken", "skipped", "assigned", "handed off", "cancel", "crash",
    "started again after a crash", "a limit",
)  # fmt: skip


@pytest.mark.extended
@pytest.mark.every_postgres
async def test_random_runs_match_oracle(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_all(int(os.environ.get("PROPERTY_RUNS", "200")), database, tmp_path, monkeypatch, capsys)


@pytest.mark.soak
async def test_many_random_runs_match_oracle(
    database: TestDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await run_all(int(os.environ.get("PROPERTY_RUNS", "2000")), database, tmp_path, monkeypatch, capsys)


async def run_all(
    count: int,
    database: TestDatabase,
    home: Path,
    patch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Start the runs in batches of AT_ONCE, check each, and check at the end that the data is consistent."""
    first_seed = int(os.environ.get("PROPERTY_SEED", "0"))
    had: Counter[str] = Counter()
    moves: Counter[str] = Counter()
    ran, seed = 0, first_seed
    async with core_harness(database, home / "home") as core:
        await keep_script(core)
        while ran < count:
            journal = Journal()
            workload = Workload(core, seed, journal)
            seeds = list(range(seed, seed + min(AT_ONCE, count - ran)))
            with patch.context() as within:
                journal.listen(within)
                try:
                    await workload.gather(seeds)
                    await workload.drive()
                    for run in workload.runs.values():
                        await check(core, run, journal)
                    await core.is_whole()
                except BaseException as error:
                    error.add_note(f"PROPERTY_SEED={seed} PROPERTY_RUNS={len(seeds)}")
                    raise
            ran, seed = ran + len(workload.runs), seed + len(seeds)
            had.update(trait for run in workload.runs.values() for trait in run.happened)
            moves.update(workload.moves)
            assert len(workload.runs) > len(seeds) / 2, "most documents are refused"
    with capsys.disabled():
        print(f"\n{ran} random runs had: " + ", ".join(f"{name} {had[name]}" for name in FEATURES))
        print("moves: " + ", ".join(f"{name} {moves[name]}" for name in sorted(moves)))
    rare = {name: had[name] for name in FEATURES if had[name] < 0.05 * ran}
    assert not rare, f"under 5 % of {ran} runs: {rare}"


async def keep_script(core: CoreHarness) -> None:
    """Store the script that the documents reference."""
    digest = b"\1" * 32
    await core.run("INSERT INTO document (hash, body) VALUES ($1, 'def main(): pass')", digest)
    await core.run(
        "INSERT INTO item (workspace, kind, path, created_by, edited_by) VALUES ($1, 'script', $2, 'ann', 'ann')",
        WORKSPACE,
        SCRIPT,
    )
    await core.run(
        "WITH v AS (INSERT INTO version (workspace, kind, path, number, hash, content_hash, document, language,"
        " settings, author) VALUES ($1, 'script', $2, 1, 'h', 'h', $3, 'python3', '{}', 'ann') RETURNING id)"
        " UPDATE item SET version = v.id FROM v",
        WORKSPACE,
        SCRIPT,
        digest,
    )


async def check(core: CoreHarness, run: Tracked, journal: Journal) -> None:
    """Check that the run has the predicted outcome, and that the end of every job was recorded once."""
    row = await core.ended(run.id)
    state = RunState.decode(row["state"])
    jobs = {job["node"]: job for job in await core.rows("SELECT * FROM job WHERE run = $1", run.id)}
    note_what_happened(run, row, state, jobs)
    try:
        check_jobs(run, state, jobs)
        await check_results(core, run, jobs)
        assert journal.leads_to(run.id, run.plan, row["state"]), "the events do not give the state"
        if row["cancel_by"] is not None:
            assert row["status"] == "cancelled", "cancel always wins"
        elif not run.job_cancelled:
            check_end(run, row, state, jobs, await core.result(run.id))
        assert (row["error_name"] is not None) == (row["status"] in ("failed", "cancelled"))
    except Exception as error:
        error.add_note(f"scenario({run.scenario.seed}), run {run.id}, happened: {sorted(run.happened)}")
        raise


def note_what_happened(run: Tracked, row: asyncpg.Record, state: RunState, jobs: dict[str, asyncpg.Record]) -> None:
    run.happened.add("recovered" if row["recovered"] else row["status"])
    if any(job["failures"] for job in jobs.values()):
        run.happened.add("retried")
    if Mark.SKIPPED in state.nodes:
        run.happened.add("skipped")


def names(run: Tracked) -> list[str]:
    """Return the ids of all nodes, the failure module last."""
    return [node.id for node in (*run.plan.nodes, *filter(None, [run.plan.failure]))]


def check_jobs(run: Tracked, state: RunState, jobs: dict[str, asyncpg.Record]) -> None:
    """Check that each started node has one history row in the state of the run's state, and others have none."""
    for index, name in enumerate(names(run)):
        mark = state.nodes[index]
        assert mark in (Mark.PENDING, Mark.SKIPPED) or MARK_STATE[mark] in NODE.final, f"{name} did not end"
        if name in jobs:
            assert jobs[name]["state"] == MARK_STATE[mark], f"{name} is {Mark(mark).name}"
            assert jobs[name]["attempt"] >= jobs[name]["failures"]
            attempts = [noted["attempt"] for noted in json.loads(jobs[name]["attempts"])]
            assert len(attempts) == jobs[name]["losses"] + jobs[name]["failures"], "an attempt is not on record"
        else:
            assert mark in (Mark.PENDING, Mark.SKIPPED, Mark.CANCELLED), f"{name} left no row"


async def check_results(core: CoreHarness, run: Tracked, jobs: dict[str, asyncpg.Record]) -> None:
    """Check that the stored result is that of the attempt whose completion was recorded, and of no other."""
    for job in jobs.values():
        if job["kind"] == "flownode" or job["state"] != "succeeded":
            continue
        (stored,) = await core.rows("SELECT body FROM value WHERE id = $1 AND kind = 'result'", job["id"])
        result = json.loads(stored["body"])
        assert result == {"node": job["node"], "by": str(job["worker"]), "attempt": job["attempt"]}
        assert run.sent[job["id"]] == result


def words(run: Tracked, state: RunState) -> dict[str, str]:
    """Return the outcome of each node in the oracle's terms, or the name of its mark if the oracle has none."""
    known = {Mark.SUCCEEDED: "success", Mark.FAILED: "failure", Mark.UNHANDLED: "failure"}
    marks = [Mark(mark) for mark in state.nodes[: len(run.plan.nodes)]]
    return {node.id: known.get(mark, mark.name.lower()) for node, mark in zip(run.plan.nodes, marks, strict=True)}


def check_end(run: Tracked, row: asyncpg.Record, state: RunState, jobs: dict[str, asyncpg.Record], result: Any) -> None:
    """Check status, outcomes and attempts of nodes, and the result."""
    ends, expected = words(run, state), run.expected
    if expected.unhandled:
        check_failure(run, row, state, jobs, result)
        return
    assert ends == expected.ends
    for node, attempts in expected.attempts.items():
        if attempts:
            assert jobs[node]["failures"] + 1 == attempts, f"{node} had other attempts"
    output = run.scenario.value.get("output")
    if output is not None:
        thrown = EXPRESSIONS[output["expr"]] is THROWN
        assert row["status"] == ("failed" if thrown else "succeeded")
        assert result["error"]["name"] == "TypeError" if thrown else result is EXPRESSIONS[output["expr"]]
        return
    assert (row["status"], row["recovered"]) == ("succeeded", False)
    expected_result = oracle.result(run.scenario.value, ends)
    if isinstance(expected_result, list):
        assert list(result) == expected_result
        wrong = {node: result[node] for node in expected_result if not is_of(node, ends[node], result[node])}
        assert not wrong, f"{wrong} of nodes that ended {ends}"
    else:
        assert result is None if expected_result is None else is_of(expected_result, ends[expected_result], result)


def check_failure(
    run: Tracked, row: asyncpg.Record, state: RunState, jobs: dict[str, asyncpg.Record], result: Any
) -> None:
    """Check that nodes ended as predicted, except that a failing run retries and starts nothing."""
    unhandled = [run.plan.nodes[index].id for index in state.unhandled()]
    assert unhandled
    for node, end in words(run, state).items():
        expected_result = run.expected.ends[node]
        if end in ("failure", "continued") and end != expected_result:
            assert jobs[node]["failures"] + 1 < run.expected.attempts[node], f"{node} failed"
        elif end not in ("pending", "cancelled"):
            assert end == expected_result, f"{node} is {end}"
    module = run.scenario.value.get("failure_module")
    if module is not None and oracle.end_of(run.scenario, module)[0] in oracle.GOOD:
        assert (row["status"], row["recovered"]) == ("succeeded", True)
        assert is_of("failure", oracle.end_of(run.scenario, module)[0], result)
    else:
        assert row["status"] == "failed"
        culprit = "failure" if module is not None else unhandled[0]
        assert result["error"].get("step_id", culprit) == culprit
        assert row["error_name"] == result["error"]["name"]


def is_of(node: str, end: str, result: Any) -> bool:
    """Return whether a result belongs to a node with this outcome."""
    if end in ("true", "false"):
        return result is (end == "true")
    return "error" in result if end == "continued" else bool(result["node"] == node)
