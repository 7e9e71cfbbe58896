"""Files of the embedded PostgreSQL: created once, checked at each start.

The superuser has no password and cannot log in; everything is done by an owner role, which is not a superuser, and an
application role, which owns no table.
"""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from orvanta_platform.embedded import binaries
from orvanta_platform.embedded.binaries import Account, EmbeddedDatabaseError

DATABASE = "orvanta"
_SUPERUSER = "orvanta_superuser"
_MAX_SOCKET_PATH = 107
_SOCKET_NAME = ".s.PGSQL.5432"

_HBA = "local all orvanta_owner,orvanta_app scram-sha-256\n"

_CONF = """\
# Written at each start: manual changes are lost.
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 100
shared_buffers = 32MB
jit = off
fsync = on
full_page_writes = on
synchronous_commit = on
max_wal_size = 512MB
# Fewer wake-ups of an idle database. The background writer writes as many pages per second as by default.
# Only commits of notifications, which need no durability, wait for the WAL writer.
bgwriter_delay = 1s
bgwriter_lru_maxpages = 500
wal_writer_delay = 10s
max_logical_replication_workers = 0
password_encryption = scram-sha-256
timezone = UTC
log_timezone = UTC
log_min_messages = warning
log_min_error_statement = panic
logging_collector = on
log_directory = '../log'
log_filename = 'postgres-%a.log'
log_truncate_on_rotation = on
log_rotation_age = 1d
"""

_CONF_FROM_18 = "io_method = sync\n"
"""Reads mostly hit the cache of the system, for which three more processes are not worth their memory."""

Role = Literal["owner", "app"]


class Cluster(NamedTuple):
    """Locations of the embedded PostgreSQL of one home. `bin` contains its programs."""

    home: Path
    bin: Path
    user: Account

    @property
    def root(self) -> Path:
        """Folder of all files of the database."""
        return root_of(self.home)

    @property
    def data(self) -> Path:
        """Data folder of PostgreSQL."""
        return self.root / "data"

    @property
    def socket(self) -> Path:
        """Folder (0700) of the socket: below home, or a short path elsewhere if the path would exceed the kernel's
        limit.
        """
        inside = self.root / "socket"
        if len(os.fsencode(inside / _SOCKET_NAME)) <= _MAX_SOCKET_PATH:
            return inside
        import hashlib

        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path("/run" if os.geteuid() == 0 else "/tmp") / f"orvanta-{os.geteuid()}-{digest}"

    def url(self, role: Role, database: str = DATABASE) -> str:
        """Return the address of the database for a role, with its password."""
        from urllib.parse import quote

        password = _password_file(self.root, role).read_text().strip()
        return f"postgresql://orvanta_{role}:{password}@/{database}?host={quote(str(self.socket), safe='/')}"


def root_of(home: Path) -> Path:
    """Return the folder of the embedded PostgreSQL in this home."""
    return home / "postgres"


def make_home(home: Path) -> None:
    """Create ORVANTA_HOME. If it belongs to root, other users can enter it, because the database runs as another user.

    Raises EmbeddedDatabaseError if this user may not create it.
    """
    mode = 0o711 if os.geteuid() == 0 else 0o700
    try:
        home.mkdir(mode=mode, parents=True, exist_ok=True)
        if home.stat().st_uid == os.geteuid():
            home.chmod(mode)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"The folder {home} cannot be used: {error.strerror}.",
            hint="Set ORVANTA_HOME to a folder that this user can write to.",
        ) from None


def make_root(home: Path) -> Path:
    """Create the home and the database folder in it."""
    make_home(home)
    root = root_of(home)
    try:
        root.mkdir(exist_ok=True)
        root.chmod(0o711 if os.geteuid() == 0 else 0o700)
    except PermissionError:
        raise EmbeddedDatabaseError(
            f"The embedded PostgreSQL in {home} belongs to another user.",
            hint="Run as that user, or set another ORVANTA_HOME.",
        ) from None
    return root


def prepare(home: Path, programs: Path | None, progress: Callable[[str], None]) -> Cluster:
    """Create the cluster if it does not exist and update its settings.

    Only one process may do this at a time, and none while the server runs.
    """
    found = programs or binaries.find()
    data = root_of(home) / "data"
    user = binaries.owner_of(data) if data.exists() else binaries.account()
    _check_entry(home, user)
    cluster = Cluster(home, binaries.reachable(found, user, root_of(home) / "programs"), user)
    _make_folder(cluster.root / "log", user)
    _make_folder(cluster.socket, user)
    if data.exists():
        _check_version(cluster)
    else:
        progress("Creating the embedded PostgreSQL")
        _create(cluster)
    _configure(cluster, data)
    return cluster


def existing(home: Path) -> Cluster:
    """Return the cluster that another process has prepared and runs."""
    user = binaries.owner_of(root_of(home) / "data")
    return Cluster(home, binaries.reachable(binaries.find(), user, root_of(home) / "programs"), user)


def _create(cluster: Cluster) -> None:
    import secrets
    import shutil
    from importlib import resources

    partial = cluster.root / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    _make_folder(partial, cluster.user)
    _run(
        cluster,
        [
            *(cluster.bin / "initdb", "--pgdata", partial, "--username", _SUPERUSER, "--encoding", "UTF8"),
            *("--locale", "C.UTF-8", "--auth", "reject", "--no-instructions", "--data-checksums"),
            "--no-sync",
        ],
    )
    passwords: dict[Role, str] = {"owner": secrets.token_hex(24), "app": secrets.token_hex(24)}
    statements = resources.files("orvanta_platform.db").joinpath("roles.sql").read_text("utf-8")
    for role, password in passwords.items():
        statements = statements.replace(f":{role}_password", password)
        _write_secret(_password_file(cluster.root, role), password)
    lines = "".join(line for line in statements.splitlines(keepends=True) if not line.startswith("--"))
    output = _run(cluster, [cluster.bin / "postgres", "--single", "-F", "-D", partial, "postgres"], text=lines)
    if "ERROR" in output:
        raise EmbeddedDatabaseError(f"The roles of the embedded PostgreSQL could not be created: {_last_line(output)}")
    (partial / "pg_hba.conf").write_text(_HBA)
    # Autovacuum visits each database that has statistics, in a process of its own. The others are not used.
    (partial / "pg_stat" / "pgstat.stat").unlink(missing_ok=True)
    # Sync everything once, because the commands above skip it.
    _run(cluster, [cluster.bin / "initdb", "--sync-only", "--pgdata", partial])
    partial.rename(cluster.data)
    _sync(cluster.root)


def _configure(cluster: Cluster, data: Path) -> None:
    newer = _CONF_FROM_18 if int(binaries.version(cluster.bin).split(".")[0]) >= 18 else ""
    text = _CONF + newer + f"unix_socket_directories = '{str(cluster.socket).replace(chr(39), chr(39) * 2)}'\n"
    target = data / "postgresql.conf"
    if target.read_text() != text:
        target.write_text(text)


def _check_version(cluster: Cluster) -> None:
    made_by = (cluster.data / "PG_VERSION").read_text().strip()
    installed = binaries.version(cluster.bin)
    if installed.split(".")[0] != made_by:
        raise EmbeddedDatabaseError(
            f"The data in {cluster.data} belongs to PostgreSQL {made_by}, but the installed programs are {installed}.",
            hint="Install the same major version, or move the data with pg_dump or pg_upgrade.",
        )


def _check_entry(home: Path, user: Account) -> None:
    """Refuse a home below a folder that the database user cannot enter."""
    for folder in reversed(home.absolute().parents):
        entry = folder.stat()
        if entry.st_uid == user.uid:
            allowed = entry.st_mode & stat.S_IXUSR
        elif entry.st_gid == user.gid:
            allowed = entry.st_mode & stat.S_IXGRP
        else:
            allowed = entry.st_mode & stat.S_IXOTH
        if not allowed:
            raise EmbeddedDatabaseError(
                f"The database runs as the user {user.name}, which cannot enter the folder {folder}.",
                hint="Set ORVANTA_HOME to a folder outside of it, such as /var/lib/orvanta.",
            )


def _make_folder(folder: Path, user: Account) -> None:
    """Create a 0700 folder of this user; a folder of another user is refused."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        entry = folder.lstat()
        if not stat.S_ISDIR(entry.st_mode) or entry.st_uid not in (user.uid, os.geteuid()):
            raise EmbeddedDatabaseError(
                f"{folder} belongs to another user.", hint="Remove it, or set another ORVANTA_HOME."
            ) from None
    os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)


def _run(cluster: Cluster, command: list[Path | str], text: str = "") -> str:
    done = subprocess.run(
        command,
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd="/",
        env=environment(),
        **cluster.user.arguments(),
    )
    if done.returncode != 0:
        raise EmbeddedDatabaseError(f"{Path(command[0]).name} exited with {done.returncode}: {_last_line(done.stdout)}")
    return str(done.stdout)


def environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs, without any variable of the platform or of PostgreSQL."""
    inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**inherited, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _password_file(root: Path, role: Role) -> Path:
    return root / f"{role}.password"


def _write_secret(path: Path, text: str) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
