"""The interface of the provided clients, compared with that of the published ones."""

from __future__ import annotations

import http.client
import http.server
import inspect
import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest

from orvanta_platform.http import route_rules
from orvanta_platform.worker.runtimes.python import sdk
from orvanta_platform.worker.runtimes.python.sdk.connection import Connection, Response

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "sdk" / "published.json").read_text())
PYTHON = {**PUBLISHED["wmill 1.850.0"], **PUBLISHED["orvanta 6.5.0"]} | PUBLISHED["wmill 1.850.0"]
UNAVAILABLE = ("DataTableClient", "DucklakeClient", "SqlQuery")


def parameters(function: Any) -> list[str]:
    """Return the parameters in the notation of published.json, without `**`."""
    found = [each for each in inspect.signature(function).parameters.values() if each.name != "self"]
    named = [each for each in found if each.kind is not each.VAR_KEYWORD]
    return [each.name + ("" if each.default is each.empty else "?") for each in named]


@pytest.mark.parametrize("name", PYTHON)
def test_python_function_takes_published_parameters(name: str) -> None:
    owner, _, member = name.rpartition(".")
    if owner in UNAVAILABLE:
        member, owner = owner, ""
    found = inspect.getattr_static(getattr(sdk, owner) if owner else sdk, member)
    refused = {**sdk.unavailable.METHODS, **sdk.unavailable.FUNCTIONS, **sdk.unavailable.CLASSES}
    if isinstance(found, property) or member in refused:
        return
    found = getattr(getattr(sdk, owner) if owner else sdk, member)
    expected = [each for each in PYTHON[name].split() if not each.startswith(("=", "**"))]
    own = parameters(found)
    assert all(each.endswith("?") for each in own[len(expected) :]), own
    for one, published in zip(own, expected, strict=False):
        assert one in (published, published + "?"), (own, expected)
    assert len(own) >= len(expected)


def test_refused_function_names_itself() -> None:
    with pytest.raises(sdk.NotServed, match=r"^send_teams_message\(\) is not available on this platform: .*\.$"):
        vars(sdk)["send_teams_message"]("text")


def test_parameters_without_value_are_not_sent() -> None:
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        answering = threading.Thread(target=server.handle_request, daemon=True)
        answering.start()
        client = Connection(f"http://127.0.0.1:{server.server_port}/api", lambda: "t")
        client.get("/w/a/x", params={"a": None, "b": True, "c": ["1", None, 2]})
        answering.join()
    assert paths == ["/api/w/a/x?b=true&c=1&c=2"]


def test_truncated_download_is_an_error() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"half.")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = sdk.Windmill(f"http://127.0.0.1:{server.server_port}", "t", "main")
        with pytest.raises(http.client.IncompleteRead):
            client.load_s3_file({"s3": "a"})  # type: ignore[arg-type]
        with pytest.raises(http.client.IncompleteRead), client.client.stream("GET", "/x") as response:
            list(response.iter_bytes())
        server.shutdown()


def test_wait_for_run_ignores_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that was already written would end every long poll immediately."""
    client = sdk.Windmill("http://server", "t", "main")
    calls: list[dict[str, Any]] = []

    def get(call: str, params: Any = None) -> Response:
        if "getupdate" in call:
            calls.append(params)
        found = {"completed": bool(calls), "started": True, "success": True, "result": 1}
        return Response(call, 200, {}, json.dumps(found).encode())

    monkeypatch.setattr(client, "get", get)
    assert client.wait_job("1") == 1
    assert calls == [{"running": True, "no_logs": True}]


def test_calls_of_typescript_services_are_routes() -> None:
    """The names of path parameters may differ."""
    text = (Path(sdk.__file__).parents[2] / "bun" / "npm" / "windmill-client" / "services.ts").read_text()
    calls = re.findall(r'^    \w+: "(\w+) (\S+)",$', text, re.MULTILINE)
    routes = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path, _ in route_rules.routes()}
    unknown = []
    for method, path in calls:
        full = f"/api{path}" if path.startswith("/") else f"/api/w/{{workspace}}/{path}"
        if (method, re.sub(r"\{\w+\}", "{}", full)) not in routes:
            unknown.append((method, path))
    assert len(calls) > 100 and unknown == []
