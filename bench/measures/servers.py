"""P17: two servers and four workers on one database, against one server and one worker."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import load_generator
from bench.bars import Options, Outcome
from bench.client import Client
from bench.database import ask, settings_of
from bench.installation import Installation, environment, installation
from bench.machine import free_port
from bench.processes import PATIENCE_S, Program
from bench.samples import Samples
from bench.targets import outcome
from bench.workflows import FIB_10, LIGHT
from orvanta_platform.embedded.postgres import EmbeddedPostgres, start

_CALLERS, _CALLS = 50, 2_000
_PATH = "f/bench/light"
_SERVERS, _WORKERS = 2, 4
_RUNS = "SELECT count(*) AS n FROM run WHERE path = $1 AND status = 'succeeded'"
_LIVE = "SELECT count(*) AS n FROM worker WHERE state = 'live'"
_POLL_S = 0.1


def p17(options: Options) -> Outcome:
    """Serve 50 callers by one server and one worker, and by more of them, in turns."""
    rounds = 1 if options.quick else min(options.rounds, 7)
    calls = 100 if options.quick else _CALLS
    rates: dict[str, list[float]] = {"one": [], "several": []}
    script = {"path": _PATH, "summary": "", "description": "", "content": LIGHT, "language": "python3"}
    with installation() as orvanta:
        status, answer = orvanta.client.post("/api/w/main/scripts/create", script, orvanta.headers)
        assert status == 201, answer
        with start(orvanta.database) as database:
            about = settings_of(database)
            _rate(orvanta, [orvanta.base], _CALLERS)
            for _ in range(rounds):
                rates["one"].append(_rate(orvanta, [orvanta.base], calls))
                with _more(orvanta, database) as bases:
                    _rate(orvanta, bases, _CALLERS)
                    rates["several"].append(_rate(orvanta, bases, calls))
            (row,) = ask(database, _RUNS, _PATH)
    expected = _CALLERS + rounds * (2 * calls + _CALLERS)
    assert row["n"] == expected, (row["n"], expected)
    one, several = (Samples.of("runs/s", rates[name]) for name in ("one", "several"))
    ratio = several.median / one.median
    data: dict[str, Any] = {
        "ratio": round(ratio, 3),
        "postgresql": about,
        "runs": expected,
        "one": one.record(),
        "several": several.record(),
    }
    measured = f"{ratio:.2f} × ({several.median:,.0f} to {one.median:,.0f}/s), no error"
    return outcome("P17", options, measured, data)


@contextmanager
def _more(orvanta: Installation, database: EmbeddedPostgres) -> Iterator[list[str]]:
    """Run more servers and workers during the block; yield the addresses of all servers."""
    bases = [orvanta.base]
    urls = {"DATABASE_URL": database.app_url, "ORVANTA_OWNER_URL": database.owner_url}
    with ExitStack() as stack:

        def run(part: str, port: int) -> None:
            env = environment(orvanta.home, port, **urls)
            program = Program([sys.executable, "-m", "orvanta_platform.cli.main", part], env=env)
            stack.callback(program.stop)

        for _ in range(_WORKERS - 1):
            run("worker", orvanta.port)
        for _ in range(_SERVERS - 1):
            port = free_port()
            run("server", port)
            bases.append(f"http://127.0.0.1:{port}")
        _await(bases, database)
        yield bases


def _await(bases: list[str], database: EmbeddedPostgres) -> None:
    """Wait until all servers are ready and all workers claim jobs."""
    deadline = time.monotonic() + PATIENCE_S
    while ask(database, _LIVE)[0]["n"] < _WORKERS or not all(map(_is_ready, bases)):
        assert time.monotonic() < deadline, "the servers and workers did not start"
        time.sleep(_POLL_S)


def _is_ready(base: str) -> bool:
    try:
        client = Client(base)
        try:
            return client.get("/api/health/ready", {})[0] == 200
        finally:
            client.close()
    except OSError:
        return False


def _rate(orvanta: Installation, bases: list[str], calls: int) -> float:
    """Let the callers start runs on all servers, an equal number on each; return the runs per second."""
    call = orvanta.run_script(_PATH, {"n": 10}, FIB_10)
    share, callers = calls // len(bases), _CALLERS // len(bases)
    with ThreadPoolExecutor(len(bases)) as threads:
        results = list(threads.map(lambda base: load_generator.run(base, [call] * share, callers), bases))
    return share * len(bases) / max(each.seconds for each in results)
