"""Modules that long-running processes load at their start."""

from __future__ import annotations

import subprocess
import sys

RARELY_USED = ("cryptography.x509", "httpcore", "httpx", "joserfc", "rich", "segno")
"""Libraries of features that few installations use, each of them some MiB."""

_SERVER = f"""
import sys
from orvanta_platform.cli import processes

with processes._loading():
    import orvanta_platform.daemons.background
    import orvanta_platform.http.server

print([name for name in {RARELY_USED} if name in sys.modules])
"""


def test_server_starts_without_rarely_used_libraries() -> None:
    done = subprocess.run([sys.executable, "-P", "-c", _SERVER], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
