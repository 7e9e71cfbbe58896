"""Program that applies change sets and requests to deploy, and performs checks after deployments, in child processes,
which are ended by SIGKILL.

Reads an `Attempt` as JSON from each line, and prints a line at the end of its child process. Modules are imported once,
so that a kill costs a fork.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec
from tests.http.interrupted_database import InterruptedDatabase

from orvanta_platform.control import limits
from orvanta_platform.control.actor import system
from orvanta_platform.control.identity import actor_of
from orvanta_platform.control.names import token_hash
from orvanta_platform.db import tokens
from orvanta_platform.errors import ChangesRefused
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.platform import Platform, create_platform, open_platform
from orvanta_platform.services.releases import deployment_checks, deployments
from orvanta_platform.settings import Settings
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.plan import Wanted

ACTOR = system("main")


class Attempt(msgspec.Struct, frozen=True):
    """Application of a change set or request in a process that is killed."""

    number: int
    """Number that the change set stores in all items of `items_of`."""
    statement: int = -1
    """The process is killed before this statement; -1: it is not."""
    milliseconds: int = -1
    """The process is killed this long after it began to apply; -1: it is not."""
    request: int | None = None
    """Request to deploy that is applied to the workspace prod; None: a change set is applied to the workspace main."""
    plan_hash: str = ""
    token: str = ""
    """Token of the member who applies the request."""
    checks: bool = False
    """The checks after a deployment are performed, with the rollback that follows; nothing is applied."""
    once: bool = False
    """Only those checks are performed that are due now."""


def items_of(number: int) -> list[Item]:
    """Return items of several kinds, each with the number, and one that only this change set adds."""
    text = f"summary: Number {number}\nvalue:\n  modules:\n    - id: a\n      value:\n        type: identity\n"
    tick = {"schedule": "0 0 6 * * *", "timezone": "UTC", "script_path": "f/many/flow", "is_flow": True}
    return [
        Item("folder", "many", {"summary": str(number)}),
        Item("flow", "f/many/flow", {"text": text}),
        Item("script", "f/many/code", {"content": f"echo {number}\n", "language": "bash", "settings": {}}),
        Item("schedule", "f/many/tick", {**tick, "summary": str(number), "enabled": True}),
        Item("variable", "f/many/shown", {"value": str(number), "is_secret": False}),
        Item("variable", "f/many/secret", {"value": str(number), "is_secret": True, "description": str(number)}),
        Item("variable", f"f/many/new_{number}", {"value": str(number), "is_secret": False}),
    ]


async def _make_due(platform: Platform) -> bool:
    """Let the checks become due that observe their smoke run later; return whether there are any."""
    async with platform.db.acquire() as conn:
        query = "UPDATE deployment_check SET due_at = app_now() WHERE due_at IS NOT NULL RETURNING true"
        return bool(await conn.fetchval(query))


async def apply(settings: Settings, attempt: Attempt) -> None:
    platform = await open_platform(settings, connections=4)
    if attempt.statement >= 0:
        database = InterruptedDatabase(platform.db, attempt.statement, kill)
        platform = await create_platform(database, settings)
    if attempt.checks:
        while await deployment_checks.run_due(platform) or (not attempt.once and await _make_due(platform)):
            pass
    elif attempt.request is None:
        await apply_items(platform, attempt)
    else:
        await deploy(platform, attempt, attempt.request)


async def apply_items(platform: Platform, attempt: Attempt) -> None:
    change = ChangeSet([Wanted(*each.key, None, each.content) for each in items_of(attempt.number)], force=True)
    made = await change_sets.plan(platform, ACTOR, "main", change)
    kill_after(attempt.milliseconds)
    try:
        await change_sets.apply(platform, ACTOR, "main", change, made.hash, None)
    except ChangesRefused as error:
        print(error.details, file=sys.stderr)
        raise


async def deploy(platform: Platform, attempt: Attempt, request: int) -> None:
    async with platform.db.acquire() as conn:
        bearer = await tokens.resolve(conn, token_hash(attempt.token), "prod", limits.MAX_SCOPES)
    assert bearer is not None
    kill_after(attempt.milliseconds)
    await deployments.apply(platform, actor_of(bearer, "prod"), "prod", request, attempt.plan_hash)


def kill_after(milliseconds: int) -> None:
    if milliseconds >= 0:
        threading.Timer(milliseconds / 1000, kill).start()


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    url, home = sys.argv[1:]
    settings = Settings(home=Path(home), database_url=url, database_direct_url=url)
    print("ready", flush=True)
    for line in sys.stdin:
        attempt = msgspec.json.decode(line, type=Attempt)
        child = os.fork()
        if child == 0:
            asyncio.run(apply(settings, attempt))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "applied" if status == 0 else "failed", flush=True)


if __name__ == "__main__":
    main()
