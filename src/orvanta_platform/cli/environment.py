"""Settings, logging and database connection of a command."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from orvanta_platform import settings as settings_module
from orvanta_platform.cli import startup_settings
from orvanta_platform.embedded import postgres
from orvanta_platform.settings import Settings

if TYPE_CHECKING:
    from orvanta_platform.db.pool import Database

T = TypeVar("T")


def take_settings(secrets_fd: int | None = None) -> Settings:
    """Return the settings, configure logging, and remove the secrets from the environment of this process.

    `secrets_fd` is the pipe into which `orvanta up` writes the secrets. Raises SettingsError.
    """
    settings = startup_settings.take(secrets_fd)
    _configure_logging(settings.log_level, settings.log_format)
    return settings


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Yield settings with a database: the configured one, otherwise the embedded one, which runs while the block is
    active.
    """
    if settings.database_url is not None:
        yield settings
        return
    from rich.console import Console

    from orvanta_platform.embedded.progress import progress

    with progress(Console(stderr=True)) as shown:
        server = postgres.start(settings.home, progress=shown.start)
    with server:
        yield settings_module.with_database(settings, server.app_url, server.owner_url)


def run_with_database(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` with a connection pool for the database of these settings and return its result."""
    from orvanta_platform.db.pool import Database

    async def connected() -> T:
        assert settings.database_url is not None
        database = await Database.connect(settings.database_url, direct_url=settings.database_direct_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(connected())


async def check_schema(database: Database) -> None:
    """Check that this version supports the schema. Raises DatabaseUnavailable and SchemaTooNew."""
    from orvanta_platform.db import migrate

    async with database.acquire() as connection:
        await migrate.check_schema(connection)


def _configure_logging(level: str, format: str) -> None:
    """Log events of at least `level` (debug, info, warning, error) to stderr, one line per event."""
    structlog.configure(
        processors=log_processors(format),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def log_processors(format: str) -> list[structlog.typing.Processor]:
    """Return the processors that write an event as key=value pairs (`console`) or as JSON (`json`).

    Lines contain the ids of the request or job that is being processed. Tracebacks contain no local variables.
    """
    order = ["timestamp", "level", "event"]
    renderer: structlog.typing.Processor = structlog.processors.KeyValueRenderer(key_order=order, drop_missing=True)
    if format == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json_line)
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        renderer,
    ]


def _json_line(event: dict[str, Any], **_options: object) -> str:
    """Return an event as one line of JSON. Values of other types are written as text."""
    return msgspec.json.encode(event, enc_hook=str).decode()
