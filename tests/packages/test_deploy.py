"""Deployment of scripts and workflows with packages: the lock, and runs that use the packages."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.http.harness import ApiHarness, W
from tests.packages.indexes import Index, npm, wheel

from orvanta_platform.services.runs import locks as locking
from orvanta_platform.worker.loop import Worker

pytestmark = pytest.mark.extended

PATH = "f/team/greet"
CODE = "import greeting\ndef main(name: str = 'x'):\n    return greeting.HELLO"


def start(worker: Worker) -> asyncio.Task[None]:
    return asyncio.create_task(worker.run())


def publish(index: Index, version: str = "1.0") -> None:
    files = {"greeting.py": f"HELLO = 'hello {version}'\n"}
    index.publish("greeting", *wheel("greeting", version, files))


async def create(api: ApiHarness, *, status: int = 201, **changes: Any) -> str:
    body = {"path": PATH, "summary": "", "language": "python3", "content": CODE, **changes}
    answer = await api.client.post(f"{W}/scripts/create", json=body)
    assert answer.status_code == status, answer.text
    return answer.text


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """Call `look` until it returns a true value, and return that."""
    async with asyncio.timeout(60):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


async def locked(api: ApiHarness, what: str) -> dict[str, Any]:
    """Wait until the lock of a deployment succeeds or fails; return the status."""

    async def look() -> dict[str, Any] | None:
        status: dict[str, Any] = await api.get(what)
        return status if status["lock"] is not None or "lock_error_logs" in status else None

    status: dict[str, Any] = await until(look)
    return status


async def deployed(api: ApiHarness, digest: str) -> dict[str, Any]:
    """Wait for the lock of a script's version; return the status."""
    return await locked(api, f"scripts/deployment_status/h/{digest}")


async def finished(api: ApiHarness, run: str) -> Any:
    """Wait until a run ends; return its result."""

    async def look() -> Any:
        found = await api.get(f"jobs_u/completed/get_result_maybe/{run}")
        return found if found["completed"] else None

    return (await until(look))["result"]


async def result(api: ApiHarness, path: str, args: Any = None) -> Any:
    answer = await api.client.post(f"{W}/jobs/run_wait_result/{path}", json=args or {})
    return answer.json()


async def log_of(api: ApiHarness, job: str) -> str:
    answer = await api.client.get(f"{W}/jobs_u/get_logs/{job}")
    return answer.text


async def test_deploy_returns_immediately_and_locks(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    digest = await create(api)
    status = await api.get(f"scripts/deployment_status/h/{digest}")
    assert status["lock"] is None and "lock_error_logs" not in status
    found = await api.get(f"scripts/get/p/{PATH}")
    assert found["hash"] == digest and found["lock"] is None
    assert found["schema"]["properties"] == {"name": {"type": "string", "default": "x"}}
    running = start(working)
    done = await deployed(api, digest)
    assert "greeting==1.0" in done["lock"] and "--hash=sha256:" in done["lock"]
    job = await api.get(f"jobs_u/get/{done['job_id']}")
    assert job["job_kind"] == "dependencies" and job["script_path"] == PATH
    assert await result(api, f"p/{PATH}") == "hello 1.0"
    assert (await api.get(f"scripts/get/p/{PATH}"))["lock"] == done["lock"]
    assert await result(api, f"p/{PATH}", {"name": 3}) == "hello 1.0", "a schema that was made is not enforced"
    assert not running.done()


async def test_deployed_version_keeps_its_packages(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    start(working)
    first = await create(api)
    lock = (await deployed(api, first))["lock"]
    publish(index, "1.1")
    code = CODE.replace("greeting.HELLO", "[greeting.HELLO, __import__('os').environ['OV_FLOW_PATH']]")
    preview = {"language": "python3", "content": code, "flow_path": "f/team/flow"}
    url = f"{W}/jobs/run_wait_result/preview"
    assert (await api.client.post(url, json={**preview, "lock": lock})).json() == ["hello 1.0", "f/team/flow"]
    assert (await api.client.post(url, json=preview)).json() == ["hello 1.1", "f/team/flow"]
    assert await result(api, f"p/{PATH}") == "hello 1.0"
    second = await create(api, content=f"{CODE} + '!'", parent_hash=first)
    await deployed(api, second)
    assert await result(api, f"p/{PATH}") == "hello 1.1!"
    assert await by_hash(api, first) == "hello 1.0"


async def by_hash(api: ApiHarness, digest: str) -> Any:
    return await finished(api, (await api.client.post(f"{W}/jobs/run/h/{digest}", json={})).text)


async def test_previous_version_runs_until_new_one_is_locked(api: ApiHarness, working: Worker, index: Index) -> None:
    first = await create(api, content="def main():\n    return 'old'")
    assert (await api.get(f"scripts/deployment_status/h/{first}"))["lock"] == "", "it needs no packages"
    second = await create(api, parent_hash=first)
    assert (await api.get(f"scripts/get/p/{PATH}"))["hash"] == second
    run = await api.client.post(f"{W}/jobs/run/p/{PATH}", json={})
    assert (await api.get(f"jobs_u/get/{run.text}"))["script_hash"] == first
    publish(index)
    start(working)
    await deployed(api, second)
    assert await result(api, f"p/{PATH}") == "hello 1.0"


async def test_version_with_failed_lock_never_runs(api: ApiHarness, working: Worker, index: Index) -> None:
    start(working)
    first = await create(api, content="def main():\n    return 'old'")
    second = await create(api, parent_hash=first)
    status = await deployed(api, second)
    assert status["lock"] is None and "greeting" in status["lock_error_logs"]
    assert await result(api, f"p/{PATH}") == "old"
    assert "greeting" in (await api.get(f"scripts/get/p/{PATH}"))["lock_error_logs"]
    refused = await api.client.post(f"{W}/jobs/run/h/{second}", json={})
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "lock_failed"
    alone = await create(api, path="f/team/alone")
    await deployed(api, alone)
    refused = await api.client.post(f"{W}/jobs/run/p/f/team/alone", json={})
    assert refused.status_code == 409 and "greeting" in refused.json()["error"]["details"]["lock_error_logs"]
    publish(index)
    third = await create(api, parent_hash=second)
    await deployed(api, third)
    assert await result(api, f"p/{PATH}") == "hello 1.0"


async def test_first_version_runs_before_lock(api: ApiHarness, working: Worker, index: Index) -> None:
    """The first job creates the lock: here that of the run, which has the higher priority."""
    publish(index)
    digest = await create(api, priority=50)
    run = await api.client.post(f"{W}/jobs/run/p/{PATH}", json={})
    assert run.status_code == 201
    start(working)
    status = await deployed(api, digest)
    assert "greeting==1.0" in status["lock"]
    assert await finished(api, run.text) == "hello 1.0"
    logs = await log_of(api, run.text) + await log_of(api, status["job_id"])
    assert logs.count("locking greeting") == 1 and logs.count("installing packages") == 1


async def test_known_requirements_are_locked_immediately(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    running = start(working)
    first = await create(api)
    status = await deployed(api, first)
    working.drain()
    await running
    again = await create(api, path="f/team/other")
    assert (await api.get(f"scripts/deployment_status/h/{again}")) == {"lock": status["lock"]}
    assert await create(api, parent_hash=first, status=201) != first
    answer = await api.client.post(
        f"{W}/scripts/create?skip_if_noop=true",
        json={"path": "f/team/other", "summary": "", "language": "python3", "content": CODE},
    )
    assert answer.text == again


async def test_typescript_script(api: ApiHarness, working: Worker, index: Index) -> None:
    index.publish_npm("greeting", "1.2.0", npm("greeting", "1.2.0", "exports.hello = 'hello'"))
    start(working)
    content = (
        'import { hello } from "greeting@^1";\nexport async function main(name: string) { return `${hello} ${name}` }'
    )
    digest = await create(api, content=content, language="bun")
    assert '"greeting@1.2.0"' in (await deployed(api, digest))["lock"]
    assert await result(api, f"p/{PATH}", {"name": "you"}) == "hello you"
    assert (await api.get(f"scripts/get/p/{PATH}"))["schema"]["required"] == ["name"]


async def test_lock_of_caller_is_used_unchanged(api: ApiHarness, index: Index) -> None:
    digest = await create(api, lock="greeting==0.5")
    assert (await api.get(f"scripts/deployment_status/h/{digest}"))["lock"] == "greeting==0.5"


async def test_malformed_requirement_is_rejected(api: ApiHarness) -> None:
    answer = await create(api, status=400, content="# requirements:\n# -e /etc\n" + CODE)
    assert json.loads(answer)["error"]["code"] == "invalid_script"


async def test_failed_lock_run_fails_its_version(api: ApiHarness, index: Index) -> None:
    digest = await create(api)
    job = (await api.get(f"scripts/deployment_status/h/{digest}"))["job_id"]
    answer = await api.client.post(f"{W}/jobs_u/queue/cancel/{job}", json={})
    assert answer.status_code == 200
    status = await deployed(api, digest)
    assert status["lock"] is None and job in status["lock_error_logs"]


def rawscript(id: str, content: str = CODE, **more: Any) -> dict[str, Any]:
    value = {"type": "rawscript", "language": "python3", "content": content, "input_transforms": {}, **more}
    return {"id": id, "value": value}


async def test_workflow_locks_its_inline_scripts(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    body = {
        "path": "f/team/flow",
        "summary": "",
        "value": {"modules": [rawscript("a"), rawscript("b", "def main(): 0")]},
    }
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    assert (await api.get("flows/deployment_status/p/f/team/flow"))["lock"] is None
    start(working)
    status = await locked(api, "flows/deployment_status/p/f/team/flow")
    assert list(json.loads(status["lock"])) == ["a"]
    assert (await api.get("flows/get/f/team/flow"))["value"] == body["value"], "locks lie beside the document"
    value = {"modules": [rawscript("a")]}
    answer = await api.client.post(f"{W}/flows/update/f/team/flow", json={**body, "value": value})
    assert answer.status_code == 200
    assert (await api.get("flows/deployment_status/p/f/team/flow"))["lock"] is not None, "known already"
    publish(index, "1.1")
    assert await result(api, "f/f/team/flow") == "hello 1.0"


async def test_workflow_with_failing_locks(api: ApiHarness, working: Worker) -> None:
    start(working)
    body = {"path": "f/team/flow", "summary": "", "value": {"modules": [rawscript("a")]}}
    assert (await api.client.post(f"{W}/flows/create", json=body)).status_code == 201
    assert (await locked(api, "flows/deployment_status/p/f/team/flow"))["lock"] is None
    assert "greeting" in (await api.get("flows/get/f/team/flow"))["lock_error_logs"]
    refused = await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})
    assert refused.status_code == 409 and refused.json()["error"]["code"] == "lock_failed"


async def test_previews_lock_at_their_start(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    start(working)
    body = {"language": "python3", "content": CODE, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
    assert answer.json() == "hello 1.0"
    publish(index, "1.1")
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview", json=body)
    assert answer.json() == "hello 1.0", "the second waits for nothing"
    flow = {"value": {"modules": [rawscript("a"), rawscript("b", lock="greeting==1.1")]}, "args": {}}
    answer = await api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=flow)
    assert answer.json() == "hello 1.1"


async def test_locks_for_a_caller(api: ApiHarness, working: Worker, index: Index) -> None:
    publish(index)
    start(working)
    script = {"raw_code": CODE, "language": "python3", "path": PATH}
    answer = await api.client.post(
        f"{W}/jobs/run/dependencies_async", json={"raw_scripts": [script], "entrypoint": PATH}
    )
    assert answer.status_code == 201
    alone = await finished(api, answer.text)
    assert "greeting==1.0" in alone["lock"]
    value = {"modules": [rawscript("a"), rawscript("b", "def main(): 0")]}
    answer = await api.client.post(f"{W}/jobs/run/flow_dependencies_async", json={"flow_value": value})
    flow = (await finished(api, answer.text))["updated_flow_value"]
    assert [module["value"]["lock"] for module in flow["modules"]] == [alone["lock"], ""]


async def test_deploying_and_looking_runs_nothing(api: ApiHarness, home: Path) -> None:
    """S17: no worker is running, so only the server could execute the code."""
    mark = home / "ran"
    for language, content in (
        ("python3", f"open({str(mark)!r}, 'w')\ndef main(x: int = open({str(mark)!r}, 'w')): pass"),
        ("bash", f'touch {mark}\nx="${{1:-$(touch {mark})}}"'),
        ("python3", f"# requirements:\n# greeting\n__import__('os').system('touch {mark}')\ndef main(): pass"),
    ):
        path = f"f/team/p{abs(hash(content))}"
        await create(api, path=path, content=content, language=language)
        await api.get(f"scripts/get/p/{path}")
        await api.client.post(f"{W}/jobs/run/preview", json={"language": language, "content": content, "args": {}})
        flow = {"path": f"{path}f", "summary": "", "value": {"modules": [rawscript("a", content)]}}
        await api.client.post(f"{W}/flows/create", json=flow)
    assert not mark.exists()


async def test_settling_twice_changes_nothing(api: ApiHarness, index: Index) -> None:
    digest = await create(api)
    job = (await api.get(f"scripts/deployment_status/h/{digest}"))["job_id"]
    await locking.store_outcome(api.platform, UUID(job), lock="a==1")
    await locking.store_outcome(api.platform, UUID(job), lock=None, error="late")
    assert await api.get(f"scripts/deployment_status/h/{digest}") == {"lock": "a==1", "job_id": job}


UNUSABLE = {"python3": "{}", "bun": "{}\n//bun.lockb\n<empty>"}


async def test_lock_that_cannot_be_used_is_made_again(api: ApiHarness, working: Worker, index: Index) -> None:
    """A workflow's lock is replaced too, and a repeated deployment of the script changes nothing."""
    publish(index)
    start(working)
    digest = await create(api, lock=UNUSABLE["python3"])
    assert "greeting==1.0" in (await deployed(api, digest))["lock"]
    answer = await api.client.post(
        f"{W}/scripts/create?skip_if_noop=true",
        json={"path": PATH, "summary": "", "language": "python3", "content": CODE, "lock": UNUSABLE["python3"]},
    )
    assert (answer.status_code, answer.text) == (201, digest)
    assert await result(api, f"p/{PATH}") == "hello 1.0"
    value = {"type": "rawscript", "language": "python3", "content": f"{CODE}\n", "lock": UNUSABLE["python3"]}
    flow = {"modules": [{"id": "a", "value": {**value, "input_transforms": {}}}]}
    await api.client.post(f"{W}/flows/create", json={"path": "f/team/flow", "summary": "", "value": flow})
    assert (await locked(api, "flows/deployment_status/p/f/team/flow"))["lock"]
    assert await result(api, "f/f/team/flow") == "hello 1.0"
