"""Workflows that the platform runs in measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

CHAIN_PATH = "f/bench/chain"
LIGHT = """\
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def main(n):
    return fib(n)
"""
FIB_10 = 55

NOW = """\
import time


def main():
    return time.time_ns()
"""

_FIRST = "def main():\n    return 6\n"
_SECOND = "def main(x):\n    return x * 7\n"


def chain(steps: int, *, dedicated: bool) -> dict[str, Any]:
    """Return a sequence of light Python nodes."""
    return {"modules": [_python(f"s{place}", LIGHT, {"n": _static(10)}, dedicated) for place in range(steps)]}


def while_loop(turns: int, *, dedicated: bool) -> dict[str, Any]:
    """Return a loop of a light Python node that ends after this number of turns; the result is their number."""
    stop = {"expr": f"flow_input.iter.index >= {turns - 1}", "skip_if_stopped": False}
    body = {**_python("each", LIGHT, {"n": _static(10)}, dedicated), "stop_after_if": stop}
    loop = {"type": "whileloopflow", "skip_failures": False, "modules": [body]}
    output = {"type": "javascript", "expr": "results.loop.length"}
    return {"modules": [{"id": "loop", "value": loop}], "output": output}


def clock(*, dedicated: bool) -> dict[str, Any]:
    """Return a workflow of one node whose result is the time at which its code started."""
    return {"modules": [_python("now", NOW, {}, dedicated)]}


def small() -> dict[str, Any]:
    """Return a workflow of two Python nodes without packages; the result is 42."""
    found = {"type": "javascript", "expr": "results.a"}
    return {"modules": [_python("a", _FIRST, {}, False), _python("b", _SECOND, {"x": found}, False)]}


def _python(name: str, content: str, inputs: dict[str, Any], dedicated: bool) -> dict[str, Any]:
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}
    return {"id": name, "value": {**value, "dedicated": True} if dedicated else value}


def _static(value: Any) -> dict[str, Any]:
    return {"type": "static", "value": value}


_COUNTER = "calls = 0\n\n\ndef main():\n    global calls\n    calls += 1\n    return calls\n"


def counter(headers: Mapping[str, str]) -> tuple[str, dict[str, Any], Mapping[str, str]]:
    """Return a call whose result is the number of uses of its process: more than 1 if processes are reused."""
    body = {"value": {"modules": [_python("count", _COUNTER, {}, True)]}, "args": {}}
    return "/api/w/main/jobs/run_wait_result/preview_flow", body, headers


def counter_result(answer: bytes) -> int:
    """Return the number that the counter returned, or 0 if it returned something else."""
    found = json.loads(answer)
    return found if isinstance(found, int) else 0
