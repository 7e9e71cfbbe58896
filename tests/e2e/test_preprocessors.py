"""Functions `preprocessor(event)` of scripts and workflows, in their usual forms."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.installation import Installation
from tests.e2e.test_unavailable_code import deploy_script

PYTHON = """
from typing import Any, Literal, TypedDict

class Event(TypedDict):
    kind: Literal["webhook", "http"]
    body: Any
    query: dict[str, str]
    headers: dict[str, str]

def preprocessor(event: Event):
    return {"n": event["body"]["raw"] + 1, "by": event["headers"].get("x-shop"), "q": event["query"].get("q")}
"""
PYTHON_MAIN = "\ndef main(n: int, by: str | None = None, q: str = ''):\n    return [n, by, q]\n"
TYPESCRIPT = """
type Event = { kind: "webhook" | "http"; body: any; query: Record<string, string>; headers: Record<string, string> };
export async function preprocessor(event: Event) {
  return { n: event.body.raw + 1, by: event.headers["x-shop"], q: event.query.q };
}
"""
TYPESCRIPT_MAIN = "\nexport async function main(n: number, by?: string, q = '') { return [n, by ?? null, q]; }\n"
CODE = {"python3": (PYTHON, PYTHON_MAIN), "bun": (TYPESCRIPT, TYPESCRIPT_MAIN), "deno": (TYPESCRIPT, TYPESCRIPT_MAIN)}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def call(installation: Installation, kind: str, path: str, **query: str) -> Any:
    url = f"/api/w/main/jobs/run_wait_result/{kind}/{path}"
    return installation.client.post(url, json={"raw": 1}, params={"q": "x"} | query, headers={"X-Shop": "7"})


@pytest.mark.parametrize("language", CODE)
def test_preprocessor_of_script_computes_arguments_of_main(installation: Installation, language: str) -> None:
    path = f"f/examples/preprocessed_{language}"
    body = {"path": path, "content": "".join(CODE[language]), "language": language, "summary": "", "schema": SCHEMA}
    assert installation.client.post("/api/w/main/scripts/create", json=body).status_code == 201
    assert installation.client.get(f"/api/w/main/scripts/get/p/{path}").json()["has_preprocessor"] is True
    answer = call(installation, "p", path)
    assert answer.json() == [2, "7", "x"]
    job = installation.client.get(f"/api/w/main/jobs_u/completed/get/{answer.headers['X-Run-Id']}").json()
    assert job["args"]["event"]["kind"] == "webhook" and "authorization" not in job["args"]["event"]["headers"]
    again = installation.client.post(f"/api/w/main/jobs/run_wait_result/p/{path}?skip_preprocessor=true", json={"n": 5})
    assert again.json() == [5, None, ""]
    assert call(installation, "p", path, skip_preprocessor="true").json()["error"]["code"] == "invalid_input"


@pytest.mark.parametrize("language", CODE)
def test_preprocessor_alone_is_the_script_and_the_first_module(installation: Installation, language: str) -> None:
    path, code = f"f/examples/preprocessor_{language}", CODE[language][0]
    deploy_script(installation, path, language, code)
    expected = {"n": 2, "by": "7", "q": "x"}
    assert call(installation, "p", path).json() == expected
    ignored = {"event": {"type": "static", "value": None}}
    inline = {"type": "rawscript", "language": language, "content": code, "input_transforms": ignored}
    both = inline | {"content": "".join(CODE[language])}
    for value in (inline, both, {"type": "script", "path": path, "input_transforms": {}}):
        flow = {
            "modules": [{"id": "a", "value": {"type": "identity"}}],
            "preprocessor_module": {"id": "preprocessor", "value": value},
        }
        place = f"f/examples/preprocessed_flow_{language}_{len(str(value))}"
        body = {"path": place, "summary": "", "value": flow, "schema": SCHEMA}
        assert installation.client.post("/api/w/main/flows/create", json=body).status_code == 201
        assert call(installation, "f", place).json() == expected


def test_preprocessor_receives_request_of_route_without_its_key(installation: Installation) -> None:
    code = "def preprocessor(event):\n    return {'e': event}\n\n\ndef main(e):\n    return e\n"
    deploy_script(installation, "f/examples/routed", "python3", code)
    client = installation.client
    key = {"path": "f/examples/route_key", "value": {"api_key": "k", "header": "X-Shop-Key"}, "resource_type": "any"}
    assert client.post("/api/w/main/resources/create", json=key).status_code == 201
    trigger = {"path": "f/examples/routed", "script_path": "f/examples/routed", "is_flow": False}
    route = {"route_path": "shop/:id", "http_method": "post", "request_type": "sync", "is_static_website": False}
    access = {"authentication_method": "api_key", "authentication_resource_path": "f/examples/route_key"}
    created = client.post("/api/w/main/http_triggers/create", json=trigger | route | access)
    assert created.status_code == 201, created.text
    headers = {"X-Shop-Key": "k", "X-Shop": "7"}
    event = client.post("/api/r/shop/12", json={"n": 1}, params={"q": "x"}, headers=headers).json()
    assert event.get("error") is None, event
    assert "x-shop-key" not in event["headers"]
    assert event["headers"]["x-shop"] == "7"
    assert {name: event[name] for name in ("kind", "body", "route", "path", "method", "params", "query")} == {
        "kind": "http",
        "body": {"n": 1},
        "route": "shop/:id",
        "path": "shop/12",
        "method": "post",
        "params": {"id": "12"},
        "query": {"q": "x"},
    }
    stolen = {**headers, "X-Shop": "$var:f/examples/secret"}
    assert client.post("/api/r/shop/12", json={}, headers=stolen).json()["error"]["code"] == "invalid_input"
