"""Checks of `orvanta doctor`."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import tempfile
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from rich.console import Console

from orvanta_platform.cli.environment import run_with_database, take_settings, with_database
from orvanta_platform.control import keys, secrets
from orvanta_platform.control.limits import visible_line
from orvanta_platform.db import migrate
from orvanta_platform.db.pool import Connection, Database
from orvanta_platform.db.queries import load
from orvanta_platform.errors import OrvantaError
from orvanta_platform.settings import Settings
from orvanta_platform.units import count_text


class Finding(msgspec.Struct, frozen=True):
    """Line of the report."""

    subject: str
    state: str
    advice: str | None = None
    """Remedy, if the state is not good."""


def report(*, consistency: bool) -> bool:
    """Print the findings and return whether the data is consistent.

    The data is only checked if `consistency` is true; otherwise the result is always true.
    """
    console = Console()
    with with_database(take_settings()) as settings:
        _print(console, run_with_database(settings, partial(_database_findings, settings)))
        _print(console, [asyncio.run(_storage(settings)), _isolation(settings)])
        return not (consistency and run_with_database(settings, _problems))


def _print(console: Console, findings: list[Finding]) -> None:
    for finding in findings:
        console.print(f"{finding.subject:<12}{finding.state}", highlight=False, markup=False, soft_wrap=True)
        if finding.advice:
            console.print(f"{'':<12}{finding.advice}", highlight=False, markup=False, soft_wrap=True)


async def _database_findings(settings: Settings, database: Database) -> list[Finding]:
    async with database.acquire() as connection:
        schema = await _schema(connection)
        found = [await _server(connection), await _roles(connection), schema]
        if schema.advice is not None:
            return found  # the queries of this version need its schema
        return [
            *found,
            *await _standbys(connection),
            await _instance_key(settings, connection),
            *await _workers(connection),
            *await _queues(connection),
            *await _proxies(settings, connection),
            *await _metrics(settings, connection),
        ]


async def _server(connection: Connection) -> Finding:
    version = int(await connection.fetchval(load("schema")["server_version"].text))
    return Finding("database", f"PostgreSQL {version // 10000}.{version % 10000}")


async def _roles(connection: Connection) -> Finding:
    row = await connection.fetchrow(load("doctor")["roles"].text)
    if row["superuser"] or row["owned_tables"]:
        return Finding(
            "roles",
            f"{row['role']} owns the tables" if row["owned_tables"] else f"{row['role']} is a superuser",
            "The audit trail is not protected from the application: use two roles, the owner's in ORVANTA_OWNER_URL.",
        )
    return Finding("roles", f"{row['role']} owns no table and is no superuser")


async def _schema(connection: Connection) -> Finding:
    try:
        await migrate.check_schema(connection)
    except OrvantaError as error:
        return Finding("schema", error.message, error.hint)
    return Finding("schema", f"up to date, {migrate.list_migrations()[-1].name}")


async def _standbys(connection: Connection) -> list[Finding]:
    """Return a line for each standby, with what its promotion loses."""
    rows = await connection.fetch(load("doctor")["list_standbys"].text)
    safe = any(row["is_synchronous"] for row in rows)
    remedy = "Promote a synchronous one." if safe else "Set synchronous_standby_names on the database to prevent this."
    return [
        Finding("standby", f"{row['name']}: synchronous; its promotion loses nothing")
        if row["is_synchronous"]
        else Finding(
            "standby",
            f"{row['name']}: asynchronous, {_behind(row['behind_bytes'])}",
            f"Its promotion loses the transactions that it has not received, with their runs and changes. {remedy}",
        )
        for row in rows
    ]


def _behind(size: int | None) -> str:
    return "delay unknown" if size is None else f"{size:,} bytes behind"


async def _workers(connection: Connection) -> list[Finding]:
    rows = await connection.fetch(load("worker_views")["list_workers"].text, None, 1000, 0, None)
    if not rows:
        return [Finding("workers", "none alive", "Start one with `orvanta worker`, or everything with `orvanta up`.")]
    return [
        Finding(
            "worker",
            f"{row['name']}: {count_text(row['slots'], 'slot')}, {row['running']} running, {row['isolation']}"
            + (", drained" if row["drained"] else ""),
            f"It claims no jobs until `orvanta workers resume {row['name']}`." if row["drained"] else None,
        )
        for row in rows
    ]


async def _instance_key(settings: Settings, connection: Connection) -> Finding:
    """Compare the instance key of this process with the keys that sealed the secrets in the database."""
    if not keys.exists(settings):
        return Finding("key", "none", "This machine has no instance key: set ORVANTA_INSTANCE_KEY of the installation.")
    loaded = keys.load(settings)
    digests = [row["wrapped_by"] for row in await connection.fetch(load("doctor")["list_sealing_keys"].text)]
    if all(secrets.has_sealed(loaded, digest) for digest in digests):
        return Finding("key", "opens the secrets of all workspaces")
    return Finding(
        "key",
        "secrets were encrypted with another instance key",
        "Start every process with the instance key that stored them (ORVANTA_INSTANCE_KEY, or instance.key).",
    )


async def _queues(connection: Connection) -> list[Finding]:
    """Return a warning for each queue with waiting jobs that no worker serves."""
    rows = await connection.fetch(load("worker_views")["list_queues"].text, None)
    unserved = [row for row in rows if row["waiting"] and not row["workers"]]
    left = len(unserved) - _MAX_QUEUES
    found = [
        Finding(
            "queue",
            f"{visible_line(row['queue'])}: no worker serves it, {row['waiting']} waiting",
            "Start a worker for it, resume a drained one, add it to the queues of a group, or correct the tag.",
        )
        for row in unserved[:_MAX_QUEUES]
    ]
    if left > 0:
        found.append(Finding("queue", f"{count_text(left, 'further queue')} with waiting jobs that no worker serves"))
    return found


_MAX_PROBLEM = 1000
"""Maximum number of characters of a problem, which may contain texts of members."""

_MAX_QUEUES = 50
"""Maximum number of queues in the report."""

_LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


async def _proxies(settings: Settings, connection: Connection) -> list[Finding]:
    """Return a warning if jobs on this machine can forge the address that they call from."""
    trusted = [ipaddress.ip_network(each) for each in settings.trusted_proxies]
    pairs = [(each, loopback) for each in trusted for loopback in _LOOPBACK if each.version == loopback.version]
    if not any(each.overlaps(loopback) for each, loopback in pairs):
        return []
    if not await _is_here(connection):
        return []
    return [
        Finding(
            "proxies",
            "loopback is trusted, and a worker runs on this machine",
            "Its jobs can forge the address that they call from: run workers on another machine.",
        )
    ]


async def _metrics(settings: Settings, connection: Connection) -> list[Finding]:
    """Return a warning if jobs on this machine can read the metrics of the installation."""
    served = settings.metrics_port is not None or settings.worker_metrics_port is not None
    if not served or settings.metrics_token is not None or not await _is_here(connection):
        return []
    return [
        Finding(
            "metrics",
            "they need no token, and a worker runs on this machine",
            "Its jobs can read the queues and groups of all workspaces: set ORVANTA_METRICS_TOKEN.",
        )
    ]


async def _is_here(connection: Connection) -> bool:
    """Return whether a live worker runs on this machine."""
    rows = await connection.fetch(load("worker_views")["list_workers"].text, None, 1000, 0, None)
    return any(row["instance"] == socket.gethostname() for row in rows)


async def _problems(database: Database) -> bool:
    from orvanta_platform.services.maintenance.consistency import check as consistency_problems

    found = await consistency_problems(database)
    for problem in found:
        print(visible_line(str(problem), _MAX_PROBLEM))
    print(f"{count_text(len(found), 'problem')}." if found else "The data is consistent.")
    return bool(found)


async def _storage(settings: Settings) -> Finding:
    from orvanta_platform.services.platform import open_storage

    place = f"the folder {settings.home / 'objects'}"
    if settings.object_storage_url is not None:
        parts = urlsplit(settings.object_storage_url)
        place = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
    if await open_storage(settings).answers():
        return Finding("storage", place)
    return Finding("storage", f"{place} does not answer", "Check OBJECT_STORAGE_URL and that this machine reaches it.")


def _isolation(settings: Settings) -> Finding:
    return asyncio.run(_try_isolation(settings))


async def _try_isolation(settings: Settings) -> Finding:
    """Return the isolation level that a worker on this machine would use."""
    from orvanta_platform.worker.runtimes.pool import Runtimes

    with tempfile.TemporaryDirectory(prefix="orvanta-doctor-") as folder:
        runtimes = Runtimes(Path(folder), [settings.home], settings.isolation)
        await runtimes.start()
        try:
            report = runtimes.isolation
        finally:
            await runtimes.close()
    advice = " ".join([*report.missing, report.remedy or ""]).strip()
    return Finding("isolation", report.level, advice or None)
