"""Login to a MySQL or MariaDB server.

The driver reads whatever a server sends, so it is connected through a relay that ends after LIMIT bytes.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

LIMIT: Final = 64 << 10
"""Maximum size in bytes of everything that a server sends."""
_PIECE = 4096


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

    `host`: name that the certificate of the server must have. `tls`: None for a connection without TLS. Raises Refused,
    OSError.
    """
    reader, writer = await asyncio.open_connection(address, port)
    ours, theirs = socket.socketpair()
    relay = asyncio.create_task(_relay(reader, writer, ours))
    try:
        return await asyncio.to_thread(_log_in, theirs, host, login, tls)
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
        password=login.password,
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
        raise Refused(str(error.args[-1])) from None
    finally:
        connection.close()
    return version
