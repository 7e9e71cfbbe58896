"""Probe that detects whether the platform reuses processes between jobs."""

from __future__ import annotations

from bench.installation import Installation
from bench.workflows import counter, counter_result

_TRIES = 12


def reuses_processes(orvanta: Installation) -> tuple[bool, tuple[str, ...]]:
    """Run a script that counts the uses of its process; return whether one was reused, and a note if none was."""
    for _ in range(_TRIES):
        status, answer = orvanta.client.post(*counter(orvanta.headers))
        if status == 200 and counter_result(answer) > 1:
            return True, ()
    return False, ("this version keeps no process between jobs: measured confined",)
