"""Permission checks in services: every public function takes an Actor and calls the permission table.

Functions that wait or stream take a LiveActor, their `caller`, and request the actor from it. A function checks
permissions itself or passes the actor to another one that does. It may read a row first to find the owner of an item.
Exceptions are listed in EXEMPT with their reasons.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import orvanta_platform

ROOT = Path(orvanta_platform.__file__).parent
PACKAGES = ("services", "orchestrator")
CHECKS = {"can", "require", "require_reader", "require_workspace", "readable"}

EXEMPT = {
    "access.session.login": "creates the actor",
    "access.session.first_password": "creates the actor",
    "access.session.logout": "ends the caller's own session, authenticated by its token",
    "access.invitation_mail.send_link": "its callers have checked that the actor may create the link",
    "access.invitation_mail.list_sign_ups": "providers, which the login page shows to everybody",
    "access.invitation_mail.send_invitation": "its caller has checked that the actor may invite",
    "access.instance_mail.send": "its callers have checked that the actor may cause the mail",
    "access.tokens.max_age_days_of": "returns a limit to other services",
    "access.scim_tokens.is_valid": "authenticates a client by its token",
    "access.single_sign_on.options": "shown to everybody on the login page",
    "access.single_sign_on.start": "called before there is an actor",
    "access.single_sign_on.finish": "creates the actor",
    "access.single_sign_on.logout_url": "reads the provider of the caller's own session",
    "access.audit_chain.await_new": "called by a daemon; returns only whether there are rows to link",
    "access.audit_chain.link_new": "called by a daemon; links rows that are already written",
    "access.audit_chain.drop_old": "a duty of the leading process, by a setting of the instance",
    "access.audit_chain.publish_heads": "a duty of the leading process; hashes reveal no row",
    "access.departures.advance_cancelled": "takes runs whose cancellation its caller has requested",
    "changes.change_sets.prepare": "reads code that its caller has sent",
    "releases.collect.imports_in": "reads code of items that its callers have checked",
    "runs.run_limits.admission": "refuses a start, whose permission its caller checks",
    "runs.run_limits.forget": "empties a cache",
    "catalog.queue_warnings.of_deployed": "reads code that its caller has deployed",
    "catalog.deploy_tests.run": "plays tests and documents that its callers may read",
    "runs.locks.requirements": "reads code that its caller has sent",
    "runs.locks.inline_needs": "reads code that its caller has sent",
    "runs.locks.state_of_script": "reads locks, which have no owner, of code that its caller has sent",
    "runs.locks.state_of_flow": "reads locks, which have no owner, of code that its caller has sent",
    "runs.package_policies.read": "reads locks, which have no owner, of code that its caller has sent or may read",
    "runs.package_policies.read_many": "reads locks, which have no owner, of code that its callers may read",
    "runs.package_policies.find_refusal": "checks locks for a run that the worker has claimed",
    "runs.locks.store_outcome": "ends the wait of versions for a run that the worker has claimed",
    "runs.locks.store_abandoned": "called by the janitor; records what has already happened",
    "secrets.sealing.key_for": "returns a key to another service",
    "secrets.export_keys.decrypt": "takes a value that its caller may write, and returns it to be sealed",
    "secrets.sealing.unsealed_value": "takes data that its caller may write, and a row that it may read",
    "secrets.sealing.opened": "takes a row that its caller may write, and opens it to seal it again",
    "secrets.sealing.resealed": "takes a row that its caller may write",
    "secrets.sealing.sealed": "takes data that its caller may write",
    "run_views.identity_tokens.issuer": "an address that other systems read without a token",
    "run_views.identity_tokens.public_keys": "public keys, which other systems read without a token",
    "run_views.erasing.erase_due": "called by the janitor; erases data as workflows and scripts specify",
    "triggers.ticks.due": "called by the leading scheduler",
    "triggers.ticks.get_upcoming": "called by the leading scheduler",
    "triggers.ticks.start": "called by the scheduler; starting a run checks the rights of the schedule's owner",
    "triggers.ticks.start_run": "called by the scheduler; starts runs as the schedule's owner",
    "triggers.ticks.start_handler": "called by the scheduler; starts runs as the schedule's owner",
    "triggers.ticks.owner_of": "called by the scheduler; creates the actor",
    "triggers.ticks.record_invalid": "called by the scheduler; records what has already happened",
    "triggers.ticks.record_missed": "called by the scheduler; records what has already happened",
    "triggers.outcomes.process_ended": "called by the scheduler; starts runs as the schedule's owner",
    "triggers.scheduler.fire": "called by the scheduler; starts runs as the schedule's owner",
    "triggers.route_calls.find": "called for unauthenticated requests; finds their trigger",
    "triggers.route_calls.owner_of": "creates the actor",
    "triggers.route_calls.admit": "authenticates a request, or requires the caller's token",
    "triggers.route_calls.admit_token": "creates the actor, and checks that it may run the trigger's target",
    "triggers.route_calls.start": "starts as the trigger's owner, whose rights are checked by starting a run",
    "triggers.error_handlers.start_due": "called by a daemon; starts runs as the admin who set the handler",
    "git.sync.list_due": "called by the leading process",
    "git.sync.synchronise": "called by the leading process; commits for deployments, and applies nothing",
    "git.incoming_secrets.find": "examines contents that its caller may read; reads schemas of types, and returns none",
    "git.bindings.token_of": "returns a token to the synchronisation that sends it to its repository",
    "git.bindings.resolve": "resolves a host or folder; reads no data",
    "changes.item_webhooks.send_due": "called by a daemon; sends changes to the URL that an admin has set",
    "changes.item_webhook_sender.send_changes": "called by a daemon; sends changes to the URL that an admin has set",
    "releases.deployment_checks.run_due": "called by a daemon; acts for the member who applied the release",
    "releases.environment_rules.resolve_member": "returns the member for whom a daemon acts, with its present rights",
    "releases.failed_checks.hold": "records a hold that the rules of the environment order",
    "releases.failed_checks.report": "queues messages to those whom a permitted call has chosen",
    "releases.deployment_notices.prepare": "reads names of channels that superadmins have set",
    "releases.requests.subject_of": "takes a request that its caller may see",
    "releases.failed_checks.roll_back": "called by a daemon; acts for the member who applied the release",
    "releases.failed_checks.refuse": "records what has already happened",
    "releases.failed_checks.failure_of": "takes results that its caller has determined",
    "releases.release_tests.play": "plays tests and documents that its callers may read",
    "releases.deployment_mails.send_due": "called by a daemon; sends what a permitted call has queued",
    "releases.restored_items.with_restored": "reads deployments of an environment that its caller has checked",
    "releases.automatic_promotions.promote_due": "called by the leading process; checks the rights of its member",
    "catalog.examples.seed": "called at the first start, which has no caller",
    "run_views.jobs.find": "its callers check permissions, or have verified a signature",
    "approvals.lookup.find_job": "its callers check permissions, or have verified a signature",
    "approvals.lookup.find_request": "takes a run and ids that its caller may see, or has a signed link to",
    "approvals.lookup.find_requesting_run": "its callers check permissions",
    "approvals.lookup.get_request": "takes ids of rows that its caller may see, or has a signed link to",
    "approvals.links.find": "the signature of the link specifies what its holder may decide",
    "approvals.links.sign": "its callers have checked that the actor may decide",
    "approvals.approvers.decided": "executes the decision of its callers, which check permissions",
    "catalog.test_playback.outcomes_of": "plays tests and documents that its callers may read",
    "catalog.flows.diagnostics": "reads a document that its caller has sent or may read",
    "approvals.approvers.traceparent_of": "takes a header of the call",
    "approvals.direct_decisions.find_recorded": "takes a decision that the actor was permitted to make",
    "approvals.decisions.decide_by_link": "the signature of the link specifies what its holder may decide",
    "approvals.decisions.get_by_link": "the signature of the link specifies what its holder may see",
    "approvals.decisions.check_link": "the signature of the link specifies what its holder may do",
    "approvals.lookup.hints_of": "takes data that its caller may see, or has a signed link to",
    "run_views.virtual_jobs.find": "its callers check permissions",
    "run_views.virtual_jobs.plan_of": "takes a row that its caller may see",
    "maintenance.alerts.await_check": "called by a daemon; returns no row",
    "maintenance.alerts.check": "called by a daemon; queues messages to channels that superadmins have set",
    "maintenance.statistics.record": "a duty of the leading process; records counts",
    "maintenance.statistics.delete_old": "a duty of the leading process; deletes counts",
    "maintenance.usage.record": "a duty of the leading process; records counts",
    "maintenance.usage.delete_old": "a duty of the leading process; deletes counts",
    "maintenance.alerts.record_outcomes": "called by a daemon; queues messages to channels that superadmins have set",
    "maintenance.alert_conditions.find": "called by a daemon; sends to channels that superadmins have set",
    "maintenance.alert_conditions.page_url": "reads nothing",
    "maintenance.alert_sender.send_due": "called by a daemon; sends to channels that superadmins have set",
    "maintenance.alert_sender.deliver": "its callers have checked that the actor may cause the message",
    "maintenance.alert_sender.title_of": "formats a message that is sent to channels that superadmins have set",
    "maintenance.alert_sender.text_of": "formats a message that is sent to channels that superadmins have set",
    "maintenance.readiness.find_obstacle": "called by load balancers without a token",
    "maintenance.readiness.get_health": "called by load balancers without a token",
    "catalog.queue_warnings.diagnostics": "reads a document that its caller has sent",
    "maintenance.metrics.read_figures": "serves the endpoint of metrics, which has its own token",
    "maintenance.metrics.count_ended": "called by a daemon; counts what has already happened",
    "maintenance.run_traces.add": "called by a daemon; exports no inputs, results or persons",
    "maintenance.files.part": "takes the row of a file that its caller may see",
    "run_views.jobs.progress_of": "takes rows that its caller may see",
    "run_views.jobs.streaming_job": "takes a row that its caller may see",
    "run_views.feed.join": "takes a run that its caller may see, which checks again before each message",
    "run_views.graph.of_row": "takes a row that its caller may see",
    "approvals.notification_sender.send_notification": "called by a daemon; acts for the member that the run acts for",
    "approvals.notification_queue.send_due": "called by a daemon; opens resources as the member that the run acts for",
    "triggers.route_calls.live_owner": "creates the actor, and authenticates the request again",
    "run_views.results.watch_end": "watches for a notification, which only contains that something has ended",
    "run_views.results.load_values": "takes ids of rows that its caller may see",
    "run_views.results.finished": "takes a row that its caller may see",
}


def public_functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield each function with its qualified name."""
    for file in sorted(each for package in PACKAGES for each in (ROOT / package).rglob("*.py")):
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts[1:])
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}", node


def names_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]


def asks(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return true if the function calls the permission table, or passes on the actor or caller."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            hands_on = any(isinstance(each, ast.Name) and each.id in ("actor", "caller") for each in node.args)
            of_caller = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "caller"
            if name in CHECKS or hands_on or of_caller:
                return True
    return False


def test_every_service_checks_permissions() -> None:
    wrong = [
        name
        for name, function in public_functions()
        if "platform" in names_of(function)
        and name not in EXEMPT
        and not ({"actor", "caller"} & set(names_of(function)) and asks(function))
    ]
    assert wrong == []


def test_exemptions_name_existing_functions() -> None:
    assert set(EXEMPT) <= {name for name, _ in public_functions()}


def test_streamed_responses_are_created_in_one_module() -> None:
    """The services that read the streamed data check a LiveActor."""
    folder = ROOT / "http"
    makers = {"Stream", "ServerSentEvent", "File", "ASGIStreamingResponse"}
    found = {
        str(file.relative_to(folder))
        for file in folder.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in makers
    }
    assert found == {"streaming.py"}
