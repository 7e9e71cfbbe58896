"""Bad input: each is rejected with one clear error, nothing is lost, and the worker continues."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e.installation import Installation

pytestmark = pytest.mark.extended

W = "/api/w/main"


@dataclass(frozen=True, slots=True)
class Refused:
    """A rejected call: `code` of the error, `inside`: code of a diagnostic, if there is one."""

    name: str
    call: str
    body: bytes | dict[str, Any]
    code: str
    inside: str | None = None
    status: int = 400


def deploy(value: Any) -> bytes:
    return json.dumps({"path": "f/examples/refused", "summary": "", "value": value}).encode()


def deploy_text(text: str) -> bytes:
    return b'{"path":"f/examples/refused","summary":"","value":' + text.encode() + b"}"


def deploy_yaml(text: str) -> bytes:
    source = {"format": "yaml", "text": text}
    return json.dumps({"path": "f/examples/refused", "summary": "", "source": source}).encode()


def identity(node: str, *needs: str) -> dict[str, Any]:
    return {"id": node, "value": {"type": "identity"}, "needs": list(needs)}


def nested(levels: int) -> str:
    return '{"modules":[],"deep":' + "[" * levels + "]" * levels + "}"


CREATE = f"{W}/flows/create"
RUN = f"{W}/jobs/run/f/f/examples/order_receipt"

REFUSED = [
    Refused("broken JSON", CREATE, b'{"path": "f/examples/x", ', "bad_request"),
    Refused("broken YAML", CREATE, deploy_yaml("value: {modules: ["), "invalid_workflow", "invalid_yaml"),
    Refused("YAML tag", CREATE, deploy_yaml("value: !!python/object:os.system {}"), "invalid_workflow", "invalid_yaml"),
    Refused(
        "cyclic graph",
        CREATE,
        deploy({"modules": [identity("a", "b"), identity("b", "a")]}),
        "invalid_workflow",
        "cyclic_graph",
    ),
    Refused("unknown id", CREATE, deploy({"modules": [identity("a", "ghost")]}), "invalid_workflow", "unknown_node"),
    Refused("modules are no list", CREATE, deploy({"modules": {}}), "invalid_workflow", "wrong_type"),
    Refused(
        "10 MB", CREATE, deploy({"modules": [], "big": "x" * (10 << 20)}), "invalid_workflow", "document_too_large"
    ),
    Refused("10,000 levels", CREATE, deploy_text(nested(10_000)), "bad_request"),
    Refused("201 levels", CREATE, deploy_text(nested(201)), "invalid_workflow", "document_too_deep"),
    Refused("NUL", CREATE, deploy({"modules": [], "nul": "a\0b"}), "invalid_workflow", "nul_character"),
    Refused("huge number", CREATE, deploy_text('{"modules":[],"n":1e999}'), "invalid_workflow", "number_not_exact"),
    Refused(
        "400 digits",
        CREATE,
        deploy_text('{"modules":[],"n":' + "9" * 400 + "}"),
        "invalid_workflow",
        "number_not_exact",
    ),
    Refused("not UTF-8", CREATE, b'{"path": "f/examples/x\xff"}', "bad_request"),
    Refused("input misses a field", RUN, {"order_id": "A-1"}, "invalid_input"),
    Refused("input of a wrong type", RUN, {"order_id": 1, "customer": {}, "lines": []}, "invalid_input"),
    Refused("input is no object", RUN, b"[1]", "invalid_input"),
    Refused("input is no JSON", RUN, b"{", "invalid_input"),
    Refused("input of 10,000 levels", RUN, b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "invalid_input"),
    Refused("unknown workflow", f"{W}/jobs/run/f/f/examples/nowhere", {}, "not_found", None, 404),
    Refused("unknown run", f"{W}/jobs_u/queue/cancel/01a20fdb-79bc-7776-b5b0-9c61de6bc108", {}, "not_found", None, 404),
    Refused("no id", f"{W}/jobs_u/queue/cancel/none", {}, "not_found", None, 404),
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_invalid_call_gets_one_error(installation: Installation, case: Refused) -> None:
    before = runs(installation)
    content = case.body if isinstance(case.body, bytes) else json.dumps(case.body).encode()
    answer = installation.client.post(case.call, content=content, headers={"Content-Type": "application/json"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (case.status, case.code), answer.text[:500]
    assert 0 < len(error["message"]) < 500
    if case.inside is not None:
        assert case.inside in {found["code"] for found in error["details"]}, error["details"]
    if case.code == "invalid_input" and case.name.startswith("input misses"):
        assert "path" in error["details"]
    assert runs(installation) == before


def runs(installation: Installation) -> int:
    counted = [installation.client.get(f"{W}/jobs/{where}/count").json() for where in ("queue", "completed")]
    return sum(count["database_length"] for count in counted)


@dataclass(frozen=True, slots=True)
class Script:
    """A script with a fault: the name of its error, or None if it succeeds with `result`."""

    name: str
    content: str
    error: str | None
    says: str = ""
    language: str = "python3"
    node: dict[str, Any] = field(default_factory=dict)
    result: Any = None


def python(*lines: str) -> str:
    return "\n".join(["def main():", *(f"    {line}" for line in lines)])


SCRIPTS = [
    Script("function", python("return [main]"), "ResultNotJson", "function"),
    Script("cycle", python("a = []", "a.append(a)", "return a"), "ResultNotJson", "itself"),
    Script("no main", "x = 1", "MissingMain", "main"),
    Script("syntax error", "def main(:\n    pass", "SyntaxError", "line 1"),
    Script("infinite loop", python("while True: pass"), "Timeout", "1 s", node={"timeout": 1}),
    Script("fork bomb", python("import os", "while True: os.fork()"), "ProcessLimit", "64"),
    Script("bash fork bomb", ":(){ :|:& };:\nwait\nsleep 60", "ProcessLimit", "64", "bash"),
    Script("1 GB", python("return len(bytearray(1 << 30))"), "OutOfMemory", "256 MiB"),
    Script("huge integer", python("return 10 ** 400"), None, result=10**400),
    Script("NUL in the result", python("return 'a\\0b'"), None, result="a\0b"),
    Script(
        "100 MB on one line",
        python("import sys", "for _ in range(100): sys.stdout.write('x' * 1_000_000)", "print()", "return 1"),
        None,
        result=1,
    ),
    Script(
        "output that is not UTF-8",
        python("import sys", r"sys.stdout.buffer.write(b'\xff\xfe caf\xc3\xa9\n')", "return 2"),
        None,
        "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} café",
        result=2,
    ),
    Script("exit code", "echo before >&2\nexit 7", "ExitCode", "7", "bash"),
    Script("result.json that is no JSON", "echo '{' > result.json", "ResultNotJson", "not JSON", "bash"),
]


@pytest.mark.parametrize("case", SCRIPTS, ids=lambda case: case.name)
def test_failing_script_affects_no_other_run(installation: Installation, case: Script) -> None:
    value = {"type": "rawscript", "language": case.language, "content": case.content, "input_transforms": {}}
    body = {"value": {"modules": [{"id": "bad", "value": value, **case.node}]}, "args": {}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    if case.error is None:
        assert answer.status_code == 200, answer.text[:500]
        assert json.loads(answer.content) == case.result
        if case.says:
            assert case.says in installation.client.get(f"{W}/jobs_u/get_logs/{answer.headers['X-Run-Id']}").text
    else:
        assert answer.status_code == 500, answer.text[:500]
        error = answer.json()["error"]
        assert error["name"] == case.error, error
        assert case.says in error["message"], error
        assert error["step_id"] == "bad"
    assert_works(installation)


def assert_works(installation: Installation) -> None:
    body = {"content": "def main(n):\n    return n + 1", "language": "python3", "args": {"n": 41}}
    assert installation.client.post(f"{W}/jobs/run_wait_result/preview", json=body).json() == 42


def live(installation: Installation) -> set[str]:
    """Return the ids of the jobs and runs that have not ended."""
    return {each["id"] for each in installation.client.get(f"{W}/jobs/queue/list", params={"per_page": 1000}).json()}


@pytest.fixture(scope="module", autouse=True)
def live_before(installation: Installation) -> set[str]:
    """Return what tests of other modules have left, such as runs that wait for an approval."""
    return live(installation)


def test_no_run_is_lost(installation: Installation, live_before: set[str]) -> None:
    assert live(installation) <= live_before
    done = installation.doctor("--consistency")
    assert done.returncode == 0, done.stdout + done.stderr
