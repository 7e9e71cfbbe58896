"""The small interpreter against a JavaScript engine, on generated expressions and values."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterable
from typing import Any, Final

import pytest

from orvanta_platform.evaluate.errors import ExpressionError, NeedsJavaScript
from orvanta_platform.evaluate.raw import members
from orvanta_platform.evaluate.small import Scope, evaluate
from orvanta_platform.workflow.expressions import parse_small

NODE: Final = shutil.which("node")
CASES: Final = int(os.environ.get("PROPERTY_RUNS", "300")) * 10

SCALARS: Final = (
    *("null", "true", "false", "0", "-0", "-0.0", "1", "1.0", "1e2", "-3.25", "9007199254740993"),
    *("12345678901234567890123", "1e-400", "5e-324", '""', '"a"', '"b"', '"0"', '"10"', '"9"', '"é"'),
    *('"\\ud83d\\ude00"', '"😀"', '"\\uffff"', '"\\ud83d"', '"\\u0000"', '"line\\nline"', '"a\\"b"'),
)
LITERALS: Final = (
    *("0", "1", "-1", "-0", "1.0", ".5", "5.", "1e2", "1e999", "9007199254740993", "'a'", '"b"', "''"),
    *("'\\ud83d\\ude00'", "'\\u{1F600}'", "'\\uffff'", "'\\x61'", "'\\\n'", "'\\0'", "'\\q'", "'9'"),
    *("true", "false", "null", "undefined"),
)
KEYS: Final = ("a", "b", "length", "0", "1", "x", "constructor", "toString", "__proto__", "é", "at")
STEPS: Final = (".{}", "?.{}", "['{}']", '?.["{}"]')
SOUP: Final = (
    *("a", "flow_input", "results", ".", "?.", "[", "]", "(", ")", "!", "&&", "||", "===", "!==", "<", ">"),
    *("<=", ">=", "1", "'x'", "-", "true", "null", "undefined", " ", "\n", "/**/", "??", "==", "010", "1n"),
    *("{", "}", ";", ",", "NaN", "this", "0x1f", "1_0", "`t`", "return", "//c", "\u00a0", "\u2028"),
)
HARNESS: Final = r"""
const plain = v => {
  if (v === null || typeof v !== 'object') return v;
  if (Array.isArray(v)) return v.map(plain);
  const made = Object.create(null);
  for (const key of Object.keys(v)) made[key] = plain(v[key]);
  return made;
};
const run = ([text, scope]) => {
  const values = plain(JSON.parse(scope));
  values.results = new Proxy(values.results, {get: (t, k) => k in t || typeof k === 'symbol' ? t[k] : null});
  let body;
  try { body = new Function(...Object.keys(values), text.trim() ? `return (${text}\n)` : ''); }
  catch { return {unreadable: true}; }
  try {
    const value = body(...Object.values(values));
    return {raw: JSON.stringify(value) ?? 'null', truthy: Boolean(value)};
  } catch (error) { return {name: error.name, message: error.message}; }
};
const cases = JSON.parse(require('fs').readFileSync(0, 'utf8'));
process.stdout.write(JSON.stringify(cases.map(run)));
"""


def braced(members: Iterable[str]) -> str:
    """JSON text of an object of these members."""
    return f"{{{', '.join(members)}}}"


class Generator:
    """Random values and expressions; the same seed gives the same."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 3) -> str:
        """JSON text."""
        kind = self.random.random() if depth else 0.0
        if kind < 0.5:
            return self.random.choice(SCALARS)
        inner = [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        if kind < 0.75:
            return f"[{', '.join(inner)}]"
        return braced(f"{json.dumps(self.random.choice(KEYS))} : {each}" for each in inner)

    def expression(self, depth: int = 3) -> str:
        """Text of the small language, mostly."""
        kind = self.random.random() if depth else self.random.random() * 0.5
        if kind < 0.2:
            return self.random.choice(LITERALS)
        if kind < 0.5:
            root = self.random.choice(("flow_input", "results", "context", "result", "missing"))
            steps = (self.random.choice(STEPS) for _ in range(self.random.randrange(4)))
            return root + "".join(self._step(step) for step in steps)
        if kind < 0.6:
            return "!" + self.expression(depth - 1)
        if kind < 0.7:
            return f"({self.expression(depth - 1)})"
        operator = self.random.choice(("&&", "||", "===", "!==", "<", ">", "<=", ">="))
        return f"{self.expression(depth - 1)} {operator} {self.expression(depth - 1)}"

    def _step(self, step: str) -> str:
        if self.random.random() < 0.15:
            return f"[{self.random.randrange(3)}]"
        key = self.random.choice(KEYS)
        return step.format("a" if key.isdigit() and "[" not in step else key)

    def soup(self) -> str:
        """Any tokens in any order."""
        return "".join(self.random.choice(SOUP) for _ in range(self.random.randrange(1, 8)))

    def case(self) -> tuple[str, str]:
        """An expression and its scope, as JSON text."""
        text = self.expression() if self.random.random() < 0.8 else self.soup()
        members = {name: braced(f'"{key}": {self.value()}' for key in "ab") for name in ("results", "context")}
        members |= {name: self.value() for name in ("flow_input", "result")}
        return text, braced(f'"{name}": {value}' for name, value in members.items())


def small(text: str, scope_text: str) -> dict[str, Any] | None:
    """What the small interpreter says; None where it leaves the expression to an engine."""
    expr = parse_small(text)
    if expr is None:
        return None
    try:
        answer = evaluate(expr, scope_of(scope_text))
    except NeedsJavaScript:
        return None
    except ExpressionError as error:
        return {"name": error.name, "message": error.message}
    return {"raw": answer.raw.decode(), "truthy": answer.truthy}


def scope_of(text: str) -> Scope:
    """The scope with `results` and `context` as mappings, each value as it was written."""
    roots = {name: bytes(raw) for name, raw in members(text.encode()).items()}
    mapped = {
        name: {key: bytes(raw) for key, raw in members(roots[name].strip()).items()} for name in ("results", "context")
    }
    return {**roots, **mapped}


def as_javascript_reads(raw: str) -> str:
    """JSON text with its numbers as doubles: digits that a bare path kept are gone."""
    value = json.loads(raw, parse_int=float)
    return json.dumps(value, sort_keys=True).replace("-0.0", "0.0").replace("Infinity", "null")


@pytest.mark.skipif(NODE is None, reason="no JavaScript engine on this machine")
def test_the_small_interpreter_answers_as_javascript_does() -> None:
    generator = Generator(20260101)
    cases = [generator.case() for _ in range(CASES)]
    assert NODE is not None
    ran = subprocess.run([NODE, "-e", HARNESS], input=json.dumps(cases).encode(), capture_output=True, check=True)
    answered = 0
    for (text, scope), theirs in zip(cases, json.loads(ran.stdout), strict=True):
        ours = small(text, scope)
        if ours is None:
            continue
        answered += 1
        for answer in (ours, theirs):
            if "raw" in answer:
                answer["raw"] = as_javascript_reads(answer["raw"])
        assert ours == theirs, (text, scope)
    assert answered > CASES / 3, f"only {answered} of {CASES} were answered"
