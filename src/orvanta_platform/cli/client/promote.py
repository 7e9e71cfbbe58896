"""`orvanta promote` and `rollback`: releases deployed to environments."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import env
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.errors import FAILED, ServerRefused
from orvanta_platform.errors import BadRequest, DeploymentBlocked

POLL_S: Final = 1.0

Release = Annotated[
    str, typer.Argument(help="Number of a release of the workspace, or <workspace>/<number>.", metavar="RELEASE")
]
To = Annotated[str, typer.Option("--to", help="Name of the environment.", metavar="ENV")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        help="Profile of another instance that has the release; it is imported into the environment's workspace first.",
        metavar="PROFILE",
    ),
]
Planned = Annotated[
    bool, typer.Option("--plan", help="Print the plan only; exit with 1 if more than the rules prevents it.")
]
Approve = Annotated[bool, typer.Option("--approve", help="Approve the open request for the release.")]
Apply = Annotated[bool, typer.Option("--apply", help="Apply the open request for the release, or a new one.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the checks after the deployment; exit with 1 if they fail.")
]
Renew = Annotated[bool, typer.Option("--renew", help="Renew the plan of the open request.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace items that were changed in the environment.")]
Assign = Annotated[
    list[str] | None,
    typer.Option("--assign", help="Username of an approver who is asked for approval; repeatable.", metavar="USER"),
]
Comment = Annotated[str | None, typer.Option("--comment", help="Comment on the approval.")]
Bypass = Annotated[
    str | None, typer.Option("--bypass-reason", help="Reason for not waiting until the rules are fulfilled.")
]
Env = Annotated[str, typer.Argument(help="Name of the environment.", metavar="ENV")]
Reason = Annotated[str, typer.Option("--reason", help="Reason, shown as long as promotions are on hold.")]
Earlier = Annotated[
    str | None, typer.Option("--release", help="<workspace>/<number> of a release that ran there; the previous one.")
]


def register(app: typer.Typer) -> None:
    """Register the commands with the root application."""
    command(
        app,
        "orvanta promote 3 --to staging --plan",
        "orvanta promote 3 --to production",
        "orvanta promote 3 --to production --assign bob",
        "orvanta promote dev/3 --to production --renew",
        "orvanta promote dev/3 --to production --approve",
        "orvanta promote dev/3 --to production --apply",
        "orvanta promote dev/3 --to production --apply --wait",
        "orvanta promote dev/3 --from development --to production",
    )(promote)
    command(app, "orvanta rollback production --reason 'Orders are counted twice'")(rollback)


def promote(
    session: Session,
    release: Release,
    to: To,
    origin: From = None,
    plan: Planned = False,
    approve: Approve = False,
    apply: Apply = False,
    wait: Wait = False,
    renew: Renew = False,
    overwrite: Overwrite = False,
    assign: Assign = None,
    comment: Comment = None,
    bypass_reason: Bypass = None,
) -> None:
    """Deploy a release to an environment: request it, renew, approve and apply the request.

    Without --plan, --renew, --approve and --apply, the deployment is requested. Everything that prevents it is printed.
    With --from, the release is read with that profile and imported with yours, unless it was imported before.
    """
    target = str(env.find(session, to)["workspace"])
    source, number = _release(session, release) if origin is None else _transfer(session, origin, release, target)
    calls = f"/api/w/{quote(target, safe='')}/deployments"
    named = {"source": source, "number": number, "overwrite": overwrite}
    if plan:
        _finish(session, json.loads(session.api.post(f"{calls}/plan", named)))
        return
    found = _open(session, calls, source, number)
    if found is None:
        if renew or (approve and not apply):
            raise BadRequest(f"There is no open request for {source}/{number} in {to}.", hint="Request it first.")
        found = json.loads(session.api.post(f"{calls}/create", {**named, "assignees": assign or []}))
    elif overwrite and not (renew or found["overwrite"]):
        raise BadRequest(f"The request {found['id']} exists already.", hint="Add --renew to change it.")
    elif assign:
        found = json.loads(session.api.post(f"{calls}/assign/{found['id']}", {"assignees": assign}))
    if renew:
        body = {"overwrite": True} if overwrite else {}
        found = json.loads(session.api.post(f"{calls}/renew/{found['id']}", body))
    if approve:
        approval = {"plan_hash": found["plan_hash"], "comment": comment}
        found = json.loads(session.api.post(f"{calls}/approve/{found['id']}", approval))
    if apply:
        application = {"plan_hash": found["plan_hash"], "bypass_reason": bypass_reason}
        found = _apply(session, f"{calls}/apply/{found['id']}", application)
        if wait:
            found = _wait(session, f"{calls}/get/{found['id']}", found)
    _print(session, found)
    if wait and found["check"] and found["check"]["state"] == "failed":
        raise typer.Exit(FAILED)


def rollback(
    session: Session,
    name: Env,
    reason: Reason,
    release: Earlier = None,
    overwrite: Overwrite = False,
    bypass_reason: Bypass = None,
) -> None:
    """Deploy the previous release of an environment again, and hold promotions until the hold is lifted.

    The request stays open, with exit code 1, if something prevents it, such as missing approvals.
    """
    source, number = (None, None) if release is None else _release(session, release)
    calls = f"/api/w/{quote(env.find(session, name)['workspace'], safe='')}/deployments"
    body = {"reason": reason, "source": source, "number": number, "overwrite": overwrite}
    found = json.loads(session.api.post(f"{calls}/rollback", {**body, "bypass_reason": bypass_reason}))
    _print(session, found)
    if found["state"] != "applied":
        raise typer.Exit(FAILED)


def _transfer(session: Session, profile: str, release: str, target: str) -> tuple[str, int]:
    """Import a release of the instance of `profile` into the workspace `target`, unless it has been imported there.

    Return its workspace and number there.
    """
    from orvanta_platform.workflow.hashes import hash_text

    other = Session(profile, None, session.as_json)
    try:
        source, number = _release(other, release)
        file = other.api.get(f"/api/w/{quote(source, safe='')}/releases/export/{number}")
    finally:
        other.close()
    calls = f"/api/w/{quote(target, safe='')}/releases"
    wanted = (file["public_key"], source, number, hash_text(file["body"]))
    for each in session.api.get(f"{calls}/list", per_page=100):
        made = each["imported"]
        if made and (made["public_key"], made["workspace"], made["number"], each["digest"]) == wanted:
            return target, each["number"]
    return target, json.loads(session.api.post(f"{calls}/import", {"file": file}))["number"]


def _release(session: Session, release: str) -> tuple[str, int]:
    workspace, _, number = release.rpartition("/")
    if not number.isascii() or not number.isdigit():
        raise BadRequest(f"{release[:200]!r} is not a release.", hint="Write its number, or <workspace>/<number>.")
    return workspace or session.connect().workspace, int(number)


def _open(session: Session, calls: str, source: str, number: int) -> dict[str, Any] | None:
    """Return the newest open request for a release: a promotion or a rollback."""
    for each in session.api.get(f"{calls}/list", state="open", per_page=100):
        if (each["source"], each["number"]) == (source, number):
            found: dict[str, Any] = session.api.get(f"{calls}/get/{each['id']}")
            return found
    return None


def _apply(session: Session, call: str, application: dict[str, Any]) -> dict[str, Any]:
    """Apply a request. If there are several reasons for a refusal, all are printed; its error names only the first."""
    from orvanta_platform.cli.client.request_output import print_reasons

    try:
        found: dict[str, Any] = json.loads(session.api.post(call, application))
    except ServerRefused as error:
        reasons = error.details
        if error.server_code == DeploymentBlocked.code and isinstance(reasons, list) and not session.as_json:
            print_reasons(reasons if len(reasons) > 1 else [])
        raise
    return found


def _wait(session: Session, call: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return a request that was applied once its checks, and a rollback after them, have ended."""
    while found["check"] and (found["check"]["state"] in ("waiting", "running") or found["check"]["rollback"] == "due"):
        time.sleep(POLL_S)
        found = session.api.get(call)
    return found


def _print(session: Session, found: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.request_output import print_request

    print_request(session, found)


def _finish(session: Session, plan: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.cli.client.request_output import print_plan

    if session.as_json:
        print_json(plan)
    else:
        print_plan(plan)
    if plan["blocked"]:
        raise typer.Exit(FAILED)
