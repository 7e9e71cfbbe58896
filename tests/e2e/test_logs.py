"""Logs: lines of the job, lines of the platform, and those of an entire workflow."""

from __future__ import annotations

from typing import Any

from tests.e2e.installation import Installation

W = "/api/w/main"


def run(installation: Installation, *modules: dict[str, Any]) -> str:
    """Run a workflow until it has succeeded or failed; return its id."""
    body = {"value": {"modules": list(modules)}, "args": {}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    return answer.headers["X-Run-Id"]


def node(id: str, content: str, **more: Any) -> dict[str, Any]:
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}}
    return {"id": id, "value": value, **more}


def log_of(installation: Installation, run_id: str) -> str:
    return installation.client.get(f"{W}/jobs_u/get_flow_all_logs/{run_id}").text


def test_log_states_why_job_was_killed(installation: Installation) -> None:
    content = "import time\ndef main():\n    print('begun', end='', flush=True)\n    time.sleep(60)\n"
    found = log_of(installation, run(installation, node("slow", content, timeout=1)))
    assert found == "slow | begun\nslow | [orvanta] killed: timed out after 1 s\n"


def test_log_names_further_attempt(installation: Installation) -> None:
    content = "def main():\n    print('tried')\n    raise ValueError('no')\n"
    retry = {"constant": {"attempts": 2, "seconds": 0}}
    id = run(installation, node("again", content, retry=retry))
    assert log_of(installation, id) == (
        "again | tried\n"
        "again | [orvanta] attempt 2; before it: 1 failed\n"
        "again | tried\n"
        "again | [orvanta] attempt 3; before it: 2 failed\n"
        "again | tried\n"
    )


def test_long_workflow_log_is_complete(installation: Installation) -> None:
    lines = 50_000
    content = f"def main():\n    for n in range({lines}):\n        print(n, 'x' * 40)\n"
    id = run(installation, node("a", content), node("b", content, needs=[]))
    text = log_of(installation, id)
    for name in ("a", "b"):
        own = [line for line in text.splitlines() if line.startswith(f"{name} | ")]
        assert own == [f"{name} | {n} {'x' * 40}" for n in range(lines)]
    assert text.count("\n") == 2 * lines
    file = installation.client.get(f"{W}/jobs_u/get_flow_all_logs/{id}", params={"download": "true"})
    assert file.headers["content-disposition"] == f'attachment; filename="{id}.log"'
    assert file.text == text
