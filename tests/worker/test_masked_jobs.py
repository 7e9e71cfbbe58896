"""Secrets in jobs: read by reference or by API, audited, and masked in everything that a job returns."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import pytest
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness
from tests.polling import POLL_S

from orvanta_platform.control.actor import Role
from orvanta_platform.db import openings, workers
from orvanta_platform.db.workers import NewWorker
from orvanta_platform.http.listener import listen
from orvanta_platform.http.server import run_until
from orvanta_platform.worker.lease import Lease
from orvanta_platform.worker.loop import Worker
from orvanta_platform.worker.runtimes.pool import Runtimes
from orvanta_platform.workflow.mask import MASK

SECRET = "s3cr3t/pa ss+wörd="
ECHO = "import hashlib\ndef main(x):\n    return hashlib.sha256(str(x).encode()).hexdigest()\n"
FETCH = """
import json, os, sys, time, urllib.request
def get(call):
    url = f"{os.environ['BASE_INTERNAL_URL']}/api/w/{os.environ['OV_WORKSPACE']}/{call}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['OV_TOKEN']}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)
"""


@dataclass(slots=True)
class House:
    """A platform with a server on loopback and a worker in this process."""

    api: ApiHarness

    async def secret(self, path: str = "f/team/pw", value: str = SECRET) -> None:
        body = {"path": path, "value": value, "is_secret": True, "description": ""}
        assert (await self.api.client.post(f"{W}/variables/create", json=body)).status_code == 201

    async def run(
        self, content: str, args: Any = None, *, client: httpx.AsyncClient | None = None, language: str = "python3"
    ) -> tuple[int, Any, str, str]:
        """Run a script until it ends; return the status of the response, the result, the log and the id of the run."""
        body = {"content": content, "language": language, "args": args or {}}
        answer = await (client or self.api.client).post(f"{W}/jobs/run_wait_result/preview", json=body)
        run = answer.headers["x-run-id"]
        log = (await self.api.client.get(f"{W}/jobs_u/get_logs/{run}")).text
        return answer.status_code, answer.json(), log, run

    async def stored(self, *tables: str) -> str:
        """Return all rows of the tables as text."""
        async with self.api.platform.db.acquire() as conn:
            return str([await conn.fetch(f"SELECT * FROM {table}") for table in tables])  # noqa: S608

    async def opened(self) -> list[tuple[str, str, str]]:
        """Return the audit events of opened secrets."""
        async with self.api.platform.db.acquire() as conn:
            rows = await conn.fetch(
                "SELECT actor, operation, resource FROM audit WHERE operation LIKE '%.open' ORDER BY id"
            )
        return [tuple(row) for row in rows]


@pytest.fixture
async def house(database: TestDatabase, tmp_path: Path) -> AsyncIterator[House]:
    listener = listen("127.0.0.1", 0)
    base = f"http://127.0.0.1:{listener.port}"
    async with api_harness(database, tmp_path / "home", host="127.0.0.1", port=listener.port, base_url=base) as api:
        stop = asyncio.Event()
        serving = asyncio.create_task(run_until(stop, api.platform, listener))
        async with working(api, tmp_path):
            yield House(api)
        stop.set()
        await serving


@asynccontextmanager
async def working(api: ApiHarness, tmp_path: Path) -> AsyncIterator[Worker]:
    row = NewWorker(uuid4(), "w", "here", "127.0.0.1", "default", None, 4, "0", "none")
    async with api.platform.db.acquire() as conn:
        await workers.register(conn, row)
    runtimes = Runtimes(tmp_path / "worker", [], "none")
    await runtimes.start()
    worker = Worker(api.platform, runtimes, Lease(row.id, 1, 3600))
    running = asyncio.create_task(worker.run())
    try:
        yield worker
        worker.drain()
        await running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await runtimes.close()


def digest(text: Any) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


async def test_references_in_arguments_are_resolved_and_not_stored(house: House) -> None:
    await house.secret()
    plain = {"path": "f/team/plain", "value": "shown", "is_secret": False, "description": ""}
    await house.api.client.post(f"{W}/variables/create", json=plain)
    database = {"host": "$var:f/team/plain", "password": SECRET, "tags": ["$var:f/team/pw"]}
    body = {"path": "f/team/db", "value": database, "resource_type": "postgresql"}
    assert (await house.api.client.post(f"{W}/resources/create", json=body)).status_code == 201
    status, result, _, run = await house.run(ECHO, {"x": "$var:f/team/pw"})
    assert (status, result) == (200, digest(SECRET))
    assert await house.api.get(f"jobs_u/get_args/{run}") == {"x": "$var:f/team/pw"}
    nested = {"a": [{"b": "$res:f/team/db"}], "c": "no $var:f/team/pw", "d": "$var:nothing", "$var:f/team/pw": 1}
    filled = {"host": "shown", "password": SECRET, "tags": [SECRET]}
    expected = {**nested, "a": [{"b": filled}]}
    assert (await house.run(ECHO, {"x": nested}))[:2] == (200, digest(expected))
    assert SECRET not in await house.stored("value", "event", "audit", "inbox", "log_chunk", "opening")
    assert await house.opened() == [
        ("admin", "variables.open", "f/team/pw"),
        ("admin", "resources.open", "f/team/db"),
        ("admin", "variables.open", "f/team/pw"),
    ]


async def test_workflow_references_are_resolved_at_job_start(house: House) -> None:
    await house.secret()
    code = {"type": "rawscript", "language": "python3", "content": ECHO}
    fixed = {**code, "input_transforms": {"x": {"type": "static", "value": {"deep": ["$var:f/team/pw"]}}}}
    given = {**code, "input_transforms": {"x": {"type": "javascript", "expr": "flow_input.key"}}}
    identity = {"type": "identity"}
    modules = [{"id": id, "value": value} for id, value in (("a", fixed), ("b", given), ("c", identity))]
    value = {"modules": modules, "output": {"type": "javascript", "expr": "[results.a, results.b]"}}
    body = {"value": value, "args": {"key": "$var:f/team/pw"}}
    answer = await house.api.client.post(f"{W}/jobs/run_wait_result/preview_flow", json=body)
    assert answer.json() == [digest({"deep": [SECRET]}), digest(SECRET)]
    assert await house.api.get(f"jobs_u/get_args/{answer.headers['x-run-id']}") == {"key": "$var:f/team/pw"}


async def test_unresolvable_reference_fails_job(house: House) -> None:
    await house.secret("f/secret/pw")
    status, result, _, _ = await house.run(ECHO, {"x": "$var:f/team/none"})
    assert (status, result["error"]["name"]) == (500, "not_found")
    bea = await house.api.member("bea", role=Role.DEVELOPER)
    status, result, _, _ = await house.run(ECHO, {"x": "$var:f/secret/pw"}, client=bea)
    assert (status, result["error"]["name"]) == (500, "not_found")
    assert await house.opened() == []


async def test_sql_names_its_database_and_opens_it_with_the_rights_of_the_run(house: House) -> None:
    await house.secret("f/secret/pw")
    database = {"host": "nowhere.invalid", "user": "u", "dbname": "d", "password": "$var:f/secret/pw"}
    body = {"path": "f/secret/db", "value": database, "resource_type": "postgresql"}
    assert (await house.api.client.post(f"{W}/resources/create", json=body)).status_code == 201
    content = "-- database f/secret/db\nselect 1"
    other = {"database": {"host": "elsewhere.invalid"}}
    _, result, _, _ = await house.run(content, other, language="postgresql")
    assert "nowhere.invalid cannot be resolved" in result["error"]["message"]
    assert await house.opened() == [("admin", "variables.open", "f/secret/pw")]
    bea = await house.api.member("bea", role=Role.DEVELOPER)
    _, result, _, _ = await house.run(content, client=bea, language="postgresql")
    assert result["error"]["name"] == "not_found"


@pytest.mark.parametrize("source", ["argument", "api"])
async def test_job_output_contains_no_secret(house: House, source: str) -> None:
    await house.secret()
    await house.secret("f/team/pin", "12345678")
    take = (
        "x, pin"
        if source == "argument"
        else "get('variables/get_value/f/team/pw'), get('variables/get_value/f/team/pin')"
    )
    content = f"""{FETCH}
import base64, urllib.parse
def main(x=None, pin=None):
    secret, pin = {take}
    encoded = base64.b64encode(b'u:' + secret.encode()).decode()
    for form in (secret, json.dumps(secret), encoded, urllib.parse.quote(secret)):
        print('log:', form)
    half = len(secret) // 2
    sys.stdout.write('split:' + secret[:half]); sys.stdout.flush(); time.sleep(0.3)
    sys.stdout.write(secret[half:] + '\\n'); sys.stdout.flush(); time.sleep(0.3)
    print(secret, file=sys.stderr)
    return {{"s": secret, "n": int(pin), "b": base64.b64encode(secret.encode()).decode(), secret: [f"x{{secret}}x"]}}
"""
    args = {"x": "$var:f/team/pw", "pin": "$var:f/team/pin"} if source == "argument" else {}
    status, result, log, _ = await house.run(content, args)
    assert status == 200, result
    assert result == {"s": MASK, "n": MASK, "b": result["b"], MASK: [f"x{MASK}x"]}
    encoded = base64.b64encode(SECRET.encode()).decode()
    everything = log + json.dumps(result, ensure_ascii=False) + await house.stored("value", "event", "opening", "audit")
    for form in (SECRET, json.dumps(SECRET)[1:-1], encoded[:-4], quote(SECRET), "12345678", SECRET[:10]):
        assert form not in everything, form
    assert log.count(MASK) == 6 and f"split:{MASK}\n" in log
    assert sorted(await house.opened()) == [("admin", "variables.open", f"f/team/{name}") for name in ("pin", "pw")]


async def test_error_and_stack_are_masked(house: House) -> None:
    await house.secret()
    content = f"""{FETCH}
class Odd(Exception): pass
def main(x):
    if x == 1:
        raise Odd(get('variables/get_value/f/team/pw'))
    secret = get('variables/get_value/f/team/pw')
    raise type(secret, (Exception,), {{}})(f'refused: {{secret}}')
"""
    for x in (1, 2):
        status, result, log, run = await house.run(content, {"x": x})
        assert status == 500
        shown = json.dumps([result, await house.api.get(f"jobs_u/get/{run}")], ensure_ascii=False) + log
        assert SECRET not in shown and MASK in result["error"]["message"]
        assert result["error"]["name"] == ("Odd" if x == 1 else MASK)
    assert SECRET not in await house.stored("value", "event", "job", "run", "log_chunk")


async def test_attributes_of_an_error_are_kept_and_masked(house: House) -> None:
    await house.secret()
    python = """
class Refused(Exception):
    pass
def main(x):
    error = Refused('no')
    error.code, error.body, error._own, error.made = 7, {'key': [x]}, 1, object()
    error.large = 'x' * 40_000
    raise error
"""
    typescript = """export function main(x: string) {
  throw Object.assign(new Error('no'), { code: 7, body: { key: [x] }, run: () => 1, large: 'x'.repeat(40_000) });
}"""
    for language, content in (("python3", python), ("bun", typescript)):
        status, result, _, _ = await house.run(content, {"x": "$var:f/team/pw"}, language=language)
        assert (status, result["error"]["extra"]) == (500, {"code": 7, "body": {"key": [MASK]}})
    status, result, _, _ = await house.run("def main():\n    raise ValueError('no')\n")
    assert "extra" not in result["error"]


async def test_secret_opened_during_log_is_masked(house: House) -> None:
    """A secret is printed right after it is opened: the worker queries secrets between reading and storing output."""
    for number in range(5):
        await house.secret(f"f/team/n{number}", f"number-{number}-of-them")
    content = f"""{FETCH}
def main():
    for number in range(5):
        print(get(f'variables/get_value/f/team/n{{number}}'), flush=True)
        time.sleep(0.15)
"""
    _, _, log, run = await house.run(content)
    assert log.splitlines() == [MASK] * 5
    async with house.api.platform.db.acquire() as conn:
        assert await openings.count(conn, UUID(run), 1) == 5


async def test_rotated_secret_is_masked_in_both_forms(house: House) -> None:
    await house.secret("f/team/pw", "before-rotation")
    content = f"""{FETCH}
def main(x):
    url = f"{{os.environ['BASE_INTERNAL_URL']}}/api/w/main/variables/update/f/team/pw"
    body = json.dumps({{"value": "after-rotation"}}).encode()
    headers = {{"Authorization": f"Bearer {{os.environ['OV_TOKEN']}}"}}
    urllib.request.urlopen(urllib.request.Request(url, body, headers)).read()
    return [x, get('variables/get_value/f/team/pw')]
"""
    assert (await house.run(content, {"x": "$var:f/team/pw"}))[1] == [MASK, MASK]


async def test_job_token_is_masked(house: House) -> None:
    content = """
import os, base64
def main():
    token = os.environ['OV_TOKEN']
    print(token, base64.b64encode(token.encode()).decode()[:-4])
    return {'token': token, 'same': os.environ['WM_TOKEN'] == token}
"""
    _, result, log, _ = await house.run(content)
    assert result == {"token": MASK, "same": True}
    assert "jt_" not in log and log.startswith(f"{MASK} ")


async def test_large_result_is_masked(house: House) -> None:
    await house.secret()
    content = "def main(x):\n    return {'rows': [[n, 'row'] for n in range(100_000)], 'last': x}\n"
    _, result, _, _ = await house.run(content, {"x": "$var:f/team/pw"})
    assert result["last"] == MASK and result["rows"] == [[n, "row"] for n in range(100_000)]


async def test_secrets_of_abandoned_job_are_discarded(database: TestDatabase, tmp_path: Path) -> None:
    async with api_harness(database, tmp_path / "home") as api, working(api, tmp_path) as worker:
        content = "import time\ndef main():\n    print('begun', flush=True)\n    time.sleep(3600)\n"
        run = await api.preview(content=content, language="python3")
        while "begun" not in (await api.client.get(f"{W}/jobs_u/get_logs/{run}")).text:
            await asyncio.sleep(POLL_S)
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE job_live SET generation = generation + 1")
        while worker._running:
            await asyncio.sleep(POLL_S)
        assert worker._executor._unrecorded == {}


async def test_job_without_secrets_is_not_masked(house: House) -> None:
    await house.secret()
    _, result, log, run = await house.run(f"def main():\n    print('{SECRET}')\n    return '{SECRET}'\n")
    assert (result, log) == (SECRET, f"{SECRET}\n")
    async with house.api.platform.db.acquire() as conn:
        assert await openings.count(conn, UUID(run), 1) == 0
