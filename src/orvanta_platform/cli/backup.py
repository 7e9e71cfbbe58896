"""`orvanta backup` and `orvanta restore`: the whole installation in one file."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from orvanta_platform.cli.help_text import examples_epilog
from orvanta_platform.errors import BadRequest

File = Annotated[str, typer.Argument(help="Archive file; - is standard output or standard input.", metavar="FILE")]
Force = Annotated[bool, typer.Option("--force", help="Replace existing data.")]

_STANDARD = "-"


def register(app: typer.Typer) -> None:
    """Register the commands with the root application."""
    app.command(epilog=examples_epilog("orvanta backup orvanta.backup"))(backup)
    app.command(epilog=examples_epilog("orvanta restore orvanta.backup"))(restore)


def backup(file: File) -> None:
    """Write the database, the objects and the instance key into one file, while the platform runs.

    The file contains the key that decrypts the secrets. It is created readable only by you; protect it like a key.
    """
    import asyncio

    from orvanta_platform.cli.environment import take_settings, with_database
    from orvanta_platform.services.maintenance.backup import save
    from orvanta_platform.services.platform import open_storage

    with with_database(take_settings()) as settings, _open_output(file) as out:
        done = asyncio.run(save(settings, open_storage(settings), out))
    deleted = f"; {done.missing} were deleted meanwhile" if done.missing else ""
    print(f"Saved {done.rows} rows and {done.objects} objects{deleted}.", file=sys.stderr)


def restore(file: File, force: Force = False) -> None:
    """Restore a file of `orvanta backup` and check the consistency of the data.

    The home or database must be empty, unless --force replaces it. Stop server and workers first. The exit code is 1 if
    the data is inconsistent.
    """
    import asyncio

    from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
    from orvanta_platform.services.maintenance.backup import restore as restore_archive
    from orvanta_platform.services.maintenance.consistency import check
    from orvanta_platform.services.platform import open_storage

    with with_database(take_settings()) as settings, _open_input(file) as source:
        done = asyncio.run(restore_archive(settings, open_storage(settings), source, force=force))
        dropped = f" Deleted {done.dropped} unreferenced objects." if done.dropped else ""
        print(f"Restored {done.rows} rows and {done.objects} objects.{dropped}", file=sys.stderr)
        problems = run_with_database(settings, check)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)
    print("The data is consistent.", file=sys.stderr)


@contextmanager
def _open_output(name: str) -> Iterator[IO[bytes]]:
    """Yield a binary file readable only by its owner, which appears under `name` only when it is complete."""
    if name == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        # In a folder that others can write to, a link or file of another user may already have this name.
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadRequest(f"{draft} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise BadRequest(f"{path} cannot be written: {error.strerror}.") from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _open_input(name: str) -> Iterator[IO[bytes]]:
    if name == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115
    except OSError as error:
        raise BadRequest(f"{name} cannot be read: {error.strerror}.") from error
    with file:
        yield file
