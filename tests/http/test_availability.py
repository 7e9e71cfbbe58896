"""Availability of the server's event loop during requests with schemas and bodies that are slow to process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import httpx
import pytest
from tests.conftest import Administrator, fresh
from tests.loop_blocking import MAX_HOLD_S, Held, held_server

W = "/api/w/main"
JSON = {"Content-Type": "application/json"}

TWICE = {
    "anyOf": [
        {"additionalProperties": {"$ref": "#"}, "required": ["z"]},
        {"additionalProperties": {"$ref": "#"}, "required": ["y"]},
    ]
}
THRICE = {"anyOf": [{"additionalProperties": {"$ref": "#"}, "required": [name]} for name in "xyz"]}
PATTERN = {"properties": {"a": {"pattern": "(a{1000}){10}"}}}


def nest(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.fixture(scope="module")
def server(administrators: dict[str, Administrator], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    with fresh(administrators) as database, held_server(database, tmp_path_factory.mktemp("held")) as made:
        yield made


def deploy(server: Held, path: str, schema: Any, *, again: bool = False) -> None:
    body = {"path": path, "summary": "", "content": "def main(**a):\n    return a\n", "language": "python3"}
    answer = server.client.post(f"{W}/scripts/create", json={**body, "schema": schema})
    assert answer.status_code == 201 or again, answer.text


@pytest.mark.parametrize(
    ("schema", "args"),
    [
        pytest.param(TWICE, nest(14), id="two alternatives"),
        pytest.param(THRICE, nest(10), id="three alternatives"),
        pytest.param(PATTERN, b'{"a":"%s!"}' % (b"a" * 400_000), id="pattern"),
    ],
)
def test_schema_does_not_block_server(server: Held, schema: Any, args: bytes, request: pytest.FixtureRequest) -> None:
    path = f"f/bombs/{request.node.callspec.id.replace(' ', '_')}"
    deploy(server, path, schema)
    server.longest_s()
    answer = server.client.post(f"{W}/jobs/run/p/{path}", content=args, headers=JSON)
    assert answer.status_code in (201, 400), answer.text
    assert server.longest_s() < MAX_HOLD_S


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PLAIN = {"Content-Type": "text/plain"}
MANY = {"Content-Type": "multipart/form-data; boundary=x"}
FLOW = b'{"value":{"modules":[{"id":"a","value":{"type":"identity"}}]},"args":%s}'
PREVIEW = b'{"language":"python3","content":"","args":%s}'
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n%s\r\n--x--\r\n'
MIB = 1 << 20


def numbers(size: int) -> bytes:
    return b'{"a":[%s1]}' % (b"1," * (size // 2))


@pytest.mark.parametrize(
    ("path", "headers", "make", "status"),
    [
        pytest.param("p/f/bombs/any", JSON, lambda: b'{"a":"%s"}' % (b"x" * (90 * MIB)), 201, id="text"),
        pytest.param("p/f/bombs/any", JSON, lambda: numbers(60 * MIB), 201, id="numbers"),
        pytest.param("p/f/bombs/any", JSON, lambda: b"[" * (90 * MIB), 413, id="brackets"),
        pytest.param("p/f/bombs/any", JSON, lambda: b'{"a":%s' % (b"[" * (90 * MIB)), 400, id="deep"),
        pytest.param("p/f/bombs/any", FORM, lambda: b"a=" + b"%41" * 349_000, 201, id="form"),
        pytest.param("p/f/bombs/any", FORM, lambda: b"a=" + b"%41" * (10 * MIB), 413, id="large form"),
        pytest.param("p/f/bombs/any", FORM, lambda: b"a=1&" * 260_000, 400, id="fields"),
        pytest.param("p/f/bombs/any", PLAIN, lambda: b'"' * (8 * MIB), 201, id="plain"),
        pytest.param("p/f/bombs/any", PLAIN, lambda: b'"' * (90 * MIB), 413, id="large plain"),
        pytest.param("p/f/bombs/any", MANY, lambda: FILE % (b"y" * (7 * MIB)), 201, id="file"),
        pytest.param("p/f/bombs/any", MANY, lambda: FILE % (b"y" * (90 * MIB)), 413, id="large file"),
        pytest.param("preview_flow", JSON, lambda: FLOW % numbers(16 * MIB), 201, id="flow"),
        pytest.param("preview_flow", JSON, lambda: FLOW % numbers(60 * MIB), 413, id="large flow"),
        pytest.param("preview", JSON, lambda: PREVIEW % numbers(16 * MIB), 201, id="preview"),
        pytest.param("preview", JSON, lambda: PREVIEW % numbers(60 * MIB), 413, id="large preview"),
    ],
)
def test_run_body_does_not_block_server(
    server: Held, path: str, headers: dict[str, str], make: Callable[[], bytes], status: int
) -> None:
    body = make()
    deploy(server, "f/bombs/any", None, again=True)
    server.longest_s()
    answer = server.client.post(f"{W}/jobs/run/{path}", content=body, headers=headers)
    held = server.longest_s()
    assert answer.status_code == status, answer.text
    assert held < MAX_HOLD_S


@pytest.mark.parametrize("path", ["scripts/create", "resources/create", "flows/create", "variables/create"])
def test_other_bodies_do_not_block_server(server: Held, path: str) -> None:
    server.longest_s()
    bodies = {400: (b'{"a":[%s1]}' % (b"{}," * (7 * MIB)), b"[" * (23 * MIB)), 413: (b"[" * (40 * MIB),)}
    for status, body in [(status, body) for status, some in bodies.items() for body in some]:
        answer = server.client.post(f"{W}/{path}", content=body, headers=JSON)
        assert answer.status_code == status, answer.text
    assert server.longest_s() < MAX_HOLD_S


@pytest.mark.parametrize(
    ("call", "status"),
    [
        pytest.param("jobs/flow/resume/{run}", 400, id="payload of an approval"),
        pytest.param("jobs/flow/user_states/{run}/k", 404, id="state of a run"),
    ],
)
def test_body_for_unknown_run_does_not_block_server(server: Held, call: str, status: int) -> None:
    """Regression test: the body was parsed in the event loop before its size and the permission were checked."""
    body = b'{"a":[%s{}]}' % (b"{}," * (7 * MIB))
    server.longest_s()
    path = call.format(run="0197a228-0000-7000-8000-000000000000")
    answer = server.client.post(f"{W}/{path}", content=body, headers=JSON)
    held = server.longest_s()
    assert answer.status_code == status, answer.text
    assert held < MAX_HOLD_S


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("workflow_tests/create/f/bombs/any", b'"name":"a","test"'),
        ("workspaces/edit_large_file_storage_config", b'"large_file_storage"'),
        ("scripts/raw_temp/diff", b'"scripts"'),
        ("folders/create", b'"name":"bombs2","extra_perms"'),
        (
            "http_triggers/create",
            b'"path":"f/bombs/a","script_path":"f/bombs/any","is_flow":false,"error_handler_args"',
        ),
    ],
)
def test_bodies_with_values_of_any_type_are_limited(server: Held, path: str, member: bytes) -> None:
    server.longest_s()
    keys = b",".join(b'"k%d":1' % number for number in range(1_500_000))
    answer = server.client.post(f"{W}/{path}", content=b"{%s:{%s}}" % (member, keys), headers=JSON)
    held = server.longest_s()
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large"), answer.text
    assert held < MAX_HOLD_S


def test_anonymous_body_is_limited(server: Held) -> None:
    trigger = {
        "path": "f/bombs/hook",
        "script_path": "f/bombs/any",
        "is_flow": False,
        "route_path": "bombs",
        "http_method": "post",
        "authentication_method": "none",
        "is_static_website": False,
        "request_type": "async",
    }
    deploy(server, "f/bombs/any", None, again=True)
    assert server.client.post(f"{W}/http_triggers/create", json=trigger).status_code == 201
    server.longest_s()
    with httpx.Client(base_url=server.client.base_url, timeout=60) as stranger:
        assert stranger.post("/api/r/bombs", content=numbers(2 * MIB - 100), headers=JSON).status_code == 201
        for body in (numbers(10 * MIB), iter([b"{", *[b" " * MIB] * 3])):
            answer = stranger.post("/api/r/bombs", content=body, headers=JSON)
            assert answer.status_code == 413, answer.text
            error = answer.json()["error"]
            assert error["code"] == "too_large" and "ORVANTA_ANONYMOUS_BODY" in error["hint"]
    assert server.longest_s() < MAX_HOLD_S


YAML = "value:\n  modules: [{id: a, value: {type: identity}}]\n%s:\n  a:\n%s"


def yaml(section: str) -> dict[str, str]:
    """Return a document that takes a second to parse."""
    return {"format": "yaml", "text": YAML % (section, "".join(f"  - k{n}: {n}\n" for n in range(4_000)))}


@pytest.mark.extended
def test_stored_workflow_does_not_block_server(server: Held) -> None:
    """The stored workflow is parsed for a conflict, a run, and a diff of two versions."""
    client, path = server.client, "f/bombs/yaml"
    body = {"path": path, "summary": "", "source": yaml("schema")}
    assert client.post(f"{W}/flows/create", json=body).status_code == 201
    first = client.get(f"{W}/flows/get/{path}").json()["version_id"]
    run = client.post(f"{W}/jobs/run/f/{path}", json={}).text
    small = {"path": path, "summary": "", "value": {"modules": []}}
    assert client.post(f"{W}/flows/update/{path}", json={**small, "source": yaml("schema")}).status_code == 200
    second = client.get(f"{W}/flows/get/{path}").json()["version_id"]
    held = {}
    server.longest_s()
    refused = client.post(f"{W}/flows/update/{path}", json={**small, "base_version": first})
    assert refused.status_code == 409 and "theirs" in refused.json()["error"]["details"], refused.text
    held["conflict"] = server.longest_s()
    assert "raw_flow" in client.get(f"{W}/jobs_u/get/{run}").json()
    held["run"] = server.longest_s()
    answer = client.get(f"{W}/versions/diff/flow/{path}", params={"before": first, "after": second})
    assert answer.status_code == 200, answer.text
    held["difference"] = server.longest_s()
    assert max(held.values()) < MAX_HOLD_S, held


def test_preview_of_large_workflow_does_not_block_server(server: Held) -> None:
    inputs = {f"v{n}": static("x") for n in range(10)}
    modules = [
        {"id": f"a{n}", "value": {"type": "identity", "input_transforms": inputs}, "needs": [f"a{n - 1}"] if n else []}
        for n in range(5_000)
    ]
    body = {"value": {"modules": modules}, "args": {}}
    server.longest_s()
    answer = server.client.post(f"{W}/jobs/run/preview_flow", params={"scheduled_in_secs": 9_000}, json=body)
    held = server.longest_s()
    assert answer.status_code == 201, answer.text
    assert held < MAX_HOLD_S


@pytest.mark.extended
def test_long_expressions_do_not_block_server(server: Held) -> None:
    """A deployment checks one expression that takes seconds to parse in Python, or hundreds that do so together."""
    exprs = ["flow_input.a||" * 70_000 + "f()", *(f"flow_input.a{n}||" * 200 + "f()" for n in range(300))]
    nodes = [{"id": f"c{n}", "value": {"type": "condition", "expr": each}} for n, each in enumerate(exprs)]
    server.longest_s()
    body = {"path": "f/bombs/expressions", "summary": "", "value": {"modules": nodes}}
    answer = server.client.post(f"{W}/flows/create", json=body)
    held = server.longest_s()
    assert answer.status_code == 201, answer.text[:1000]
    assert held < MAX_HOLD_S


@pytest.mark.extended
def test_large_workflows_leave_connections_to_others(server: Held) -> None:
    """More calls than there are connections read large uncached workflows; a small call need not wait for all of them.

    Otherwise, each of them would hold a connection until its workflow is compiled.
    """

    def start(number: int) -> str:
        inputs = {f"v{n}": static(f"x{number}") for n in range(10)}
        modules = [{"id": f"a{n}", "value": {"type": "identity", "input_transforms": inputs}} for n in range(2_000)]
        body = {"value": {"modules": modules}, "args": {}}
        answer = server.client.post(f"{W}/jobs/run/preview_flow", params={"scheduled_in_secs": 9_000}, json=body)
        assert answer.status_code == 201, answer.text
        return answer.text

    def read(run: str) -> tuple[int, float]:
        answer = server.client.get(f"/api/v1/runs/{run}/graph", headers={"X-Workspace": "main"}, timeout=300)
        return answer.status_code, time.monotonic()

    def ask() -> float:
        assert server.client.get(f"{W}/flows/list", timeout=300).status_code == 200
        return time.monotonic()

    runs = [start(number) for number in range(24)]
    with ThreadPoolExecutor(len(runs) + 1) as threads:
        reads = [threads.submit(read, run) for run in runs]
        assert next(as_completed(reads)).result()[0] in (200, 429)
        asked = ask()
        ends = [each.result() for each in reads]
    assert {status for status, _ in ends} == {200, 429}
    assert asked < max(at for status, at in ends if status == 200)


@pytest.mark.parametrize("path", ["/api/users/whoami", "/approve/main/a/1/b"])
@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param('token="' + "\\" * 60_000 + '"', id="backslashes"),
        pytest.param(";".join(["token=a"] * 8_000), id="repeated"),
    ],
)
def test_cookie_of_a_stranger_does_not_block_server(server: Held, cookie: str, path: str) -> None:
    server.longest_s()
    answer = httpx.get(str(server.client.base_url).rstrip("/") + path, headers={"Cookie": cookie}, timeout=60)
    held = server.longest_s()
    assert answer.status_code in (401, 404), answer.text
    assert held < MAX_HOLD_S


@pytest.mark.extended
@pytest.mark.parametrize("prefix", [pytest.param("b", id="other nodes"), pytest.param("a", id="changed nodes")])
def test_comparison_of_large_runs_does_not_block_server(server: Held, prefix: str) -> None:
    """Each node of the first run is missing in the second one, or differs there."""

    def start(prefix: str, result: str) -> str:
        modules = [
            {"id": f"{prefix}{n}", "value": {"type": "identity", "input_transforms": {"v": static(f"{result}{n}")}}}
            for n in range(1_500)
        ]
        body = {"value": {"modules": modules}, "args": {}}
        answer = server.client.post(f"{W}/jobs/run/preview_flow", params={"scheduled_in_secs": 9_000}, json=body)
        assert answer.status_code == 201, answer.text
        return answer.text

    first, second = start("a", "first"), start(prefix, "second")
    server.longest_s()
    answer = server.client.get(f"/api/v1/runs/{first}/compare/{second}", headers={"X-Workspace": "main"})
    held = server.longest_s()
    assert answer.status_code == 200, answer.text
    assert held < MAX_HOLD_S


def static(value: str) -> dict[str, str]:
    return {"type": "static", "value": value}


SECRET = {"type": "string", "format": "password"}
DOUBLING = {"anyOf": [{"properties": {"x": {"$ref": "#/$defs/n"}, "p": SECRET}}] * 2}
CIRCLE = {"allOf": [{"$ref": "#/$defs/n"}] * 2}
"""A recursive schema: each further reference multiplies the number of paths through the cycle."""


def secretive(inner: Any) -> Any:
    return {"properties": {"a": {"$ref": "#/$defs/n"}, "pw": SECRET}, "$defs": {"n": inner}}


def doubled(levels: int) -> bytes:
    return b'{"a":' + b'{"x":' * levels + b"{}" + b"}" * (levels + 1)


@pytest.mark.extended
@pytest.mark.parametrize(
    ("schema", "args", "status"),
    [
        pytest.param(secretive(DOUBLING), doubled(13), 201, id="alternatives"),
        pytest.param(
            secretive({"properties": {"x": {"$ref": "#/$defs/n"}, "p": SECRET}}), doubled(150), 400, id="deep"
        ),
        pytest.param({"properties": {"a": {"items": SECRET}}}, b'{"a":[%s""]}' % (b'"a",' * 30_000), 400, id="items"),
        pytest.param({"properties": {"pw": SECRET}}, b'{"pw":"x","b":"%s"}' % (b"x" * (90 * MIB)), 201, id="long"),
    ],
)
def test_password_hash_does_not_block_server(
    server: Held, schema: Any, args: bytes, status: int, request: pytest.FixtureRequest
) -> None:
    path = f"f/bombs/secret_{request.node.callspec.id}"
    deploy(server, path, schema)
    server.longest_s()
    answer = server.client.post(f"{W}/jobs/run/p/{path}", content=args, headers=JSON)
    held = server.longest_s()
    assert answer.status_code == status, answer.text
    assert status == 201 or answer.json()["error"]["code"] == "schema_too_complex"
    assert held < MAX_HOLD_S


def test_password_in_recursive_schema_does_not_block_server(server: Held) -> None:
    schema = secretive(CIRCLE | {"properties": {"p": SECRET}})
    server.longest_s()
    kind = {"name": "circle", "schema": schema}
    assert server.client.post(f"{W}/resources/type/create", json=kind).status_code == 201
    value = {"a": {"p": "hush"}, "pw": "hush"}
    made = {"path": "f/bombs/circle", "resource_type": "circle", "value": value}
    assert server.client.post(f"{W}/resources/create", json=made).status_code == 201
    shown = server.client.get(f"{W}/resources/get/f/bombs/circle").json()["value"]
    assert shown == {"a": {"p": "***"}, "pw": "***"}
    assert server.longest_s() < MAX_HOLD_S


ERRORS = "!}" * 32_000
QUOTES = "export function main(" + "\"'" * 500_000
NUMBERS = "def main(" + ",".join(f"a{n}:dict[str,list[int]]={{}}" for n in range(10_000)) + "):pass"


@pytest.mark.extended
@pytest.mark.parametrize(
    ("language", "content", "status"),
    [("bun", ERRORS, 400), ("deno", QUOTES, 400), ("python3", NUMBERS, 200)],
    ids=["errors", "quotes", "parameters"],
)
def test_script_does_not_block_server(server: Held, language: str, content: str, status: int) -> None:
    server.longest_s()
    answer = server.client.post(f"{W}/scripts/schema", json={"language": language, "content": content})
    assert answer.status_code == status, answer.text[:1000]
    assert status == 200 or answer.json()["error"]["code"] == "code_too_complex"
    assert server.longest_s() < MAX_HOLD_S


IMPORTING = {"summary": "", "language": "bun", "content": 'import "./x"\n' + ERRORS}


def of_nodes(*contents: str) -> dict[str, Any]:
    values = ({"type": "rawscript", "language": "bun", "content": each, "input_transforms": {}} for each in contents)
    return {"modules": [{"id": f"n{place}", "value": value} for place, value in enumerate(values)]}


@pytest.mark.extended
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "scripts/create",
            {"path": "f/bombs/code", "summary": "", "language": "bun", "content": "//import\n" + ERRORS},
        ),
        ("flows/create", {"path": "f/bombs/nodes", "summary": "", "value": of_nodes("", "//import\n" + ERRORS)}),
        ("jobs/run/dependencies_async", {"raw_scripts": [{"language": "bun", "raw_code": "//import\n" + ERRORS}]}),
        ("changes/plan", {"items": [{"kind": "script", "path": "f/bombs/set", "content": IMPORTING}]}),
    ],
    ids=["script", "flow", "lock", "change set"],
)
def test_script_deploy_does_not_block_server(server: Held, path: str, body: dict[str, Any]) -> None:
    server.longest_s()
    answer = server.client.post(f"{W}/{path}", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "code_too_complex")
    assert server.longest_s() < MAX_HOLD_S


@pytest.mark.extended
def test_document_of_many_values_does_not_block_server(server: Held) -> None:
    value = b'{"modules":[],"a":[%s{}]}' % (b'{"b":[]},' * 1_000_000)
    server.longest_s()
    body = b'{"path":"f/bombs/values","summary":"","value":%s}' % value
    answer = server.client.post(f"{W}/flows/create", content=body, headers=JSON)
    assert answer.status_code == 400 and "document_too_large" in answer.text, answer.text[:500]
    assert server.longest_s() < MAX_HOLD_S


def test_invalid_requirement_is_reported_with_node(server: Held) -> None:
    value = of_nodes("", 'import "x@/etc"')
    answer = server.client.post(f"{W}/flows/create", json={"path": "f/bombs/needs", "summary": "", "value": value})
    assert answer.json()["error"]["code"] == "invalid_script"
    assert answer.json()["error"]["message"].startswith("Node n1: ")
