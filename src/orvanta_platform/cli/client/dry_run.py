"""Dry runs of workflows: start, progress, and the report on what would have been sent."""

from __future__ import annotations

import sys
from typing import Any, Final

import msgspec
import typer

from orvanta_platform.cli.client import running, watch
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.output import print_json, say, terminal_safe
from orvanta_platform.cli.client.screens import summary

_CHANGES: Final = ("writes", "sends")


def run(
    session: Session, path: str, args: bytes, *, reads: bool, earlier: str | None, test: str | None, quiet: bool
) -> None:
    """Execute a dry run of a workflow, print its report and exit with its exit code."""
    api = session.api
    body = {"args": msgspec.Raw(args), "reads": reads, "run": earlier, "test": test}
    id = api.send("POST", api.item("jobs/dry_run/f", path), body=msgspec.json.encode(body)).text
    ended, _ = watch.to_end(api, id, running.screen(quiet))
    if not quiet:
        say(summary(ended))
    executions = _executions(session, id)
    if session.as_json:
        print_json({"run_id": id, "status": ended.status, "executions": executions})
    else:
        _print(executions)
    raise typer.Exit(ended.exit_code)


def _executions(session: Session, id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = session.api.get(f"{session.api.in_workspace('jobs/dry_run/get')}/{id}", after=after)
        found += page["executions"]
        if not page["more"]:
            return found
        after = page["last"]


def _print(executions: list[dict[str, Any]]) -> None:
    changing = [each for each in executions if each["effects"] in _CHANGES]
    print("Would have written or sent:" if changing else "Nothing would have been written or sent.")
    for each in changing:
        _print_one(each)
    others = [each for each in executions if each["effects"] not in _CHANGES]
    if others:
        print("Not executed either:")
    for each in others:
        _print_one(each)
    sys.stdout.flush()


def _print_one(each: dict[str, Any]) -> None:
    what = each["script"] or each["language"] or each["method"] or each["kind"]
    attempt = f", attempt {each['attempt'] + 1}" if each["attempt"] else ""
    error = f", fails: {each['error']}" if each["error"] else ""
    answer = {"recorded": "recorded answer", "sample": "sample", "none": "no answer"}[each["answer"]]
    print(terminal_safe(f"  {each['execution']}  {each['effects']}  {what}  ({answer}{attempt}{error})"))
    if each["inputs"] is not None:
        print(terminal_safe(f"    {msgspec.json.encode(each['inputs']).decode()}"))
