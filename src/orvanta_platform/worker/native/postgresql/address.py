"""Where a SQL script's database is: its argument `database`, and nothing but that."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Mapping
from typing import Any, Final

_PORT: Final = 5432
_CONNECT_S: Final = 30.0
_MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


class NoDatabase(Exception):
    """The argument `database` is no address of a PostgreSQL; the message says what is wrong."""


async def options(database: Any) -> dict[str, Any]:
    """What asyncpg.connect gets: everything is named, so that the worker's own environment says nothing.

    `database` holds host, port (5432), user, password, dbname, sslmode (prefer), root_certificate_pem. Raises
    NoDatabase.
    """
    if not isinstance(database, Mapping):
        raise NoDatabase("the argument database is needed: an object with host, port, user, password and dbname")
    host, user, name = (_text(database, key) for key in ("host", "user", "dbname"))
    if host.startswith(("/", "@")) or "," in host:
        raise NoDatabase("host is the name or address of one machine: no socket and no list")
    port = database.get("port") or _PORT
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 1 << 16:
        raise NoDatabase("port is a whole number from 1 to 65535")
    await _check_address(host, port)
    return {
        "host": host,
        "port": port,
        "user": user,
        "password": str(database.get("password") or ""),
        "passfile": "/dev/null",
        "database": name,
        "ssl": _encryption(database),
        "timeout": _CONNECT_S,
        "target_session_attrs": "any",
        "statement_cache_size": 0,
    }


def _text(database: Mapping[str, Any], key: str) -> str:
    value = database.get(key)
    if not isinstance(value, str) or not value:
        raise NoDatabase(f"database.{key} is needed")
    return value


def _encryption(database: Mapping[str, Any]) -> Any:
    mode = database.get("sslmode") or "prefer"
    if mode not in _MODES:
        raise NoDatabase(f"database.sslmode is one of {', '.join(sorted(_MODES))}")
    if mode == "disable":
        return False
    if mode in ("allow", "prefer"):
        return mode
    certificate = database.get("root_certificate_pem")
    try:
        context = ssl.create_default_context(cadata=str(certificate) if certificate else None)
    except ssl.SSLError as error:
        raise NoDatabase("database.root_certificate_pem is no certificate") from error
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


async def _check_address(host: str, port: int) -> None:
    """Metadata services of a cloud answer at link-local addresses, which jobs do not reach either."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port)
    except OSError as error:
        raise NoDatabase(f"database.host {host} is not known: {error.strerror or error}") from error
    for *_, address in found:
        if ipaddress.ip_address(str(address[0]).partition("%")[0]).is_link_local:
            raise NoDatabase(f"database.host {host} is a link-local address, which is refused")
