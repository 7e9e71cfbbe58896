"""Long-lived responses end when the caller loses the right to read them.

The calls are determined from the router's table. The first test fails if a waiting or streaming call has no case.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from litestar.handlers import HTTPRouteHandler
from tests.conftest import TestDatabase
from tests.http.harness import ApiHarness, W, api_harness, client_of
from tests.http.jobs_running import job_client, started
from tests.http.live_answer_cases import (
    BASH,
    CASES,
    FLOW,
    READING,
    ROUTE,
    RUNNING,
    SECRET,
    WATCHING,
    Begin,
    J,
    admins_run,
    member,
)
from tests.http.reader import read

from orvanta_platform import clock
from orvanta_platform.control.actor import Role
from orvanta_platform.db import audit as audit_rows
from orvanta_platform.db import audit_chain as chain_rows
from orvanta_platform.http.app import api_handlers, create_router
from orvanta_platform.services.access import audit_chain, audit_trail


@pytest.fixture
async def api(database: TestDatabase, tmp_path: Path) -> AsyncIterator[ApiHarness]:
    async with api_harness(database, tmp_path) as made:
        await made.client.post(f"{W}/folders/create", json={"name": "team", "owners": []})
        await made.client.post(f"{W}/scripts/create", json={**BASH, "path": "f/team/talk"})
        flow = {"path": "f/team/flow", "summary": "", "value": FLOW}
        assert (await made.client.post(f"{W}/flows/create", json=flow)).status_code == 201
        assert (await made.client.post(f"{W}/http_triggers/create", json=ROUTE)).status_code == 201
        yield made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Advance the clock of this process."""
    passed = 0.0
    now = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: now() + passed)

    def move(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return move


OF_THEIR_OWN = {
    "rerun_many": "test_batch_rerun_stops_with_token",
    "cancel_many": "test_batch_cancel_stops_with_token",
    "upload_file": "test_upload_needs_write_right_at_end",
    "export_audit": "test_audit_export_ends_with_rights",
    "export_instance_audit": "test_audit_export_ends_with_rights",
    "verify_audit": "test_audit_verification_ends_with_rights",
    "verify_instance_audit": "test_audit_verification_ends_with_rights",
}
"""Calls that perform work over a longer time, with the test of each."""

WAYS = {
    "deleted": "DELETE FROM token WHERE email = 'bea@example.com'",
    "expired": "UPDATE token SET expires_at = app_now() WHERE email = 'bea@example.com'",
    "disabled": "UPDATE account SET disabled = true WHERE email = 'bea@example.com'",
    "expelled": "DELETE FROM member WHERE username = 'bea'",
    "folder": "UPDATE folder SET extra_perms = extra_perms - 'u/bea' WHERE name = 'team'",
    "archived": "UPDATE workspace SET archived_at = app_now() WHERE id = 'main'",
}


def names_used(module: ModuleType, function: str) -> set[str]:
    """Return the names and attributes used by a function, directly or through functions of the same module."""
    functions = _functions(module)
    found: set[str] = set()
    waiting = [function]
    while waiting:
        for node in ast.walk(functions[waiting.pop()]):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
            if name is not None and name not in found:
                found.add(name)
                waiting += [name] if name in functions else []
    return found


@cache
def _functions(module: ModuleType) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    body = ast.parse(inspect.getsource(module)).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def lasts(handler: HTTPRouteHandler) -> bool:
    """Return whether a call waits or streams: it passes a LiveActor to a service, or returns a stream."""
    function = handler.fn
    module = inspect.getmodule(function)
    assert module is not None
    used = names_used(module, function.__name__)
    streams = "Stream" in str(inspect.signature(function).return_annotation)
    return streams or bool(used & {"live_actor_of", "live_owner", "caller", "event_stream", "download"})


def test_every_long_lived_call_has_case() -> None:
    lasting = {handler.fn.__name__ for handler in api_handlers(create_router()) if lasts(handler)}
    assert lasting == {*CASES, *OF_THEIR_OWN}
    assert all(name in globals() for name in OF_THEIR_OWN.values())


async def lost(api: ApiHarness, later: Callable[[float], None], begin: Begin, way: str) -> None:
    """A caller who keeps the right receives the secret; one who loses it receives nothing more after a second."""
    kept = await begin(api, await member(api, "cy"))
    await kept.provoke()
    await kept.reader.until_ended()
    assert SECRET in kept.reader.text and kept.reader.complete, kept.reader.text[:500]

    ended = await begin(api, await member(api, "bea"))
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS[way])
    later(1.01)
    await ended.provoke()
    await ended.reader.until_ended()
    assert SECRET not in ended.reader.text, f"{way}: {ended.reader.status} …{ended.reader.text[-200:]}"


@pytest.mark.parametrize("call", CASES)
async def test_deleted_token_ends_response(api: ApiHarness, later: Callable[[float], None], call: str) -> None:
    await lost(api, later, CASES[call], "deleted")


@pytest.mark.parametrize("call", [*WATCHING, *READING])
async def test_lost_folder_access_ends_response(api: ApiHarness, later: Callable[[float], None], call: str) -> None:
    await lost(api, later, CASES[call], "folder")


@pytest.mark.parametrize("way", ["expired", "disabled", "expelled"])
@pytest.mark.parametrize("call", ["stream_updates", "stream_run", "wait_script", "call_route", "get_result"])
async def test_every_loss_of_right_ends_response(
    api: ApiHarness, later: Callable[[float], None], call: str, way: str
) -> None:
    await lost(api, later, CASES[call], way)


@pytest.mark.parametrize("call", WATCHING)
async def test_job_reads_nothing_after_its_attempt(api: ApiHarness, later: Callable[[float], None], call: str) -> None:
    own = await started(api)
    begun = await WATCHING[call](api, job_client(api, own))
    await api.worker.finish(own, None)
    later(1.01)
    await begun.provoke()
    await begun.reader.until_ended()
    assert SECRET not in begun.reader.text


async def test_cut_download_has_no_regular_end(api: ApiHarness, later: Callable[[float], None]) -> None:
    begun = await READING["get_logs"](api, await member(api, "bea"))
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS["folder"])
    later(1.01)
    await begun.reader.until_ended()
    assert begun.reader.text.startswith("xxx") and not begun.reader.complete


async def test_disabled_route_answers_no_waiting_caller(api: ApiHarness, later: Callable[[float], None]) -> None:
    begun = await RUNNING["call_route"](api, await member(api, "bea"))
    await api.client.post(f"{W}/http_triggers/setmode/f/team/hook", json={"mode": "disabled"})
    later(1.01)
    await begun.provoke()
    await begun.reader.until_ended()
    assert begun.reader.status == 404 and SECRET not in begun.reader.text


async def test_batch_rerun_stops_with_token(api: ApiHarness, later: Callable[[float], None]) -> None:
    bea = await member(api, "bea")
    runs = [(await admins_run(api))[0] for _ in range(5)]
    body = json.dumps({"job_ids": runs}).encode()
    reader = read(api.app, bea, f"{J}/run/batch_rerun_jobs", body, method="POST")
    await reader.until_begun()
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS["deleted"])
    later(1.01)
    await reader.until_ended()
    assert len(await api.get("jobs/list", created_by="bea")) == 1, reader.text


async def test_batch_cancel_stops_with_token(
    api: ApiHarness, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from orvanta_platform.services.runs import cancellation as service

    bea = await member(api, "bea")
    runs = [(await admins_run(api))[0] for _ in range(3)]
    cancel = service.cancel

    async def cancel_and_lose(*args: Any, **more: Any) -> Any:
        found = await cancel(*args, **more)
        async with api.platform.db.acquire() as conn:
            await conn.execute(WAYS["deleted"])
        later(1.01)
        return found

    monkeypatch.setattr(service, "cancel", cancel_and_lose)
    answer = await bea.post(f"{J}/queue/cancel_selection", json=runs)
    states = [(await api.get(f"jobs_u/get/{run}")).get("canceled") for run in runs]
    assert (answer.status_code, states) == (401, [True, False, False])


@pytest.mark.parametrize("path", [f"{W}/audit/export", "/api/audit/export"])
async def test_audit_export_ends_with_rights(
    api: ApiHarness, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    ada = await api.member("ada", Role.ADMIN)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE account SET super_admin = true WHERE username = 'ada'")
    batches, read = audit_rows.list_ascending, []

    async def read_and_lose(*args: Any, **more: Any) -> Any:
        read.append(await batches(*args, **more))
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE account SET super_admin = false WHERE username = 'ada'")
            await conn.execute("UPDATE member SET role = 'viewer' WHERE username = 'ada'")
        later(1.01)
        return read[-1]

    monkeypatch.setattr(audit_trail, "_BATCH", 1)
    monkeypatch.setattr(audit_rows, "list_ascending", read_and_lose)
    await asyncio.gather(ada.get(path), return_exceptions=True)
    assert [len(rows) for rows in read] == [1]


@pytest.mark.parametrize("path", [f"{W}/audit/verify", "/api/audit/verify"])
async def test_audit_verification_ends_with_rights(
    api: ApiHarness, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    ada = await api.member("ada", Role.ADMIN)
    async with api.platform.db.acquire() as conn:
        await conn.execute("UPDATE account SET super_admin = true WHERE username = 'ada'")
    await audit_chain.link_new(api.platform)
    links = chain_rows.list_links

    async def read_and_lose(*args: Any, **more: Any) -> Any:
        found = await links(*args, **more)
        async with api.platform.db.acquire() as conn:
            await conn.execute("UPDATE account SET super_admin = false WHERE username = 'ada'")
            await conn.execute("UPDATE member SET role = 'viewer' WHERE username = 'ada'")
        later(1.01)
        return found

    monkeypatch.setattr(audit_chain, "BATCH", 1)
    monkeypatch.setattr(chain_rows, "list_links", read_and_lose)
    assert (await ada.get(path)).status_code == 403


@pytest.mark.parametrize(("way", "status"), [("deleted", 401), ("folder", 404)])
async def test_upload_needs_write_right_at_end(
    api: ApiHarness, later: Callable[[float], None], way: str, status: int
) -> None:
    bea = await member(api, "bea")
    async with api.platform.db.acquire() as conn:
        await conn.execute("""UPDATE folder SET extra_perms = extra_perms || '{"u/bea": true}' WHERE name = 'team'""")
    url = f"{W}/job_helpers/upload_s3_file?file_key=f/team/late.txt"
    reader = read(api.app, bea, url, b"first ", b"second", method="POST")
    await reader.waits.wait()
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS[way])
    later(1.01)
    await reader.until_ended()
    assert reader.status in (status, 409), reader.text
    assert (await api.client.get(f"{W}/job_helpers/load_file_metadata?file_key=f/team/late.txt")).status_code == 404


@pytest.mark.parametrize("way", ["deleted", "folder", "archived"])
async def test_slow_body_starts_nothing_after_loss_of_right(
    api: ApiHarness, later: Callable[[float], None], way: str
) -> None:
    bea = await member(api, "bea")
    reader = read(api.app, bea, f"{J}/run/p/f/team/talk", b'{"a":', b" 1}", method="POST")
    await reader.waits.wait()
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS[way])
    later(1.01)
    await reader.until_ended()
    assert reader.status in (401, 409), reader.text
    assert await api.get("jobs/list") == []


async def test_readers_with_same_token_share_one_check(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    from orvanta_platform.control.live_actor import LiveActor
    from orvanta_platform.services.access.session import Caller, TokenResolver

    looks, now = 0, 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    resolver = TokenResolver(api.platform)
    derive = resolver.resolve

    async def counted(*args: Any, **more: Any) -> Any:
        nonlocal looks
        looks += 1
        return await derive(*args, **more)

    token, caller = api.client.headers["authorization"].removeprefix("Bearer "), Caller("main")
    actor = await resolver.resolve(token, caller, changes=False)
    assert actor is not None
    monkeypatch.setattr(resolver, "resolve", counted)
    readers = [
        LiveActor(actor, lambda age: resolver.resolve_recent(token, caller, age), derived_at=clock.monotonic())
        for _ in range(5000)
    ]
    await asyncio.gather(*(reader.current() for reader in readers))
    assert looks == 0
    now += 1.01
    found = await asyncio.gather(*(reader.current() for reader in readers))
    assert looks == 1 and {each.username for each in found} == {"admin"}


async def test_middleware_ends_response_with_token(api: ApiHarness, later: Callable[[float], None]) -> None:
    """The middleware also ends responses whose source does not check the caller."""
    from orvanta_platform.http.auth_middleware import AuthenticationMiddleware

    async def forgetful(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"first ", SECRET.encode()):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    bea = await member(api, "bea")
    reader = read(AuthenticationMiddleware(forgetful, api.platform), bea, "/api/users/whoami")
    await reader.until_begun()
    async with api.platform.db.acquire() as conn:
        await conn.execute(WAYS["deleted"])
    later(1.01)
    await reader.until_ended()
    assert reader.text == "first " and not reader.complete


async def test_logout_ends_session_in_every_tab(api: ApiHarness, later: Callable[[float], None]) -> None:
    """A logout in one tab ends the stream in another one."""
    from orvanta_platform.services.access import setup

    await setup.create_user(api.platform.db, "ada@example.org", "correct horse")
    async with api.platform.db.acquire() as conn:
        await conn.execute("INSERT INTO member VALUES ('main', 'ada', 'ada@example.org', 'admin')")
    body = {"email": "ada@example.org", "password": "correct horse"}
    token = (await api.client.post("/api/auth/login", json=body)).text
    tab = client_of(api.app, token)
    begun = await WATCHING["stream_updates"](api, tab)
    assert (await tab.post("/api/auth/logout")).status_code == 200
    later(1.01)
    await begun.provoke()
    await begun.reader.until_ended()
    assert SECRET not in begun.reader.text
