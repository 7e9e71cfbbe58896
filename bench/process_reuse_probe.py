"""Probe that detects whether the platform reuses processes between jobs."""

from __future__ import annotations

from bench.installation import Installation
from bench.workflows import counter, counter_result

_TRIES = 12


def keeps_processes(ours: Installation) -> tuple[bool, tuple[str, ...]]:
    """Run a script that counts how often its process was used; what to note where none was used twice."""
    for _ in range(_TRIES):
        status, answer = ours.client.post(*counter(ours.headers))
        if status == 200 and counter_result(answer) > 1:
            return True, ()
    return False, ("this version keeps no process between jobs: measured confined",)
