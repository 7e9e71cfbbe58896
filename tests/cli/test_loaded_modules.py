"""Modules that long-running processes load at their start."""

from __future__ import annotations

import subprocess
import sys

RARELY_USED = ("cryptography.x509", "httpcore", "httpx", "joserfc", "rich", "segno")
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
    server = "orvanta_platform.daemons.background orvanta_platform.http.server"
    assert loaded(RARELY_USED, server, "processes._loading") == "[]"


def test_up_starts_without_database_and_log() -> None:
    up = "orvanta_platform.cli.startup_settings orvanta_platform.embedded.up"
    assert loaded(("asyncio", "asyncpg", "ssl", "structlog"), up, "heap.loading") == "[]"


def test_keeper_of_the_database_is_small() -> None:
    program = (
        "import sys, orvanta_platform.embedded.keeper; print({'dataclasses', 'random', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
