"""Orders for the host in the cell (host.py)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from orvanta_platform.worker.runtimes.cells import PYTHON
from orvanta_platform.workflow.requirements import Ecosystem, Requirements
from orvanta_platform.workflow.requirements.python_lock import python_lines


def lock_order(requirements: Requirements, *, builds: bool, python: str = PYTHON) -> bytes:
    """Return the order to resolve these requirements."""
    return _order(
        "lock",
        requirements.ecosystem,
        builds,
        python,
        requirements=requirements.lines,
        packages=requirements.packages,
    )


def install_order(ecosystem: Ecosystem, lock: str, *, builds: bool, python: str = PYTHON) -> bytes:
    """Return the order to install the packages of a lock. Raises NotOnlyPackages."""
    if ecosystem == "python":
        lines = python_lines(lock)
        return _order("install", ecosystem, builds, python, lock="\n".join(lines) + "\n", hashed=is_hashed(lines))
    return _order("install", ecosystem, builds, python, lock=lock)


def _order(action: str, ecosystem: Ecosystem, builds: bool, python: str, **more: Any) -> bytes:
    return msgspec.json.encode({"action": action, "ecosystem": ecosystem, "builds": builds, "python": python, **more})


def is_hashed(lines: Sequence[str]) -> bool:
    """Return whether every line of a Python lock has a hash, which a lock made by a caller may lack."""
    return bool(lines) and all("--hash=" in line for line in lines)


def digest_of(ecosystem: Ecosystem, lock: str, python: str = PYTHON) -> str:
    """Return the name of the folder for a lock: 40 hex digits, which depend on the version of Python."""
    kind = python if ecosystem == "python" else ecosystem
    return hashlib.sha256(f"{kind}\n{lock}".encode()).hexdigest()[:40]
