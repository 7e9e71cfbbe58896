"""A real MariaDB server for tests; they are skipped where it is not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.folders import make_folder

Address = dict[str, Any]
_SERVER = shutil.which("mariadbd", path=os.defpath + ":/usr/sbin:/usr/local/bin")


@contextmanager
def mariadb_server() -> Iterator[Address]:
    """Run a server in a temporary folder as an ordinary user; yield its address."""
    if _SERVER is None:
        pytest.skip("MariaDB is not installed (mariadb-server)")
    folder = make_folder("mariadb")
    user = "mysql" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    make = ["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={folder}/data", "--skip-test-db"]
    subprocess.run([*make, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    options = [f"--user={user}", f"--datadir={folder}/data", f"--port={port}", f"--socket={folder}/s"]
    command = [_SERVER, "--no-defaults", *options, "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        ready = next((line for line in process.stderr if "ready for connections" in line), None)
        threading.Thread(target=process.stderr.read, daemon=True).start()
        assert ready is not None
        yield {"host": "127.0.0.1", "port": port, "user": "root", "password": "", "database": "mysql"}
        process.terminate()
    shutil.rmtree(folder)
