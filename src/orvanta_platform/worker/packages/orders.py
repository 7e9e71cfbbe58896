"""What the host in the cell (host.py) is told to do, and how locks are read."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from orvanta_platform.worker.runtimes.cells import PYTHON
from orvanta_platform.workflow.requirements import Ecosystem, Requirements


def lock_order(requirements: Requirements, *, builds: bool) -> bytes:
    """Resolve these requirements."""
    return _order(
        "lock", requirements.ecosystem, builds, requirements=requirements.lines, packages=requirements.packages
    )


def install_order(ecosystem: Ecosystem, lock: str, *, builds: bool) -> bytes:
    """Install what a lock names."""
    return _order("install", ecosystem, builds, lock=lock, hashed=is_hashed(lock))


def _order(action: str, ecosystem: Ecosystem, builds: bool, **more: Any) -> bytes:
    return msgspec.json.encode({"action": action, "ecosystem": ecosystem, "builds": builds, "python": PYTHON, **more})


def is_hashed(lock: str) -> bool:
    """Whether each requirement of a Python lock carries a hash: one that a caller made may not."""
    pinned = _lines(lock)
    return bool(pinned) and all("--hash=" in line for line in pinned)


def option_in(lock: str) -> str | None:
    """The first line of a Python lock that is an option to its reader (`--index-url …`, `-r …`, `--no-binary …`)."""
    return next((line for line in _lines(lock) if line.startswith("-")), None)


def _lines(lock: str) -> list[str]:
    lines = [line.strip() for line in lock.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def digest_of(ecosystem: Ecosystem, lock: str) -> str:
    """The name of the folder that holds what a lock names: 40 hex digits. Other Pythons install other files."""
    kind = PYTHON if ecosystem == "python" else "npm"
    return hashlib.sha256(f"{kind}\n{lock}".encode()).hexdigest()[:40]
