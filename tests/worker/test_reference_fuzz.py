"""Random workflows that act on behalf of a user with a secret, called with texts that name it, never reveal it.

Invariant: no document contains a reference to the secret, and no caller may read it. Therefore no job receives it and
no table contains it, whatever expressions and code compute from the texts.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from tests.conftest import Administrator, TestDatabase, fresh
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.daemons import timers
from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.outcome import JobError, JobOutcome, JobSpec
from orvanta_platform.worker.runtimes.pool import Runtimes

SECRET = "the-secret-that-only-ann-may-read"
NOTE = "a note that everybody may read"
NAMES = ("$var:u/ann/secret", "$res:u/ann/key", "$res:f/team/points_to_it")
ROUNDS = 12
"""Number of workflows in the short test, each called several times."""


@dataclass(slots=True)
class Fuzz:
    """An API with a worker whose jobs are executed in this process; `given` has the arguments of all jobs."""

    api: ApiHarness
    ann: httpx.AsyncClient
    bea: httpx.AsyncClient
    given: list[bytes] = field(default_factory=list)
    runs: int = 0

    async def run(self, spec: JobSpec, *_: Any) -> JobOutcome:
        """Execute the operation in the first line of the code."""
        self.given.append(spec.args)
        args = json.loads(spec.args)
        op = spec.content.removeprefix("# ").split(" ")[0]
        x = next(iter(args.values()), None)
        if op == "fail":
            return JobOutcome(None, JobError("Odd", str(x)[-60:]), 0, True)
        return JobOutcome(json.dumps(work(op, x)).encode(), None, 0, True)


def work(op: str, x: Any) -> Any:
    """Return the result of an operation of harmless code: it finds the text in the input, and cuts or wraps it."""
    text = next((each for each in texts(x) if "|" in each or "$" in each), "")
    match op:
        case "cut":
            return text.split("|")[-1]
        case "wrap":
            return {"x": text.split("|")[-1], "list": [text.split("|")[-1]], "iter": {"value": text}}
        case "list":
            return [each.split("|")[-1] for each in texts(x)][:3] or [text]
        case _:
            return x


def texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case list():
            return [text for each in value for text in texts(each)]
        case dict():
            return [text for each in value.values() for text in texts(each)]
    return []


class Writer:
    """Generator of random documents, arguments and payloads from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.count = 0

    def named(self) -> str:
        """Return a text that careless code can turn into a reference; sometimes it is one already."""
        name = self.random.choice(NAMES)
        prefix, path = name.split(":")
        forms = (f"x|{name}", f"x|{name}", path, name, f"{prefix}|{path}", f" {name}", name.upper(), "$var:f/team/note")
        return self.random.choice(forms)

    def value(self, depth: int = 2) -> Any:
        if depth == 0 or self.random.random() < 0.5:
            return self.named()
        if self.random.random() < 0.5:
            return [self.value(depth - 1) for _ in range(self.random.randrange(1, 3))]
        return {self.random.choice(("x", "iter", "value", self.named())): self.value(depth - 1)}

    def args(self) -> dict[str, Any]:
        names = ("text", "key", "iter", "x", "__proto__")
        return {name: self.value() for name in names if self.random.random() < 0.8}

    def expr(self, before: list[str]) -> str:
        """Return an expression over the available values, which has a value most of the time."""
        sources = [
            "flow_input.text",
            "flow_input.key",
            "flow_input",
            "previous_result",
            "context.v",
            *3 * ["flow_input.x"],
        ]
        sources += ["flow_input.iter.value", "flow_input?.iter", "flow_input['key']", "flow_env.e"]
        sources += [f"results.{id}{path}" for id in before for path in ("", ".x", "[0]", ".error.message")]
        one = self.random.choice(sources)
        # Careless authors repair texts like this; a reference that results must not be resolved.
        made = f"[{one}].flat(9).map(v => typeof v === 'string' ? v.split('|').pop().trim() : v)"
        forms = (one, one, one, f"({made})[0]", made, f"({{x: {one}}})", f"'$var:' + {one}", f"'$res:' + ({made})[0]")
        return self.random.choice(
            (*forms, "'$var:u/ann/sec' + 'ret'", f"{one} || flow_input.text", "`${'$'}var:u/ann/secret`")
        )

    def inputs(self, before: list[str]) -> dict[str, Any]:
        made = {"x": {"type": "javascript", "expr": self.expr(before)}}
        if self.random.random() < 0.2:
            made["y"] = {"type": "static", "value": "$var:f/team/note"}
        return made

    def node(self, before: list[str], depth: int) -> dict[str, Any]:
        self.count += 1
        id = f"n{self.count}"
        kinds = ["code"] * 4 + ["identity", "mock"] + (["loop", "branch", "flow", "flow"] if depth else [])
        match self.random.choice(kinds):
            case "identity":
                value: dict[str, Any] = {"type": "identity"}
            case "mock":
                mock = {"enabled": True, "return_value": self.random.choice(NAMES)}
                return {"id": id, "value": {"type": "identity"}, "mock": mock}
            case "loop":
                inside = self.list(before, depth - 1)
                iterator = {"type": "javascript", "expr": f"[{self.expr(before)}].flat()"}
                value = {"type": "forloopflow", "iterator": iterator, "skip_failures": True, "modules": inside}
            case "branch":
                value = {"type": "branchone", "branches": [], "default": self.list(before, depth - 1)}
            case "flow":
                value = {"type": "flow", "path": "f/team/sub", "input_transforms": self.inputs(before)}
            case _:
                op = self.random.choice(("cut", "wrap", "list", "pass", "pass", "fail"))
                value = {"type": "rawscript", "language": "bash", "content": f"# {op} {id}"}
                value["input_transforms"] = self.inputs(before)
        more: dict[str, Any] = {"continue_on_error": True}
        if self.random.random() < 0.3:
            more["export"] = {"v": {"type": "javascript", "expr": "result"}}
        if self.random.random() < 0.2:
            more["cache_ttl"] = 60
        return {"id": id, "value": value, **more}

    def list(self, before: list[str], depth: int) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        known = list(before)
        for _ in range(self.random.randrange(1, 4)):
            made.append(self.node(known, depth))
            known.append(made[-1]["id"])
        return made

    def flow(self, depth: int = 2) -> dict[str, Any]:
        value: dict[str, Any] = {"modules": self.list([], depth), "flow_env": {"e": "$var:f/team/note"}}
        if self.random.random() < 0.3:
            inputs = {"x": {"type": "javascript", "expr": "flow_input"}}
            code = {"type": "rawscript", "language": "bash", "content": "# wrap pre", "input_transforms": inputs}
            value["preprocessor_module"] = {"id": "preprocessor", "value": code}
        return value


@asynccontextmanager
async def fuzzing(database: TestDatabase, tmp_path: Path) -> AsyncIterator[Fuzz]:
    async with api_harness(database, tmp_path / "home") as api:
        ann, bea = await api.member("ann", role=Role.DEVELOPER), await api.member("bea", role=Role.DEVELOPER)
        made = Fuzz(api, ann, bea)
        await api.client.post(f"{W}/folders/create", json={"name": "team", "extra_perms": {"g/all": False}})
        for path, value, secret in (("u/ann/secret", SECRET, True), ("f/team/note", NOTE, False)):
            body = {"path": path, "value": value, "is_secret": secret, "description": ""}
            assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
        for path, held in (("u/ann/key", {"password": SECRET}), ("f/team/points_to_it", {"x": "$var:u/ann/secret"})):
            body = {"path": path, "resource_type": "any", "value": held}
            assert (await api.client.post(f"{W}/resources/create", json=body)).status_code == 201
        row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
        async with api.platform.db.acquire() as conn:
            await workers.register(conn, row)
        runtimes = Runtimes(tmp_path / "worker", [], "none")
        await runtimes.start()
        runtimes.run = made.run  # type: ignore[method-assign, assignment]
        worker = Worker(api.platform, runtimes, Lease(row.id, 1, 3600))
        running, firing = asyncio.create_task(worker.run()), asyncio.create_task(timers.run(api.platform))
        try:
            yield made
        finally:
            firing.cancel()
            worker.drain()
            await asyncio.wait_for(running, 60)
            await runtimes.close()


async def one_round(fuzz: Fuzz, seed: int) -> None:
    """Deploy a workflow that acts on behalf of ann, call it as bea and without login, rerun and restart its runs."""
    writer, api, path = Writer(seed), fuzz.api, f"f/team/w{seed}"
    acts = {"on_behalf_of_email": "ann@example.com"} if seed % 3 else {}
    sub = {"path": "f/team/sub", "summary": "", "value": writer.flow(0), **acts}
    kind = "create" if not (await api.get("flows/exists/f/team/sub")) else "update/f/team/sub"
    answer = await api.client.post(f"{W}/flows/{kind}", json=sub)
    assert answer.status_code < 300, answer.text
    body = {"path": path, "summary": "", "value": writer.flow(), "on_behalf_of_email": "ann@example.com"}
    assert (answer := await api.client.post(f"{W}/flows/create", json=body)).status_code == 201, answer.text
    hook = {
        "path": path,
        "script_path": path,
        "is_flow": True,
        "route_path": f"r{seed}",
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "async",
    }
    assert (answer := await fuzz.ann.post(f"{W}/http_triggers/create", json=hook)).status_code < 500, answer.text
    runs: list[str] = []
    for _ in range(3):
        answer = await fuzz.bea.post(f"{W}/jobs/run/f/{path}", json=writer.args())
        assert answer.status_code in (201, 403), answer.text
        runs += [answer.text] if answer.status_code == 201 else []
        async with client_of(api.app, "none") as stranger:
            answer = await stranger.post(f"/api/r/main/r{seed}", json=writer.args())
            assert answer.status_code in (201, 400, 404), answer.text
    await over(fuzz)
    for run in [each["id"] for each in await api.get("jobs/list", per_page=100) if each["job_kind"] == "flow"][:8]:
        # A rerun of another user's run has the original inputs and no others.
        again = await fuzz.ann.post(f"{W}/jobs/rerun/{run}", params={"skip_preprocessor": "true"})
        assert again.status_code < 500, again.text
    for run in runs[:1]:
        await fuzz.ann.post(f"{W}/jobs/restart/f/{run}", json={"step_id": body["value"]["modules"][0]["id"]})  # type: ignore[index]
    await over(fuzz)
    await check(fuzz, seed)


async def over(fuzz: Fuzz) -> None:
    """Wait until no run is active."""
    async with fuzz.api.platform.db.acquire() as conn:
        while await conn.fetchval("SELECT EXISTS (SELECT FROM run_live)"):
            await asyncio.sleep(POLL_S)


async def check(fuzz: Fuzz, seed: int) -> None:
    """Check that no job received the secret, it was never opened, and no table contains it."""
    stolen = [raw for raw in fuzz.given if SECRET.encode() in raw]
    assert not stolen, f"seed {seed}: a job was given {stolen[0].decode()}"
    async with fuzz.api.platform.db.acquire() as conn:
        opened = await conn.fetch("SELECT resource FROM audit WHERE operation LIKE '%.open'")
        assert not opened, f"seed {seed}: opened {opened}"
        for table in ("value", "event", "log_chunk", "inbox", "decision"):
            held = str([tuple(row) for row in await conn.fetch(f"SELECT * FROM {table}")])  # noqa: S608
            assert SECRET not in held, f"seed {seed}: {table} holds it"


@pytest.mark.extended
async def test_no_foreign_secret_leaks_from_random_workflows(database: TestDatabase, tmp_path: Path) -> None:
    async with fuzzing(database, tmp_path) as fuzz:
        for seed in range(ROUNDS):
            await one_round(fuzz, seed)
        assert any(NOTE.encode() in raw for raw in fuzz.given), "references that were written are filled in"
        assert any(b"u/ann/secret" in raw for raw in fuzz.given), "texts that name it reach the jobs"


@pytest.mark.soak(minutes=70)
async def test_no_foreign_secret_leaks_within_an_hour(administrators: dict[str, Administrator], tmp_path: Path) -> None:
    seed, until = random.SystemRandom().randrange(1_000_000, 1_000_000_000), time.monotonic() + 3600
    while time.monotonic() < until:
        # A new database for each ROUNDS workflows, since each check reads all rows.
        with fresh(administrators) as database:
            async with fuzzing(database, tmp_path / str(seed)) as fuzz:
                for _ in range(ROUNDS):
                    print(f"seed {seed}", flush=True)
                    await one_round(fuzz, seed)
                    seed += 1
