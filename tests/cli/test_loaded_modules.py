"""Modules that long-running processes load at their start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orvanta_platform

RARELY_USED = ("cryptography.x509", "httpcore", "httpx", "joserfc", "rich", "ruamel.yaml", "segno")
"""Libraries of features that few installations use, each of them some MiB."""

_LOAD = """
import importlib, sys
from orvanta_platform import heap
from orvanta_platform.cli import processes

with {loading}():
    for module in sys.argv[1].split():
        importlib.import_module(module)
print([name for name in sys.argv[2].split() if name in sys.modules])
"""


def loaded(names: tuple[str, ...], modules: str, loading: str) -> str:
    """Return which modules with these names a process has loaded after it imported some modules."""
    command = [sys.executable, "-P", "-c", _LOAD.format(loading=loading), modules, " ".join(names)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_server_starts_without_rarely_used_libraries() -> None:
    server = "orvanta_platform.daemons.server_daemons orvanta_platform.http.server"
    assert loaded(RARELY_USED, server, "processes._loading") == "[]"


def test_worker_starts_without_rarely_used_libraries_and_without_daemons_of_servers() -> None:
    worker = (
        "orvanta_platform.worker.supervisor orvanta_platform.worker.process orvanta_platform.daemons.worker_daemons"
    )
    absent = (
        *RARELY_USED,
        "smtplib",
        "tarfile",
        *(f"orvanta_platform.{name}" for name in ("daemons.messages", "http")),
    )
    assert loaded(absent, worker, "processes._loading") == "[]"


def test_supervision_of_up_is_small() -> None:
    program = """
import sys

sys.path.append(sys.argv[1])
import orvanta_platform.embedded.supervision

absent = {"ast", "dataclasses", "msgspec", "pathlib", "site", "subprocess", "typing"}
print(absent & set(sys.modules))
"""
    source = str(Path(orvanta_platform.__file__).parents[1])
    command = [sys.executable, "-P", "-S", "-c", program, source]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_up_starts_without_database_and_log() -> None:
    up = "orvanta_platform.cli.startup_settings orvanta_platform.embedded.up"
    assert loaded(("asyncio", "asyncpg", "ssl", "structlog"), up, "heap.loading") == "[]"


def test_keeper_of_the_database_is_small() -> None:
    absent = {"dataclasses", "hashlib", "random", "rich", "shutil"}
    program = f"import sys, orvanta_platform.embedded.keeper; print({absent} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
