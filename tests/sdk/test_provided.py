"""Clients that every job can import without requirements: all their functions, each in a real job."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.installation import PATIENCE_S, Installation
from tests.sdk.conftest import FOLDER, HERE, Given, W

pytestmark = pytest.mark.extended

PYTHON = re.findall(r"^def (\w+)\(given\):$", (HERE / "provided.py").read_text(), re.MULTILINE)
TYPESCRIPT = re.findall(r"^  async (\w+)\(.*\{$", (HERE / "provided.ts").read_text(), re.MULTILINE)


def run(installation: Installation, given: Given, language: str, file: str) -> dict[str, Any]:
    """Deploy and run a program of this folder; return its result, checking its log and stream."""
    client, path = installation.client, f"{FOLDER}_provided_{language}"
    body = {"path": path, "summary": "", "content": (HERE / file).read_text(), "language": language}
    deployed = client.post(f"{W}/scripts/create", json=body)
    assert deployed.status_code == 201, deployed.text
    assert client.get(f"{W}/scripts/deployment_status/h/{deployed.text}").json()["lock"] == "", "it needs no package"
    answer = client.post(f"{W}/jobs/run_wait_result/p/{path}", json={"given": given.to(job=True)}, timeout=PATIENCE_S)
    id = answer.headers["X-Run-Id"]
    log = client.get(f"{W}/jobs_u/get_logs/{id}").text
    assert answer.status_code == 200, answer.text[:3000] + log[-3000:]
    assert "opened ***" in log and "s3cret-value" not in log and "_STREAM: " not in log
    update = client.get(f"{W}/jobs_u/getupdate/{id}", params={"stream_offset": 0}).json()
    assert update["new_result_stream"] == "one\ntwo three"
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def python_outcomes(installation: Installation, given: Given) -> dict[str, Any]:
    return run(installation, given, "python3", "provided.py")


@pytest.fixture(scope="module")
def typescript_outcomes(installation: Installation, given: Given) -> dict[str, Any]:
    return run(installation, given, "bun", "provided.ts")


@pytest.mark.parametrize("name", PYTHON)
def test_python_function(python_outcomes: dict[str, Any], name: str) -> None:
    assert python_outcomes[name] == ""


@pytest.mark.parametrize("name", TYPESCRIPT)
def test_typescript_function(typescript_outcomes: dict[str, Any], name: str) -> None:
    assert typescript_outcomes[name] == ""


SHARED_WRITE = (
    "import wmill\ndef main():\n    wmill.set_shared_state({'n': 1})\n    wmill.set_shared_state_pickle({2})\n"
)
SHARED_READ = (
    "import wmill\ndef main():\n    return [wmill.get_shared_state(), list(wmill.get_shared_state_pickle())]\n"
)


def test_shared_state_of_nodes_on_one_worker(installation: Installation) -> None:
    scripts = {"write": SHARED_WRITE, "read": SHARED_READ}
    modules = [
        {"id": id, "value": {"type": "rawscript", "language": "python3", "content": text, "input_transforms": {}}}
        for id, text in scripts.items()
    ]
    body = {"value": {"modules": modules, "same_worker": True}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()) == (200, [{"n": 1}, [2]])


ASK_SLACK = {
    "python3": "import wmill\ndef main(slack):\n"
    "    wmill.request_interactive_slack_approval(slack, 'C1', 'Ship it?', 'eve')\n",
    "bun": "import * as wmill from 'windmill-client';\nexport async function main(slack: string) {\n"
    "  await wmill.requestInteractiveSlackApproval("
    "{ slackResourcePath: slack, channelId: 'C1', message: 'Ship it?', approver: 'eve' });\n}\n",
}


@pytest.mark.parametrize("language", ASK_SLACK)
def test_slack_approval(installation: Installation, language: str) -> None:
    """The message has a button that opens the approval page of the node; an error response of Slack fails the job."""
    client, path = installation.client, f"{FOLDER}_slack_{language}"
    with slack() as (received, url):
        for channel_ok, expected in ((True, 200), (False, 500)):
            received.clear()
            received.append({"ok": channel_ok, "error": "channel_not_found"})
            value = {"token": "xoxb-s3cret", "api_url": url}
            body = {"path": path, "value": value, "resource_type": "slack"}
            assert client.post(f"{W}/resources/create?update_if_exists=true", json=body).is_success
            code = {"type": "rawscript", "language": language, "content": ASK_SLACK[language]}
            modules = [
                {"id": "ask", "value": {**code, "input_transforms": {"slack": {"type": "static", "value": path}}}}
            ]
            answer = client.post(
                f"{W}/jobs/run_wait_result/preview_flow", json={"value": {"modules": modules}}, timeout=PATIENCE_S
            )
            assert answer.status_code == expected, answer.text
            message = received[1]
            assert (message["channel"], message["token"]) == ("C1", "Bearer xoxb-s3cret")
            page = message["blocks"][1]["elements"][0]["url"]
            assert "approver=eve" in page and message["text"] == f"Ship it? {page}"
    assert "Slack refused the message: channel_not_found." in answer.text


@contextlib.contextmanager
def slack() -> Iterator[tuple[list[Any], str]]:
    """Run a server that appends messages to a list and responds with the first value of that list."""
    received: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.append({**message, "token": self.headers["Authorization"], "path": self.path})
            answer = json.dumps(received[0]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received, f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()
