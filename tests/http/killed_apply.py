"""Program that applies change sets in child processes, which are ended by SIGKILL.

Reads lines `<number> <statement> <milliseconds>`, and prints a line at the end of each child. The child stores `number`
in all items of `items_of` and is killed before that statement, or that many milliseconds after it began to apply; -1:
neither. Modules are imported once, so that a kill costs a fork.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

from tests.http.interrupted_database import InterruptedDatabase

from orvanta_platform.control.actor import system
from orvanta_platform.errors import ChangesRefused
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.changes.change_sets import ChangeSet
from orvanta_platform.services.platform import create_platform, open_platform
from orvanta_platform.settings import Settings
from orvanta_platform.workflow.tree.item import Item
from orvanta_platform.workflow.tree.plan import Wanted

ACTOR = system("main")


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


async def apply(settings: Settings, number: int, statement: int, milliseconds: int) -> None:
    platform = await open_platform(settings, connections=4)
    if statement >= 0:
        database = InterruptedDatabase(platform.db, statement, kill)
        platform = await create_platform(database, settings)
    change = ChangeSet([Wanted(*each.key, None, each.content) for each in items_of(number)], force=True)
    made = await change_sets.plan(platform, ACTOR, "main", change)
    if milliseconds >= 0:
        threading.Timer(milliseconds / 1000, kill).start()
    try:
        await change_sets.apply(platform, ACTOR, "main", change, made.hash, None)
    except ChangesRefused as error:
        print(error.details, file=sys.stderr)
        raise


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    url, home = sys.argv[1:]
    settings = Settings(home=Path(home), database_url=url, database_direct_url=url)
    print("ready", flush=True)
    for line in sys.stdin:
        number, statement, milliseconds = map(int, line.split())
        child = os.fork()
        if child == 0:
            asyncio.run(apply(settings, number, statement, milliseconds))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print("killed" if os.WIFSIGNALED(status) else "applied" if status == 0 else "failed", flush=True)


if __name__ == "__main__":
    main()
