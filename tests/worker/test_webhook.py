"""Requests of webhook nodes: their content, the treatment of responses, and addresses that are refused."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from tests.loop_blocking import MAX_HOLD_S, Watch
from tests.worker.answering import ReceivedRequest, answering, http
from tests.worker.jobs import Collected, Ran, spec

from orvanta_platform.outbound.ssrf import AddressRefused, Guard
from orvanta_platform.worker.native import webhook
from orvanta_platform.worker.native.webhook.run import CHARSETS, MAX_RESPONSE_BYTES

LOOPBACK = Guard(["127.0.0.1/32"])


async def call(url: str, *, guard: Guard = LOOPBACK, method: str = "GET", timeout_s: float = 20, **more: Any) -> Ran:
    """Run a node until it ends; `auth`, `headers`, `query` and `body` are evaluated values."""
    inputs: dict[str, Any] = {key: more.pop(key) for key in ("headers", "query", "body", "auth") if key in more}
    args = {"url": url, **inputs}
    node: dict[str, Any] = {"type": "webhook", "method": method, **more}
    if "auth" in args:
        node["auth"] = "$res:f/a/b"
    log = Collected()
    job = spec("", json.dumps(node), args, timeout_s=timeout_s)
    outcome = await webhook.run(job, log, asyncio.Event(), guard)
    assert (outcome.result is None) != (outcome.error is None)
    return Ran(outcome, log.text)


def saying(answer: bytes) -> Callable[[ReceivedRequest], bytes]:
    return lambda _: answer


def echo(_: ReceivedRequest) -> bytes:
    return http(200, b'{"a": 12345678901234567890}', content_type="application/json")


async def test_sent_request() -> None:
    async with answering(echo) as server:
        body = {"n": 1.5, "text": "ä"}
        headers = {"X-A": "1", "X-List": ["a", "b"], "X-None": None}
        query = {"q": "ä b", "many": [1, 2], "none": None, "yes": True}
        url = f"{server.url}/p?x=1"
        ran = await call(url, method="post", headers=headers, query=query, body=body, auth={"token": "t0ken"})
    asked = server.asked[0]
    assert asked.line == "POST /p?x=1&q=%C3%A4+b&many=1&many=2&yes=true HTTP/1.1"
    assert json.loads(asked.body) == body
    wanted = {"x-a": "1", "x-list": "a, b", "content-type": "application/json", "authorization": "Bearer t0ken"}
    assert asked.headers.items() >= wanted.items() and "x-none" not in asked.headers
    assert ran.value["status"] == 200 and ran.value["headers"]["content-type"] == "application/json"
    assert b'"body":{"a": 12345678901234567890}' in (ran.outcome.result or b""), "digits are kept"
    assert ran.log == f"POST {server.url}/p: 200, 27 bytes\n", "the log does not show the query"


async def test_job_id_is_idempotency_key() -> None:
    async with answering(echo) as server:
        job = spec("", json.dumps({"method": "POST"}), {"url": server.url})
        for _ in range(2):
            await webhook.run(job, Collected(), asyncio.Event(), LOOPBACK)
        await call(server.url, headers={"Idempotency-Key": "own"})
    assert [each.headers["idempotency-key"] for each in server.asked] == [str(job.job_id), str(job.job_id), "own"]


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"token": "t0ken"}, "authorization", "Bearer t0ken"),
        ({"username": "ada", "password": "pw"}, "authorization", "Basic " + base64.b64encode(b"ada:pw").decode()),
        ({"header": "X-Own", "value": "v"}, "x-own", "v"),
        ({"api_key": "k", "hosts": ["127.0.0.1"]}, "x-api-key", "k"),
    ],
)
async def test_forms_of_credentials(auth: Any, header: str, value: str) -> None:
    async with answering(echo) as server:
        await call(server.url, auth=auth)
    assert server.asked[0].headers[header] == value


@pytest.mark.parametrize(
    ("auth", "name"),
    [
        ({}, "webhook_auth_invalid"),
        ("text", "webhook_auth_invalid"),
        ({"header": "Host", "value": "v"}, "webhook_auth_invalid"),
        ({"token": "a\r\nX-Evil: 1"}, "webhook_request_invalid"),
        ({"token": "t", "hosts": ["api.example.com"]}, "webhook_auth_refused"),
    ],
)
async def test_unsendable_credential(auth: Any, name: str) -> None:
    async with answering(echo) as server:
        assert (await call(server.url, auth=auth)).error[0] == name
    assert not server.asked


@pytest.mark.parametrize(
    ("body", "headers", "sent", "kind"),
    [
        ("text", {}, b"text", "text/plain; charset=utf-8"),
        ('{"a":1}', {"Content-Type": "application/json"}, b'{"a":1}', "application/json"),
        ({"a": ["1", 2]}, {"content-type": "application/x-www-form-urlencoded"}, b"a=1&a=2", None),
        ([1], {}, b"[1]", "application/json"),
        (None, {}, b"", None),
    ],
)
async def test_bodies(body: Any, headers: dict[str, str], sent: bytes, kind: str | None) -> None:
    async with answering(echo) as server:
        await call(server.url, method="PUT", body=body, headers=headers)
    assert server.asked[0].body == sent
    assert kind is None or server.asked[0].headers["content-type"] == kind


@pytest.mark.parametrize(
    ("form", "answer", "value"),
    [
        (None, http(200, b"caf\xe9", content_type="text/html; charset=latin-1"), "café"),
        (None, http(200, b"\x00\x01", content_type="image/png"), "AAE="),
        (None, http(204), ""),
        ("json", http(200, b" "), None),
        ("bytes", http(200, b"{}", content_type="application/json"), "e30="),
        ("text", http(200, b"{}", content_type="application/json"), "{}"),
        ("json", http(200, gzip.compress(b"[1]", mtime=0), content_encoding="gzip"), [1]),
    ],
)
async def test_answers(form: str | None, answer: bytes, value: Any) -> None:
    async with answering(lambda _: answer) as server:
        ran = await call(server.url, response=form)
    assert ran.value["body"] == value


async def test_unexpected_status_fails_and_is_named() -> None:
    async with answering(lambda _: http(503, b"overloaded")) as server:
        ran = await call(f"{server.url}/x?key=secret")
        assert ran.error == (
            "webhook_status_unexpected",
            f"GET {server.url}/x answered 503, expected 200 to 299: overloaded",
        )
        assert (await call(server.url, expect=[503])).value["status"] == 503
        assert "answered 503, expected 200, 404" in (await call(server.url, expect=[200, 404])).error[1]


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (http(200, b"{", content_type="application/json"), "webhook_response_invalid"),
        (http(200, b"[NaN]", content_type="application/json"), "webhook_response_invalid"),
        (http(200, b"no gzip", content_encoding="gzip"), "webhook_response_invalid"),
        (http(200, gzip.compress(b"x" * 99, mtime=0)[:-9], content_encoding="gzip"), "webhook_response_invalid"),
        (http(200, b"", content_encoding="br"), "webhook_response_invalid"),
        (b"no http", "webhook_unreachable"),
    ],
)
async def test_answers_that_are_none(answer: bytes, name: str) -> None:
    async with answering(lambda _: answer) as server:
        assert (await call(server.url)).error[0] == name


async def test_response_size_is_limited() -> None:
    bomb = gzip.compress(bytes(MAX_RESPONSE_BYTES + 1), mtime=0)
    whole = http(200, bytes(MAX_RESPONSE_BYTES), content_type="image/png")
    async with answering(lambda _: whole) as server:
        assert len((await call(server.url)).value["body"]) > MAX_RESPONSE_BYTES
    for answer in (http(200, bytes(MAX_RESPONSE_BYTES + 1)), http(200, bomb, content_encoding="gzip")):
        async with answering(saying(answer)) as server:
            assert (await call(server.url)).error[0] == "webhook_response_too_large"


async def test_call_ends_on_timeout_and_cancel() -> None:
    async with answering(lambda _: None) as server:
        ran = await call(server.url, timeout_s=0.05)
        assert ran.error == ("Timeout", "timed out after 0.05 s") and ran.outcome.stopped_by == "timeout"
        server.arrived.clear()
        cancelled = asyncio.Event()
        job = spec("", json.dumps({"method": "GET"}), {"url": server.url})
        running = asyncio.create_task(webhook.run(job, Collected(), cancelled, LOOPBACK))
        await server.arrived.wait()
        cancelled.set()
        assert (await running).stopped_by == "cancel"


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"Host": "evil"}},
        {"headers": {"X-A": "a\r\nX-B: b"}},
        {"headers": {"X A": "a"}},
        {"headers": {"Transfer-Encoding": "chunked"}},
        {"headers": {"Proxy-Authorization": "x"}},
        {"headers": ["a"]},
        {"query": {"a": {"b": 1}}},
        {"method": "CONNECT"},
        {"method": "GET /x"},
    ],
)
async def test_requests_that_are_refused(more: dict[str, Any]) -> None:
    async with answering(echo) as server:
        assert (await call(server.url, **more)).error[0] == "webhook_request_invalid"
    assert not server.asked


def to(location: str, status: int = 302) -> bytes:
    return http(status, b"", location=location)


async def test_redirects() -> None:
    def answer(asked: ReceivedRequest) -> bytes:
        place = asked.line.split()[1]
        return http(200, place.encode()) if place == "/end" else to("/end", int(place[1:]))

    async with answering(answer) as server:
        for status, method in ((301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")):
            ran = await call(f"{server.url}/{status}", method="POST", body="b", auth={"token": "t"})
            assert ran.value["body"] == "/end"
            last = server.asked[-1]
            assert last.line == f"{method} /end HTTP/1.1" and last.body == (b"b" if method == "POST" else b"")
            assert last.headers["authorization"] == "Bearer t"
        server.answer = lambda _: to("/again")
        server.asked.clear()
        assert (await call(server.url)).error[0] == "webhook_too_many_redirects"
        assert len(server.asked) == 6
        assert (await call(server.url, expect=[302])).value["headers"]["location"] == "/again"


async def test_another_origin_gets_no_credential() -> None:
    async with answering(echo) as other, answering(lambda _: to(f"{other.url}/x", 307)) as server:
        headers = {"X-Key": "k", "Cookie": "c", "Content-Type": "text/x"}
        await call(server.url, method="POST", headers=headers, body="b", auth={"header": "X-Auth", "value": "v"})
    asked = other.asked[0]
    assert asked.headers["content-type"] == "text/x" and asked.headers["host"] == f"127.0.0.1:{other.port}"
    assert not {"x-key", "cookie", "x-auth", "authorization"} & set(asked.headers)


REFUSED = [
    "127.0.0.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.0.9",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.1",
    "[2001:db8::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[100::1]",
    "[64:ff9b:1::1]",
    "[fd20:ce::254]",
    "[::ffff:0:a9fe:a9fe]",
    "[::ffff:192.88.99.1]",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[fe80::1]",
    "[fec0::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.1",
    "127.0.0.1.",
    "0x7f.0.0.0x1",
    "localhost",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
]


@pytest.mark.parametrize("host", REFUSED)
async def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    async with answering(echo) as server:
        found = (await call(f"http://{host}:{server.port}/", guard=Guard())).error[0]
        redirected = Guard(["127.0.0.1/32"])
        server.answer = lambda _: to(f"http://{host}:1/")
        if host not in ("127.0.0.1", "[::ffff:127.0.0.1]", "localhost", "[::127.0.0.1]"):
            again = (await call(server.url, guard=redirected)).error[0]
            assert again in ("webhook_address_refused", "webhook_request_invalid") or _leads_to_loopback(host), again
    assert found in ("webhook_address_refused", "webhook_request_invalid")


def _leads_to_loopback(host: str) -> bool:
    """Return whether the host is another notation of loopback: if loopback is allowed, only the connection fails."""
    return host in ("[64:ff9b::7f00:1]", "[2002:7f00:1::]", "%31%32%37.0.0.1", "１２７.0.0.1")


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://x/", "ftp://x/", "http:///x", "//x", "", "http://u:p@x/"]
)
async def test_addresses_that_are_none(url: str) -> None:
    assert (await call(url)).error[0] in ("webhook_address_refused", "webhook_request_invalid")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "http://u:p@127.0.0.1/"])
async def test_redirect_to_invalid_address(url: str) -> None:
    async with answering(lambda _: to(url)) as server:
        assert (await call(server.url)).error[0] in ("webhook_address_refused", "webhook_request_invalid")
    assert len(server.asked) == 1


async def test_host_is_resolved_once_and_connection_uses_checked_address() -> None:
    """DNS rebinding: a second answer of the resolver would be another address, and is not requested within a call."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return next(answers)

    async with answering(echo) as server:
        guard = Guard(["127.0.0.1/32"], resolve)
        assert (await call(f"http://rebinding.test:{server.port}/", guard=guard)).value["status"] == 200
        assert asked == ["rebinding.test"] and server.asked[0].headers["host"] == f"rebinding.test:{server.port}"
        again = await call(f"http://rebinding.test:{server.port}/", guard=guard)
        assert again.error == (
            "webhook_address_refused",
            f"HTTP request refused: GET http://rebinding.test:{server.port}/: rebinding.test (127.0.0.2) is not a"
            " public address. ORVANTA_ALLOWED_NETWORKS lists allowed networks.",
        )
    assert len(server.asked) == 1


async def test_host_with_one_private_address_is_rejected() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["93.184.216.34", "10.0.0.1"]

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        await Guard(resolve=resolve).addresses("mixed.test", 80)
    assert await Guard(["10.0.0.0/8"], resolve).addresses("mixed.test", 80) == ["93.184.216.34", "10.0.0.1"]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("[::ffff:93.184.216.34]", []),
        ("[64:ff9b::5db8:d822]", []),
        ("[::ffff:10.0.0.1]", ["10.0.0.0/8"]),
        ("[64:ff9b::a00:1]", ["10.0.0.0/8"]),
        ("[fd00::1]", ["fd00::/8"]),
        ("93.184.216.34", []),
    ],
)
async def test_embedded_address_is_checked(host: str, allowed: list[str]) -> None:
    (found,) = await Guard(allowed).addresses(host, 80)
    assert ip_address(found) == ip_address(host.strip("[]"))


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("169.254.169.254", "0.0.0.0/0"),
        ("100.100.100.200", "100.64.0.0/10"),
        ("[fd00:ec2::254]", "fd00::/8"),
        ("[64:ff9b::a9fe:a9fe]", "0.0.0.0/0"),
    ],
)
async def test_wide_network_does_not_include_metadata_service(host: str, network: str) -> None:
    with pytest.raises(AddressRefused):
        await Guard([network]).addresses(host, 80)
    assert await Guard([network, "169.254.169.254/32", "100.100.100.200/32", "fd00:ec2::254/128"]).addresses(host, 80)


async def test_next_address_is_tried() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.3", "127.0.0.1"]

    async with answering(echo) as server:
        guard = Guard(["127.0.0.0/8"], resolve)
        assert (await call(f"http://two.test:{server.port}/", guard=guard)).value["status"] == 200


@pytest.mark.parametrize(
    ("charset", "body"),
    [
        ("punycode", b"a" * 60_000 + b"-" + b"z" * 60_000),
        ("idna", b"a" * 100_000),
        ("unicode_escape", rb"\u00e9" * 1_000),
        ("iso-8859-6", b"\xff\xfe" * 3_000_000),
        ("utf-16", b"\x00\xd8" * 3_000_000),
    ],
)
async def test_charset_of_a_called_server_does_not_hold_the_worker(charset: str, body: bytes, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.touch()
    answer = http(200, body, content_type=f"text/plain; charset={charset}")
    async with answering(saying(answer)) as server:
        watch = Watch(notes)
        ran = await call(server.url)
        await watch.end()
    held = max(map(float, notes.read_text().split()), default=0.0)
    assert held < MAX_HOLD_S
    assert ran.value["status"] == 200
    if charset in ("punycode", "idna", "unicode_escape"):
        assert ran.value["body"] == body.decode(), "a charset that is none of text counts as UTF-8"


@pytest.mark.parametrize("charset", sorted(CHARSETS))
async def test_allowed_charsets_exist(charset: str) -> None:
    answer = http(200, "abc".encode(charset), content_type=f"text/plain; charset={charset}")
    async with answering(saying(answer)) as server:
        assert (await call(server.url)).value["body"] == "abc"
