"""Values too large for the database, stored in a real S3."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

from tests.e2e.installation import PATIENCE_S, Installation
from tests.storage.seaweed import Server

from orvanta_platform import clock

W = "/api/w/main"
MANY = 1 << 20


def node(id: str, content: str, **inputs: str) -> dict[str, Any]:
    transforms = {name: {"type": "javascript", "expr": text} for name, text in inputs.items()}
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": transforms}
    return {"id": id, "value": value}


def stored(installation: Installation, run: str) -> list[str]:
    async def keys() -> list[str]:
        pages = installation.objects.keys_before(clock.now() + timedelta(hours=1))
        return sorted([key.rsplit("/", 1)[1] async for page in pages for key in page if f"/{run}/" in key])

    return asyncio.run(keys())


def test_large_values_pass_through_object_storage(installation: Installation) -> None:
    """An input, the result of the first node and the input of the second: all are objects, none is stored in a row."""
    make = node("make", "def main(text):\n    return text + text\n", text="flow_input.text")
    take = node("take", "def main(text):\n    return [len(text), text[-1]]\n", text="results.make")
    body = {"value": {"modules": [make, take]}, "args": {"text": "é" * MANY + "!"}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert (answer.status_code, answer.json()) == (200, [2 * MANY + 2, "!"])
    run = answer.headers["X-Run-Id"]
    assert stored(installation, run) == ["args", "result"]
    made = installation.client.get(f"{W}/jobs/result_by_id/{run}/make")
    assert made.json() == ("é" * MANY + "!") * 2


def waits(installation: Installation, run: str) -> list[dict[str, Any]]:
    shown = installation.client.get(f"/api/v1/runs/{run}", headers={"X-Workspace": "main"}).json()
    assert shown["status"] in ("queued", "running"), shown
    return [*shown["waits"], *([shown["wait"]] if "wait" in shown else [])]


def test_result_rejected_by_storage_is_reported(installation: Installation, s3: Server) -> None:
    """Both a script and a node report the failed upload with its start time until the storage is available again."""
    content = f"def main():\n    return 'x' * {MANY}\n"
    answers = installation.client
    s3.pause()
    try:
        script = answers.post(f"{W}/jobs/run/preview", json={"content": content, "language": "python3", "args": {}})
        body = {"value": {"modules": [node("make", content)]}, "args": {}}
        runs = [script.text, answers.post(f"{W}/jobs/run/preview_flow", json=body).text]
        deadline = time.monotonic() + PATIENCE_S
        for run in runs:
            while not (found := [each for each in waits(installation, run) if each["code"] == "storage"]):
                assert time.monotonic() < deadline, "it does not say why it waits"
            assert "retrying the upload of its result since" in found[0]["reason"] and found[0]["since"]
    finally:
        s3.resume()
    for run in runs:
        result = answers.get(f"{W}/jobs_u/completed/get_result_maybe/{run}", params={"get_started": "true"})
        while not result.json()["completed"]:
            result = answers.get(f"{W}/jobs_u/completed/get_result_maybe/{run}")
            assert time.monotonic() < deadline, result.text
        assert result.json()["result"] == "x" * MANY
