"""`orvanta env`: the environments of the pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import BadRequest, NotFound

app = typer.Typer(
    no_args_is_help=True,
    help="Show and change the environments of the pipeline.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="Name of the environment.", metavar="ENV")]
Of = Annotated[str, typer.Option("--of", help="Workspace to which releases are deployed.", metavar="WORKSPACE")]
Position = Annotated[int | None, typer.Option("--position", min=1, help="Place in the pipeline; 1 is the first.")]
Color = Annotated[str | None, typer.Option("--color", help="Color on the pages of the workspace, as #rrggbb.")]
Off = Annotated[bool, typer.Option("--off", help="No longer promote automatically.")]
Waiting = Annotated[bool, typer.Option("--waiting", help="Only those that wait for your approval.")]
Request = Annotated[int, typer.Argument(help="Number of the request.", metavar="REQUEST")]
Text = Annotated[str, typer.Argument(help="Text of the comment.", metavar="TEXT")]
Item = Annotated[
    str | None, typer.Option("--item", help="Item of the plan that it is about, as <kind>/<path>.", metavar="ITEM")
]
Reason = Annotated[str | None, typer.Option("--comment", help="Comment on the rejection.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="Number of deployments.")]
Other = Annotated[
    str | None, typer.Argument(help="Environment to compare with; the previous one by default.", metavar="OTHER")
]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if anything differs.")]
RulesFile = Annotated[
    Path | None, typer.Option("--rules", help="File with the rules, as YAML or JSON; replaces all rules.")
]


@app.callback()
def env() -> None:
    """Show and change the environments of the pipeline."""


@command(app, "orvanta env list")
def _list(session: Session) -> None:
    """List the environments whose workspace you are a member of, in the order of the pipeline."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get("/api/environments/list")
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            str(each["position"]),
            each["name"],
            each["workspace"],
            str(each["rules"]["approvals"]),
            "refused" if each["rules"]["refuse_direct_deploys"] else "permitted",
        ]
        for each in found
    ]
    print_table(["PLACE", "ENVIRONMENT", "WORKSPACE", "APPROVALS", "DIRECT DEPLOYS"], rows)


@command(app, "orvanta env show production", "orvanta env show production --json")
def show(session: Session, name: Name) -> None:
    """Show what runs in an environment, its checks, a hold, and items that were changed outside of releases."""
    from orvanta_platform.cli.client.output import (
        local_time,
        print_bypass,
        print_checks,
        print_drift,
        print_json,
        terminal_safe,
    )

    workspace = find(session, name)["workspace"]
    state = session.api.get(f"/api/w/{quote(workspace, safe='')}/deployments/environment")
    if session.as_json:
        print_json(state)
        return
    rules, current, hold = state["environment"]["rules"], state["current"], state["hold"]
    print(f"environment: {name}\nworkspace: {workspace}\napprovals: {rules['approvals']}")
    if rules["approvals"] > (possible := state["possible_approvals"]):
        print(
            f"warning: at most {possible} members can approve, so that no request gets {rules['approvals']} approvals"
        )
    if state["current_unreadable"]:
        print("release: contains items that you may not read")
    elif current is None:
        print("release: none")
    else:
        release, origin = f"{current['source']}/{current['number']}", current["imported"]
        if origin is not None:
            release += terminal_safe(f" (imported from {origin['workspace']}/{origin['number']} of {origin['name']})")
        print(f"release: {release} by {current['applied_by']} at {local_time(current['applied_at'])}")
        if current["reason"]:
            print(terminal_safe(f"rollback: {current['reason']}"))
        print_bypass(current)
        print_checks(current["check"])
    if hold is not None:
        print(f"hold: {terminal_safe(hold['reason'])} ({hold['by']}, {local_time(hold['since'])})")
    automatic = state["automatic"]
    if automatic is not None:
        print(f"automatic promotion: {automatic['permissioned_as']}{terminal_safe(automatic_status(automatic))}")
    print_drift(state["drift"])


def automatic_status(automatic: Mapping[str, Any]) -> str:
    """Return the reason for which automatic promotion has ended, or did not promote, in parentheses."""
    if automatic["disabled_reason"]:
        return f" (ended: {automatic['disabled_reason']})"
    return f" (waits for: {automatic['waits_for']})" if automatic["waits_for"] else ""


@command(app, "orvanta env requests production", "orvanta env requests production --waiting --json")
def requests(session: Session, name: Name, waiting: Waiting = False) -> None:
    """List the open requests to deploy to an environment."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    workspace = find(session, name)["workspace"]
    chosen = {"waiting": "true"} if waiting else {"state": "open"}
    found = session.api.get(f"/api/w/{quote(workspace, safe='')}/deployments/list", per_page=100, **chosen)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            str(each["id"]),
            each["kind"],
            f"{each['source']}/{each['number']}",
            each["author"],
            local_time(each["created_at"]),
            ", ".join(each["assignees"]),
        ]
        for each in found
    ]
    print_table(["REQUEST", "KIND", "RELEASE", "BY", "AT", "ASKED"], rows)


@command(app, "orvanta env request production 12", "orvanta env request production 12 --json")
def request(session: Session, name: Name, request: Request) -> None:
    """Show a request to deploy: its plan, or the plan with which it was closed."""
    from orvanta_platform.cli.client.request_output import print_items, print_request

    found = session.api.get(_call(session, name, f"get/{request}"))
    print_request(session, found)
    if not session.as_json:
        print_items(found["decided"] or [])


@command(
    app,
    "orvanta env comment production 12 'Totals compared'",
    "orvanta env comment production 12 'Why twice?' --item flow/f/sales/report",
)
def comment(session: Session, name: Name, request: Request, text: Text, item: Item = None) -> None:
    """Comment on a request to deploy, or on one item of its plan."""
    workspace = find(session, name)["workspace"]
    kind, _, path = (item or "").partition("/")
    if item is not None and not path:
        raise BadRequest(f"{item[:200]!r} is not an item.", hint="Write <kind>/<path>, such as flow/f/sales/report.")
    about = {} if item is None else {"kind": kind, "path": path}
    call = f"/api/w/{quote(workspace, safe='')}/deployments/comment/{request}"
    session.api.post(call, {"comment": text, **about})
    session.print_state(f"request {request}", "comment added")


@command(app, "orvanta env reject production 12 --comment 'Wrong totals'")
def reject(session: Session, name: Name, request: Request, comment: Reason = None) -> None:
    """Reject and close a request to deploy. Approvers only."""
    session.api.post(_call(session, name, f"reject/{request}"), {"comment": comment})
    session.print_state(f"request {request}", "rejected")


@command(app, "orvanta env withdraw production 12")
def withdraw(session: Session, name: Name, request: Request) -> None:
    """Close a request to deploy without applying it. Its author and admins only."""
    session.api.post(_call(session, name, f"withdraw/{request}"))
    session.print_state(f"request {request}", "withdrawn")


@command(app, "orvanta env history production", "orvanta env history production --limit 100 --json")
def history(session: Session, name: Name, limit: Limit = 30) -> None:
    """List the deployments to an environment, newest first."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    found = session.api.get(_call(session, name, "history"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            str(each["id"]),
            each["kind"],
            f"{each['source']}/{each['number']}",
            f"{each['replaces']['source']}/{each['replaces']['number']}" if each["replaces"] else "",
            each["applied_by"],
            local_time(each["applied_at"]),
            each["check"]["state"] if each["check"] else "",
            ", ".join(each["bypassed"]),
            each["reason"] or each["bypass_reason"] or "",
        ]
        for each in found
    ]
    print_table(["DEPLOYMENT", "KIND", "RELEASE", "REPLACES", "BY", "AT", "CHECKS", "BYPASSED", "REASON"], rows)


@command(app, "orvanta env diff production", "orvanta env diff production staging --exit-code")
def diff(session: Session, name: Name, other: Other = None, exit_code: ExitCode = False) -> None:
    """Compare an environment with the release of another one: print what a promotion would change."""
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.output import print_change, print_json

    before = _previous(session, name) if other is None else find(session, other)
    release = _release_of(session, before)
    plan = json.loads(session.api.post(_call(session, name, "plan"), release))
    changes = [each for each in plan["entries"] if each["action"] != "unchanged"]
    if session.as_json:
        print_json({"compared_with": {"environment": before["name"], **release}, "entries": changes})
    else:
        print(f"compared with: release {release['source']}/{release['number']} of {before['name']}")
        for each in changes:
            print_change(each)
        if not changes:
            print("no differences")
    if exit_code and changes:
        raise typer.Exit(FAILED)


@command(app, "orvanta env lift-hold production")
def lift_hold(session: Session, name: Name) -> None:
    """Permit promotions to an environment again after a rollback."""
    workspace = find(session, name)["workspace"]
    session.api.post(f"/api/w/{quote(workspace, safe='')}/deployments/lift_hold")
    session.print_state(name, "hold lifted")


@command(app, "orvanta env auto-promote production", "orvanta env auto-promote production --off")
def auto_promote(session: Session, name: Name, off: Off = False) -> None:
    """Promote the releases of the previous environment automatically after the soak time, with your own permissions."""
    workspace = find(session, name)["workspace"]
    session.api.post(f"/api/w/{quote(workspace, safe='')}/deployments/automatic", {"enabled": not off})
    session.print_state(name, "automatic promotion disabled" if off else "automatic promotion enabled")


@command(app, "orvanta env create production --of live --color '#b3261e' --rules production.yaml")
def create(
    session: Session, name: Name, of: Of, position: Position = None, color: Color = None, rules: RulesFile = None
) -> None:
    """Create an environment, by default at the end of the pipeline. Superadmins only."""
    session.api.post("/api/environments/create", {"name": name, "workspace": of, **_changes(position, color, rules)})
    session.print_state(name, "created")


@command(app, "orvanta env update production --rules production.yaml", "orvanta env update staging --position 2")
def update(
    session: Session, name: Name, position: Position = None, color: Color = None, rules: RulesFile = None
) -> None:
    """Change the place, colour or rules of an environment. Superadmins only."""
    session.api.post(f"/api/environments/update/{quote(name, safe='')}", _changes(position, color, rules))
    session.print_state(name, "updated")


@command(app, "orvanta env delete staging")
def delete(session: Session, name: Name) -> None:
    """Delete an environment. Its workspace remains. Superadmins only."""
    session.api.delete(f"/api/environments/delete/{quote(name, safe='')}")
    session.print_state(name, "deleted")


def find(session: Session, name: str) -> dict[str, Any]:
    """Return an environment by its name. Raises NotFound."""
    for each in session.api.get("/api/environments/list"):
        if each["name"] == name:
            found: dict[str, Any] = each
            return found
    raise NotFound(f"The environment {name} does not exist.", hint="List them with `orvanta env list`.")


def _previous(session: Session, name: str) -> dict[str, Any]:
    """Return the environment before one in the pipeline. Raises NotFound, BadRequest."""
    position = find(session, name)["position"]
    earlier = [each for each in session.api.get("/api/environments/list") if each["position"] < position]
    if not earlier:
        raise BadRequest(
            f"{name} is the first environment whose workspace you are a member of.",
            hint=f"Name the other one: orvanta env diff {name} <environment>.",
        )
    return max(earlier, key=lambda each: int(each["position"]))


def _release_of(session: Session, environment: Mapping[str, Any]) -> dict[str, Any]:
    """Return workspace and number of the release that runs in an environment.

    If nothing was deployed to it, those of the newest release of its workspace. Raises NotFound.
    """
    workspace = quote(environment["workspace"], safe="")
    state = session.api.get(f"/api/w/{workspace}/deployments/environment")
    if state["current_unreadable"]:
        raise NotFound(f"{environment['name']} runs a release with items that you may not read.")
    if (current := state["current"]) is not None:
        return {"source": current["source"], "number": current["number"]}
    newest = session.api.get(f"/api/w/{workspace}/releases/list", per_page=1)
    if not newest:
        raise NotFound(f"{environment['name']} has no release.", hint="Create one: orvanta release create --help.")
    return {"source": environment["workspace"], "number": newest[0]["number"]}


def _call(session: Session, name: str, call: str) -> str:
    """Return the address of a call about the deployments to an environment. Raises NotFound."""
    return f"/api/w/{quote(find(session, name)['workspace'], safe='')}/deployments/{call}"


def _changes(position: int | None, color: str | None, rules: Path | None) -> dict[str, Any]:
    chosen: dict[str, Any] = {"position": position, "color": color, "rules": _read(rules)}
    return {key: value for key, value in chosen.items() if value is not None}


def _read(file: Path | None) -> Any:
    if file is None:
        return None
    from orvanta_platform.workflow import yaml_text

    try:
        return yaml_text.read(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"The rules {file} cannot be read: {error}.") from None
