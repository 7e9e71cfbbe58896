"""The stream of a run: contents, resumption after any message, permissions, many readers, slow readers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest
from tests.http.harness import ApiHarness, W, script

from orvanta_platform import clock
from orvanta_platform.control import live_actor, names
from orvanta_platform.control.actor import Role
from orvanta_platform.control.live_actor import LiveActor
from orvanta_platform.db import logs, tokens
from orvanta_platform.db.jobs import ClaimedJob
from orvanta_platform.db.logs import LogChunk
from orvanta_platform.services.access.session import Caller, TokenResolver
from orvanta_platform.services.logs import tail as log_tail
from orvanta_platform.services.platform import Platform, open_platform
from orvanta_platform.services.run_views import feed as run_feed
from orvanta_platform.services.run_views import stream as run_stream
from orvanta_platform.services.run_views.feed import Feed
from orvanta_platform.services.run_views.stream import Message

PATIENCE_S = 30.0
"""Timeout for a message, in seconds."""
HERE = {"X-Workspace": "main"}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_feed, "GAP_S", 0.0)


async def live(api: ApiHarness, client: httpx.AsyncClient) -> LiveActor:
    """Return the LiveActor of this client."""
    token = client.headers["authorization"].removeprefix("Bearer ")
    resolver, began = TokenResolver(api.platform), clock.monotonic()
    actor = await resolver.resolve(token, Caller("main"), changes=False)
    assert actor is not None
    return LiveActor(actor, lambda age_s: resolver.resolve_recent(token, Caller("main"), age_s), derived_at=began)


async def admin(api: ApiHarness) -> LiveActor:
    return await live(api, api.client)


async def follow(
    api: ApiHarness, run: str, cursor: str | None = None, platform: Platform | None = None
) -> AsyncIterator[Message]:
    """Yield the messages of a run as the admin, without keep-alives."""
    caller = await admin(api)
    found = await run_stream.follow(platform or api.platform, caller, "main", UUID(run), cursor=cursor)
    async with aclosing(found):
        while True:
            async with asyncio.timeout(PATIENCE_S):
                message = await anext(found, "end")
            if isinstance(message, str):
                return
            if message is not None:
                yield message


def text_of(messages: list[Message], job: UUID | None = None) -> str:
    return "".join(part.text for message in messages for part in message.parts if job in (None, part.job))


async def until(stream: AsyncIterator[Message], text: str) -> list[Message]:
    """Read messages until `text` has been logged."""
    found: list[Message] = []
    while text not in text_of(found):
        found.append(await anext(stream))
    return found


def events_of(body: str) -> list[tuple[str, str, Any]]:
    """Parse the events of a response: (event, id, data)."""
    found = []
    for block in body.strip().split("\n\n"):
        event, id, data = (line.partition(": ")[2] for line in block.split("\n"))
        found.append((event, id, msgspec.json.decode(data)))
    return found


async def test_ended_run_is_streamed_completely(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b"))
    for node in ("a", "b"):
        job = (await api.worker.claim())[node]
        await api.worker.print(job, f"hello from {node}\n")
        await api.worker.finish(job, 1)
    answer = await api.client.get(f"/api/v1/runs/{id}/stream", headers=HERE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    (_, _, status), (_, log_id, log), (_, _, known), (_, end_id, end) = events = events_of(answer.text)
    assert [event for event, _, _ in events] == ["status", "log", "status", "end"]
    assert (known["part"], known["rev"], known["nodes"]) == (status["rev"], status["rev"], {})
    assert (status["status"], status["nodes"]["b"]["status"], "part" in status) == ("succeeded", "succeeded", False)
    assert [(part["node"], part["offset"], part["text"]) for part in log["logs"]] == [
        ("a", 0, "hello from a\n"),
        ("b", 0, "hello from b\n"),
    ]
    written = [datetime.fromisoformat(part["at"]) for part in log["logs"]]
    assert datetime.fromisoformat(status["created_at"]) < written[0] < written[1]
    assert end == {"run_id": id, "status": "succeeded", "rev": status["rev"]}
    for params, headers in (({"cursor": log_id}, HERE), ({}, {**HERE, "Last-Event-ID": end_id})):
        again = await api.client.get(f"/api/v1/runs/{id}/stream", params=params, headers=headers)
        assert [event for event, _, _ in events_of(again.text)] == ["end"]
    for asked, printed in (
        ({"logs": "false"}, []),
        ({"node": "b"}, ["hello from b\n"]),
        ({"job": log["logs"][0]["job"]}, ["hello from a\n"]),
        ({"node": "a", "attempt": "2"}, []),
    ):
        part = events_of((await api.client.get(f"/api/v1/runs/{id}/stream", params=asked, headers=HERE)).text)
        assert [each["text"] for event, _, data in part if event == "log" for each in data["logs"]] == printed
        assert [part[0][0], part[-1][0]] == ["status", "end"]


async def test_stream_without_logs_has_status(api: ApiHarness) -> None:
    id = await api.flow(script("a"))
    caller = await admin(api)
    wanted = run_stream.LogFilter(none=True)
    found = await run_stream.follow(api.platform, caller, "main", UUID(id), cursor=None, logs=wanted)
    first = await anext(found)
    job = (await api.worker.claim())["a"]
    await api.worker.print(job, "one\n")
    await api.worker.finish(job, 1)
    async with asyncio.timeout(PATIENCE_S):
        rest = [message.kind async for message in found if message is not None]
    assert first is not None and first.kind == "status"
    assert {*rest} == {"status", "end"}


async def test_current_run_is_streamed_live(api: ApiHarness) -> None:
    id = await api.flow(script("a"), script("b"))
    stream = follow(api, id)
    first = await anext(stream)
    assert first.graph is not None and first.before is None
    # After the logs that precede the first message, although there are none.
    caught_up = await anext(stream)
    assert caught_up.kind == "status" and caught_up.graph is not None and caught_up.graph.rev == first.graph.rev
    job = (await api.worker.claim())["a"]
    await api.worker.print(job, "one\n")
    messages = await until(stream, "one")
    assert messages[-1].parts[0].attempt == 1
    await api.worker.finish(job, 1)
    while (message := await anext(stream)).kind != "status" or message.graph.nodes[0].status != "succeeded":  # type: ignore[union-attr]
        pass
    assert message.before is not None
    await api.client.post(f"{W}/jobs_u/queue/force_cancel/{id}")
    rest = [message async for message in stream]
    assert [rest[-2].kind, rest[-1].kind] == ["status", "end"]
    assert rest[-1].graph is not None and rest[-1].graph.status == "cancelled"
    assert api.platform.feeds == {}


async def test_stream_sends_only_changes(api: ApiHarness) -> None:
    from orvanta_platform.http.run_streams import _status

    id = await api.flow(script("a"), script("b"))
    stream = follow(api, id)
    first = (await anext(stream)).graph
    await api.worker.finish((await api.worker.claim())["a"], 1)
    while (message := await anext(stream)).graph is None or message.graph.nodes[1].status != "queued":
        pass
    assert first is not None
    part = msgspec.json.decode(_status(message.graph, first))
    assert (part["part"], part["rev"], [*part["nodes"]]) == (first.rev, message.graph.rev, ["a", "b"])
    assert part["taken"] == [["a", "b", "success"]]
    await api.worker.claim()
    second = await anext(stream)
    assert second.graph is not None and second.before is message.graph
    part = msgspec.json.decode(_status(second.graph, message.graph))
    assert ([*part["nodes"]], part["taken"]) == (["b"], [])


async def test_stream_resumes_from_any_message_on_another_server(api: ApiHarness) -> None:
    other = await open_platform(api.platform.settings)
    try:
        id = await api.flow(script("a", needs=[]), script("b", needs=[]))
        jobs = await api.worker.claim()
        stream = follow(api, id)
        messages = [await anext(stream)]
        for number in range(4):
            job = jobs["ab"[number % 2]]
            await api.worker.print(job, f"{number};")
            messages += await until(stream, f"{number};")
        for job in jobs.values():
            await api.worker.finish(job, 1)
        messages += [message async for message in stream]
        whole = text_of(messages)
        assert sorted(whole) == sorted("0;1;2;3;")
        for place, message in enumerate(messages):
            rest = [each async for each in follow(api, id, message.cursor, other)]
            assert text_of(messages[: place + 1]) + text_of(rest) == whole, place
            assert [each.kind for each in rest].count("end") == 1
            assert rest[-1].graph is not None and rest[-1].graph.rev == messages[-1].graph.rev  # type: ignore[union-attr]
    finally:
        await other.close()


@asynccontextmanager
async def open_piece(api: ApiHarness, job: ClaimedJob, text: str) -> AsyncIterator[None]:
    """Write a chunk of a log in a transaction that commits when the block ends."""
    chunk = LogChunk(job.id, job.attempt, 0, 0, len(text), zlib.compress(text.encode()))
    async with api.platform.db.transaction() as conn:
        await logs.append(conn, [chunk])
        yield


async def test_late_commits_reach_resumed_stream(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "_MIN_AGE_S", 0.0)
    id = await api.flow(script("a", needs=[]), script("b", needs=[]))
    jobs = await api.worker.claim()
    stream = follow(api, id)
    async with open_piece(api, jobs["a"], "late;"):
        await api.worker.print(jobs["b"], "early;")
        messages = await until(stream, "early;")
        assert "late;" not in text_of(messages)
    api.platform.notify.log(jobs["a"].id)
    messages += await until(stream, "late;")
    for job in jobs.values():
        await api.worker.finish(job, 1)
    messages += [message async for message in stream]
    assert text_of(messages) == "early;late;"
    for place, message in enumerate(messages):
        rest = [each async for each in follow(api, id, message.cursor)]
        whole = text_of(messages[: place + 1]) + text_of(rest)
        assert sorted(whole.split(";")) == ["", "early", "late"], place


async def test_cursor_length_is_bounded(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of further jobs are delayed until no earlier commit can precede the messages already sent."""
    monkeypatch.setattr(log_tail, "_MIN_AGE_S", 0.0)
    monkeypatch.setattr(log_tail, "MAX_NOTED", 2)
    monkeypatch.setattr(run_stream, "_HELD_S", 0.0)
    id = await api.flow(*(script(f"n{number}", needs=[]) for number in range(5)))
    jobs = await api.worker.claim()
    stream = follow(api, id)
    async with open_piece(api, jobs["n0"], "0;"):
        for number in range(1, 5):
            await api.worker.print(jobs[f"n{number}"], f"{number};")
        messages = await until(stream, "2;")
        assert text_of(messages) == "1;2;"
    for job in jobs.values():
        await api.worker.finish(job, 1)
    messages += [message async for message in stream]
    assert sorted(text_of(messages)) == sorted("0;1;2;3;4;")
    assert all(len(log_tail.decode(UUID(id), message.cursor)[0].noted) <= 3 for message in messages)


async def test_slow_reader_continues_from_database(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_feed, "_ROOM_BATCHES", 1)
    id = await api.flow(script("a"))
    job = (await api.worker.claim())["a"]
    slow, quick = follow(api, id), follow(api, id)
    await api.worker.print(job, "begin;")
    messages = await until(slow, "begin;")
    await until(quick, "begin;")
    # Once the reader has caught up, it waits for the feed and returns with the feed's next items.
    waiting = asyncio.ensure_future(until(slow, "more;"))
    await asyncio.sleep(0)
    await api.worker.print(job, "more;")
    messages += await waiting
    await until(quick, "more;")
    for number in range(5):
        await api.worker.print(job, f"{number};")
        await until(quick, f"{number};")
    (feed,) = api.platform.feeds.values()
    assert feed.first > 0 and len(feed.batches) == 1
    await api.worker.finish(job, 1)
    messages += [message async for message in slow]
    assert text_of(messages) == "begin;more;0;1;2;3;4;"


@pytest.mark.extended
async def test_readers_share_queries(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    looks, pages = 0, 0
    query, read_on = Feed.query, log_tail.read_on

    async def counted(feed: Feed) -> None:
        nonlocal looks
        looks += 1
        await query(feed)

    async def read(*args: Any, **more: Any) -> Any:
        nonlocal pages
        pages += 1
        return await read_on(*args, **more)

    id = await api.flow(script("a"))
    job = (await api.worker.claim())["a"]
    readers = [follow(api, id) for _ in range(300)]
    for reader in readers:
        await anext(reader)
    monkeypatch.setattr(Feed, "query", counted)
    monkeypatch.setattr(log_tail, "read_on", read)
    waiting = [asyncio.ensure_future(until(reader, "9;")) for reader in readers[1:]]
    for number in range(10):
        await api.worker.print(job, f"{number};")
        await until(readers[0], f"{number};")
    assert {text_of(messages) for messages in await asyncio.gather(*waiting)} == {"0;1;2;3;4;5;6;7;8;9;"}
    assert looks < 50 and pages < 2 * len(readers) + 50
    for reader in readers:
        await reader.aclose()  # type: ignore[attr-defined]
    assert api.platform.feeds == {}


async def test_revoked_token_ends_stream(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_actor, "MAX_AGE_S", 0.0)
    member = await api.member("ann", Role.ADMIN)
    token = member.headers["authorization"].removeprefix("Bearer ")
    id = await api.flow(script("a"))
    job = (await api.worker.claim())["a"]
    found = await run_stream.follow(api.platform, await live(api, member), "main", UUID(id), cursor=None)
    assert (await anext(found)) is not None
    async with api.platform.db.transaction() as conn:
        assert await tokens.delete_by_prefix(conn, "ann@example.com", names.token_prefix(token), sessions=False)
    await api.worker.print(job, "not for you\n")
    async with asyncio.timeout(PATIENCE_S):
        assert [message async for message in found if message is not None] == []


async def test_loss_of_access_ends_stream(api: ApiHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_actor, "MAX_AGE_S", 0.0)
    await api.client.post(f"{W}/folders/create", json={"name": "team", "owners": ["u/bea"]})
    flow = {"path": "f/team/flow", "summary": "", "value": {"modules": [script("a")]}}
    await api.client.post(f"{W}/flows/create", json=flow)
    bea = await api.member("bea", Role.DEVELOPER)
    id = (await api.client.post(f"{W}/jobs/run/f/f/team/flow", json={})).text
    job = (await api.worker.claim())["a"]
    found = await run_stream.follow(api.platform, await live(api, bea), "main", UUID(id), cursor=None)
    assert (await anext(found)) is not None
    await api.client.post(f"{W}/folders/update/team", json={"owners": ["u/admin"], "extra_perms": {}})
    await api.worker.print(job, "not for you\n")
    async with asyncio.timeout(PATIENCE_S):
        assert [message async for message in found if message is not None] == []


async def test_hidden_run_has_no_stream(api: ApiHarness) -> None:
    flow = {"path": "f/secret/flow", "summary": "", "value": {"modules": [script("a")]}}
    await api.client.post(f"{W}/folders/create", json={"name": "secret", "owners": []})
    await api.client.post(f"{W}/flows/create", json=flow)
    hidden = (await api.client.post(f"{W}/jobs/run/f/f/secret/flow", json={})).text
    await api.client.post(f"{W}/jobs_u/queue/force_cancel/{hidden}")
    readers = [
        (await api.member("bea", Role.DEVELOPER), 404),
        (await api.member("ann", Role.ADMIN, scopes=["jobs:read:f/sales/*"]), 404),
        (await api.member("eve", Role.ADMIN, scopes=["jobs:read:f/secret/*"]), 200),
    ]
    for client, expected in readers:
        assert (await client.get(f"/api/v1/runs/{hidden}/stream", headers=HERE)).status_code == expected


async def test_malformed_cursor_is_refused(api: ApiHarness) -> None:
    id = await api.preview()
    for cursor in ("x", "AAAA", "ä", "9" * 20_000):
        answer = await api.client.get(f"/api/v1/runs/{id}/stream", headers=HERE, params={"cursor": cursor})
        assert answer.status_code == 400, cursor
