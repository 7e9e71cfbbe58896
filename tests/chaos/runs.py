"""Runs of the chaos tests, and the check of their outcomes.

Every execution of a node creates a nonce, and a node's result contains the nonces of its inputs and the number of
the attempt. They do not match if a result was recorded twice, if a node used a result that was not recorded, or if
a worker recorded the result of a job that it had lost.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tests.chaos.database import POLL_S, Database
from tests.chaos.gate import PATIENCE_S
from tests.chaos.points.sitecustomize import RUNNING

_FIRST = """
import os, uuid
def main(n):
    return {"n": n + 1, "nonce": uuid.uuid4().hex, "attempt": int(os.environ["OV_TOKEN"].split(".")[1])}
"""
_BASH = """
n="$1"
of="$2"
IFS=. read -r _ attempt _ <<< "$OV_TOKEN"
echo "$((n * 2)) $RANDOM$RANDOM$EPOCHREALTIME $of $attempt"
"""
_LOUD = f"""
import os, uuid
def main(a, loud):
    print({RUNNING!r}, flush=True)
    print("." * loud)
    attempt = int(os.environ["OV_TOKEN"].split(".")[1])
    return {{"n": a["n"] * 10, "nonce": uuid.uuid4().hex, "of": a["nonce"], "attempt": attempt}}
"""
_JOIN = """
import os
def main(b, c):
    n, nonce, *_ = b.split()
    attempt = int(os.environ["OV_TOKEN"].split(".")[1])
    return {"n": int(n) + c["n"], "b": nonce, "c": c["nonce"], "attempt": attempt}
"""


def _node(id: str, language: str, content: str, needs: list[str], **inputs: str) -> dict[str, Any]:
    transforms = {name: {"type": "javascript", "expr": text} for name, text in inputs.items()}
    value = {"type": "rawscript", "language": language, "content": content, "input_transforms": transforms}
    return {"id": id, "value": value, **({"needs": needs} if needs else {})}


def _limited(node: dict[str, Any]) -> dict[str, Any]:
    """Add a concurrency limit below the number of runs: most of them queue for it."""
    return {**node, "value": {**node["value"], "concurrent_limit": 5, "custom_concurrency_key": "chaos"}}


NODES = frozenset("abcd")

FLOW: dict[str, Any] = {
    "modules": [
        _node("a", "python3", _FIRST, [], n="flow_input.n"),
        _node("b", "bash", _BASH, ["a"], n="results.a.n", of="results.a.nonce"),
        _node("c", "python3", _LOUD, ["a"], a="results.a", loud="flow_input.loud"),
        _limited(_node("d", "python3", _JOIN, ["b", "c"], b="results.b", c="results.c")),
    ]
}
"""Two branches and a join. For the input `n` the result is 12 (n + 1); c prints `loud` characters."""

_LOOP = {
    "type": "forloopflow",
    "iterator": {"type": "javascript", "expr": "[results.a]"},
    "parallel": True,
    "modules": [_node("b", "bash", _BASH, [], n="flow_input.iter.value.n", of="flow_input.iter.value.nonce")],
}
_BRANCH = {
    "type": "branchone",
    "branches": [
        {
            "expr": "results.a.n > 0",
            "modules": [
                _node("c", "python3", _LOUD, [], a="results.a", loud="flow_input.loud"),
                {"id": "same", "value": {"type": "identity"}},
            ],
        }
    ],
    "default": [],
}
_CALL = {
    "type": "flow",
    "path": "u/admin/chaos_join",
    "input_transforms": {
        "b": {"type": "javascript", "expr": "results.loop[0]"},
        "c": {"type": "javascript", "expr": "results.branch"},
    },
}
JOIN: dict[str, Any] = {"modules": [_limited(_node("d", "python3", _JOIN, [], b="flow_input.b", c="flow_input.c"))]}
NESTED: dict[str, Any] = {
    "modules": [
        _node("a", "python3", _FIRST, [], n="flow_input.n"),
        {"id": "loop", "value": _LOOP, "needs": ["a"]},
        {"id": "branch", "value": _BRANCH, "needs": ["a"]},
        {"id": "call", "value": _CALL, "needs": ["loop", "branch"]},
    ]
}
"""FLOW with b in a loop, c in a branch, and the join in a sub-workflow."""

_LARGE = """
def main(a):
    return {"a": a, "pad": "x" * 600_000}
"""
LARGE = "u/admin/chaos_large"


def _large() -> dict[str, Any]:
    """Return FLOW with a node after a whose large result contains that of a; the runs are erased only much later."""
    a, b, _, d = FLOW["modules"]
    large = _node("large", "python3", _LARGE, ["a"], a="results.a")
    loud = _node("c", "python3", _LOUD, ["large"], a="results.large.a", loud="flow_input.loud")
    return {"modules": [a, large, b | {"needs": ["large"]}, loud, d], "delete_after_secs": 360_000}


PUT_OFF = "u/admin/chaos_put_off"
ASKING, ASKING_BRIEFLY = "u/admin/chaos_asking", "u/admin/chaos_asking_briefly"
ASKING_WITHOUT_LIMIT = "u/admin/chaos_asking_without_limit"
"""Its approvals are decided by the fast path, because no node needs a permit."""


def _asking(**more: Any) -> dict[str, Any]:
    """Return FLOW with an approval after a: the run continues whatever is decided."""
    ask = {"id": "ask", "value": {"type": "approval", **more}, "needs": ["a"]}
    a, b, c, d = FLOW["modules"]
    return {"modules": [a, ask, b | {"needs": ["ask"]}, c | {"needs": ["ask"]}, d]}


def _without_limit(flow: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow without the concurrency limit of its last node."""
    *others, d = flow["modules"]
    limits = ("concurrent_limit", "custom_concurrency_key")
    value = {name: setting for name, setting in d["value"].items() if name not in limits}
    return {"modules": [*others, d | {"value": value}]}


FLOWS = {
    "u/admin/chaos_join": JOIN,
    "u/admin/chaos": FLOW,
    "u/admin/chaos_nested": NESTED,
    LARGE: _large(),
    PUT_OFF: {**FLOW, "debounce_delay_s": 3600, "debounce_key": "$args[n]"},
    ASKING: _asking(),
    ASKING_WITHOUT_LIMIT: _without_limit(_asking()),
    ASKING_BRIEFLY: _asking(timeout=3600, on_timeout="continue"),
}
"""Workflows by path, called ones before their callers."""


def path_of(n: int) -> str:
    """Return the workflow of the run with the input `n`: every fourth is the nested one, which takes longer."""
    return "u/admin/chaos_nested" if n % 4 == 3 else "u/admin/chaos"


_ENDED = "SELECT count(*) FROM run WHERE id = ANY($1::uuid[])"
_RUNS = "SELECT id, status, result_of FROM run WHERE id = ANY($1::uuid[])"
_JOBS = (
    "SELECT j.id, r.root AS run, j.node, j.attempt, j.worker, j.started_at, j.ended_at FROM job j "
    "JOIN run r ON r.id = j.run WHERE r.root = ANY($1::uuid[])"
)
_EVENTS = "SELECT run, kind FROM event WHERE run = ANY($1::uuid[]) AND kind IN ('run_started', 'run_ended')"
_VALUES = "SELECT id, encoding, body FROM value WHERE kind = 'result' AND body IS NOT NULL AND id = ANY($1::uuid[])"
_LIVE = (
    "SELECT j.node, j.state, j.attempt, j.generation, j.claimed_at, w.name, w.state AS worker, w.generation AS now "
    "FROM job_live j LEFT JOIN worker w ON w.id = j.worker WHERE j.run = $1"
)
_SINCE = (
    "SELECT v.id, v.body FROM value v JOIN (SELECT id, parent FROM run_live UNION ALL SELECT id, parent FROM run) r "
    "ON r.id = v.id WHERE v.kind = 'args' AND v.name = '' AND r.parent IS NULL AND v.id > $1"
)
_WAITING = "SELECT id, attempt, worker FROM job_live WHERE state <> 'scheduled'"


@dataclass(frozen=True, slots=True)
class Stood:
    """A job that was in a slot or in the queue when a fault occurred at `struck_at`; `worker`: owner of the slot."""

    id: UUID
    attempt: int
    worker: UUID | None
    struck_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """Outcome of the runs of a cell.

    `wrong`: runs that ended without the right result. `doubles`: results recorded twice, or other than those that later
    nodes used. `lost`: runs that were accepted and did not end. `again`: starts of jobs beyond the first.
    `recovery_s`: the longest time from the fault until a job that was in a slot or in the queue was recorded or started
    again. If two workers are killed one after the other, it counts for each job from the kill of its own worker.
    """

    runs: int
    wrong: list[str]
    doubles: list[str]
    lost: list[str]
    again: int
    recovery_s: float

    @property
    def clean(self) -> bool:
        """True if nothing is wrong, duplicated or lost."""
        return not (self.wrong or self.doubles or self.lost)


async def standing(database: Database) -> dict[UUID, Stood]:
    """Return the jobs that are in slots or in the queue now, by id."""
    rows = await database.rows(_WAITING)
    now = datetime.now(UTC)
    return {row["id"]: Stood(**dict(row), struck_at=now) for row in rows}


async def runs_since(database: Database, since: UUID) -> dict[UUID, int]:
    """Return every run created after the id `since` with its n, also those whose callers got no response."""
    return {row["id"]: json.loads(row["body"])["n"] for row in await database.rows(_SINCE, since)}


async def until_ended(database: Database, runs: Sequence[UUID]) -> None:
    """Wait until all runs have ended, or until the timeout."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while await database.value(_ENDED, runs) < len(runs):
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return


async def judge(database: Database, runs: dict[UUID, int], stood: Iterable[Stood]) -> Verdict:
    """Return the verdict on `runs` (each with its n); `stood` are the jobs at the time of the fault."""
    ids = list(runs)
    ended = {row["id"]: row for row in await database.rows(_RUNS, ids)}
    jobs = await database.rows(_JOBS, ids)
    results = await _results(database, jobs)
    events = Counter((row["run"], row["kind"]) for row in await database.rows(_EVENTS, ids))
    nodes: dict[UUID, dict[str, Any]] = defaultdict(dict)
    attempts: dict[UUID, dict[str, int]] = defaultdict(dict)
    doubles = [f"run {run}: {kind} {count} times" for (run, kind), count in events.items() if count > 1]
    for job in jobs:
        if job["node"] not in NODES:
            continue
        if job["node"] in nodes[job["run"]]:
            doubles.append(f"run {job['run']}: two rows of node {job['node']}")
        nodes[job["run"]][job["node"]] = results.get(job["id"])
        attempts[job["run"]][job["node"]] = job["attempt"]
    wrong = []
    for run, row in ended.items():
        wrong += _wrong(run, runs[run], row, nodes[run], results)
        doubles += _mixed(run, nodes[run], attempts[run])
    return Verdict(
        runs=len(runs),
        wrong=wrong,
        doubles=doubles,
        lost=[await _lost(database, run) for run in ids if run not in ended],
        again=sum(job["attempt"] - 1 for job in jobs if job["node"] in NODES),
        recovery_s=_recovery_s(jobs, stood),
    )


async def _results(database: Database, jobs: list[Any]) -> dict[UUID, Any]:
    rows = await database.rows(_VALUES, [job["id"] for job in jobs])
    return {row["id"]: json.loads(zlib.decompress(row["body"]) if row["encoding"] else row["body"]) for row in rows}


async def _lost(database: Database, run: UUID) -> str:
    """Return a run that did not end, with its live jobs."""
    jobs = [dict(row) for row in await database.rows(_LIVE, run)]
    return f"run {run}: {jobs}"


def _wrong(run: UUID, n: int, row: Any, nodes: dict[str, Any], results: dict[UUID, Any]) -> list[str]:
    result = results.get(row["result_of"])
    right = isinstance(result, dict) and result.get("n") == 12 * (n + 1)
    if row["status"] == "succeeded" and right and sorted(nodes) == list("abcd"):
        return []
    return [f"run {run}: {row['status']} with {result!r} of nodes {nodes!r}"]


def _mixed(run: UUID, nodes: dict[str, Any], attempts: dict[str, int]) -> list[str]:
    """Return the nodes that used a result other than the recorded one, or one of another attempt."""
    try:
        a, b, c, d = (nodes[name] for name in "abcd")
        _, b_nonce, b_of, b_attempt = b.split()
        pairs = {"b of a": (b_of, a["nonce"]), "c of a": (c["of"], a["nonce"])}
        pairs |= {"d of b": (d["b"], b_nonce), "d of c": (d["c"], c["nonce"])}
        made_by = {"a": a["attempt"], "b": int(b_attempt), "c": c["attempt"], "d": d["attempt"]}
    except (KeyError, TypeError, AttributeError, ValueError):
        return []  # reported by _wrong
    pairs |= {f"attempt of {name}": (attempt, attempts[name]) for name, attempt in made_by.items()}
    return [f"run {run}: {what}: {used} is not {stored}" for what, (used, stored) in pairs.items() if used != stored]


def _recovery_s(jobs: list[Any], stood: Iterable[Stood]) -> float:
    rows = {job["id"]: job for job in jobs}
    waits = [0.0]
    for before in stood:
        job = rows.get(before.id)
        if job is not None:
            again = job["attempt"] > before.attempt or job["worker"] != before.worker
            back = job["started_at"] if again and job["started_at"] else job["ended_at"]
            waits.append((back - before.struck_at).total_seconds())
    return max(waits)
