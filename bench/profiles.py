"""CPU time of server and worker by Python function, from samples that the processes take of themselves."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.installation import Installation, installation, role_of
from bench.processes import PATIENCE_S, command_line, descendants

_HOOK = Path(__file__).parent / "profile_hook"
_ROLES = ("server", "worker")
_FUNCTIONS = 25
_POLL_S = 0.05

Shares = Mapping[str, tuple[float, float]]
"""Share of the CPU time by function: of the function itself, and with the functions that it calls."""


@contextmanager
def profiled_installation(folder: Path) -> Iterator[Installation]:
    """Run a platform whose server and worker can be profiled; `folder` is for their samples."""
    paths = [str(_HOOK), *filter(None, [os.environ.get("PYTHONPATH")])]
    with installation(PYTHONPATH=os.pathsep.join(paths), BENCH_PROFILE=str(folder)) as orvanta:
        yield orvanta


def profile(orvanta: Installation, folder: Path, load: Callable[[], object]) -> dict[str, Shares]:
    """Return the shares of the busiest functions during a load, by role."""
    pids = {pid: role for pid in descendants(orvanta.program.pid) if (role := role_of(command_line(pid))) in _ROLES}
    _signal(pids)
    load()
    _signal(pids)
    found: dict[str, Shares] = {}
    for pid, role in pids.items():
        file = folder / f"{pid}.json"
        _await(file)
        samples = json.loads(file.read_text(encoding="utf-8"))
        file.unlink()
        found[role] = _shares(Counter(samples["own"]), samples["with_callees"])
    return found


def _shares(own: Counter[str], with_callees: Mapping[str, int]) -> Shares:
    every = own.total() or 1
    return {
        name: (round(count / every, 4), round(with_callees[name] / every, 4))
        for name, count in own.most_common(_FUNCTIONS)
    }


def _signal(pids: Mapping[int, str]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGUSR2)


def _await(file: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not file.exists():
        assert time.monotonic() < deadline, f"no samples in {file}"
        time.sleep(_POLL_S)
