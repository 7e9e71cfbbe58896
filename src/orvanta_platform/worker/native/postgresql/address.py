"""Connection options of a SQL script, taken only from its argument `database`."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from orvanta_platform.outbound.ssrf import Resolve, is_metadata, look_up

_PORT: Final = 5432
_CONNECT_S: Final = 30.0
_MODES: Final = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})


class NoDatabase(Exception):
    """Raised if the argument `database` is not the address of a PostgreSQL server; the message gives the reason."""


class PinnedLoop:
    """Event loop passed to asyncpg, which connects only to the addresses that were checked.

    This holds even if the host name resolves to other addresses meanwhile. TLS still uses and verifies the name.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._loop = asyncio.get_running_loop()
        self._addresses = addresses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    async def create_connection(self, factory: Callable[[], Any], host: str, port: int, **more: Any) -> Any:
        """Connect to the first address that answers. Raises OSError."""
        for address in self._addresses[:-1]:
            try:
                return await self._loop.create_connection(factory, address, port, **more)
            except OSError:
                continue
        return await self._loop.create_connection(factory, self._addresses[-1], port, **more)


async def options(database: Any, resolve: Resolve = look_up) -> dict[str, Any]:
    """Return the arguments for asyncpg.connect. All are set, so that the worker's environment has no effect.

    `database` holds host, port (5432), user, password, dbname, sslmode (prefer) and root_certificate_pem. Raises
    NoDatabase.
    """
    if not isinstance(database, Mapping):
        raise NoDatabase("the argument database is needed: an object with host, port, user, password and dbname")
    host, user, name = (_text(database, key) for key in ("host", "user", "dbname"))
    if host.startswith(("/", "@")) or "," in host:
        raise NoDatabase("host must be the name or address of one machine, not a socket or a list")
    port = database.get("port") or _PORT
    if not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 1 << 16:
        raise NoDatabase("port must be a whole number from 1 to 65535")
    return {
        "loop": PinnedLoop(await _addresses(host, port, resolve)),
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
        raise NoDatabase("database.root_certificate_pem is not a valid certificate") from error
    context.check_hostname = mode == "verify-full"
    if mode == "require":
        context.verify_mode = ssl.CERT_NONE
    return context


async def _addresses(host: str, port: int, resolve: Resolve) -> Sequence[str]:
    """Return the addresses of the host, resolved once. Metadata addresses of clouds are refused, as for jobs."""
    try:
        found = await resolve(host, port)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NoDatabase(f"database.host {host} cannot be resolved: {reason}") from error
    for address in found:
        if is_metadata(ipaddress.ip_address(address.partition("%")[0])):
            raise NoDatabase(f"database.host {host} is a link-local or metadata address, which is refused")
    if not found:
        raise NoDatabase(f"database.host {host} has no address")
    return found
