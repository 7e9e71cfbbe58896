"""Values too large for the database, in a real S3."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from tests.e2e.conftest import Installation

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
    """An input, what a step made of it and what the next one got of that: each is an object, none a row."""
    make = node("make", "def main(text):\n    return text + text\n", text="flow_input.text")
    take = node("take", "def main(text):\n    return [len(text), text[-1]]\n", text="results.make")
    body = {"value": {"modules": [make, take]}, "args": {"text": "é" * MANY + "!"}}
    answer = installation.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert (answer.status_code, answer.json()) == (200, [2 * MANY + 2, "!"])
    run = answer.headers["X-Run-Id"]
    assert stored(installation, run) == ["args", "result"]
    made = installation.client.get(f"{W}/jobs/result_by_id/{run}/make")
    assert made.json() == ("é" * MANY + "!") * 2
