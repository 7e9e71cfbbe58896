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

from tests.installation import free_port
from tests.polling import POLL_S
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
"""


@contextmanager
def running(home: Path, app_url: str, *, ignored: Sequence[str] = ()) -> Iterator[str]:
    """Run a pooler until the end of the block, and yield the address of the database behind it.

    `home` is that of the embedded PostgreSQL, whose user the pooler runs as; `app_url` is the address without a pooler;
    `ignored` are settings of a session that it accepts and does not pass on. It refuses others.
    """
    assert PROGRAM is not None, "pgbouncer is not installed"
    direct = urlsplit(app_url)
    name, port = direct.path.lstrip("/"), free_port()
    user = cluster.existing(home).user
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    host = parse_qs(direct.query)["host"][0]
    text = _SETTINGS.format(database=name, host=host, port=port, folder=folder, ignored=", ".join(ignored))
    (folder / "settings").write_text(text)
    (folder / "users").write_text(f'"{direct.username}" "{direct.password}"\n')
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, user.uid, user.gid)
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [PROGRAM, folder / "settings"],
        stdout=log,
        stderr=log,
        preexec_fn=with_parent(signal.SIGKILL),
        **user.arguments(),
    )
    try:
        _await(process, port, folder / "log")
        yield f"postgresql://{direct.username}:{direct.password}@127.0.0.1:{port}/{name}"
    finally:
        process.kill()
        process.wait()
        log.close()
        shutil.rmtree(folder)


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
