"""Permission is decided in services: every public function there takes an Actor and asks the permission table.

One that waits or answers in pieces takes a LiveActor, its `caller`, and asks that for the actor.

It asks itself or hands the actor to another that does; what a thing's row says about whose it is may be read before.
Else it stands in EXEMPT with the reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import orvanta_platform

ROOT = Path(orvanta_platform.__file__).parent
PACKAGES = ("services", "orchestrator")
CHECKS = {"can", "require", "require_workspace", "readable"}

EXEMPT = {
    "access.session.login": "makes the actor",
    "access.session.first_password": "makes the actor",
    "access.session.logout": "ends the caller's own session, whose token proved it",
    "access.workspaces.health": "load balancers ask it without a token",
    "runs.locks.requirements": "reads code that its caller has brought",
    "runs.locks.inline_needs": "reads code that its caller has brought",
    "runs.locks.state_of_script": "reads locks, which belong to nobody, of code that its caller has brought",
    "runs.locks.state_of_flow": "reads locks, which belong to nobody, of code that its caller has brought",
    "runs.locks.settle": "ends the wait of versions for a run that the worker has claimed",
    "runs.locks.settle_abandoned": "belongs to the janitor; says what has happened already",
    "secrets.sealing.key_for": "gives a key to the service that asked",
    "secrets.sealing.complete": "is given what the service may write, and the row that it has asked for",
    "secrets.sealing.opened": "is given a row that the service has asked for, and opens it to seal it anew",
    "secrets.sealing.resealed": "is given a row that the service has asked for",
    "secrets.sealing.sealed": "is given what the service may write",
    "run_views.erasing.erase_due": "belongs to the janitor; erases what a workflow or script has asked to be erased",
    "triggers.ticks.due": "belongs to the scheduler, which leads",
    "triggers.ticks.next_in_s": "belongs to the scheduler, which leads",
    "triggers.ticks.start": "belongs to the scheduler; the start of a run asks the rights of the schedule's owner",
    "triggers.ticks.start_run": "belongs to the scheduler; starts as the schedule's owner",
    "triggers.ticks.start_named": "belongs to the scheduler; starts as the schedule's owner",
    "triggers.ticks.owner_of": "belongs to the scheduler; makes the actor",
    "triggers.ticks.record_invalid": "belongs to the scheduler; says what has happened already",
    "triggers.ticks.record_missed": "belongs to the scheduler; says what has happened already",
    "triggers.outcomes.follow": "belongs to the scheduler; starts as the schedule's owner",
    "triggers.scheduler.fire": "belongs to the scheduler; starts as the schedule's owner",
    "triggers.route_calls.find": "belongs to a request of a stranger; says which trigger it is for",
    "triggers.route_calls.owner_of": "makes the actor",
    "triggers.route_calls.admit": "is what lets a stranger in, or asks for the caller's token",
    "triggers.route_calls.admit_token": "makes the actor, and asks whether it may run what the trigger runs",
    "triggers.route_calls.start": "starts as the trigger's owner, whose rights starting a run asks",
    "catalog.examples.seed": "belongs to the first start, which has no caller",
    "run_views.jobs.find": "its callers ask permission of what it gives, or were given a signature of it",
    "approvals.lookup.find_job": "its callers ask permission of what it gives, or were given a signature of it",
    "approvals.lookup.find_request": "takes a run and ids that its caller may see, or has a signed link to",
    "approvals.lookup.find_requesting_run": "its callers ask permission of what it gives",
    "approvals.lookup.get_request": "is given ids of rows that its caller was let see, or whose link was signed",
    "approvals.links.find": "the signature of the link says what its holder may decide",
    "approvals.links.sign": "its callers have asked whether the actor may decide",
    "approvals.approvers.decided": "runs the decision of its callers, who ask",
    "catalog.flows.diagnostics": "reads a document that its callers brought or were permitted to read",
    "approvals.decisions.decide_by_link": "the signature of the link says what its holder may decide",
    "approvals.decisions.look_by_link": "the signature of the link says what its holder may see",
    "approvals.decisions.check_link": "the signature of the link says what its holder may do",
    "approvals.lookup.hints_of": "is given what its caller was let see, or whose link was signed",
    "run_views.virtual_jobs.find": "its callers ask permission of what it gives",
    "run_views.virtual_jobs.plan_of": "is given a row that its caller was let see",
    "maintenance.files.part": "is given the row of a file that its caller was let see",
    "run_views.jobs.progress_of": "is given rows that its caller was let see",
    "run_views.jobs.streaming_job": "is given a row that its caller was let see",
    "run_views.feed.join": "is given a run that its caller was let see, who asks again before each message",
    "run_views.graph.of_row": "is given a row that its caller was let see",
    "approvals.notification_sender.send_notification": "called by a daemon; acts for the member that the run acts for",
    "approvals.notification_queue.send_due": "belongs to a daemon; each resource is opened for whom the run acts",
    "triggers.route_calls.live_owner": "makes the actor, and admits the request again",
    "run_views.results.expect": "watches for a notification, which says nothing but that something ended",
    "run_views.results.load_values": "is given the ids of rows that its caller was let see",
    "run_views.results.finished": "is given a row that its caller was let see",
}


def public_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each with its module and name."""
    for file in sorted(each for package in PACKAGES for each in (ROOT / package).rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts[1:])
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node


def names_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]


def asks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether it calls the permission table, a function that gets the actor, or the caller for one."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            hands_on = any(isinstance(each, ast.Name) and each.id in ("actor", "caller") for each in node.args)
            of_caller = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "caller"
            if name in CHECKS or hands_on or of_caller:
                return True
    return False


def test_every_service_asks() -> None:
    wrong = [
        name
        for name, function in public_functions()
        if "platform" in names_of(function)
        and name not in EXEMPT
        and not ({"actor", "caller"} & set(names_of(function)) and asks(function))
    ]
    assert wrong == []


def test_the_table_names_what_exists() -> None:
    assert set(EXEMPT) <= {name for name, _ in public_functions()}


def test_answers_in_pieces_are_made_in_one_place() -> None:
    """There, the services that read the pieces ask a LiveActor."""
    folder = ROOT / "http"
    makers = {"Stream", "ServerSentEvent", "File", "ASGIStreamingResponse"}
    found = {
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in makers
    }
    assert found == {"streaming.py"}
