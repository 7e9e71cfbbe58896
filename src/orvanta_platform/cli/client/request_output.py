"""Requests to deploy and plans of releases, as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.output import (
    print_bypass,
    print_change,
    print_checks,
    print_drift,
    print_json,
    print_origin,
    terminal_safe,
)


def print_request(session: Session, found: dict[str, Any]) -> None:
    """Print a request: an open one with its plan."""
    if session.as_json:
        print_json(found)
        return
    nothing = " (nothing to do)" if found.get("nothing_to_do") else ""
    kind = " (rollback)" if found["kind"] == "rollback" else ""
    print(f"request {found['id']}{kind}: {found['state']}{nothing}")
    if found["kind"] == "rollback":
        print(f"release: {found['source']}/{found['number']}{_replaced(found)}")
        if found["reason"]:
            print(terminal_safe(f"reason: {found['reason']}"))
    print_bypass(found)
    if found["state"] == "applied":
        for each in found["plan"]["entries"]:
            if each["action"] != "unchanged":
                print(f"differs from the release: {each['kind']} {each['path']}")
        print_checks(found["check"])
    if found["state"] == "open":
        if found["assignees"]:
            print(f"asked for approval: {', '.join(found['assignees'])}")
        if found["unable_approvers"]:
            names = ", ".join(found["unable_approvers"])
            print(f"cannot approve, because they may not read all items: {names}")
        if found["stale"]:
            print("stale: the environment or a required test was changed; --renew renews the plan")
        print_plan(found["plan"])


def _replaced(found: Mapping[str, Any]) -> str:
    """Return the release that a request or deployment replaces, as an addition to its own."""
    before = found["replaces"]
    return f" instead of {before['source']}/{before['number']}" if before else ""


def print_items(entries: Sequence[Mapping[str, Any]]) -> None:
    """Print the items of a plan, with a legend of their signs."""
    if entries:
        print("items (A added, M changed, D removed, ! conflict):")
    for each in entries:
        print_change(each, " (overwrites a change made in the environment)" if each["overwrites"] else "")


def print_plan(plan: dict[str, Any]) -> None:
    """Print the items of a plan, their origin, and what acts for members or is in use."""
    print(f"plan: {plan['plan_hash']}")
    print_items(plan["entries"])
    print_origin(plan["origin"])
    for each in plan["acts_for"]:
        print(f"acts for: {each['kind']} {each['path']}: {each['owner'] or 'the member who applies'}")
    for each in plan["in_use"]:
        print(f"in use: {each['kind']} {each['path']}: {_uses(each['schedules'], each['runs'])}")
    print_drift(plan["drift"])
    print_reasons([*plan["blocked"], *plan["unfulfilled"]])


def _uses(schedules: int, runs: int) -> str:
    parts = [(schedules, "schedule", "schedules"), (runs, "run in progress", "runs in progress")]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts if count)


def print_reasons(reasons: Sequence[Mapping[str, Any]]) -> None:
    """Print what prevents a deployment, each with its hint in the next line."""
    for each in reasons:
        print(terminal_safe(f"{each['code']}: {each['message']}"))
        if each["hint"]:
            print(terminal_safe(f"    {each['hint']}"))
