"""Logs as text on stdout."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing

import httpx

from orvanta_platform.cli.client import streams
from orvanta_platform.cli.client.api import TIMEOUT, Api, accepted, client_options, reaching
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.output import print_bytes, print_json, say, terminal_safe
from orvanta_platform.errors import BadRequest


def print_whole(session: Session, id: str, attempt: int | None, *, merged: bool) -> None:
    """Print the whole log; as JSON {id, logs} with --json. Raises the errors of API calls."""
    api = session.api
    address, query = (
        api.item("jobs_u/get_flow_all_logs" if merged else "jobs_u/get_logs", id),
        {"attempt": attempt} if attempt else {},
    )
    if session.as_json:
        print_json({"id": id, "logs": api.send("GET", address, query=query).text})
        return
    with reaching(api.connection.url), api.client.stream("GET", address, params=query) as answer:
        if not answer.is_success:
            answer.read()
            accepted(answer, api.connection)
        _print_stream(answer)


def follow(api: Api, id: str) -> None:
    """Print the log of one job as it grows, until the job has ended. Raises the errors of API calls."""
    if "flow_status" in api.get(api.item("jobs_u/get", id), no_logs=True, no_code=True):
        raise BadRequest(
            "The run of a workflow has no log of its own.", hint=f"Watch it with `orvanta job watch {id}`."
        )
    asyncio.run(_follow(api, id))


async def _follow(api: Api, id: str) -> None:
    address = api.item("jobs_u/getupdate_sse", id)
    async with httpx.AsyncClient(**client_options(api.connection), timeout=TIMEOUT) as client:
        waiting = ""
        async with aclosing(streams.follow(client, api.connection, address, say)) as updates:
            async for update in updates:
                if not sys.stdout.isatty():
                    print_bytes(update.new_logs.encode())
                    continue
                *lines, waiting = (waiting + update.new_logs).split("\n")
                for line in lines:
                    print(terminal_safe(line), flush=True)
        if waiting:
            print(terminal_safe(waiting))


def _print_stream(answer: httpx.Response) -> None:
    if not sys.stdout.isatty():
        for piece in answer.iter_bytes():
            print_bytes(piece)
        return
    waiting = ""
    for text in answer.iter_text():
        *lines, waiting = (waiting + text).split("\n")
        for line in lines:
            print(terminal_safe(line))
    if waiting:
        print(terminal_safe(waiting))
