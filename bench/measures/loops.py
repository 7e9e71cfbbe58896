"""P6: parallel loops, started by a client of the API, which reads the resulting array."""

from __future__ import annotations

from typing import Any

from bench.bars import Options, Outcome
from bench.client import Client
from bench.installation import Installation, installation
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import LIGHT

_SLOTS = 10


def p6(options: Options) -> Outcome:
    """Run 10,000 iterations without a process, and 400 of light Python, each in a separate confined process."""
    counts = (100, 10) if options.quick else (10_000, 400)
    rounds = 1 if options.quick else min(options.rounds, 7)
    with installation(ORVANTA_SLOTS=str(_SLOTS)) as orvanta:
        identities = _measure(orvanta, _loop(counts[0], {"type": "identity"}), counts[0], rounds)
        python = _measure(orvanta, _loop(counts[1], _python()), counts[1], rounds)
        about = {"settings": orvanta.settings}
    options.say(f"  {identities.text()}; {python.text()}")
    data = {**about, "identities": identities.record(), "python": python.record()}
    measured = f"{identities.median:.2f} s; {python.median:.2f} s"
    return outcome("P6", options, measured, data)


def _measure(orvanta: Installation, value: dict[str, Any], count: int, rounds: int) -> Samples:
    client = Client(orvanta.base)
    call = orvanta.preview(value, list(range(count)))
    client.time(call)
    found = Samples.of("s", [client.time(call) for _ in range(rounds)])
    client.close()
    return found


def _loop(count: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return a workflow whose result is the array of the numbers from 0, taken from the result of each iteration."""
    loop = {
        "type": "forloopflow",
        "iterator": {"type": "javascript", "expr": f"Array.from({{length: {count}}}, (_, i) => i)"},
        "skip_failures": False,
        "parallel": True,
        "modules": [{"id": "each", "value": body}],
    }
    read = {"type": "javascript", "expr": "results.loop.map(each => each.iter ? each.iter.index : each)"}
    return {"modules": [{"id": "loop", "value": loop}], "output": read}


def _python() -> dict[str, Any]:
    inputs = {"n": {"type": "static", "value": 10}, "index": {"type": "javascript", "expr": "flow_input.iter.index"}}
    content = LIGHT.replace("def main(n):\n    return fib(n)", "def main(n, index):\n    fib(n)\n    return index")
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}
