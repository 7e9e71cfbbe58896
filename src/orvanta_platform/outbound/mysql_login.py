"""Login to a MySQL or MariaDB server.

The driver reads whatever a server sends, so it is connected through a relay that ends after LIMIT bytes.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

LIMIT: Final = 64 << 10
"""Maximum size in bytes of everything that a server sends."""
_PIECE = 4096

# Silent servers occupy threads of this pool, never those that the rest of the process needs.
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="mysql")


class Refused(Exception):
    """The server refused the login (the message is its own), or does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials, and the database that is opened, if one is named."""

    user: str
    password: str = field(repr=False)
    database: str | None


async def log_in(address: str, port: int, host: str, login: Login, tls: ssl.SSLContext | None) -> str:
    """Log in to the server at an address, and return its version.

    `host`: name that the certificate of the server must have. `tls`: None for TLS without verification if the server
    offers it. Raises Refused, OSError.
    """
    reader, writer = await asyncio.open_connection(address, port)
    ours, theirs = socket.socketpair()
    relay = asyncio.create_task(_relay(reader, writer, ours))
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, _log_in, theirs, host, login, tls)
    finally:
        relay.cancel()
        with suppress(asyncio.CancelledError):
            await relay
        writer.close()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: socket.socket) -> None:
    """Pass on what the server and the driver send, until one of them ends or the server has sent LIMIT bytes.

    Its end closes the connection of the driver, and so ends the driver's thread.
    """
    from_client, to_client = await asyncio.open_connection(sock=client)
    try:
        directions = _copy(reader, to_client, LIMIT), _copy(from_client, writer, None)
        tasks = [asyncio.create_task(each) for each in directions]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        to_client.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, limit: int | None) -> None:
    copied = 0
    while (piece := await source.read(_PIECE)) and (limit is None or copied < limit):
        copied += len(piece)
        target.write(piece)
        await target.drain()


def _log_in(connection: socket.socket, host: str, login: Login, tls: ssl.SSLContext | None) -> str:
    import pymysql

    driver = pymysql.connect(
        host=host,
        user=login.user,
        password=login.password.encode(),  # the driver would encode a text as Latin-1
        database=login.database,
        charset="utf8mb4",
        ssl=tls,
        defer_connect=True,
    )
    try:
        driver.connect(connection)
        version = str(driver.get_server_info())
        driver.close()
    except pymysql.err.MySQLError as error:
        cause = getattr(error, "original_exception", None)
        if isinstance(cause, ssl.SSLError):
            raise cause from None
        raise Refused(str(error.args[-1])) from None
    except OSError:
        raise
    except Exception:  # the driver fails in many ways if a server does not follow the protocol
        raise Refused("it does not follow the protocol, or requires an authentication that cannot be tested") from None
    finally:
        connection.close()
    return version
