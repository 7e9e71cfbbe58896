"""`orvanta up`, `server`, `worker` and `migrate`."""

from __future__ import annotations

from typing import Annotated

import typer

SecretsFd = Annotated[int | None, typer.Option("--secrets-fd", hidden=True)]


def up() -> None:
    """Start the platform on this machine: database, migrations, server and worker.

    Without DATABASE_URL an embedded PostgreSQL is made in ORVANTA_HOME. Prints the address and how to log in;
    Ctrl-C stops everything: jobs have 10 s to end and then go back to the queue, at a second Ctrl-C at once. A part
    that dies is started again.
    """
    from rich.console import Console

    from orvanta_platform.cli.environment import take_settings
    from orvanta_platform.embedded.up import up as run

    raise typer.Exit(run(take_settings(), Console()))


def prepare(secrets_fd: SecretsFd = None) -> None:
    """The process that prepares the database for `orvanta up`; not started by hand."""
    from orvanta_platform.cli.environment import take_settings
    from orvanta_platform.embedded.prepare import prepare as run

    print(run(take_settings(secrets_fd)))


def server(secrets_fd: SecretsFd = None) -> None:
    """Serve the API and the editor on ORVANTA_HOST, ORVANTA_PORT.

    Keeps no state: any number may run on one DATABASE_URL.
    """
    from orvanta_platform.cli.environment import take_settings, with_database
    from orvanta_platform.daemons.background import of_server
    from orvanta_platform.http.server import serve
    from orvanta_platform.sandbox.harden import harden_process

    harden_process()
    with with_database(take_settings(secrets_fd)) as settings:
        serve(settings, background=of_server)


def worker(secrets_fd: SecretsFd = None) -> None:
    """Take jobs from the queues and run them, ORVANTA_SLOTS at a time.

    Any number may run on one DATABASE_URL, on any machine. SIGTERM lets running jobs end; a second
    SIGTERM gives them back to the queue, where they run again from their beginnings.
    """
    from orvanta_platform.cli.environment import ask, check_schema, take_settings, with_database
    from orvanta_platform.sandbox.harden import harden_process
    from orvanta_platform.worker.supervisor import run

    harden_process()
    with with_database(take_settings(secrets_fd)) as settings:
        ask(settings, check_schema)
        raise typer.Exit(run(settings))


def worker_process(control_fd: Annotated[int, typer.Option("--control-fd")], secrets_fd: SecretsFd = None) -> None:
    """The process that `orvanta worker` supervises; not started by hand."""
    import uvloop

    from orvanta_platform.cli.environment import take_settings
    from orvanta_platform.daemons.background import of_worker
    from orvanta_platform.sandbox.harden import harden_process
    from orvanta_platform.worker import process

    harden_process()
    process.die_with_parent()
    uvloop.run(process.run(take_settings(secrets_fd), control_fd, of_worker))


def migrate() -> None:
    """Bring the database up to this version, as the role of ORVANTA_OWNER_URL.

    Run it once before the servers and workers of a new version start.
    """
    import asyncio

    from orvanta_platform.cli.environment import take_settings, with_database
    from orvanta_platform.db.migrate import migrate as migrate_database

    with with_database(take_settings()) as settings:
        assert settings.owner_url is not None
        applied = asyncio.run(migrate_database(settings.owner_url, app_url=settings.database_url))
    for name in applied:
        print(name)
    print(f"{len(applied)} migrations applied." if applied else "The database is up to date.")
