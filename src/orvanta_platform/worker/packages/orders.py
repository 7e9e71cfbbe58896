"""Orders for the host in the cell (host.py), and the reading of locks."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from orvanta_platform.worker.runtimes.cells import PYTHON
from orvanta_platform.workflow.requirements import Ecosystem, Requirements


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
    """Return the order to install the packages of a lock."""
    return _order("install", ecosystem, builds, python, lock=lock, hashed=is_hashed(lock))


def _order(action: str, ecosystem: Ecosystem, builds: bool, python: str, **more: Any) -> bytes:
    return msgspec.json.encode({"action": action, "ecosystem": ecosystem, "builds": builds, "python": python, **more})


def is_hashed(lock: str) -> bool:
    """Return whether every requirement of a Python lock has a hash, which a lock made by a caller may lack."""
    pinned = _lines(lock)
    return bool(pinned) and all("--hash=" in line for line in pinned)


def option_in(lock: str) -> str | None:
    """Return the first line of a Python lock that is an option (`--index-url …`, `-r …`, `--no-binary …`), if any."""
    return next((line for line in _lines(lock) if line.startswith("-")), None)


def _lines(lock: str) -> list[str]:
    lines = [line.strip() for line in lock.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def digest_of(ecosystem: Ecosystem, lock: str, python: str = PYTHON) -> str:
    """Return the name of the folder for a lock: 40 hex digits, which depend on the version of Python."""
    kind = python if ecosystem == "python" else ecosystem
    return hashlib.sha256(f"{kind}\n{lock}".encode()).hexdigest()[:40]
