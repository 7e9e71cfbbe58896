"""The platform under test: a real `orvanta up` with a separate home."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.client import Call, Client
from bench.machine import free_port
from bench.processes import CpuGroup, CpuMeter, Program

_ROLES = (
    ("cli.main worker-process", "worker"),
    ("cli.main worker", "supervisor"),
    ("cli.main server", "server"),
    ("cli.main up", "supervisor"),
    ("embedded.keeper", "supervisor"),
    ("postgres", "postgres"),
)


def role_of(command: str) -> str:
    """Return the role of one of the platform's processes; zygotes and the jobs themselves are `jobs`."""
    return next((role for words, role in _ROLES if words in command), "jobs")


def environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """Return the environment of `orvanta`: only paths, so that no setting of the calling shell has an effect."""
    return {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(home),
        "ORVANTA_HOME": str(home / "orvanta"),
        "ORVANTA_PORT": str(port),
        **settings,
    }


@contextmanager
def new_home() -> Iterator[Path]:
    """Create a folder that the database's user can access; it is deleted at the end."""
    home = Path(tempfile.mkdtemp(prefix="orvanta-bench-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home)


class Installation:
    """A running platform. `ready_s`: seconds from its start until it reported that it is ready."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.settings = settings
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.group = CpuGroup()
        command = [sys.executable, "-m", "orvanta_platform.cli.main", "up"]
        self.began = time.perf_counter()
        self.program = Program(command, env=environment(home, self.port, **settings), group=self.group)
        try:
            self.program.await_line(" is ready at ")
        except BaseException:
            self.close()
            raise
        self.ready_s = time.perf_counter() - self.began
        token = (home / "orvanta" / "token").read_text().strip()
        self.headers = {"Authorization": f"Bearer {token}"}
        self.client = Client(self.base)

    @property
    def database(self) -> Path:
        """Home of its embedded PostgreSQL."""
        return self.home / "orvanta"

    def deploy(self, path: str, value: Mapping[str, Any]) -> tuple[int, bytes]:
        """Deploy a workflow; return status and body of the response."""
        body = {"path": path, "summary": "", "value": value}
        return self.client.post("/api/w/main/flows/create", body, self.headers)

    def run(self, path: str, args: Any, expected: Any) -> Call:
        """Return the call that runs a workflow and waits for its result."""
        return Call(f"/api/w/main/jobs/run_wait_result/f/{path}", args, expected, self.headers)

    def run_script(self, path: str, args: Any, expected: Any) -> Call:
        """Return the call that runs a script and waits for its result."""
        return Call(f"/api/w/main/jobs/run_wait_result/p/{path}", args, expected, self.headers)

    def preview(self, value: Mapping[str, Any], expected: Any) -> Call:
        """Return the call that runs a workflow without a deployment and waits for its result."""
        body = {"value": value, "args": {}}
        return Call("/api/w/main/jobs/run_wait_result/preview_flow", body, expected, self.headers)

    def newest_run(self, path: str) -> Any:
        """Return the newest run of a workflow as shown by `/api/v1/runs`."""
        query = f"/api/w/main/jobs/list?per_page=1&script_path_exact={path}&has_null_parent=true"
        status, answer = self.client.get(query, self.headers)
        assert status == 200, answer
        headers = {**self.headers, "X-Workspace": "main"}
        status, answer = self.client.get(f"/api/v1/runs/{json.loads(answer)[0]['id']}", headers)
        assert status == 200, answer
        return json.loads(answer)

    def meter(self) -> CpuMeter:
        """Return a meter of its CPU time."""
        return CpuMeter([self.program.pid], role_of, self.group)

    def close(self) -> None:
        """Stop it with SIGINT, as Ctrl-C does."""
        if hasattr(self, "client"):
            self.client.close()
        self.program.stop(signal.SIGINT)
        self.group.close()


@contextmanager
def installation(**settings: str) -> Iterator[Installation]:
    """Run a separate platform while the block runs."""
    with new_home() as home:
        made = Installation(home, **settings)
        try:
            yield made
        except Exception:
            lines = [line for line in made.program.lines if "event='request'" not in line]
            print("The platform said:", *lines[-20:], sep="\n", file=sys.stderr)
            raise
        finally:
            made.close()
