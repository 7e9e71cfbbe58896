"""Tests whether a server can be reached and accepts a login: PostgreSQL, MySQL, S3, HTTP and SMTP.

Servers are those that users name, so only checked addresses are called.
"""

from __future__ import annotations

import asyncio
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from orvanta_platform.outbound import mysql_login, postgresql_login, s3_signature, smtp
from orvanta_platform.outbound.postgresql_login import Login
from orvanta_platform.outbound.smtp import MailServer
from orvanta_platform.outbound.ssrf import AddressRefused, Guard

TIMEOUT_S: Final = 15.0
"""Time limit of a test in seconds."""

ALLOWED: Final = "those of ORVANTA_ALLOWED_NETWORKS"
"""Addresses that the server calls beside public ones."""
WITH_NETWORKS: Final = f"{ALLOWED} and of `networks`"
"""The same for a setting that names private networks."""

_MAX_MESSAGE_LENGTH = 300
_MAX_BODY = 1024

Value = Mapping[str, Any]
"""Fields of a resource."""


class TestFailed(Exception):
    """The connection failed; the message is one sentence."""

    __test__ = False


async def test(guard: Guard, kind: str, value: Value) -> str:
    """Connect to the server of a resource of the type `kind`, one of TESTS, and return what was tested.

    Raises TestFailed.
    """
    async with explained():
        return await TESTS[kind](guard, value)


async def send_mail(guard: Guard, server: MailServer, to: str, subject: str, text: str) -> str:
    """Send a mail, and return the reply of the server that accepted it, in one line. Raises TestFailed."""
    async with explained(WITH_NETWORKS):
        return _line(await smtp.send(guard, server, [to], subject, text, str(uuid4())))


@asynccontextmanager
async def explained(allowed: str = ALLOWED, limit_s: float = TIMEOUT_S) -> AsyncIterator[None]:
    """Limit the time of a test or of another call. Errors of connections become TestFailed.

    `allowed`: addresses that the server calls beside public ones.
    """
    import httpcore

    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise TestFailed(f"The server did not respond within {limit_s:.0f} seconds.") from None
    except AddressRefused as error:
        raise TestFailed(f"{error}; this server calls only public addresses and {allowed}.") from None
    except socket.gaierror:
        raise TestFailed("The name of the host cannot be resolved.") from None
    except (ssl.SSLError, ssl.CertificateError) as error:
        reason = getattr(error, "verify_message", "") or error.reason or error
        raise TestFailed(f"TLS failed: {_line(reason)}.") from None
    except postgresql_login.Refused as error:
        raise TestFailed(f"PostgreSQL refused the connection: {_line(error)}.") from None
    except mysql_login.Refused as error:
        raise TestFailed(f"MySQL refused the connection: {_line(error)}.") from None
    except httpcore.LocalProtocolError:
        # The text of the library contains the header, and with it the token.
        raise TestFailed("A field has a character that the protocol does not allow.") from None
    except smtplib.SMTPException as error:
        raise TestFailed(_mail_failure(error)) from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise TestFailed(f"The connection failed: {_line(error) or type(error).__name__}.") from None
    except ConnectionRefusedError:
        raise TestFailed("The server refused the connection: nothing listens on the port.") from None
    except ValueError:
        raise TestFailed("A field of the resource is not valid.") from None
    except (OSError, EOFError) as error:
        raise TestFailed(f"The connection failed: {_line(error) or 'it was closed'}.") from None


def _mail_failure(error: smtplib.SMTPException) -> str:
    """Return the reason for which a mail server refused a login or a mail."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"The mail server refused the login with status {error.smtp_code}: {_reply(error.smtp_error)}."
        case smtplib.SMTPSenderRefused():
            return f"The mail server refused the sender: {error.smtp_code} {_reply(error.smtp_error)}."
        case smtplib.SMTPRecipientsRefused():
            code, text = next(iter(error.recipients.values()))
            return f"The mail server refused the recipient: {code} {_reply(text)}."
        case smtplib.SMTPResponseException():
            return f"The mail server responded: {error.smtp_code} {_reply(error.smtp_error)}."
        case _:
            return f"The connection failed: {_line(error) or type(error).__name__}."


def _reply(text: bytes | str) -> str:
    return _line(text.decode(errors="replace") if isinstance(text, bytes) else text)


async def _postgresql(guard: Guard, value: Value) -> str:
    host, port = _host(value), _port(value, 5432)
    addresses = await guard.addresses(host, port)
    mode = value.get("sslmode") or "prefer"
    tls = None
    if mode not in ("disable", "allow"):
        tls = _postgresql_tls(str(mode), value.get("root_certificate_pem"))
    login = Login(
        str(value.get("user") or "postgres"), str(value.get("password") or ""), str(value.get("dbname") or "postgres")
    )
    version = await postgresql_login.log_in(addresses[0], port, host, login, tls, tls_required=mode != "prefer")
    return f"Logged in to PostgreSQL {_line(version)}."


def _postgresql_tls(mode: str, certificate: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = mode == "verify-full"
    context.verify_mode = ssl.CERT_REQUIRED if mode.startswith("verify") else ssl.CERT_NONE
    if isinstance(certificate, str) and certificate.strip():
        if not certificate.isascii():
            raise TestFailed("The root certificate is not in PEM format.")
        context.load_verify_locations(cadata=certificate)
    elif context.verify_mode == ssl.CERT_REQUIRED:
        context.load_default_certs()
    return context


async def _mysql(guard: Guard, value: Value) -> str:
    host, port = _host(value), _port(value, 3306)
    addresses = await guard.addresses(host, port)
    database = value.get("database")
    if not value.get("user"):
        # The driver would send the name of the account that the server runs as.
        raise TestFailed("The resource has no user.")
    login = mysql_login.Login(str(value["user"]), str(value.get("password") or ""), str(database) if database else None)
    version = await mysql_login.log_in(addresses[0], port, host, login, _mysql_tls(value))
    return f"Logged in to MySQL {_line(version)}."


def _mysql_tls(value: Value) -> ssl.SSLContext | None:
    """Return the settings of TLS if the resource asks for it, as for jobs."""
    certificate = str(value.get("root_certificate_pem") or "")
    if not certificate.isascii():
        raise TestFailed("The root certificate is not in PEM format.")
    return ssl.create_default_context(cadata=certificate or None) if value.get("ssl") or certificate else None


async def _s3(guard: Guard, value: Value) -> str:
    scheme = "http" if value.get("useSSL") is False else "https"
    bucket, host = str(value.get("bucket") or ""), str(value.get("endPoint") or "")
    if not bucket or not host:
        raise TestFailed("The resource needs a bucket and an endPoint.")
    by_path = value.get("pathStyle") is not False
    authority = host if by_path else f"{bucket}.{host}"
    if value.get("port"):
        authority = f"{authority}:{_port(value, 443)}"
    url = f"{scheme}://{authority}/{f'{bucket}/' if by_path else ''}?list-type=2&max-keys=1"
    headers: dict[str, str] = {}
    if value.get("accessKey"):
        key = s3_signature.Key(
            str(value["accessKey"]), str(value.get("secretKey") or ""), str(value.get("region") or "us-east-1")
        )
        headers = s3_signature.headers(key, url, datetime.now(UTC))
    status, text = await _get(guard, url, headers)
    if status == 200:
        return f"Listed the bucket {_line(bucket)}."
    code = text.partition("<Code>")[2].partition("</Code>")[0]
    raise TestFailed(f"The object storage responded with status {status}{f' ({_line(code)})' if code else ''}.")


async def _http(guard: Guard, value: Value) -> str:
    url = str(value.get("base_url") or value.get("url") or "")
    if not url:
        raise TestFailed("The resource has no base_url to call.")
    named = value.get("headers")
    headers = {str(name): str(each) for name, each in named.items()} if isinstance(named, dict) else {}
    if value.get("token"):
        headers["Authorization"] = f"Bearer {value['token']}"
    elif value.get("username"):
        pair = f"{value['username']}:{value.get('password') or ''}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    status, _ = await _get(guard, url, headers)
    if status in (401, 403):
        raise TestFailed(f"The server refused the login with status {status}.")
    if status >= 500:
        raise TestFailed(f"The server responded with status {status}.")
    return f"The server responded with status {status}."


async def _smtp(guard: Guard, value: Value) -> str:
    implicit, starttls = value.get("tls") in (True, "implicit"), value.get("starttls") is not False
    user = value.get("user") or value.get("username")
    server = MailServer(
        host=_host(value),
        port=_port(value, 587),
        sender="",
        user=str(user) if user else None,
        password=str(value.get("password") or ""),
        tls="implicit" if implicit else "starttls" if starttls and value.get("tls") != "none" else "none",
    )
    await smtp.log_in(guard, server)
    return "Logged in to the mail server." if user else "The mail server responded."


async def _get(guard: Guard, url: str, headers: Mapping[str, str]) -> tuple[int, str]:
    """Return the status and the start of the body of a response. Redirects are not followed."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if not known or not url.isascii() or any(each in url for each in " \r\n\t"):
        raise TestFailed("The address is not a valid http or https URL.")
    if any(char in "\r\n" for each in headers.values() for char in each):
        raise TestFailed("A field has a line break.")
    sent = [(name.encode(), each.encode()) for name, each in headers.items()]
    from orvanta_platform.outbound.http import pool

    async with pool(guard) as connections, connections.stream("GET", url, headers=sent) as answer:
        body = b""
        async for chunk in answer.aiter_stream():
            body += chunk
            if len(body) >= _MAX_BODY:
                break
    return answer.status, body[:_MAX_BODY].decode(errors="replace")


def _host(value: Value) -> str:
    host = value.get("host")
    if not isinstance(host, str) or not host:
        raise TestFailed("The resource has no host.")
    return host


def _port(value: Value, default: int) -> int:
    port = value.get("port") or default
    if not str(port).isdecimal() or not 0 < int(port) < 65536:
        raise TestFailed("The port is not a number between 1 and 65535.")
    return int(port)


def _line(text: object) -> str:
    """Return a text of another server as part of a sentence."""
    return " ".join(str(text).split())[:_MAX_MESSAGE_LENGTH].rstrip(".")


TESTS: Final[Mapping[str, Callable[[Guard, Value], Awaitable[str]]]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "s3": _s3,
    "http_basic": _http,
    "http_bearer": _http,
    "smtp": _smtp,
}
"""Tests by resource type."""
