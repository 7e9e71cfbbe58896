"""Forty definitions with every kind of node and every installed language, and the expected result of each for `n`."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Value = dict[str, Any]

PLUS_ONE = "def main(n):\n    return n + 1\n"
LARGE = 600_000
LOUD = 1_400_000
REJECTED_EVERY = 5
"""Each fifth approval is rejected."""


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A workflow `flow`, or a script `script` in `language`, that is deployed at `path`.

    `gives`: expected result for `n`, or Fails. `share`: relative frequency of its calls.
    """

    path: str
    gives: Callable[[int], Any]
    flow: Value | None = None
    script: str | None = None
    language: str = "python3"
    settings: Value = field(default_factory=dict)
    share: int = 2

    @property
    def call(self) -> str:
        """End of the URL that starts a run."""
        return f"{'f' if self.flow is not None else 'p'}/{self.path}"

    def args(self, n: int) -> Value:
        """Return the input of a run."""
        return {"n": n, "pad": "x" * LARGE} if self.path.endswith("/large_input") else {"n": n}


@dataclass(frozen=True, slots=True)
class Fails:
    """Expectation of a failed run with an error of this name."""

    name: str


def js(text: str) -> Value:
    """Return an expression, as used for inputs."""
    return {"type": "javascript", "expr": text}


def node(id: str, value: Value, needs: list[Any] | None = None, **more: Any) -> Value:
    return {"id": id, "value": value, **({"needs": needs} if needs is not None else {}), **more}


def code(text: str, language: str = "python3", /, **inputs: str) -> Value:
    """Return the value of a script node; its inputs are expressions."""
    transforms = {name: js(each) for name, each in inputs.items()}
    return {"type": "rawscript", "language": language, "content": text, "input_transforms": transforms}


def plus(of: str = "flow_input.n") -> Value:
    return code(PLUS_ONE, n=of)


def condition(text: str) -> Value:
    return {"type": "condition", "expr": text}


def loop(items: str, body: list[Value], **more: Any) -> Value:
    return {"type": "forloopflow", "iterator": js(items), "modules": body, "skip_failures": False, **more}


def flow(*modules: Value, **more: Any) -> Value:
    return {"modules": list(modules), **more}


_ITEM = "flow_input.iter.value"
_RETRIED = (
    "import os\ndef main(n):\n    if os.environ['OV_TOKEN'].split('.')[1] == '1':\n"
    "        raise ValueError('the first attempt')\n    return n\n"
)
_SHARED_OUT = "def main(n):\n    with open('shared/n', 'w') as file:\n        file.write(str(n))\n"
_SHARED_IN = "def main():\n    return int(open('shared/n').read())\n"
_FILE_OUT = (
    "import orvanta\ndef main(n):\n    return orvanta.write_s3_file({'s3': f'soak/{n % 20}.txt'}, b'y' * 300_000)\n"
)
_FILE_IN = "import orvanta\ndef main(file):\n    return len(orvanta.load_s3_file(file))\n"
_NEVER = "import time\ndef main():\n    time.sleep(600)\n"


def _scripts() -> list[Definition]:
    programs = {
        "bash": 'n="$1"\necho "$((n + 1))"\n',
        "bun": "export function main(n: number) { return n + 1 }\n",
        "php": "<?php\nfunction main(int $n) { return $n + 1; }\n",
        "ruby": "def main(n)\n  n + 1\nend\n",
        "go": "package inner\n\nfunc main(n int) (interface{}, error) {\n\treturn n + 1, nil\n}\n",
    }
    tools = {"php": "php", "ruby": "ruby", "go": "go"}
    found = [
        Definition(f"u/admin/{name}", lambda n: n + 1, script=text, language=name, share=1)
        for name, text in programs.items()
        if name not in tools or shutil.which(tools[name])
    ]
    found[0] = Definition("u/admin/bash", lambda n: str(n + 1), script=programs["bash"], language="bash")
    return [
        *found,
        Definition("u/admin/plus", lambda n: n + 1, script=PLUS_ONE, share=10),
        Definition("u/admin/kept", lambda n: n + 1, script=PLUS_ONE, settings={"dedicated_worker": True}, share=10),
        Definition(
            "u/admin/in_line", lambda n: n + 1, script=PLUS_ONE + "# limited\n", settings={"concurrent_limit": 2}
        ),
        Definition("u/admin/throws", lambda _: Fails("ValueError"), script="def main(n):\n    raise ValueError(n)\n"),
    ]


def _plain() -> list[Definition]:
    chain = [node(f"s{at}", plus(f"results.s{at - 1}" if at else "flow_input.n")) for at in range(5)]
    steps = [node(f"i{at}", {"type": "identity"}) for at in range(10)]
    diamond = [
        node("a", plus(), []),
        node("b", plus("results.a"), ["a"]),
        node("c", code('of="$1"\necho "$of"\n', "bash", of="results.a"), ["a"]),
        node("d", condition("results.b === results.a + 1 && results.c === String(results.a)"), ["b", "c"]),
    ]
    choice = [
        node("even", condition("flow_input.n % 2 === 0"), []),
        node("yes", plus(), [{"node": "even", "on": "true"}]),
        node("no", plus("-flow_input.n"), [{"node": "even", "on": "false"}]),
        node("one", plus("results.yes ?? results.no"), ["yes", "no"], join="any"),
    ]
    settled = [
        node("bad", code("def main():\n    raise KeyError('x')\n"), [], continue_on_error=True),
        node("good", plus(), []),
        node("both", plus("results.good"), ["bad", "good"], join="settled"),
    ]
    exports = [node("a", plus(), export={"seen": js("result * 2")}), node("b", plus("context.seen"))]
    return [
        Definition("u/admin/chain", lambda n: n + 5, flow(*chain)),
        Definition(
            "u/admin/identities", lambda _: True, flow(node("c", condition("flow_input.n >= 0")), *steps), share=8
        ),
        Definition("u/admin/diamond", lambda _: True, flow(*diamond)),
        Definition("u/admin/choice", lambda n: (n + 1 if n % 2 == 0 else 1 - n) + 1, flow(*choice)),
        Definition("u/admin/settled", lambda n: n + 2, flow(*settled)),
        Definition("u/admin/exports", lambda n: 2 * n + 3, flow(*exports)),
        Definition("u/admin/output", lambda n: {"n": n}, flow(*steps, output=js("({n: flow_input.n})")), share=4),
        Definition("u/admin/early", lambda n: n + 1, flow(node("a", plus(), stop_after_if={"expr": "true"}), *steps)),
        Definition(
            "u/admin/skips", lambda n: n + 1, flow(node("a", plus()), node("b", plus("0"), skip_if={"expr": "true"}))
        ),
        Definition("u/admin/mocked", lambda _: 7, flow(node("a", plus(), mock={"enabled": True, "return_value": 7}))),
        Definition("u/admin/priority", lambda n: n + 1, flow(node("a", plus()), priority=90)),
        Definition(
            "u/admin/same_worker",
            lambda n: n,
            flow(node("a", code(_SHARED_OUT, n="flow_input.n")), node("b", code(_SHARED_IN)), same_worker=True),
        ),
    ]


def _inside() -> list[Definition]:
    numbers = "Array.from({length: %d}, (_, i) => i + flow_input.n)"
    two = [node("x", plus(_ITEM)), node("y", {"type": "identity"})]
    while_ = {"type": "whileloopflow", "modules": [node("x", plus("flow_input.iter.index"))], "skip_failures": False}
    branches = {
        "type": "branchone",
        "branches": [
            {"expr": "flow_input.n % 2 === 0", "modules": [node("even", plus()), node("i", {"type": "identity"})]}
        ],
        "default": [node("odd", plus("flow_input.n + 1"))],
    }
    all_ = {
        "type": "branchall",
        "parallel": True,
        "branches": [{"modules": [node(f"b{at}", plus(f"flow_input.n + {at}"))]} for at in range(3)],
    }
    calls = {"type": "flow", "path": "u/admin/chain", "input_transforms": {"n": js("flow_input.n")}}
    script = {"type": "script", "path": "u/admin/plus", "input_transforms": {"n": js("flow_input.n")}}
    return [
        Definition(
            "u/admin/each",
            lambda n: [n + 1, n + 2, n + 3],
            flow(node("l", loop(numbers % 3, [node("x", plus(_ITEM))]))),
        ),
        Definition(
            "u/admin/each_at_once",
            lambda n: [True] * 40,
            flow(node("l", loop(numbers % 40, [node("x", condition(f"{_ITEM} >= 0"))], parallel=True))),
        ),
        Definition(
            "u/admin/frames",
            lambda n: [n + 1 + at for at in range(4)],
            flow(node("l", loop(numbers % 4, two, parallel=True, parallelism=2))),
        ),
        Definition(
            "u/admin/until", lambda _: [1, 2, 3], flow(node("w", while_, stop_after_if={"expr": "result >= 3"}))
        ),
        Definition("u/admin/branch", lambda n: n + 1 if n % 2 == 0 else n + 2, flow(node("b", branches))),
        Definition("u/admin/branches", lambda n: [n + 1, n + 2, n + 3], flow(node("b", all_))),
        Definition("u/admin/calls", lambda n: n + 5, flow(node("c", calls)), share=1),
        Definition("u/admin/by_path", lambda n: n + 1, flow(node("s", script))),
    ]


def _waits() -> list[Definition]:
    ask = node("ask", {"type": "approval"}, [])
    answered = [node("yes", plus(), [{"node": "ask", "on": "approved"}])]
    refused = [node("no", plus("-flow_input.n"), [{"node": "ask", "on": "rejected"}])]
    either = [node("end", plus("results.yes ?? results.no"), ["yes", "no"], join="any")]
    silence = {"type": "approval", "timeout": 2, "on_timeout": "continue", "approvers": ["u/nobody"]}
    suspend = {"required_events": 1, "timeout": 3600}
    limited = {**plus(), "concurrent_limit": 2, "custom_concurrency_key": "soak"}
    window = {**plus(), "concurrent_limit": 5, "concurrency_time_window_s": 2, "custom_concurrency_key": "soak_window"}
    retry = {"constant": {"attempts": 2, "seconds": 1}}
    return [
        Definition(
            "u/admin/asks",
            lambda n: 2 - n if n % REJECTED_EVERY == 0 else n + 2,
            flow(ask, *answered, *refused, *either),
            share=3,
        ),
        Definition("u/admin/silence", lambda n: n + 1, flow(node("ask", silence), node("a", plus())), share=1),
        Definition(
            "u/admin/suspends", lambda n: n + 2, flow(node("a", plus(), suspend=suspend), node("b", plus("results.a")))
        ),
        Definition(
            "u/admin/delays",
            lambda n: n + 1,
            flow(node("d", {"type": "delay", "seconds": {"type": "static", "value": 1}}), node("a", plus())),
        ),
        Definition(
            "u/admin/sleeps", lambda n: n + 2, flow(node("a", plus(), sleep=js("1")), node("b", plus("results.a")))
        ),
        Definition("u/admin/limited", lambda n: n + 1, flow(node("a", limited))),
        Definition("u/admin/windowed", lambda n: n + 1, flow(node("a", window)), share=1),
        Definition("u/admin/retried", lambda n: n, flow(node("a", code(_RETRIED, n="flow_input.n"), retry=retry))),
        Definition("u/admin/cached", lambda _: 8, flow(node("a", plus("7"), cache_ttl=30)), share=1),
        Definition(
            "u/admin/too_late",
            lambda _: Fails("Timeout"),
            flow(node("a", code(_NEVER), timeout={"type": "static", "value": 1})),
            share=1,
        ),
        Definition(
            "u/admin/fails", lambda n: Fails("ValueError"), flow(node("a", code("def main():\n    raise ValueError\n")))
        ),
        Definition(
            "u/admin/mended",
            lambda n: n + 1,
            flow(node("a", code("def main():\n    raise ValueError\n")), failure_module=node("failure", plus())),
        ),
        Definition("u/admin/typo", lambda _: Fails("TypeError"), flow(node("a", plus("flow_input.n.a.b"))), share=1),
    ]


def _large() -> list[Definition]:
    pad = f"def main(n):\n    return {{'n': n, 'pad': 'x' * {LARGE}}}\n"
    size = "def main(v):\n    return len(v['pad']) + v['n']\n"
    loud = f"def main(n):\n    for _ in range({LOUD // 100}):\n        print('.' * 99)\n    return n\n"
    large = [
        node("a", code(pad, n="flow_input.n")),
        node("b", {"type": "identity"}),
        node("c", code(size, v="results.a")),
    ]
    return [
        Definition("u/admin/large", lambda n: LARGE + n, flow(*large)),
        Definition("u/admin/large_input", lambda n: LARGE + n, flow(node("a", code(size, v="flow_input"))), share=1),
        Definition("u/admin/erased", lambda n: LARGE + n, flow(*large, delete_after_secs=300), share=1),
        Definition("u/admin/loud", lambda n: n, flow(node("a", code(loud, n="flow_input.n"))), share=1),
        Definition(
            "u/admin/files",
            lambda _: 300_000,
            flow(node("w", code(_FILE_OUT, n="flow_input.n")), node("r", code(_FILE_IN, file="results.w"))),
            share=1,
        ),
    ]


def webhook(address: str) -> Definition:
    """Return a workflow that calls `address`."""
    value = {"type": "webhook", "method": "GET", "url": {"type": "static", "value": address}}
    return Definition("u/admin/webhook", lambda n: n + 1, flow(node("h", value), node("a", plus())))


DEFINITIONS = (*_scripts(), *_plain(), *_inside(), *_waits(), *_large())
"""All definitions; each comes after those that it uses."""
