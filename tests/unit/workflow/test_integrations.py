"""Ready-made scripts of integrations: their forms and requests."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.outbound.s3_signature import Key, headers
from orvanta_platform.workflow.signature.schema import schema_of

FOLDER = Path(__file__).parents[3] / "examples" / "integrations"
BUCKET = {"bucket": "reports", "region": "eu-west-1", "accessKey": "id", "secretKey": "secret", "useSSL": False}


def script(name: str, **replaced: str) -> dict[str, Any]:
    """Execute the code of an integration after replacing texts in it, and return the names that it defines."""
    code = (FOLDER / f"{name}.py").read_text()
    for before, after in replaced.items():
        code = code.replace(before, after)
    defined: dict[str, Any] = {}
    exec(compile(code, name, "exec"), defined)
    return defined


@contextmanager
def http_server(status: int, answer: bytes) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str], bytes]]]]:
    """Serve one response; yield the address and the requests."""
    requests: list[tuple[str, str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_request(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = {name.lower(): value for name, value in self.headers.items()}
            requests.append((self.command, self.path, sent, body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self.handle_request
            raise AttributeError(name)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", requests
        server.shutdown()


@contextmanager
def mail_server() -> Iterator[tuple[int, list[bytes]]]:
    """Accept mail; yield the port and the messages."""
    messages: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            for line in self.rfile:
                verb = line[:4].upper()
                if verb == b"QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                if verb == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    messages.append(b"".join(iter(self.rfile.readline, b".\r\n")))
                self.wfile.write(b"550 no\r\n" if b"<nobody@" in line else b"250 ok\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_address[1], messages
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "resource", "fields"),
    [
        ("send_mail", "smtp", ["server", "to", "subject", "text", "cc", "html", "sender"]),
        ("slack_message", "slack", ["workspace", "channel", "text", "thread"]),
        ("teams_message", None, ["webhook_url", "text", "title", "facts"]),
        ("s3_file", "s3", ["bucket", "key", "action", "content", "parse_json"]),
    ],
)
def test_form_follows_from_the_code(name: str, resource: str | None, fields: list[str]) -> None:
    schema = schema_of("python3", (FOLDER / f"{name}.py").read_text())
    assert schema is not None
    assert list(schema["properties"]) == fields
    if resource is not None:
        assert schema["properties"][fields[0]]["format"] == f"resource-{resource}"


def test_mail_is_sent_and_refused_recipients_are_returned() -> None:
    with mail_server() as (port, messages):
        server = {"host": "127.0.0.1", "port": port, "starttls": False, "sender": "orders@example.org"}
        sent = script("send_mail")["main"](
            server, ["ada@example.org", "nobody@example.org"], "Größe", "Text ✓", html="<p>Text</p>"
        )
        script("send_mail")["main"](server, ["ada@example.org"], "Title", "Text", sender="other@example.org")
    assert message_from_bytes(messages[1], policy=policy.default)["From"] == "other@example.org"
    assert sent == {"sent": 1, "refused": ["nobody@example.org"]}
    mail = message_from_bytes(messages[0], policy=policy.default)
    assert (mail["From"], mail["Subject"]) == ("orders@example.org", "Größe")
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().strip() == "Text ✓"


def test_slack_message_raises_the_error_of_slack() -> None:
    with http_server(200, b'{"ok": true, "channel": "C1", "ts": "1.2"}') as (address, requests):
        main = script("slack_message", **{"https://slack.com": f"http://{address}"})["main"]
        assert main({"token": "xoxb-1"}, "#orders", "Hello", "1.1") == {"channel": "C1", "thread": "1.2"}
    _, path, sent, body = requests[0]
    assert (path, sent["authorization"]) == ("/api/chat.postMessage", "Bearer xoxb-1")
    assert json.loads(body) == {"channel": "#orders", "text": "Hello", "thread_ts": "1.1"}
    with http_server(200, b'{"ok": false, "error": "not_in_channel"}') as (address, _):
        main = script("slack_message", **{"https://slack.com": f"http://{address}"})["main"]
        with pytest.raises(RuntimeError, match="not_in_channel"):
            main({"token": "xoxb-1"}, "#orders", "Hello")


def test_teams_message_is_an_adaptive_card() -> None:
    main = script("teams_message")["main"]
    with http_server(202, b"") as (address, requests):
        assert main(f"http://{address}/hook", "Text", "Title", {"Orders": 3}) == {"status": 202}
    card = json.loads(requests[0][3])["attachments"][0]["content"]
    assert [each["type"] for each in card["body"]] == ["TextBlock", "TextBlock", "FactSet"]
    with http_server(403, b"") as (address, _), pytest.raises(RuntimeError, match="403"):
        main(f"http://{address}/hook", "Text")


def test_s3_requests_are_signed() -> None:
    main = script("s3_file")["main"]
    with http_server(200, b'{"a": 1}') as (address, requests):
        host, port = address.split(":")
        bucket = {**BUCKET, "endPoint": host, "port": int(port)}
        assert main(bucket, "a b/ü.json", parse_json=True) == {"key": "a b/ü.json", "size": 8, "content": {"a": 1}}
        assert main(bucket, "new.txt", "write", "ü") == {"key": "new.txt", "size": 2}
    (method, path, sent, _), (put, _, written, body) = requests
    assert (method, path, put, body) == ("GET", "/reports/a%20b/%C3%BC.json", "PUT", "ü".encode())
    assert written["x-amz-content-sha256"] != sent["x-amz-content-sha256"]
    at = datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    expected = headers(Key("id", "secret", "eu-west-1"), f"http://{address}/reports/a b/ü.json", at)
    assert sent["authorization"].replace(", ", ",") == expected["Authorization"]
    with http_server(404, b"") as (address, _), pytest.raises(RuntimeError, match="status 404"):
        main({**BUCKET, "endPoint": "127.0.0.1", "port": int(address.split(":")[1])}, "none")
