"""Expressions on a complete installation: inputs of nodes in the worker, decisions where the run advances."""

from __future__ import annotations

from typing import Any

from tests.e2e.installation import Installation

CODE = """
def main(total: int, who: str, key: str):
    print('total', total, key)
    return {'total': total, 'who': who, 'key': key}
"""
FIRST = "def main():\n    return {'orders': [{'total': 40}, {'total': 75}]}\n"


def js(text: str) -> dict[str, str]:
    return {"type": "javascript", "expr": text}


def python(content: str, **inputs: Any) -> dict[str, Any]:
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": inputs}


def test_inputs_conditions_and_output(installation: Installation) -> None:
    client = installation.client
    secret = {"path": "f/examples/expression_key", "value": "s3cret-of-shop", "is_secret": True, "description": ""}
    assert client.post("/api/w/main/variables/create", json=secret).status_code == 201
    inputs = {
        "total": js("results.first.orders.map(order => order.total).reduce((a, b) => a + b)"),
        "who": js("flow_input.name.toUpperCase()"),
        "key": js("variable('f/examples/' + 'expression_key')"),
    }
    value = {
        "modules": [
            {"id": "first", "value": python(FIRST)},
            {
                "id": "large",
                "value": {"type": "condition", "expr": "const {orders} = results.first; return orders.length > 1"},
            },
            {"id": "last", "value": python(CODE, **inputs), "needs": [{"node": "large", "on": "true"}]},
        ],
        "output": js("{...results.last, at: typeof new Date().getTime()}"),
    }
    answer = client.post(
        "/api/w/main/flows/create", json={"path": "f/examples/expressions", "summary": "", "value": value}
    )
    assert answer.status_code == 201, answer.text
    done = client.post("/api/w/main/jobs/run_wait_result/f/f/examples/expressions", json={"name": "ada"})
    assert (done.status_code, done.json()) == (200, {"total": 115, "who": "ADA", "key": "***", "at": "number"}), (
        done.text
    )
    run = client.get(f"/api/v1/runs/{done.headers['X-Run-Id']}", headers={"X-Workspace": "main"}).json()
    job = next(node["job"] for node in run["nodes"] if node["id"] == "last")
    assert client.get(f"/api/w/main/jobs_u/get_logs/{job}").text == "total 115 ***\n"


def test_invalid_expression_is_rejected(installation: Installation) -> None:
    value = {"modules": [{"id": "a", "value": {"type": "condition", "expr": "1 +"}}]}
    body = {"path": "f/examples/unreadable", "summary": "", "value": value}
    answer = installation.client.post("/api/w/main/flows/create", json=body)
    assert (answer.status_code, "expression_syntax" in answer.text) == (400, True), answer.text
