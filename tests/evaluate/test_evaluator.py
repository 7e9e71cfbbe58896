"""Values of expressions, and the scope that is passed to them."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import uvloop
from tests.evaluate.bench import MOMENT, Bench, nothing

from orvanta_platform.evaluate.errors import ExpressionError
from orvanta_platform.evaluate.evaluator import Evaluator
from orvanta_platform.evaluate.javascript import MAX_COMPUTED_PATHS, MAX_VALUES, JavaScript, Moment
from orvanta_platform.evaluate.small import ExpressionValue, Scope
from orvanta_platform.workflow.expressions import MAX_SOURCE
from orvanta_platform.workflow.reads import Opener

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCOPE: Scope = {
    "results": {"a": b'{"x": 2, "list": [3, 1, 2], "name": "Ada"}', "b": b"12345678901234567890"},
    "context": {"n": b"4", "who": b'"Bo"'},
    "flow_input": b'{"n": 5, "o": {"k": 1}, "rows": [{"id": 1, "ok": true}, {"id": 2, "ok": false}]}',
    "previous_result": b"[1, 2]",
    "error": b"null",
}


@pytest.mark.parametrize(
    ("text", "expected", "truthy"),
    [
        ("results.a.x + 1", "3", True),
        ("results.a.list.map(n => n * 2)", "[6,2,4]", True),
        ("[...results.a.list].sort().join('-')", '"1-2-3"', True),
        ("`${results.a.name} is ${flow_input.n}`", '"Ada is 5"', True),
        ("flow_input.rows.filter(row => row.ok).length", "1", True),
        ("{total: flow_input.n, ...flow_input.o}", '{"total":5,"k":1}', True),
        ("const {n} = flow_input; return n * n", "25", True),
        ("const result = results.a.x; return result", "2", True),
        ("if (context.n > 3) return 'big'; else return 'small'", '"big"', True),
        ("try { return nope.x } catch (e) { return e.name }", '"ReferenceError"', True),
        ("let x = 1; x + 1", "null", False),
        ("results.a.x // a comment", "2", True),
        ("/* only a comment */", "null", False),
        ("results['a']['x'] ** 2", "4", True),
        ("Object.keys(results)", '["a","b"]', True),
        ("Object.entries(context)", '[["n",4],["who","Bo"]]', True),
        ("results[context.who] ?? 'none'", '"none"', True),
        ("results.unknown === null && context.unknown === undefined && 1 + 1", "2", True),
        ("'unknown' in results || results.unknown", "null", False),
        ("typeof previous_result[Symbol.iterator]", '"function"', True),
        ("r\\u0065sults.a.x + 1", "3", True),
        ("eval('results.a.x')", "2", True),
        ("new Function('return 1 + 1')()", "2", True),
        ("results.b + 0", "12345678901234567000", True),
        ("await Promise.all([1, Promise.resolve(2)])", "[1,2]", True),
        ("(async () => 7)()", "7", True),
        ("for await (const n of [Promise.resolve(1)]) return n", "1", True),
        ("'await'.length", "5", True),
        ("undefined ?? undefined", "null", False),
        ("0 / 0", "null", False),
        ("1 / 0", "null", True),
        ("-0 + -0", "0", False),
        ("() => 1", "null", True),
        ("Symbol('s')", "null", True),
        ("[undefined, () => 1, NaN]", "[null,null,null]", True),
        ("new Date(0)", '"1970-01-01T00:00:00.000Z"', True),
        ("new Map([[1, 2]])", "{}", True),
        ("({toJSON: () => 'own'})", '"own"', True),
        ("'\\ud83d' + ''", '"\\ud83d"', True),
        ("'\\u0000' + ''", '"\\u0000"', True),
        ("new Proxy({a: 1}, {})", '{"a":1}', True),
    ],
)
async def test_values(bench: Bench, text: str, expected: str, truthy: bool) -> None:
    answer = await bench.answer(text, SCOPE)
    assert (answer.raw.decode(), answer.truthy) == (expected, truthy)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("missing + 1", "ReferenceError", "missing is not defined"),
        ("results.unknown.x + 1", "TypeError", "Cannot read properties of null (reading 'x')"),
        ("throw new RangeError('too far')", "RangeError", "too far"),
        ("throw 'a text'", "Error", "a text"),
        ("throw {code: 5}", "Error", '{"code":5}'),
        ("throw null", "Error", "null"),
        ("class Own extends Error { name = 'Own' }; throw new Own('mine')", "Own", "mine"),
        ("await Promise.reject(new TypeError('later'))", "TypeError", "later"),
        ("1n", "TypeError", "BigInt are forbidden in JSON.stringify"),
        ("const o = {}; o.o = o; return o", "TypeError", "circular reference"),
        ("results.a +", "SyntaxError", "unexpected end of the text"),
        ("{a:, b: 1}", "SyntaxError", "unexpected token in expression: ','"),
        ("let a = 1;\nlet b = = 2;\nreturn a", "SyntaxError", "unexpected token in expression: '=' (line 2)"),
        ("a) + (b", "SyntaxError", "expecting ';'"),
        ("1)}, function () { return (5", "SyntaxError", "expecting ';'"),
        ("}, function () { return 5", "SyntaxError", "unexpected token in expression: ','"),
        ("variable(5)", "TypeError", "variable() requires a path, which must be a string"),
        ("variable('u/ann/x')", "not_found", "The variable u/ann/x does not exist."),
    ],
)
async def test_errors_are_those_of_javascript(bench: Bench, text: str, name: str, message: str) -> None:
    assert await bench.error(text, SCOPE) == (name, message)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("`Hi ${results.a}`;", '"Hi 1"'),
        ("({n: 1});", '{"n":1}'),
        ("{n: 1};", '{"n":1}'),
        ("await Promise.resolve(2);", "2"),
        ("1 + 1; ; // two; or more", "2"),
        ("1 + 1 // two\n; /* two; or more */\n", "2"),
        ("'a' + ';//' + \"b;//\";", '"a;//b;//"'),
        ("/* a; */ 1 + 1 /* ; */", "2"),
        ("1 + 1; /* open", None),
        ("1 + 1; 2 + 2", "null"),
        ("const a = 1 + 1;", "null"),
        ("return 1 + 1;", "2"),
        (";", "null"),
    ],
)
async def test_semicolons_may_follow_an_expression(bench: Bench, text: str, value: str | None) -> None:
    scope: Scope = {"results": {"a": b"1"}}
    if value is None:
        assert (await bench.error(text, scope))[0] == "SyntaxError"
    else:
        assert await bench.value(text, scope) == value


async def test_a_path_before_a_semicolon_keeps_all_digits(bench: Bench) -> None:
    assert await bench.value("flow_input;", {"flow_input": b"12345678901234567890"}) == "12345678901234567890"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("flow_input.n = 9", "[9,2,null]"),
        ("delete flow_input.n", "[null,2,null]"),
        ("results.a.x = 9", "[5,9,null]"),
        ("results.c = 1", "[5,2,1]"),
        ("const copy = results.a; copy.x = 3", "[5,3,null]"),
    ],
)
async def test_assignment_changes_values_in_its_evaluation_only(bench: Bench, text: str, seen: str) -> None:
    read = "return [flow_input.n, results.a.x, results.c]"
    assert await bench.value(f"'use strict'; {text}; {read}", SCOPE) == seen
    assert await bench.value(f"{read} // again", SCOPE) == "[5,2,null]"


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ({"type": "static", "value": {"k": [1, None, "é"]}}, ExpressionValue('{"k":[1,null,"é"]}'.encode(), True)),
        ({"type": "static", "value": []}, ExpressionValue(b"[]", True)),
        ({"type": "static", "value": 0}, ExpressionValue(b"0", False)),
        ({"type": "static"}, ExpressionValue(b"null", False)),
        ({"type": "javascript", "expr": "flow_input.n"}, ExpressionValue(b"5", True)),
        ({"type": "javascript", "expr": "flow_input.n - 5"}, ExpressionValue(b"0", False)),
        ({"type": "javascript", "expr": " "}, ExpressionValue(b"null", False)),
        (60, ExpressionValue(b"60", True)),
    ],
)
async def test_transforms(bench: Bench, transform: Any, expected: ExpressionValue) -> None:
    assert await bench.evaluator.transform(transform, SCOPE, MOMENT, nothing) == expected


async def test_inputs_form_one_object(bench: Bench) -> None:
    transforms = {
        "a": {"type": "javascript", "expr": "results.b"},
        "sum": {"type": "javascript", "expr": "results.a.x + context.n"},
        'q"': {"type": "javascript", "expr": "context.unknown"},
        "s": {"type": "static", "value": "x"},
        "list": {"type": "javascript", "expr": "results.a.list.length + 0"},
    }
    assert await bench.inputs(transforms, SCOPE) == b'{"a":12345678901234567890,"sum":6,"q\\"":null,"s":"x","list":3}'
    assert await bench.inputs(None) == b"{}"


@pytest.mark.parametrize("expr", ["missing", "missing + 1"])
async def test_failing_input_is_named(bench: Bench, expr: str) -> None:
    with pytest.raises(ExpressionError, match="input 'x': missing is not defined") as caught:
        await bench.inputs({"x": {"type": "javascript", "expr": expr}, "y": {"type": "javascript", "expr": "1 + 1"}})
    assert caught.value.name == "ReferenceError"


async def test_small_interpreter_answers_without_yielding() -> None:
    evaluator = Evaluator()
    coroutine = evaluator.expression("results.a.x", SCOPE, MOMENT, nothing)
    with pytest.raises(StopIteration) as returned:
        coroutine.send(None)
    assert returned.value.value == ExpressionValue(b"2", True)
    await evaluator.close()


async def test_other_tasks_run_between_inputs_that_read_large_values() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.ensure_future(count())
    scope = {"flow_input": b'{"a":"%s","b":1}' % (b"x" * (2 << 20))}
    transforms = {f"i{number}": {"type": "javascript", "expr": "flow_input.b"} for number in range(20)}
    evaluator = Evaluator()
    await evaluator.inputs(transforms, scope, MOMENT, nothing)
    counting.cancel()
    assert turns >= 19
    await evaluator.close()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_inputs_end_with_the_first_error_or_a_cancel(monkeypatch: pytest.MonkeyPatch, cancelled: bool) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def evaluate(self: JavaScript, workspace: str, text: str, *_: Any) -> ExpressionValue:
        if text == "throws + 1" and not cancelled:
            await started.wait()
            raise ExpressionError("Error", "x")
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    monkeypatch.setattr(JavaScript, "evaluate", evaluate)
    transforms = {name: {"type": "javascript", "expr": f"{name} + 1"} for name in ("throws", "endless")}
    evaluator = Evaluator()
    computing = asyncio.ensure_future(evaluator.inputs(transforms, {}, MOMENT, nothing))
    await started.wait()
    if cancelled:
        computing.cancel()
    with pytest.raises(asyncio.CancelledError if cancelled else ExpressionError):
        await computing
    assert ended.is_set(), "the evaluation was left behind"
    await evaluator.close()


async def test_concurrent_requests_get_their_own_answers(bench: Bench) -> None:
    texts = [f"results.a.x * {number}" for number in range(300)]
    answers = await asyncio.gather(*(bench.value(text, SCOPE) for text in texts))
    assert answers == [str(2 * number) for number in range(300)]


async def test_server_event_loop_works() -> None:
    async def evaluate() -> list[bytes]:
        evaluator = Evaluator()
        scope: Scope = {"results": {"a": b'"%s"' % (b"x" * 300_000)}}
        texts = ("1 + 1", "results.a + results.a", "results.a.length + 0")
        found = [await evaluator.expression(text, scope, MOMENT, nothing) for text in texts]
        await evaluator.close()
        return [answer.raw for answer in found]

    two, twice, length = await asyncio.to_thread(uvloop.run, evaluate())
    assert (two, len(twice), length) == (b"2", 600_002, b"300000")


async def test_evaluations_leave_no_state(bench: Bench) -> None:
    await bench.value("globalThis.left = 1; Array.prototype.at = () => 'changed'; JSON.stringify = () => '0'; return 1")
    assert await bench.value("[typeof left, [5].at(0)]") == '["undefined",5]'


async def test_unnamed_values_are_not_passed(bench: Bench) -> None:
    """Values that are not read have no cost."""
    large = b'"' + b"x" * MAX_VALUES + b'"'
    scope: Scope = {"results": {"a": b"1", "large": large}, "flow_input": b'{"a": 1, "large": %s}' % large}
    assert await bench.value("results.a + flow_input.a", scope) == "2"
    assert await bench.value("results.large", scope) == large.decode()
    for text in ("results.large.length + 1", "flow_input[results.a]", "Object.keys(results)", "eval('1')"):
        name, message = await bench.error(text, scope)
        assert (name, str(MAX_VALUES) in message) == ("expression_value_too_large", True)


async def test_expression_length_is_limited(bench: Bench) -> None:
    assert await bench.value(f"1 + 1 //{'x' * (MAX_SOURCE - 8)}") == "2"
    assert (await bench.error(f"1 + 1 //{'x' * (MAX_SOURCE - 7)}"))[0] == "expression_too_long"


class Workspace:
    """Variables and resources by path, with a count of the requests."""

    def __init__(self, **values: Any) -> None:
        self.values = values
        self.asked: list[tuple[str, str]] = []

    async def resolve(self, kind: Opener, path: str) -> bytes:
        self.asked.append((kind, path))
        if path not in self.values:
            raise ExpressionError("not_found", f"The {kind} {path} does not exist.")
        return json.dumps(self.values[path]).encode()

    async def value(self, bench: Bench, text: str, scope: Scope | None = None) -> str:
        return (await bench.evaluator.expression(text, scope or {}, MOMENT, self.resolve)).raw.decode()


async def test_variables_and_resources_with_literal_paths(bench: Bench) -> None:
    held = Workspace(**{"u/a/key": "k", "f/db": {"host": "h", "__proto__": {"x": 1}}})
    assert await held.value(bench, "variable('u/a/key') + resource(\"f/db\").host") == '"kh"'
    assert sorted(held.asked) == [("resource", "f/db"), ("variable", "u/a/key")]
    assert await held.value(bench, "await variable(`u/a/key`)") == '"k"'
    assert await held.value(bench, "resource('f/db').x ?? resource('f/db').hasOwnProperty('host')") == "true"


async def test_computed_path_is_opened_when_it_is_known(bench: Bench) -> None:
    held = Workspace(a="b", b="c", c="end")
    assert await held.value(bench, "variable(variable(variable(flow_input)))", {"flow_input": b'"a"'}) == '"end"'
    assert held.asked == [("variable", "a"), ("variable", "b"), ("variable", "c")]
    assert await held.value(bench, "try { return variable('' + 'a') } catch { return 'swallowed' }") == '"b"'
    assert await held.value(bench, "['a', 'b'].map(variable)") == '["b","c"]'


async def test_unknown_path_throws_when_it_is_read(bench: Bench) -> None:
    held = Workspace(a="b")
    assert await held.value(bench, "false ? variable('x') : 1") == "1"
    caught = "try { return resource('x' + 'y') } catch (e) { return e.name + ': ' + e.message }"
    assert await held.value(bench, caught) == '"not_found: The resource xy does not exist."'
    with pytest.raises(ExpressionError, match="The variable x does not exist"):
        await held.value(bench, "variable('x')")


async def test_number_of_computed_paths_is_limited(bench: Bench) -> None:
    held = Workspace(**{str(number): number for number in range(100)})
    most = f"let sum = 0; for (let i = 0; i < {MAX_COMPUTED_PATHS}; i++) sum += variable(String(i)); return sum"
    assert await held.value(bench, most) == str(sum(range(MAX_COMPUTED_PATHS)))
    with pytest.raises(ExpressionError, match=f"more than {MAX_COMPUTED_PATHS}"):
        await held.value(bench, most.replace(f"< {MAX_COMPUTED_PATHS}", f"<= {MAX_COMPUTED_PATHS}"))


async def test_syntax_is_checked_without_running(bench: Bench) -> None:
    """All texts of a document are checked together; each fault is reported for its own text."""
    texts = [
        "results.a + 1",
        "while (true) {}",
        "results.",
        "return variable('x')",
        "(1\n+",
        "globalThis.x = 1; throw 2",
    ]
    found = await bench.evaluator.syntax_errors([*texts, *(f"x{place}.map(y => y)" for place in range(300))])
    assert [message is None for message in found[:6]] == [True, True, False, True, False, True]
    assert found[4] == "unexpected end of the text" and found[6:] == [None] * 300
    assert await bench.evaluator.syntax_errors([]) == []


async def test_text_that_breaks_the_engine_is_reported_alone(bench: Bench) -> None:
    deep = "(" * 200_000 + "1" + ")" * 200_000
    found = await bench.evaluator.syntax_errors(["[1].map(x => x)", deep, "a +* b", "x" * (MAX_SOURCE + 1), "() => 1"])
    assert (found[0], found[4]) == (None, None) and found[1] and found[2]
    assert found[3] == f"an expression has at most {MAX_SOURCE} characters"


async def test_time_is_that_of_the_moment(bench: Bench) -> None:
    ways = "[Date.now(), +new Date(), new Date().getTime(), new (class extends Date {})().valueOf()]"
    assert json.loads(await bench.value(ways)) == [1700000000123] * 4
    assert await bench.value("Date() + '|' + new Date(0).toString()") == (
        '"Tue Nov 14 2023 22:13:20 GMT+0000|Thu Jan 01 1970 00:00:00 GMT+0000"'
    )
    assert await bench.value("new Date(2020, 1, 29, 12).toISOString()") == '"2020-02-29T12:00:00.000Z"'
    assert await bench.value("[new Date() instanceof Date, Date.prototype.constructor === Date, Date.length]") == (
        "[true,true,7]"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Object.prototype.get = target => target; const found = new Date.constructor('return 1'); return new Date()",
        "Object.prototype.get = target => target; Object.prototype.apply = target => new target(); return Date()",
        "return new (Object.getPrototypeOf(class extends Date {}))()",
        "return new (new Date(0).constructor)()",
        "Error.prepareStackTrace = (_, sites) => sites; let real = Date;"
        " try { new Date({valueOf() { throw Error() }}) } catch (e) {"
        " for (const site of [...(e.stack ?? [])]) real = site.getFunction?.() ?? real } return new real()",
    ],
)
async def test_real_time_is_unreachable(bench: Bench, text: str) -> None:
    value = await bench.value(text)
    assert value in ('"2023-11-14T22:13:20.123Z"', '"Tue Nov 14 2023 22:13:20 GMT+0000"')


async def test_other_sources_of_time_and_randomness_are_absent(bench: Bench) -> None:
    names = [
        "performance",
        "crypto",
        "WeakRef",
        "FinalizationRegistry",
        "setTimeout",
        "require",
        "process",
        "std",
        "os",
        "navigator",
    ]
    kinds = await bench.value(f"[{', '.join(f'typeof {name}' for name in names)}]")
    assert set(json.loads(kinds)) == {"undefined"}


async def test_randomness_is_that_of_the_seed(bench: Bench) -> None:
    text = "[Math.random(), Math.random(), Math.random()]"
    first, other = await bench.value(text), await bench.value(text, moment=Moment(0, "7/b"))
    assert first == await bench.value(text)
    numbers = json.loads(first) + json.loads(other)
    assert len(set(numbers)) == 6
    assert all(0 <= number < 1 for number in numbers)
    spread = json.loads(await bench.value("Array.from({length: 1000}, () => Math.floor(Math.random() * 10))"))
    assert all(60 <= spread.count(digit) <= 140 for digit in range(10))


async def test_each_input_has_its_own_randomness(bench: Bench) -> None:
    transforms = {name: {"type": "javascript", "expr": "Math.random()"} for name in ("a", "b")}
    found = json.loads(await bench.inputs(transforms))
    assert found["a"] != found["b"]
    assert found == json.loads(await bench.inputs(transforms))


async def test_child_processes_start_before_the_first_requests() -> None:
    evaluator = Evaluator()
    evaluator.start()
    pools = [evaluator._javascript._children, evaluator.schemas._children, evaluator.scripts._children]
    evaluator.start()
    starts = [pool._start for pool in pools]
    for pool, start in zip(pools, starts, strict=True):
        assert start is not None
        await start
        assert [seat.child.is_ready for seat in pool._seats] == [True]
    assert await evaluator.syntax_errors(["(() => 1)()"]) == [None]
    assert [len(pool._seats) for pool in pools] == [1, 1, 1]
    await evaluator.close()
    evaluator.start()
    assert [pool._start for pool in pools] == [None, None, None]
