"""`orvanta job pause-before` and `continue`: breakpoints of a run."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.options import run_id

app = typer.Typer(no_args_is_help=True)

RunId = Annotated[str, typer.Argument(help="Id of an unfinished run of a workflow.", metavar="ID", parser=run_id)]
Node = Annotated[
    str | None, typer.Argument(help="Node to pause before; without it, breakpoints and paused nodes are shown.")
]
PausedNode = Annotated[
    str | None, typer.Argument(help="Paused node, or the id of its job; optional if only one node is paused.")
]
If = Annotated[
    str | None, typer.Option("--if", help="Pause only if this JavaScript expression is true.", metavar="EXPRESSION")
]
Remove = Annotated[bool, typer.Option("--remove", help="Remove the breakpoint; nodes already paused stay paused.")]
Result = Annotated[
    str | None,
    typer.Option("--result", help="Result of the node as JSON; the node does not run.", metavar="JSON"),
]


@command(
    app,
    "orvanta job pause-before $ID charge",
    "orvanta job pause-before $ID charge --if 'flow_input.iter.value.total > 1000'",
    "orvanta job pause-before $ID charge --remove",
    "orvanta job pause-before $ID",
)
def pause_before(session: Session, id: RunId, node: Node = None, when: If = None, remove: Remove = False) -> None:
    """Pause a run before a node, or show its breakpoints and paused nodes. Other branches continue.

    In a loop, the run pauses before the node in each further iteration; --if selects iterations.
    """
    calls = f"/api/v1/runs/{quote(id, safe='')}/pauses"
    before = f"{calls}/before/{quote(node or '', safe='')}"
    if node is None:
        found = session.api.get(calls)
    elif remove:
        found = json.loads(session.api.delete(before))
    else:
        found = session.api.send("PUT", before, body={"if": when}).json()
    _show(session, found)


@command(
    app,
    "orvanta job continue $ID",
    "orvanta job continue $ID charge -i amount:=12",
    "orvanta job continue $ID charge --result '{\"paid\": true}'",
)
def _continue(
    session: Session,
    id: RunId,
    node: PausedNode = None,
    pairs: options.Pairs = None,
    input_file: options.InputFile = None,
    result: Result = None,
) -> None:
    """Continue a paused node: unchanged, with some inputs changed, or with a given result instead of running it."""
    from orvanta_platform.cli.client import run_input

    calls = f"/api/v1/runs/{quote(id, safe='')}/pauses"
    job = _chosen(session.api.get(calls)["paused"], node)
    body: bytes | dict[str, Any] = {}
    if pairs or input_file:
        body = b'{"inputs":%s}' % run_input.read(pairs or [], input_file)
    if result is not None:
        if body:
            raise typer.BadParameter("Pass inputs or a result, not both.")
        body = b'{"result":%s}' % run_input.json_of(result, "The result")
    _show(session, session.api.send("POST", f"{calls}/{job}/continue", body=body).json())


def _chosen(paused: list[dict[str, Any]], node: str | None) -> str:
    from orvanta_platform.errors import Conflict

    found = [each for each in paused if node in (None, each["node"], each["job"])]
    if not found:
        raise Conflict("No such node is paused.", hint="`orvanta job pause-before ID` lists the paused nodes.")
    if len(found) > 1:
        jobs = ", ".join(f"{each['node']} {each['job']}" for each in found)
        raise Conflict(f"Several nodes are paused: {jobs}.", hint="Name one of them by its job.")
    return str(found[0]["job"])


def _show(session: Session, found: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    if session.as_json:
        print_json(found)
        return
    rows = [[each["node"], "", "breakpoint", each["by"], "", each.get("if", "")] for each in found["breakpoints"]]
    rows += [
        [_position(each), each["job"], "paused", each["by"], local_time(each["paused_at"]), each.get("threw", "")]
        for each in found["paused"]
    ]
    print_table(["NODE", "JOB", "STATE", "BY", "SINCE", "IF"], rows)


def _position(each: dict[str, Any]) -> str:
    return f"{each['node']} @{each['place']}" if "place" in each else str(each["node"])
