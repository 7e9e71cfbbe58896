"""`orvanta workers`: workers of the installation, and the queues that they serve."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="List and drain workers.", cls=CommandGroup, rich_markup_mode=None)

Worker = Annotated[str, typer.Argument(help="Name or id of a worker, or the name of a worker group.", metavar="WORKER")]


@app.callback()
def workers() -> None:
    """List and drain workers."""


@command(app, "orvanta workers list")
def _list(session: Session) -> None:
    """List live workers with their group, used slots, state and queues."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = _live(session)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            *(each["worker"], each["worker_group"], f"{each['running']}/{each['slots']}"),
            *("drained" if each["drained"] else each["state"], ", ".join(each.get("custom_tags", ["all queues"]))),
        ]
        for each in found
    ]
    print_table(["WORKER", "GROUP", "SLOTS", "STATE", "QUEUES"], rows)


@command(app, "orvanta workers queues")
def queues(session: Session) -> None:
    """List the queues that have jobs: waiting and running jobs, seconds since the oldest waits, and their workers."""
    from orvanta_platform.cli.client.output import print_json, print_table
    from orvanta_platform.control.limits import visible_line

    found = session.api.get("/api/workers/queues")
    if session.as_json:
        print_json(found)
        return
    figures = ("waiting", "oldest_s", "running", "workers")
    # Members name queues by the tags of nodes, which may contain line breaks.
    rows = [[visible_line(each["queue"]), *(str(round(each[name] or 0)) for name in figures)] for each in found]
    print_table(["QUEUE", "WAITING", "OLDEST", "RUNNING", "WORKERS"], rows)


@command(app, "orvanta workers drain default", "orvanta workers drain default-host1-4711")
def drain(session: Session, worker: Worker) -> None:
    """Let a worker, or all workers of a group, claim no further jobs. Running jobs continue. Superadmins only."""
    _set_drained(session, worker, drained=True)


@command(app, "orvanta workers resume default")
def resume(session: Session, worker: Worker) -> None:
    """Let a drained worker, or all workers of a group, claim jobs again. Superadmins only."""
    _set_drained(session, worker, drained=False)


def _set_drained(session: Session, named: str, *, drained: bool) -> None:
    from orvanta_platform.cli.client.output import print_json

    chosen = [each for each in _live(session) if named in (each["id"], each["worker"], each["worker_group"])]
    if not chosen:
        raise NotFound(f"There is no live worker or group {named}.", hint="List them with `orvanta workers list`.")
    states = [
        {
            "subject": each["worker"],
            "state": session.api.post(f"/api/workers/drain/{each['id']}", {"drained": drained}),
        }
        for each in chosen
    ]
    if session.as_json:
        print_json(states)
        return
    for state in states:
        print(f"{state['subject']}: {state['state']}")


def _live(session: Session) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = session.api.get("/api/workers/list", per_page=1000)
    return found
