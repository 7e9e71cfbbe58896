"""Commands that start the processes of the platform: `orvanta up`, `server`, `worker` and `migrate`."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orvanta_platform import forked, heap
from orvanta_platform.cli.failure import fail
from orvanta_platform.errors import OrvantaError

if TYPE_CHECKING:
    from orvanta_platform.settings import Settings

_RICH = "rich"

SecretsFd = Annotated[int | None, typer.Option("--secrets-fd", hidden=True)]


def up() -> None:
    """Start the platform on this machine: database, migrations, server and worker.

    Without DATABASE_URL, an embedded PostgreSQL is created in ORVANTA_HOME. Prints the address and how to log in.
    Ctrl-C stops everything: running jobs have 10 seconds to finish and then return to the queue; a second Ctrl-C
    returns them immediately. A component that crashes is restarted.
    """
    with heap.loading():
        from rich.console import Console

        from orvanta_platform.cli import startup_settings
        from orvanta_platform.embedded.up import up as run

    run(startup_settings.take(), Console())


@contextmanager
def _loading() -> Iterator[None]:
    """Import modules of a long-running process without Rich, which structlog would import.

    Rich and its dependencies are 95 modules: 4.5 MiB and a sixth of the CPU time of the imports.
    """
    modules: dict[str, Any] = sys.modules
    is_absent = modules.setdefault(_RICH, None) is None
    try:
        with heap.loading():
            yield
    finally:
        if is_absent:
            del modules[_RICH]


def server(
    secrets_fd: SecretsFd = None, setup_fd: Annotated[int | None, typer.Option("--setup-fd", hidden=True)] = None
) -> None:
    """Serve the API and the editor on ORVANTA_HOST and ORVANTA_PORT.

    The server is stateless: any number of them can share one DATABASE_URL.
    """
    with _loading():
        from orvanta_platform.cli.environment import take_settings, with_database
        from orvanta_platform.daemons.server_daemons import of_server
        from orvanta_platform.embedded.setup import set_up
        from orvanta_platform.http.server import serve
        from orvanta_platform.sandbox.harden import harden_process

    harden_process()
    with with_database(take_settings(secrets_fd)) as settings:

        def prepare() -> None:
            # In a process of its own, whose memory is returned: the set-up loads and computes much that is needed once.
            code = 0 if setup_fd is None else _run_forked(lambda: set_up(settings, setup_fd), setup_fd)
            if code < 0:
                print(f"The set-up of the database was ended by signal {-code}.", file=sys.stderr)
            if code != 0:
                raise typer.Exit(1)

        serve(settings, background=of_server, prepare=prepare)


def _run_forked(work: Callable[[], bool], handle: int) -> int:
    """Run `work` in a forked process, which alone has the file `handle`, and return its exit code."""
    title = "orvanta_platform.cli.main server set-up"
    process = forked.fork(lambda: 0 if work() else 1, title, keep=[handle], end_with_parent=signal.SIGKILL)
    os.close(handle)
    return process.wait()


def worker(secrets_fd: SecretsFd = None) -> None:
    """Claim jobs from the queues and run them, up to ORVANTA_SLOTS concurrently.

    Any number of workers can share one DATABASE_URL, on any machine. SIGTERM lets running jobs finish; a second SIGTERM
    returns them to the queue, where they run again from the start.
    """
    with _loading():
        from orvanta_platform.cli.environment import check_schema, run_with_database, take_settings, with_database
        from orvanta_platform.sandbox.harden import harden_process
        from orvanta_platform.worker.supervisor import run

        work = _worker_process()
    harden_process()
    with with_database(take_settings(secrets_fd)) as settings:
        run_with_database(settings, check_schema)
        raise typer.Exit(run(settings, functools.partial(work, settings)))


def worker_process(
    control_fd: Annotated[int, typer.Option("--control-fd")],
    lease_fd: Annotated[int | None, typer.Option("--lease-fd")] = None,
    secrets_fd: SecretsFd = None,
) -> None:
    """Run the process that `orvanta worker` supervises. Not for manual use."""
    with _loading():
        from orvanta_platform.cli.environment import take_settings
        from orvanta_platform.sandbox.harden import harden_process

        work = _worker_process()
    harden_process()
    # If the supervisor ended before this call, the closed socket pair ends the process instead.
    forked.die_with(os.getppid(), signal.SIGKILL)
    raise typer.Exit(work(take_settings(secrets_fd), control_fd, lease_fd))


def _worker_process() -> Callable[[Settings, int, int | None], int]:
    """Load the code of the worker's process and return its main function."""
    import uvloop

    from orvanta_platform.daemons.worker_daemons import of_worker
    from orvanta_platform.worker import process
    from orvanta_platform.worker.lease import SharedRecord

    def work(settings: Settings, control_fd: int, lease_fd: int | None) -> int:
        record = SharedRecord() if lease_fd is None else SharedRecord(lease_fd)
        if lease_fd is not None:
            os.close(lease_fd)
        try:
            uvloop.run(process.run(settings, control_fd, record, of_worker))
        except OrvantaError as error:
            return fail(error)
        return 0

    return work


def migrate(
    first_start: Annotated[
        bool,
        typer.Option("--first-start", help="Also create the first workspace and administrator, if there are none."),
    ] = False,
) -> None:
    """Upgrade the database to this version, with the role of ORVANTA_OWNER_URL.

    Run it once before you start the servers and workers of a new version. With --first-start, a new installation gets
    the workspace ORVANTA_WORKSPACE and the administrator ORVANTA_ADMIN_EMAIL. Without ORVANTA_ADMIN_PASSWORD, it prints
    a link that sets the password.
    """
    import asyncio

    from orvanta_platform.cli.environment import take_settings, with_database
    from orvanta_platform.db.migrate import migrate as migrate_database
    from orvanta_platform.embedded.setup import set_up_database

    with with_database(take_settings()) as settings:
        assert settings.owner_url is not None
        applied = asyncio.run(migrate_database(settings.owner_url, app_url=settings.database_url))
        link = asyncio.run(set_up_database(settings)).link if first_start else None
    for name in applied:
        print(name)
    print(f"{len(applied)} migrations applied." if applied else "The database is up to date.")
    if link is not None:
        print(f"Open {link} once, within 15 minutes, and choose a password for {settings.admin_email}.")
