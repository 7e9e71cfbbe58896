"""Dedicated scripts and nodes, whose process is reused by later runs."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.installation import Installation

# `process` is set when the script is loaded, `job` when it is called.
CODE = (
    "import os, uuid\nID = uuid.uuid4().hex\ndef main(n: int = 0):\n"
    "    print('run', n)\n    return {'process': ID, 'job': os.environ['OV_JOB_ID'], 'n': n}\n"
)


# Progress can be set with the token of the job itself only.
CALLING = {
    "python3": "import os, uuid, wmill\nID = uuid.uuid4().hex\nOWN = wmill.Windmill()\ndef main(n: int):\n"
    "    wmill.set_progress(10 + n)\n    OWN.set_progress(20 + n)\n"
    "    return {'process': ID, 'progress': wmill.get_progress(), 'own': OWN.token == os.environ['WM_TOKEN']}\n",
    "bun": "import * as wmill from 'windmill-client';\nconst ID = crypto.randomUUID();\n"
    "export async function main(n: number) {\n  await wmill.setProgress(20 + n);\n"
    "  const own = wmill.OpenAPI.TOKEN === process.env.WM_TOKEN;\n"
    "  return { process: ID, progress: await wmill.getProgress(), own };\n}\n",
}


def deploy_script(installation: Installation, path: str, **settings: Any) -> None:
    body = {"path": path, "content": CODE, "language": "python3", "summary": "", "description": "", **settings}
    answer = installation.client.post("/api/w/main/scripts/create", json=body)
    assert answer.status_code == 201, answer.text


def run_all(installation: Installation, call: str) -> list[dict[str, Any]]:
    """Return the results of three consecutive runs."""
    results = []
    for n in range(3):
        answer = installation.client.post(f"/api/w/main/jobs/run_wait_result/{call}", json={"n": n})
        assert answer.status_code == 200, answer.text
        results.append(answer.json())
    return results


def node(name: str, n: int, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "value": {"input_transforms": {"n": {"type": "static", "value": n}}, **value}}


def test_dedicated_script_reuses_process(installation: Installation) -> None:
    deploy_script(installation, "f/examples/kept", dedicated_worker=True)
    results = run_all(installation, "p/f/examples/kept")
    assert [result["n"] for result in results] == [0, 1, 2]
    assert len({result["process"] for result in results}) == 1
    assert len({result["job"] for result in results}) == 3
    logs = [installation.client.get(f"/api/w/main/jobs_u/get_logs/{result['job']}").text for result in results]
    assert logs == ["run 0\n", "run 1\n", "run 2\n"]


@pytest.mark.parametrize("language", CALLING)
def test_client_in_reused_process_has_token_of_each_job(installation: Installation, language: str) -> None:
    path = f"f/examples/calling_{language}"
    deploy_script(installation, path, content=CALLING[language], language=language, dedicated_worker=True)
    results = run_all(installation, f"p/{path}")
    assert len({result["process"] for result in results}) == 1
    assert [(result["progress"], result["own"]) for result in results] == [(20, True), (21, True), (22, True)]


def test_other_script_has_process_per_run(installation: Installation) -> None:
    deploy_script(installation, "f/examples/not_kept")
    results = run_all(installation, "p/f/examples/not_kept")
    assert len({result["process"] for result in results}) == 3


def test_dedicated_nodes(installation: Installation) -> None:
    """One node is dedicated, one calls a dedicated script, and one is neither."""
    deploy_script(installation, "f/examples/kept_in_flow", dedicated_worker=True)
    raw = {"type": "rawscript", "language": "python3", "content": CODE + "# in the workflow\n"}
    modules = [
        node("asks", 1, {**raw, "dedicated": True}),
        node("again", 2, {**raw, "dedicated": True}),
        node("script", 3, {"type": "script", "path": "f/examples/kept_in_flow"}),
        node("fresh", 4, raw),
    ]
    body = {"path": "f/examples/some_kept", "summary": "", "value": {"modules": modules}}
    answer = installation.client.post("/api/w/main/flows/create", json=body)
    assert answer.status_code == 201, answer.text
    seen: dict[str, list[str]] = {"asks": [], "again": [], "script": [], "fresh": []}
    for _ in range(2):
        for name, result in run_flow(installation, "f/examples/some_kept").items():
            seen[name].append(result["process"])
    assert len({*seen["asks"], *seen["again"]}) == 1
    assert len(set(seen["script"])) == 1
    assert len(set(seen["fresh"])) == 2


def test_dedicated_workflow_reuses_processes(installation: Installation) -> None:
    raw = {"type": "rawscript", "language": "python3", "content": CODE + "# of a dedicated workflow\n"}
    body = {
        "path": "f/examples/all_kept",
        "summary": "",
        "value": {"modules": [node("a", 1, raw), node("b", 2, raw)]},
        "dedicated_worker": True,
    }
    answer = installation.client.post("/api/w/main/flows/create", json=body)
    assert answer.status_code == 201, answer.text
    processes = [result["process"] for _ in range(2) for result in run_flow(installation, body["path"]).values()]
    assert len(processes) == 4
    assert len(set(processes)) == 1


def run_flow(installation: Installation, path: Any) -> dict[str, Any]:
    """Return the result of each node of one run."""
    client = installation.client
    answer = client.post(f"/api/w/main/jobs/run_wait_result/f/{path}", json={})
    assert answer.status_code == 200, answer.text
    run = client.get(f"/api/v1/runs/{answer.headers['X-Run-Id']}", headers={"X-Workspace": "main"}).json()
    return {
        each["id"]: client.get(f"/api/w/main/jobs_u/completed/get_result/{each['job']}").json() for each in run["nodes"]
    }


def code(content: str, **more: Any) -> dict[str, Any]:
    return {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}, **more}


def result_of(installation: Installation, *modules: dict[str, Any], **more: Any) -> Any:
    body = {"value": {"modules": list(modules), **more}, "args": {}}
    answer = installation.client.post("/api/w/main/jobs/run_wait_result/preview_flow", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_reused_process_receives_iteration_index(installation: Installation) -> None:
    index = "import os\ndef main():\n    return [os.environ['OV_ITERATION_INDEX'], os.environ['WM_ITERATION_INDEX']]\n"
    body = {
        "type": "forloopflow",
        "iterator": {"type": "static", "value": ["a", "b", "c"]},
        "skip_failures": False,
        "squash": True,
        "modules": [{"id": "x", "value": code(index)}],
    }
    assert result_of(installation, {"id": "l", "value": body}) == [["0", "0"], ["1", "1"], ["2", "2"]]


def test_dedicated_node_uses_shared_folder(installation: Installation) -> None:
    """The node gets a process of its own: a reused process would keep the run's folder open while it waits for jobs."""
    script = "import os\ndef main():\n    open('shared/' + os.environ['OV_JOB_ID'], 'w')\n"
    script += "    open('/tmp/planted', 'x')\n    return len(os.listdir('shared'))\n"
    nodes = [{"id": name, "value": code(script, dedicated=True)} for name in "ab"]
    assert result_of(installation, *nodes, same_worker=True) == 2
