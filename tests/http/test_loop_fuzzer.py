"""Fuzzing of schemas, bodies, code, expressions, results and webhook responses: none of them blocks an event loop.

The server is a separate process whose loop is measured as described in `tests/loop_blocking.py`. Calls of webhook nodes
are made in the loop of the test, which is measured the same way as a worker's. A probe requests `/api/version` every
50 ms; its times are only printed, as a busy machine delays them.

`FUZZ_MINUTES` (60) is the duration of the long run, `FUZZ_SEED` repeats a run.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.conftest import Administrator, fresh
from tests.loop_blocking import BAR_S, MAX_HOLD_S, Held, Watch, held_server
from tests.worker.answering import answering, http
from tests.worker.jobs import Collected, spec

from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.worker.native import webhook

MINUTES = float(os.environ.get("FUZZ_MINUTES", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "16"))
CALLS, CALLS_S = 40, 50
"""Limits of the short run: the number of calls, and the time in seconds."""

W = "/api/w/main"
JSON = {"Content-Type": "application/json"}
KEYS = ("a", "b", "c", "$ref", "items", "é")
PATTERNS = ("^a+$", "(a{1000}){10}", "(a|a)*(a+)+$", r"\w{90}", r"(\d+)*x", "((a{100}){100}){10}", "(", "[^a]*b.*c")
CHARSETS = ("utf-8", "punycode", "idna", "utf-16", "iso-8859-6", "unicode_escape", "zlib", "rot13", "gb18030", "ascii")
LANGUAGES = ("python3", "bun", "deno", "go", "bash", "powershell", "php", "ruby", "rust", "postgresql", "graphql", "xx")
HEADS = (
    "def main(",
    "export async function main(",
    "func main(",
    "<?php function main(",
    "param(",
    "-- $1 ",
    "fn main(",
)
PIECES = (
    "a: int = 1, ",
    "a?: {b: string}[] = [], ",
    "(",
    "[",
    "{",
    "'",
    '"',
    "`${",
    "/*",
    "#",
    "\\\n",
    "a,",
    "é",
    "\x00",
)
TAGS = ("de-DE", "en-u-nu-thai", "x", "a-" * 60, "zh-Hant-u-co-pinyin-ca-chinese", "root", "💥")
_PROBE_S = 0.05


class Making:
    """Generator of random values, most of them small, some deep or large."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def schema(self, level: int = 0) -> Any:
        """Return a JSON Schema, often a recursive one."""
        chance = self._random
        if level > 4:
            return chance.choice([True, {}, {"$ref": "#"}, {"type": chance.choice(["string", "integer", "object"])}])
        made: dict[str, Any] = {}
        for word in chance.sample(
            ["type", "properties", "items", "additionalProperties", "anyOf", "oneOf", "allOf", "not", "$ref", "enum",
             "pattern", "required", "uniqueItems", "if", "contains", "propertyNames", "unevaluatedProperties",
             "dependentSchemas", "patternProperties", "prefixItems", "maxLength", "multipleOf", "$dynamicRef"],
            chance.randint(1, 4),
        ):  # fmt: skip
            made[word] = self._told(word, level)
        return made

    def _told(self, word: str, level: int) -> Any:
        chance = self._random
        match word:
            case "type":
                return chance.choice(["string", "object", "array", "integer", ["null", "object"]])
            case "properties" | "dependentSchemas":
                return {chance.choice(KEYS): self.schema(level + 1) for _ in range(chance.randint(1, 4))}
            case "patternProperties":
                return {chance.choice(PATTERNS): self.schema(level + 1)}
            case "anyOf" | "oneOf" | "allOf" | "prefixItems":
                return [self.schema(level + 1) for _ in range(chance.randint(1, 4))]
            case "enum":
                return [chance.randint(0, 9) for _ in range(chance.choice([1, 3, 5, 7, 20_000]))]
            case "required":
                return chance.sample(KEYS, 2)
            case "$ref" | "$dynamicRef":
                # Most schemas have a resolvable reference: others are rejected before they are used for validation.
                return chance.choices(["#", "#/properties/a", "http://169.254.169.254/"], [60, 1, 1])[0]
            case "pattern":
                return chance.choice(PATTERNS)
            case "uniqueItems":
                return True
            case "maxLength" | "multipleOf":
                return chance.choice([1, 7, 10**15])
        return self.schema(level + 1)

    def value(self) -> bytes:
        """Return JSON text of an object, or something similar."""
        chance = self._random
        size = chance.choice([1, 10, 100, 30_000, 1_000_000])
        match chance.randint(0, 8):
            case 0:
                return b'{"a":' * min(size, 50_000) + b"1" + b"}" * min(size, 50_000)
            case 1:
                return b'{"a":[%s1]}' % (b"1," * size)
            case 2:
                return b'{"a":"%s!"}' % (b"a" * size)
            case 3:
                return b'{"a":[%s{}]}' % (b'{"b":[]},' * size)
            case 4:
                return b"[" * size
            case 5:
                return b'{"a":%s}' % (b"9" * min(size, 100_000))
            case 6:
                return b'{%s"z":"$var:u/admin/x"}' % b"".join(b'"k%d":{"a":"b"},' % n for n in range(min(size, 30_000)))
            case 7:
                return chance.randbytes(min(size, 100_000))
        levels = chance.randint(2, 25)
        return b'{"a":' * levels + b"1" + b"}" * levels

    def code(self) -> dict[str, str]:
        """Return the language and the code of a script whose signature is hard to parse."""
        chance = self._random
        times = chance.choice([1, 30, 3_000, 100_000])
        content = (
            chance.choice(HEADS) + chance.choice(PIECES) * times + chance.choice(PIECES) + chance.choice([")", "}"])
        )
        return {"language": chance.choice(LANGUAGES), "content": content}

    def expression(self) -> str:
        """Return an expression that is long, deep or endless, or formats a value for a random locale."""
        chance = self._random
        times = chance.choice([1, 100, 10_000, 200_000])
        formatted = f"new Date(0).toLocaleString({json.dumps(chance.choice(TAGS))}, {{timeZone: 'Asia/Tokyo'}})"
        return chance.choice(
            ["1" + "+1" * times, "(" * times, "[" * times + "]" * times, "results.a" * times, "`${" * times,
             f"'{'a' * times}'.match(/(a|a)*(a+)+$/)", "(() => {for (;;) {}})()", "'x'.repeat(2 ** 29).split('')",
             formatted, f"[{f'{formatted},' * min(times, 300)}]", "flow_input." + "a?." * times + "b"],
        )  # fmt: skip

    def answer(self) -> bytes:
        """Return the response of a called server."""
        chance = self._random
        size = chance.choice([10, 10_000, 100_000, 5_000_000])
        body = chance.choice([b"\xff\xfe", b"a", b"\x00\xd8", b"[", b"z-"]) * (size // 2)
        kind = chance.choice([f"text/plain; charset={chance.choice(CHARSETS)}", "application/json", "x/y"])
        return http(chance.choice([200, 200, 302, 500]), body, content_type=kind, location="http://" + "é." * 3_000)

    def pick(self, among: list[Callable[[], None]]) -> Callable[[], None]:
        """Return a random element."""
        return self._random.choice(among)


class Calls:
    """Random calls of a server. Any response is accepted."""

    def __init__(self, server: Held, making: Making) -> None:
        self._server = server
        self._making = making
        self._count = 0

    def script(self) -> None:
        """Deploy a schema and start a run with a value."""
        self._count += 1
        path = f"f/fuzz/s{self._count}"
        body = {"path": path, "summary": "", "content": "def main(**a):\n    return a\n", "language": "python3"}
        schema = self._making.schema()
        self._send("scripts/create", json.dumps({**body, "schema": schema}).encode())
        self._send(f"jobs/run/p/{path}", self._making.value())

    def preview(self) -> None:
        """Start a run without a schema."""
        self._send("jobs/run/preview", b'{"language":"python3","content":"","args":%s}' % self._making.value())

    def result(self) -> None:
        """Let the server convert a value to a result."""
        node = b'{"id":"n","value":{"type":"condition","expr":"flow_input.a === 1"}}'
        output = b'{"type":"javascript","expr":"flow_input.a"}'
        flow = b'{"value":{"modules":[%s],"output":%s},"args":%s}' % (node, output, self._making.value())
        self._send("jobs/run/preview_flow", flow)

    def decision(self) -> None:
        """Decide an approval with a form."""
        node = {"id": "ask", "value": {"type": "approval", "form": {"schema": self._making.schema()}}}
        flow = {"value": {"modules": [node]}, "args": {}}
        started = self._send("jobs/run/preview_flow", json.dumps(flow).encode())
        if started.status_code == 201:
            body = b'{"decision":"approved","form":%s}' % self._making.value()
            path = f"/api/v1/runs/{started.text}/consent"
            self._server.client.post(path, content=body, headers={**JSON, "X-Workspace": "main"})

    def signature(self) -> None:
        """Read the signature of a script."""
        self._send("scripts/schema", json.dumps(self._making.code()).encode())

    def expression(self) -> None:
        """Validate a workflow with an expression, and run it."""
        node = {"id": "n", "value": {"type": "condition", "expr": self._making.expression()}}
        output = {"type": "javascript", "expr": self._making.expression()}
        value = {"modules": [node], "output": output}
        self._send("flows/validate", json.dumps({"path": "f/fuzz/e", "summary": "", "value": value}).encode())
        self._send("jobs/run/preview_flow", json.dumps({"value": value, "args": {}}).encode())

    def document(self) -> None:
        """Deploy a document that may not be a valid workflow."""
        self._send("flows/create", b'{"path":"f/fuzz/x","summary":"","value":%s}' % self._making.value())

    def _send(self, path: str, body: bytes) -> httpx.Response:
        answer = self._server.client.post(f"{W}/{path}", content=body, headers=JSON)
        assert answer.status_code < 500, (path, body[:300], answer.text)
        return answer


class Probe:
    """Thread that requests the version every 50 ms."""

    def __init__(self, base: str) -> None:
        self.longest_s = 0.0
        self.asked = 0
        self._base = base
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        with httpx.Client(base_url=self._base, timeout=60) as client:
            while not self._end.wait(_PROBE_S):
                before = time.monotonic()
                assert client.get("/api/version").status_code == 200
                self.longest_s = max(self.longest_s, time.monotonic() - before)
                self.asked += 1

    def end(self) -> None:
        """Stop the thread."""
        self._end.set()
        self._thread.join()


@pytest.fixture
def server(administrators: dict[str, Administrator], tmp_path: Path) -> Iterator[Held]:
    with fresh(administrators) as database, held_server(database, tmp_path) as made:
        yield made


async def _call_servers(making: Making, notes: Path, end: asyncio.Event) -> int:
    """Call webhook nodes until the end and return the number of calls."""
    count = 0
    async with answering(lambda _: making.answer()) as other:
        watch = Watch(notes)
        while not end.is_set():
            node = json.dumps({"type": "webhook", "method": "GET"})
            await webhook.run(spec("", node, {"url": other.url}), Collected(), asyncio.Event(), Guard(["127.0.0.1/32"]))
            count += 1
            await asyncio.sleep(0.05)
        await watch.end()
    return count


@pytest.mark.extended
@pytest.mark.parametrize("minutes", [None, pytest.param(MINUTES, marks=pytest.mark.soak(minutes=MINUTES + 15))])
async def test_random_input_does_not_block_event_loop(server: Held, minutes: float | None, tmp_path: Path) -> None:
    notes, end = tmp_path / "answers", asyncio.Event()
    notes.touch()
    seed = SEED if minutes is None else int(os.environ.get("FUZZ_SEED", time.time()))
    making = Making(seed)
    calls, probe = Calls(server, making), Probe(str(server.client.base_url))
    kinds = [
        *(calls.script, calls.preview, calls.result, calls.decision, calls.document, calls.signature),
        *(calls.script, calls.expression),
    ]
    until = time.monotonic() + (CALLS_S if minutes is None else minutes * 60)
    calling = asyncio.create_task(_call_servers(Making(SEED + 1), notes, end))
    longest_s = MAX_HOLD_S if minutes is None else BAR_S
    made = 0
    try:
        while time.monotonic() < until and (minutes is not None or made < CALLS):
            await asyncio.to_thread(making.pick(kinds))
            made += 1
            held = await asyncio.to_thread(server.longest_s)
            assert held < longest_s, f"call {made}, seed {seed}"
    finally:
        end.set()
        called = await calling
        probe.end()
    answered = max(map(float, notes.read_text().split()), default=0.0)
    print(
        f"{made} calls and {called} answers: the probe asked {probe.asked} times and waited {probe.longest_s:.3f} s at "
        f"most; the worker's loop was held for {answered:.3f} s at most"
    )
    assert called > 0 and probe.asked > 0
    assert answered < longest_s
