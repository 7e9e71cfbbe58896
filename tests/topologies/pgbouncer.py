"""PgBouncer in transaction mode, as Debian packages it, before the database of a test."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.polling import POLL_S
from tests.ports import free_port
from tests.processes import with_parent

from orvanta_platform.embedded import cluster

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
"""Path of the installed program, or None."""

_PATIENCE_S = 60.0
_SETTINGS = """[databases]
{database} = host={host} dbname={database}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 10
max_client_conn = 200
ignore_startup_parameters = {ignored}
max_prepared_statements = {prepared}
"""


class Pooler:
    """A pooler that can be killed and started again at the same address."""

    def __init__(self, home: Path, app_url: str, ignored: Sequence[str] = (), prepared: int = 200) -> None:
        """The parameters are those of `running`."""
        assert PROGRAM is not None, "pgbouncer is not installed"
        direct = urlsplit(app_url)
        name = direct.path.lstrip("/")
        self._port = free_port()
        self._user = cluster.existing(home).user
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://{direct.username}:{direct.password}@127.0.0.1:{self._port}/{name}"
        host = parse_qs(direct.query)["host"][0]
        values = {"database": name, "host": host, "port": self._port, "folder": self._folder}
        (self._folder / "settings").write_text(
            _SETTINGS.format(**values, ignored=", ".join(ignored), prepared=prepared)
        )
        (self._folder / "users").write_text(f'"{direct.username}" "{direct.password}"\n')
        for path in (self._folder, *self._folder.iterdir()):
            shutil.chown(path, self._user.uid, self._user.gid)

    def start(self) -> None:
        """Start the pooler and wait until it accepts connections."""
        assert PROGRAM is not None
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [PROGRAM, self._folder / "settings"],
                stdout=output,
                stderr=output,
                preexec_fn=with_parent(signal.SIGKILL),
                **self._user.arguments(),
            )
        _await(self._process, self._port, log)

    def kill(self) -> None:
        """Kill the pooler with all its connections."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Kill the pooler and delete its files."""
        self.kill()
        shutil.rmtree(self._folder)


@contextmanager
def running(home: Path, app_url: str, *, ignored: Sequence[str] = (), prepared: int = 200) -> Iterator[Pooler]:
    """Run a pooler of the database at `app_url` until the end of the block.

    `home` is that of the embedded PostgreSQL, whose user the pooler runs as; `ignored` are settings of a session that
    it accepts and does not pass on. It refuses others. `prepared` is its max_prepared_statements.
    """
    pooler = Pooler(home, app_url, ignored, prepared)
    try:
        pooler.start()
        yield pooler
    finally:
        pooler.close()


def settings(pooled_url: str, app_url: str, owner_url: str) -> dict[str, str]:
    """Return the settings of an installation behind the pooler."""
    return {"DATABASE_URL": pooled_url, "DATABASE_DIRECT_URL": app_url, "ORVANTA_OWNER_URL": owner_url}


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(POLL_S)
    raise AssertionError(log.read_text())
