"""Measurements of the commands on a folder of 500 workflows: `status`, and a push of one change."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import pytest
from tests.cli.client import Cli

pytestmark = pytest.mark.soak(minutes=20)
FLOWS = 500
NODE = "    - id: n{0}\n      value:\n        type: rawscript\n        language: bash\n        content: echo {0}\n"
W = "/api/w/figures"


def test_status_and_push_of_500_workflows(cli: Cli, record_property: Callable[[str, object], None]) -> None:
    """`beyond_s`: duration of the push without that of its calls, sent again one after the other."""
    client = cli.installation.client
    created = client.post("/api/workspaces/create", json={"id": "figures", "name": "Figures"})
    assert created.status_code == 201, created.text
    cli.write("repo/f/many/folder.meta.yaml", "summary: Many\n")
    for n in range(FLOWS):
        nodes = "".join(NODE.format(at) for at in range(10))
        cli.write(f"repo/f/many/flow_{n}.flow/flow.yaml", f"summary: Workflow {n}\nvalue:\n  modules:\n{nodes}")
    cli("push", "repo", "--workspace", "figures", "--no-wait")
    figures: dict[str, float] = {}
    began, used = time.perf_counter(), processor_time()
    assert cli("status", "repo", "--workspace", "figures", "--json", "--exit-code").json["in_sync"]
    figures |= {"status_s": time.perf_counter() - began, "status_cpu_s": processor_time() - used}
    flow = cli.folder / "repo/f/many/flow_7.flow/flow.yaml"
    flow.write_text(flow.read_text().replace("echo 3", "echo changed"))
    began, used = time.perf_counter(), processor_time()
    done = cli("push", "repo", "--workspace", "figures", "--no-wait", "--json").json
    figures |= {"push_s": time.perf_counter() - began, "push_cpu_s": processor_time() - used}
    assert [each["path"] for each in done["pushed"] if each["state"] == "updated"] == ["f/many/flow_7"]
    began = time.perf_counter()
    hashes = {(each["kind"], each["path"]): each["hash"] for each in client.get(f"{W}/changes/items").json()}
    base, content = hashes["flow", "f/many/flow_7"], {"text": flow.read_text() + "# again\n"}
    body = {"items": [{"kind": "flow", "path": "f/many/flow_7", "base": base, "content": content}]}
    made = client.post(f"{W}/changes/plan", json=body).json()
    applied = client.post(f"{W}/changes/apply", json={**body, "plan_hash": made["plan_hash"]})
    assert applied.status_code == 200, applied.text
    figures["beyond_s"] = figures["push_s"] - (time.perf_counter() - began)
    for name, seconds in figures.items():
        record_property(name, round(seconds, 2))
    print(figures)


def processor_time() -> float:
    """Return the processor time of the commands that have ended, which other load on the machine affects less."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
