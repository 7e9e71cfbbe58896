"""Concurrent callers in a separate process: `python -m bench.load_generator FILE` prints their results as JSON.

The JSON file contains the arguments of `run`.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.client import Call, Client
from bench.processes import Program

_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class LoadResult:
    """Wall time from the first call to the last response, CPU time of the callers, the wall time of each call."""

    seconds: float
    cpu_s: float
    each_s: list[float]


def run(base: str, calls: Sequence[Call], callers: int, *, warm_up: int = 0) -> LoadResult:
    """Make these calls over `callers` connections, each as soon as one is free; the first `warm_up` are not counted.

    Raises AssertionError if one of them returned a wrong answer.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        config = {"base": base, "callers": callers, "warm_up": warm_up, "calls": [asdict(call) for call in calls]}
        json.dump(config, file)
        file.flush()
        program = Program([sys.executable, "-m", "bench.load_generator", file.name], env=os.environ, cwd=_ROOT)
        code = program.process.wait()
        program.stop()
    assert code == 0, "".join(program.lines[-20:])
    return LoadResult(**json.loads(program.lines[-1]))


def _main(file: str) -> None:
    config = json.loads(Path(file).read_text(encoding="utf-8"))
    calls = [Call(**call) for call in config["calls"]]
    clients = [Client(config["base"]) for _ in range(config["callers"])]
    if config["warm_up"]:
        _make(clients, calls[: config["warm_up"]])
    print(json.dumps(asdict(_make(clients, calls[config["warm_up"] :]))), flush=True)


def _make(clients: Sequence[Client], calls: Sequence[Call]) -> LoadResult:
    waiting, lock = iter(calls), threading.Lock()
    gate = threading.Barrier(len(clients) + 1)
    faults: list[BaseException] = []
    each_s: list[float] = []

    def next_call() -> Iterator[Call]:
        while not faults:
            with lock:
                found = list(itertools.islice(waiting, 1))
            if not found:
                return
            yield found[0]

    def work(client: Client) -> None:
        own_s: list[float] = []
        gate.wait()
        try:
            own_s.extend(client.time(call) for call in next_call())
            each_s.extend(own_s)
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    gate.wait()
    started, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if faults:
        raise faults[0]
    return LoadResult(seconds, time.process_time() - cpu, each_s)


if __name__ == "__main__":
    _main(sys.argv[1])
