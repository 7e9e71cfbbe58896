"""`orvanta job pause-before` and `continue`: a run that waits before a node until somebody lets it go on."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command

app = typer.Typer(no_args_is_help=True)

RunId = Annotated[str, typer.Argument(help="Id of a run of a workflow that has not ended.", metavar="ID")]
Node = Annotated[str | None, typer.Argument(help="Node to pause before; without it: show what is paused.")]
PausedNode = Annotated[
    str | None, typer.Argument(help="The paused node, or the id of its job; may be left out where it is the only one.")
]
If = Annotated[str | None, typer.Option("--if", help="Only where this expression is true.", metavar="EXPRESSION")]
Remove = Annotated[bool, typer.Option("--remove", help="Take it back. What is paused there already stays so.")]
Result = Annotated[
    str | None,
    typer.Option("--result", help="JSON that stands for the node's result; it does not run.", metavar="JSON"),
]


@command(
    app,
    "orvanta job pause-before $ID charge",
    "orvanta job pause-before $ID charge --if 'flow_input.iter.value.total > 1000'",
    "orvanta job pause-before $ID charge --remove",
    "orvanta job pause-before $ID",
)
def pause_before(session: Session, id: RunId, node: Node = None, when: If = None, remove: Remove = False) -> None:
    """Let a run wait before a node from now on, or show where it does; other branches go on.

    In a loop it waits before the node of each iteration that comes; --if chooses.
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
    """Let a paused node go on: as it is, with some inputs changed, or with a result in the place of running."""
    from orvanta_platform.cli.client import run_input

    calls = f"/api/v1/runs/{quote(id, safe='')}/pauses"
    job = _chosen(session.api.get(calls)["paused"], node)
    body: bytes | dict[str, Any] = {}
    if pairs or input_file:
        body = b'{"inputs":%s}' % run_input.read(pairs or [], input_file)
    if result is not None:
        if body:
            raise typer.BadParameter("A node goes on with inputs or with a result, not with both.")
        body = b'{"result":%s}' % run_input.json_of(result, "The result")
    _show(session, session.api.send("POST", f"{calls}/{job}/continue", body=body).json())


def _chosen(paused: list[dict[str, Any]], node: str | None) -> str:
    from orvanta_platform.errors import Conflict

    found = [each for each in paused if node in (None, each["node"], each["job"])]
    if not found:
        raise Conflict("Nothing is paused there.", hint="`orvanta job pause-before ID` shows what is.")
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
        [_place(each), each["job"], "paused", each["by"], local_time(each["paused_at"]), each.get("threw", "")]
        for each in found["paused"]
    ]
    print_table(["NODE", "JOB", "STANDS", "BY", "SINCE", "IF"], rows)


def _place(each: dict[str, Any]) -> str:
    return f"{each['node']} @{each['place']}" if "place" in each else str(each["node"])
