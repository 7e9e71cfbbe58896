"""Hostile expressions: each returns a clear error or a harmless value, and the next expression is evaluated."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess

import pytest
from tests import processes
from tests.evaluate.bench import Bench

from orvanta_platform.evaluate import pool, process
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.process import EvaluatorUnavailable, Program
from orvanta_platform.evaluate.small import Scope

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMEOUT = "expression_timeout"
MEMORY = "expression_out_of_memory"
OUTSIDE = "typeof process + typeof require + typeof std + typeof os + typeof Deno + typeof Bun"
NOTHING = '"' + "undefined" * 6 + '"'


async def still_works(bench: Bench) -> bool:
    return await bench.value("results.a + 1", {"results": {"a": b"1"}}) == "2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"(() => {{}}).constructor('return {OUTSIDE}')()", NOTHING),
        (f"[].map.constructor('return {OUTSIDE}')()", NOTHING),
        (f"variable.constructor('return {OUTSIDE}')()", NOTHING),
        (f"eval('{OUTSIDE}')", NOTHING),
        (f"(strings => strings.raw.constructor.constructor('return {OUTSIDE}')())`x`", NOTHING),
        (f"with ({{}}) {{ return {OUTSIDE} }}", NOTHING),
        (f"{{...{{get a() {{ return {OUTSIDE} }}}}}}.a", NOTHING),
        (
            "const Made = Object.getPrototypeOf(async function* () {}).constructor;"
            f"for await (const found of Made('yield {OUTSIDE}')()) return found",
            NOTHING,
        ),
        ("results.constructor", "null"),
        ("flow_input.constructor ?? flow_input.__proto__ ?? null", "null"),
        ("Object.getPrototypeOf(flow_input) === Object.prototype", "true"),
        ("Error.prepareStackTrace = (_, sites) => sites; return typeof new Error().stack", '"string"'),
        ("(function f() { try { return typeof f.caller } catch { return 'no' } })() !== 'function'", "true"),
        ("(function f() { return f.arguments?.length ?? 0 })()", "0"),
        ("Object.getOwnPropertyNames(globalThis).filter(name => /fetch|request|socket|file|import/i.test(name))", "[]"),
        ("new Proxy(function () {}, {get: () => globalThis})", "null"),
        ("String(variable).includes('opened')", "true"),
    ],
)
async def test_no_expression_escapes(bench: Bench, text: str, expected: str) -> None:
    assert await bench.value(text, {"results": {"a": b"{}"}, "flow_input": b'{"a": 1}'}) == expected
    assert await still_works(bench)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import('/etc/passwd')", "ReferenceError"),
        ("import('os')", "ReferenceError"),
        ("(() => {}).constructor('return process')().env", "ReferenceError"),
        ("Array.prototype.map.call({length: 2 ** 53, 0: 1}, x => x)", "RangeError"),
        ("new Date(Symbol.iterator)", "TypeError"),
        ("Reflect.apply(Map.prototype.get, new Set(), [1])", "TypeError"),
        ("new DataView(new ArrayBuffer(8)).setFloat64(4, 1)", "RangeError"),
        ("const a = [1, 2, 3]; a.length = {valueOf() { a.length = 0; return -1 }}; return a", "RangeError"),
        ("({[Symbol.toPrimitive]() { throw new TypeError('mine') }}) + 1", "TypeError"),
        ("`${{[Symbol.toPrimitive]: () => ({})}}`", "TypeError"),
        ("const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); return proxy", "TypeError"),
        ("Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)", "TypeError"),
        ("const f = () => f(); return f()", "RangeError"),
        ("let x = []; for (let i = 0; i < 1e5; i++) x = [x]; return x", "RangeError"),
        ("JSON.parse('['.repeat(1e6))", "RangeError"),
        ("throw {toString() { throw this }}", "Error"),
        ("throw new Proxy({}, {get() { throw 1 }})", "Error"),
        ("new Promise(() => {})", "Error"),
        ("const storm = () => Promise.resolve().then(storm); return storm()", "Error"),
        ("const all = []; for (;;) all.push(new Promise(() => {}))", MEMORY),
        ("const all = []; for (;;) all.push('x'.repeat(1000) + all.length)", MEMORY),
        ("const all = new Set(); for (;;) all.add(new Array(100).fill(0))", MEMORY),
        ("'x'.repeat(2 ** 29)", MEMORY),
        ("new Array(1e8).fill(0)", MEMORY),
        ("new Uint8Array(2 ** 30)", MEMORY),
        ("2n ** 100000000n", "RangeError"),
        ("while (true) {}", TIMEOUT),
        ("for (;;) try { while (true) {} } catch {}", TIMEOUT),
        ("/(a+)+$/.test('a'.repeat(40) + 'b')", TIMEOUT),
        ("new Array(2 ** 32 - 1).join()", TIMEOUT),
        ("Promise.resolve().then(() => { while (true) {} })", TIMEOUT),
        ("{get a() { while (true) {} }}", TIMEOUT),
        ("throw new Proxy(new Error(), {get() { while (true) {} }})", TIMEOUT),
    ],
)
async def test_hostile_expression_ends_with_a_clear_error(bench: Bench, text: str, name: str) -> None:
    found, message = await bench.error(text, {"results": {"a": b"{}"}})
    assert (found, bool(message)) == (name, True)
    assert await still_works(bench)


@pytest.mark.parametrize("text", ["while (true) {}", "'x'.repeat(2 ** 29)"])
async def test_process_is_replaced_after_a_limit(bench: Bench, text: str) -> None:
    await still_works(bench)
    (before,) = await only_keeper(bench)
    await bench.error(text)
    assert await still_works(bench)
    (after,) = await only_keeper(bench)
    assert before != after


async def test_others_do_not_wait_for_a_long_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_SLOW_S", 1e-9)
    evaluator = Evaluator()
    bench = Bench(evaluator)
    before = set(keepers(bench))
    await still_works(bench)
    (keeper,) = set(keepers(bench)) - before
    (child,) = processes.children(keeper)
    os.kill(child, signal.SIGSTOP)
    long = asyncio.create_task(bench.value("1 + 1"))
    await asyncio.sleep(0)
    for number in range(20):
        assert await bench.value(f"{number} * 2") == str(2 * number)
    assert not long.done()
    os.kill(child, signal.SIGCONT)
    assert await long == "2"
    await evaluator.close()


async def test_others_are_answered_after_an_endless_one(bench: Bench) -> None:
    endless = asyncio.create_task(bench.error("while (true) {}"))
    await asyncio.sleep(0)
    await asyncio.gather(*(bench.value(f"{number} + 1") for number in range(20)))
    behind = await asyncio.gather(*(bench.value(f"{number} * 2") for number in range(20)))
    assert behind == [str(2 * number) for number in range(20)]
    assert (await endless)[0] == TIMEOUT


async def test_killed_child_is_replaced(bench: Bench) -> None:
    asking = [asyncio.create_task(bench.value(f"{number} + 1")) for number in range(200)]
    await asyncio.sleep(0)
    for keeper in keepers(bench):
        os.kill(keeper, signal.SIGKILL)
    assert await asyncio.gather(*asking) == [str(number + 1) for number in range(200)]


@pytest.mark.parametrize("kills", [1, 2])
async def test_child_killed_during_start_is_replaced(monkeypatch: pytest.MonkeyPatch, kills: int) -> None:
    started = killed_at_start(monkeypatch, kills)
    evaluator = Evaluator()
    # One child processes all of these requests; with more of them, a slow machine would start another child.
    asking = [Bench(evaluator).value(f"{number} * 2") for number in range(pool._MAX_QUEUED)]
    assert await asyncio.gather(*asking) == [str(number * 2) for number in range(pool._MAX_QUEUED)]
    assert len(started) == kills + 1
    await evaluator.close()


async def test_children_always_killed_at_start_are_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    started = killed_at_start(monkeypatch, 1000)
    evaluator = Evaluator()
    with pytest.raises(EvaluatorUnavailable, match="ended while it started"):
        await Bench(evaluator).value("1 * 2")
    assert len(started) == 3
    await evaluator.close()


def killed_at_start(patch: pytest.MonkeyPatch, kills: int) -> list[int]:
    """Return the list of pids of children started from now on; the first `kills` are killed before they are ready."""
    started: list[int] = []
    launch = process._launch

    def launch_and_kill(program: Program, inherited: socket.socket) -> subprocess.Popen[bytes]:
        made = launch(program, inherited)
        started.append(made.pid)
        if len(started) <= kills:
            made.kill()
        return made

    patch.setattr(process, "_launch", launch_and_kill)
    return started


async def only_keeper(bench: Bench) -> list[int]:
    """Return the keepers once a single one is left."""
    async with asyncio.timeout(20):
        while len(found := keepers(bench)) != 1:
            await asyncio.sleep(0.01)
    return found


def keepers(bench: Bench) -> list[int]:
    """Return the child processes that evaluate for `bench`."""
    own = set(processes.children(os.getpid())) - bench.others
    return [pid for pid in own if "orvanta_platform.evaluate.child" in " ".join(processes.arguments(pid))]


POLLUTED = (
    b'{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, '
    b'"rows": [{"__proto__": {"polluted": 1}}]}'
)
MERGE = """
const merge = (into, from) => {
  for (const key in from) {
    if (from[key] && typeof from[key] === 'object') merge(into[key] ??= {}, from[key]);
    else into[key] = from[key];
  }
  return into;
};
"""


@pytest.mark.parametrize(
    "text",
    [
        "const copy = {...flow_input}; return ({}).polluted",
        "Object.assign({}, flow_input); return ({}).polluted",
        "JSON.parse(JSON.stringify(flow_input)); return ({}).polluted",
        "const {rows, ...rest} = flow_input; return ({}).polluted ?? [].polluted ?? rows.polluted",
        "flow_input.rows[0].polluted ?? flow_input.polluted",
        "results.a.polluted ?? results.polluted ?? context.polluted",
    ],
)
async def test_prototype_names_in_data_are_plain_names(bench: Bench, text: str) -> None:
    scope: Scope = {
        "flow_input": POLLUTED,
        "results": {"a": POLLUTED, "__proto__": POLLUTED},
        "context": {"__proto__": POLLUTED},
    }
    assert await bench.value(text, scope) == "null"


async def test_prototype_pollution_stays_in_its_evaluation(bench: Bench) -> None:
    scope: Scope = {"flow_input": POLLUTED}
    assert await bench.value(MERGE + "merge({}, flow_input); return ({}).polluted", scope) == "1"
    assert await bench.value("({}).polluted ?? [].polluted ?? (() => {}).polluted", scope) == "null"


async def test_prototype_names_are_preserved(bench: Bench) -> None:
    value = await bench.value("[flow_input, flow_input.__proto__.polluted]", {"flow_input": POLLUTED})
    assert value.encode() == b"[%s,1]" % POLLUTED.replace(b" ", b"")
