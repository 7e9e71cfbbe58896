"""Login to a PostgreSQL server without a driver, which would buffer whatever the server sends.

Only the start of the protocol is spoken: encryption, authentication, and the parameters that the server reports.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
import struct
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_urlsafe
from typing import Final

LIMIT: Final = 64 << 10
"""Maximum size in bytes of everything that a server sends."""

_MAX_ITERATIONS = 100_000
_TLS_REQUEST = struct.pack("!II", 8, 80877103)
_PROTOCOL = 196608
_SCRAM = "SCRAM-SHA-256"


class Refused(Exception):
    """The server refused the login (the message is its own), or does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class Login:
    """Name, password and database of a login."""

    user: str
    password: str = field(repr=False)
    database: str


async def log_in(
    address: str, port: int, host: str, login: Login, tls: ssl.SSLContext | None, *, tls_required: bool
) -> str:
    """Log in and return the version of the server. `tls` determines whether it is verified by the name `host`.

    Raises Refused, OSError, EOFError.
    """
    reader, writer = await asyncio.open_connection(address, port, limit=LIMIT)
    try:
        if tls is not None:
            writer.write(_TLS_REQUEST)
            # Reads two bytes, to refuse an answer that is followed by unencrypted data, which TLS does not verify.
            answer = await reader.read(2)
            if answer == b"S":
                await writer.start_tls(tls, server_hostname=host)
            elif answer != b"N":
                raise Refused("it is no PostgreSQL server" if answer else "it closed the connection")
            elif tls_required:
                raise Refused("it does not offer TLS, which sslmode requires")
        return await _Session(reader, writer, login).run()
    finally:
        writer.transport.abort()


class _Session:
    """Exchange of messages up to the first time that the server accepts queries."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, login: Login) -> None:
        self._reader, self._writer, self._login = reader, writer, login
        self._left = LIMIT
        self._nonce = token_urlsafe(18)
        self._signature = b""

    async def run(self) -> str:
        fields = ("user", self._login.user, "database", self._login.database, "")
        start = struct.pack("!I", _PROTOCOL) + b"".join(map(_text, fields))
        self._writer.write(struct.pack("!I", len(start) + 4) + start)
        version = ""
        while True:
            kind, body = await self._read()
            match kind:
                case b"R":
                    await self._authenticate(body)
                case b"S" if body.startswith(b"server_version\0"):
                    version = body.split(b"\0")[1].decode(errors="replace")
                case b"E":
                    parts = {each[:1]: each[1:] for each in body.split(b"\0")}
                    raise Refused(parts.get(b"M", b"it gave no reason").decode(errors="replace"))
                case b"Z":
                    return version

    async def _read(self) -> tuple[bytes, bytes]:
        kind, size = struct.unpack("!cI", await self._reader.readexactly(5))
        self._left -= size + 1
        if size < 4 or self._left < 0:
            raise Refused("it is no PostgreSQL server, or sends too much")
        return kind, await self._reader.readexactly(size - 4)

    def _send(self, body: bytes) -> None:
        self._writer.write(b"p" + struct.pack("!I", len(body) + 4) + body)

    async def _authenticate(self, body: bytes) -> None:
        user, password = self._login.user, self._login.password
        match int.from_bytes(body[:4], "big"):
            case 0:
                return
            case 3:
                self._send(_text(password))
            case 5:
                inner = hashlib.md5((password + user).encode(), usedforsecurity=False).hexdigest()
                outer = hashlib.md5(inner.encode() + body[4:8], usedforsecurity=False).hexdigest()
                self._send(_text(f"md5{outer}"))
            case 10 if _SCRAM.encode() in body[4:].split(b"\0"):
                first = f"n,,n=,r={self._nonce}".encode()
                self._send(_text(_SCRAM) + struct.pack("!I", len(first)) + first)
            case 11:
                self._send(await self._proof(body[4:].decode("ascii", "replace")))
            case 12 if self._signature and hmac.compare_digest(body[4:], b"v=" + b64encode(self._signature)):
                return
            case 12:
                raise Refused("it does not know the password")
            case _:
                raise Refused("it requires a kind of authentication that cannot be tested")

    async def _proof(self, challenge: str) -> bytes:
        """Return the answer to a challenge of SCRAM (RFC 5802)."""
        parts = dict(each.split("=", 1) for each in challenge.split(",") if "=" in each)
        nonce, count = parts.get("r", ""), parts.get("i", "")
        if not nonce.startswith(self._nonce) or not count.isdecimal() or not 0 < int(count[:9]) <= _MAX_ITERATIONS:
            raise Refused("its challenge is not valid")
        try:
            salt = b64decode(parts.get("s", ""), validate=True)
        except ValueError:
            raise Refused("its challenge is not valid") from None
        password = unicodedata.normalize("NFKC", self._login.password).encode()
        salted = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", password, salt, int(count[:9]))
        signed = f"n=,r={self._nonce},{challenge},c=biws,r={nonce}".encode()
        client, server = _hmac(salted, b"Client Key"), _hmac(salted, b"Server Key")
        self._signature = _hmac(server, signed)
        proof = _xor(client, _hmac(hashlib.sha256(client).digest(), signed))
        return f"c=biws,r={nonce},p={b64encode(proof).decode()}".encode()


def _text(text: str) -> bytes:
    return text.replace("\0", "").encode() + b"\0"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _xor(left: Sequence[int], right: Sequence[int]) -> bytes:
    return bytes(a ^ b for a, b in zip(left, right, strict=True))
