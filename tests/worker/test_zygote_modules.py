"""Modules in the process that all cells are forked from: each adds memory to copy to every job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orvanta_platform
from orvanta_platform.worker.runtimes import registry
from orvanta_platform.worker.runtimes.pool import OWN

LARGE = ("_datetime", "_decimal", "_hashlib", "binascii", "asyncio", "shutil", "subprocess", "tempfile", "uuid", "zlib")
_LOAD = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
import orvanta_platform.sandbox.zygote
for host in sys.argv[2].split(","):
    importlib.import_module(host)
print(*sys.modules)
"""


def test_no_host_loads_large_modules_before_a_job_needs_them() -> None:
    runtimes = (*registry.BY_LANGUAGE.values(), *OWN.values())
    hosts = {runtime.host for runtime in runtimes if runtime.host is not None}
    source = str(Path(orvanta_platform.__file__).parents[1])
    command = [sys.executable, "-I", "-S", "-c", _LOAD, source, ",".join(sorted(hosts))]
    loaded = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert hosts <= loaded
    assert loaded.isdisjoint(LARGE), loaded & set(LARGE)
