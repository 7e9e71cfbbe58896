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

from orvanta_platform.errors import BadRequest

File = Annotated[str, typer.Argument(help="The archive; `-` for standard output or input.", metavar="FILE")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]

_STANDARD = "-"


def backup(file: File) -> None:
    """Write database, objects and instance key into one file, while everything runs.

    The file holds the key that opens the secrets: it is made readable by you alone; keep it so.
    """
    import asyncio

    from orvanta_platform.cli.environment import take_settings, with_database
    from orvanta_platform.services.maintenance.backup import save
    from orvanta_platform.services.platform import open_storage

    with with_database(take_settings()) as settings, _written(file) as out:
        done = asyncio.run(save(settings, open_storage(settings), out))
    gone = f", {done.missing} went meanwhile" if done.missing else ""
    print(f"Saved {done.rows} rows and {done.objects} objects{gone}.", file=sys.stderr)


def restore(file: File, force: Force = False) -> None:
    """Bring back what `orvanta backup` wrote, and check that it is whole.

    Into an empty home or database; with --force over what is there. Stop server and workers before. Exit code 1
    where the data is not whole.
    """
    import asyncio

    from orvanta_platform.cli.environment import ask, take_settings, with_database
    from orvanta_platform.services.maintenance.backup import restore as bring_back
    from orvanta_platform.services.maintenance.consistency import check
    from orvanta_platform.services.platform import open_storage

    with with_database(take_settings()) as settings, _read(file) as source:
        done = asyncio.run(bring_back(settings, open_storage(settings), source, force=force))
        dropped = f" {done.dropped} objects of before are deleted." if done.dropped else ""
        print(f"Restored {done.rows} rows and {done.objects} objects.{dropped}", file=sys.stderr)
        problems = ask(settings, check)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)
    print("The data is whole.", file=sys.stderr)


@contextmanager
def _written(name: str) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all, and others may not read."""
    if name == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(name)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    try:
        # In a folder writable by others, somebody else's link or open file may already have this name.
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
def _read(name: str) -> Iterator[IO[bytes]]:
    if name == _STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115
    except OSError as error:
        raise BadRequest(f"{name} cannot be read: {error.strerror}.") from error
    with file:
        yield file
