"""Traces of runs, sent to a receiver that speaks OTLP over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S
from tests.worker.answering import answering, http

from orvanta_platform import settings as platform_settings
from orvanta_platform import tracing
from orvanta_platform.daemons import ended_runs, timers, trace_export
from orvanta_platform.db import workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.errors import SettingsError
from orvanta_platform.measurements import Measurements
from orvanta_platform.orchestrator import recovery
from orvanta_platform.tracing import Span, Spans, parse_traceparent, span_id, traceparent
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes

DECIDER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Receiver:
    """A receiver. While `stalled` is set, it answers no request."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def receive(self, body: bytes) -> None:
        self.arrived.set()
        self.released.wait()
        request = ExportTraceServiceRequest.FromString(body)
        self.spans += [span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.released.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield made
        made.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def without_collecting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ended_runs, "COLLECT_S", 0.0)
    monkeypatch.setattr(trace_export, "COLLECT_S", 0.0)


@asynccontextmanager
async def working(api: ApiHarness, home: Path) -> AsyncIterator[None]:
    """Run a worker, the timers, and the export of spans."""
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with api.platform.db.acquire() as conn:
        await workers.register(conn, row)
    runtimes = Runtimes(home, [], "none")
    await runtimes.start()
    worker = Worker(api.platform, runtimes, Lease(row.id, 1, 3600))
    daemons = [asyncio.create_task(run(api.platform)) for run in (timers.run, ended_runs.run, trace_export.run)]
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.drain()
        await asyncio.wait_for(running, 60)
        for daemon in daemons:
            daemon.cancel()
        await asyncio.gather(*daemons, return_exceptions=True)
        await runtimes.close()


async def ended(api: ApiHarness, run: str) -> Any:
    while not (found := await api.get(f"jobs_u/completed/get_result_maybe/{run}"))["completed"]:
        await asyncio.sleep(POLL_S)
    return found["result"]


async def root_of(receiver: Receiver) -> Any:
    """Return the span of the run, which is exported last."""
    while not (roots := [span for span in list(receiver.spans) if not span.parent_span_id]):
        await asyncio.sleep(POLL_S)
    (root,) = roots
    return root


def bash(id: str, content: str = "echo 1") -> dict[str, Any]:
    return {"id": id, "value": {"type": "rawscript", "language": "bash", "content": content, "input_transforms": {}}}


def loop(id: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    iterator = {"type": "static", "value": [1, 2]}
    return {"id": id, "value": {"type": "forloopflow", "iterator": iterator, "modules": list(nodes), "parallel": True}}


async def test_run_is_one_tree(database: TestDatabase, tmp_path: Path, receiver: Receiver) -> None:
    """With loops, an approval, a sub-workflow and a lost worker; the scripts and calls know their place in it."""
    asked: dict[str, str] = {}

    def answer(request: Any) -> bytes:
        asked.update(request.headers)
        return http(200, b"1", content_type="application/json")

    allowed = ("127.0.0.0/8",)
    async with (
        answering(answer) as server,
        api_harness(database, tmp_path / "home", otlp_endpoint=receiver.url, allowed_networks=allowed) as api,
    ):
        inner = {"path": "u/admin/inner", "summary": "", "schema": {}, "value": {"modules": [bash("i")]}}
        assert (await api.client.post(f"{W}/flows/create", json=inner)).status_code == 201
        call = {"type": "webhook", "method": "GET", "url": {"type": "static", "value": server.url}}
        nodes = [
            bash("first", 'echo "$TRACEPARENT"'),
            loop("short", bash("s")),
            loop("long", bash("m"), bash("n")),
            {"id": "hook", "value": call},
            {"id": "sub", "value": {"type": "flow", "path": "u/admin/inner", "input_transforms": {}}},
            {"id": "ask", "value": {"type": "approval"}},
            {"id": "last", "value": {"type": "identity"}},
        ]
        body = {"value": {"modules": nodes}, "args": {}}
        started = await api.client.post(f"{W}/jobs/run/preview_flow", json=body, headers={"traceparent": CALLER})
        run = UUID(started.text)
        lost = (await api.worker.claim())["first"]
        async with api.platform.db.acquire() as conn:
            await workers.fence_ended(conn, api.worker.id, 1, stopped=False)
        await recovery.reap(api.platform.tools, api.worker.id, 1, 5)
        async with working(api, tmp_path / "worker"):
            while not await api.get("approvals/list"):
                await asyncio.sleep(POLL_S)
            headers, decision = {"X-Workspace": "main", "traceparent": DECIDER}, {"decision": "approved"}
            answered = await api.client.post(f"/api/v1/runs/{run}/consent", headers=headers, json=decision)
            assert answered.status_code == 200, answered.text
            await ended(api, str(run))
            root = await root_of(receiver)
    by_id = {span.span_id: span for span in receiver.spans}
    assert len(by_id) == len(receiver.spans), "no span is exported twice"
    assert {span.trace_id for span in receiver.spans} == {run.bytes}
    assert all(span is root or span.parent_span_id in by_id for span in receiver.spans)
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in receiver.spans)
    tree = sorted(f"{span.name} < {by_id[span.parent_span_id].name}" for span in receiver.spans if span is not root)
    assert tree == EXPECTED
    wait = next(span for span in receiver.spans if span.name == "approval ask")
    assert [[(link.trace_id.hex(), link.span_id.hex()) for link in span.links] for span in (root, wait)] == [
        [tuple(context.split("-")[1:3])] for context in (CALLER, DECIDER)
    ]
    attempts = [by_id[span_id(lost.id, attempt).to_bytes(8, "big")] for attempt in (1, 2)]
    assert [span.status.message for span in attempts] == ["worker_lost", ""]
    hook = next(span for span in receiver.spans if span.name == "attempt hook")
    assert asked["traceparent"] == f"00-{run.bytes.hex()}-{hook.span_id.hex()}-01"


EXPECTED = [
    "approval ask < run flowpreview",
    "attempt first < run flowpreview",
    "attempt first < run flowpreview",
    "attempt hook < run flowpreview",
    "attempt i < run u/admin/inner",
    "attempt last < run flowpreview",
    *(f"attempt {node} < body {body}" for node in "mns" for body in (0, 1)),
    "body 0 < forloopflow long",
    "body 0 < forloopflow short",
    "body 1 < forloopflow long",
    "body 1 < forloopflow short",
    "flow sub < run flowpreview",
    "forloopflow long < run flowpreview",
    "forloopflow short < run flowpreview",
    "run u/admin/inner < run flowpreview",
]


async def test_script_receives_its_context_and_invalid_context_of_caller_is_ignored(
    database: TestDatabase, tmp_path: Path, receiver: Receiver
) -> None:
    async with api_harness(database, tmp_path / "home", otlp_endpoint=receiver.url) as api:
        async with working(api, tmp_path / "worker"):
            code = {"language": "bash", "content": 'echo "$TRACEPARENT"', "args": {}}
            started = await api.client.post(f"{W}/jobs/run/preview", json=code, headers={"traceparent": CALLER + "-x"})
            run = UUID(started.text)
            assert await ended(api, started.text) == traceparent(run, run, 1)
            root = await root_of(receiver)
        assert not root.links
        async with api.platform.db.acquire() as conn:
            assert await conn.fetchval("SELECT count(*) FROM value WHERE name <> ''") == 0


async def test_runs_do_not_wait_for_a_receiver_that_does_not_answer(
    database: TestDatabase, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "MAX_WAITING", 2)
    receiver.released.clear()
    async with api_harness(database, tmp_path / "home", otlp_endpoint=receiver.url) as api:
        async with working(api, tmp_path / "worker"):
            code = {"language": "bash", "content": "echo 1"}
            await ended(api, await api.preview(**code))
            assert await asyncio.to_thread(receiver.arrived.wait, 60)
            for _ in range(4):
                assert await ended(api, await api.preview(**code)) == "1"
            assert not receiver.spans
            receiver.released.set()
        assert api.platform.measurements.spans.values["dropped",] > 0


async def test_spans_that_are_not_accepted_are_counted() -> None:
    measured = Measurements()
    spans = Spans(measured.spans)
    spans.add(_span())
    await trace_export._export_all(spans, trace_export.exporter("http://127.0.0.1:1/v1/traces"))
    assert measured.spans.values == {("dropped",): 1}


def _span() -> Span:
    from orvanta_platform import clock

    return Span(context=(1, 2), parent=None, name="x", started_at=clock.now(), ended_at=clock.now(), attributes={})


def test_context_of_caller_is_validated() -> None:
    assert parse_traceparent(CALLER) == (0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331)
    zero = f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{'1' * 32}-{'0' * 16}-01"
    for wrong in (None, "", "x", CALLER.upper(), f"{CALLER}\n", f" {CALLER}", CALLER.replace("00-", "ff-", 1), *zero):
        assert parse_traceparent(wrong) is None, wrong


def test_libraries_are_not_imported_while_traces_are_off() -> None:
    program = (
        "import sys, orvanta_platform.daemons.worker_daemons, orvanta_platform.daemons.server_daemons\n"
        "import orvanta_platform.worker.process\n"
        "import orvanta_platform.http.app\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google', 'requests'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_missing_libraries_are_an_invalid_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_settings, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="needs libraries that are not installed"):
        platform_settings.load({"HOME": os.devnull, "ORVANTA_OTLP_ENDPOINT": "http://127.0.0.1:4318/v1/traces"})
