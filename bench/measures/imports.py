"""P21: a script that imports 200 scripts of its workspace: its deployment, and the start of its runs."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Any

from bench.bars import Options, Outcome
from bench.client import Call
from bench.comparison import WARM_UP
from bench.installation import Installation, installation
from bench.samples import Samples
from bench.targets import outcome

_SCRIPTS = 200
_MIN_RUNS = 30
_SETTLE_S = 0.1
"""Pause after a run, in which the cell of the next one is prepared."""

_FUNCTIONS = "".join(
    f"def f{number}(a, b=1):\n    numbers = [a + each for each in range(b)]\n    return sum(numbers) + {number}\n\n\n"
    for number in range(8)
)
_ALONE = "import time\nBEGAN = time.time_ns()\ndef main():\n    return [BEGAN, time.time_ns()]\n"
_IMPORTING = _ALONE.replace("def main", "from f.bench.n0 import depth\nassert depth() == {depth}\ndef main")


@dataclass(slots=True)
class _Runs:
    """Milliseconds of the runs of one script: from call to first line, from there to `main`, the entire call."""

    start: list[float] = field(default_factory=list)
    importing: list[float] = field(default_factory=list)
    call: list[float] = field(default_factory=list)

    def add(self, orvanta: Installation, call: Call) -> None:
        sent = time.time_ns()
        seconds, (began, called) = orvanta.client.ask(call)
        self.start.append((began - sent) / 1e6)
        self.importing.append((called - began) / 1e6)
        self.call.append(seconds * 1000)

    def record(self) -> dict[str, Any]:
        return {name: Samples.of("ms", getattr(self, name)[WARM_UP:]).record() for name in self.__slots__}


def p21(options: Options) -> Outcome:
    """Deploy a script with a chain of 200 imports; start it and one without imports in turns."""
    scripts, tries = (10, 2) if options.quick else (_SCRIPTS, max(_MIN_RUNS, options.rounds))
    with installation() as orvanta:
        for number in range(scripts - 1, -1, -1):
            _deploy(orvanta, f"n{number}", _imported(number, scripts))
        importing = _IMPORTING.format(depth=scripts)
        meter = orvanta.meter()
        meter.start()
        times: list[float] = []
        parent = None
        for each in range(WARM_UP + tries):
            taken, parent = _deploy(orvanta, "main", f"{importing}# {each}\n", parent)
            times.append(taken)
        meter.stop()
        deploys = Samples.of("ms", times[WARM_UP:])
        _deploy(orvanta, "alone", _ALONE)
        runs = {name: _Runs() for name in ("alone", "main")}
        meters = {name: orvanta.meter() for name in runs}
        for _ in range(WARM_UP + tries):
            for name, own in runs.items():
                meters[name].start()
                own.add(orvanta, orvanta.run_script(f"f/bench/{name}", {}, None))
                time.sleep(_SETTLE_S)
                meters[name].stop()
    data: dict[str, Any] = {"scripts": scripts, "deploy": deploys.record()}
    data["cpu_us_per_deploy"] = meter.result().per(len(times))
    for name, own in runs.items():
        data[name] = own.record() | {"cpu_us_per_run": meters[name].result().per(WARM_UP + tries)}
    later = [statistics.median(getattr(runs["main"], name)[WARM_UP:]) - statistics.median(
        getattr(runs["alone"], name)[WARM_UP:]) for name in ("start", "importing", "call")]  # fmt: skip
    told = (
        f"{deploys.median:.0f} ms ({data['cpu_us_per_deploy']['all'] / 1000:.0f} ms of CPU); first line"
        f" {later[0]:+.1f} ms, its imports {later[1]:+.1f} ms, whole call {later[2]:+.1f} ms"
    )
    data["first_line_later_ms"] = round(later[0], 3)
    return outcome("P21", options, told, data)


def _imported(number: int, scripts: int) -> str:
    """Return a script of the chain, with functions in addition to the one that is called."""
    if number == scripts - 1:
        return f"{_FUNCTIONS}def depth():\n    return 1\n"
    return f"from f.bench.n{number + 1} import depth as inner\n\n\n{_FUNCTIONS}def depth():\n    return inner() + 1\n"


def _deploy(orvanta: Installation, name: str, content: str, parent: str | None = None) -> tuple[float, str]:
    """Deploy a version after `parent`; return the milliseconds of the call, and the hash of the version."""
    body = {"path": f"f/bench/{name}", "summary": "", "content": content, "language": "python3", "parent_hash": parent}
    started = time.perf_counter()
    status, answer = orvanta.client.post("/api/w/main/scripts/create", body, orvanta.headers)
    taken = (time.perf_counter() - started) * 1000
    assert status == 201, answer
    return taken, answer.decode()
