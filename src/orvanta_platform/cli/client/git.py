"""`orvanta git`: a workspace bound to a branch of a Git repository."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.workflow.tree.item import Kind

app = typer.Typer(
    no_args_is_help=True,
    help="Synchronise a workspace with a branch of a Git repository.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

Url = Annotated[str, typer.Argument(help="https://host/path, or file:///path if the instance permits it.")]
Branch = Annotated[str, typer.Option("--branch", help="Branch of the repository.")]
Folder = Annotated[str, typer.Option("--folder", help="Folder of the repository; the root by default.")]
Username = Annotated[str | None, typer.Option("--username", help="User of the server; `git` by default.")]
TokenStdin = Annotated[bool, typer.Option("--token-stdin", help="Read the token from stdin instead of a prompt.")]
NoToken = Annotated[bool, typer.Option("--no-token", help="Send no token, or keep that of a binding to the same URL.")]
NoCheck = Annotated[bool, typer.Option("--no-check", help="Bind a repository that cannot be read now.")]
Workspace = Annotated[
    list[str] | None, typer.Option("--keep", help="Item in conflict of which the workspace's side remains: KIND/PATH.")
]
Repository = Annotated[
    list[str] | None, typer.Option("--take", help="Item in conflict of which the repository's side remains: KIND/PATH.")
]
Except = Annotated[
    list[str] | None, typer.Option("--except", help="Leave out this item, KIND/PATH, or those in this folder, PATH.")
]
Plan = Annotated[
    str | None, typer.Option("--plan", help="Hash of the reviewed plan; the present plan is applied without it.")
]
Only = Annotated[
    list[str] | None, typer.Option("--only", help="Apply only this item, KIND/PATH, or those in this folder, PATH.")
]
Names = Annotated[
    list[str] | None,
    typer.Argument(help="Items, KIND/PATH, or folders, PATH; all items of the plan by default.", metavar="ITEM"),
]
Message = Annotated[str | None, typer.Option("--message", "-m", help="Message of the deployment.")]

_SSH: Final = re.compile(r"ssh://|git\+ssh://|(?![a-z]+://)[^/\s]+@[^/\s:]+:")
"""Beginning of an address over SSH, such as ssh://host/path or git@host:path."""
_WAIT_S: Final = 200.0
_PAUSE_S: Final = 0.5


@app.callback()
def git() -> None:
    """Synchronise a workspace with a branch of a Git repository."""


@command(app, "orvanta git bind https://git.example.com/team/workflows --folder main")
def bind(
    session: Session,
    url: Url,
    branch: Branch = "main",
    folder: Folder = "",
    username: Username = None,
    token_stdin: TokenStdin = False,
    no_token: NoToken = False,
    no_check: NoCheck = False,
) -> None:
    """Bind the workspace to a branch. Admins only. Each deployment becomes a commit of it.

    The repository must be readable. If the branch does not exist, the first commit creates it.
    """
    from orvanta_platform.cli.client.output import say, terminal_safe
    from orvanta_platform.cli.client.prompts import prompt_secret

    _refuse_ssh(url)
    token = None
    if token_stdin:
        token = sys.stdin.readline().strip()
    elif not no_token and not url.startswith("file:"):
        if not sys.stdin.isatty():
            raise typer.BadParameter("There is no terminal to enter a token: pass --token-stdin or --no-token.")
        token = prompt_secret("Token of the repository")
    body: dict[str, Any] = {"url": url, "branch": branch, "folder": folder, "username": username, "token": token}
    body["check"] = not no_check
    found = session.api.send("POST", session.api.in_workspace("git/bind"), body=body).json()
    session.print_state(session.api.connection.workspace, "bound")
    if found["has_branch"] is False:
        others = f" Branches: {', '.join(found['branches'])}." if found["branches"] else " The repository is empty."
        say(terminal_safe(f"The branch {branch} does not exist yet; the first commit creates it.{others}"))


def _refuse_ssh(url: str) -> None:
    """Raise BadRequest for an address of a repository over SSH, before a token is entered in vain."""
    if _SSH.match(url):
        from orvanta_platform.errors import BadRequest

        raise BadRequest(
            "Repositories over SSH are not supported.",
            hint="Use https://host/path with a token that may read and write.",
        )


@command(app, "orvanta git status")
def status(session: Session) -> None:
    """Print the state of the synchronisation and the changes of the repository that are not applied."""
    _print_status(session)


@command(app, "orvanta git fetch")
def fetch(session: Session) -> None:
    """Fetch the branch now, wait for it, and print the changes that are not applied."""
    requested = _time(session.api.send("POST", session.api.in_workspace("git/fetch")).json()["requested_at"])
    end = time.monotonic() + _WAIT_S
    while time.monotonic() < end:
        found = _binding(session)
        if found is None or _is_later(found["fetched_at"], requested) or _is_later(found["retry_at"], requested):
            break
        time.sleep(_PAUSE_S)
    _print_status(session)


def _print_status(session: Session) -> None:
    """Print state and incoming changes. Raises typer.Exit if the last synchronisation failed."""
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.output import print_json

    binding = _binding(session)
    plan = session.api.get(session.api.in_workspace("git/incoming")) if binding else None
    if session.as_json:
        print_json({"binding": binding, "incoming": plan})
    elif binding is None or plan is None:
        print("The workspace is not bound to a repository.")
    else:
        _print_binding(binding, plan)
        _print_incoming(plan)
    if binding is not None and binding["error"]:
        raise typer.Exit(FAILED)


@command(app, "orvanta git diff", "orvanta git diff flow/f/team/report", "orvanta git diff f/team")
def diff(session: Session, names: Names = None) -> None:
    """Print the differences that the changes of the repository make to the items of the workspace.

    Values of secrets are masked. Of an item in conflict, the content in the repository is compared.
    """
    from orvanta_platform.cli.client.output import print_json, say, terminal_safe
    from orvanta_platform.cli.client.tree_pull import show_differences

    found = session.api.get(session.api.in_workspace("git/incoming"))
    chosen = {(each["kind"], each["path"]) for each in _chosen(found["items"], names)} if names else None
    items = [each for each in found["items"] if chosen is None or (each["kind"], each["path"]) in chosen]
    shown = []
    for each in items:
        if each["reason"]:
            say(terminal_safe(f"{each['kind']} {each['path']}: {each['reason']}"))
            continue
        text = _difference(session, each["kind"], each["path"])
        shown.append({"kind": each["kind"], "path": each["path"], "diff": text})
        if not session.as_json:
            show_differences([text])
    if session.as_json:
        print_json({"plan_hash": found["plan_hash"], "items": shown})


def _difference(session: Session, kind: Kind, path: str) -> str:
    """Return the difference of an item as text."""
    from orvanta_platform.cli.client.tree_pull import difference_of_files
    from orvanta_platform.workflow.tree.item import Item
    from orvanta_platform.workflow.tree.writing import write_item

    found = session.api.get(session.api.item(f"git/incoming/{kind}", path))
    before, after = found["before"], found["after"]
    if before and after and kind not in ("flow", "script", "workflow_test"):
        after = before | after  # absent keys stay as they are, and null removes a value

    def files(content: dict[str, Any] | None) -> dict[str, bytes]:
        if content is None:
            return {}
        return write_item(Item(kind, path, {name: value for name, value in content.items() if value is not None}))

    return difference_of_files(files(before), files(after), "repository")


@command(
    app,
    "orvanta git apply -m 'Take over the reviewed changes'",
    "orvanta git apply --plan 0b5c… --only f/team --take flow/f/team/report",
    "orvanta git apply --except flow/f/team/broken",
)
def apply(
    session: Session,
    keep: Workspace = None,
    take: Repository = None,
    only: Only = None,
    excluded: Except = None,
    plan: Plan = None,
    message: Message = None,
) -> None:
    """Apply the changes of the repository to the workspace, all or nothing, as the caller.

    With --plan, nothing is applied if anything has changed since the plan was printed. Items that cannot be read are
    left out with --except. --keep and --take decide conflicts, and apply the other changes too, unless --only or
    --except leave them out.
    """
    from orvanta_platform.cli.client.api import in_doubt
    from orvanta_platform.cli.client.errors import ServerRefused, refused_items
    from orvanta_platform.cli.client.output import print_change, print_json, say, terminal_safe
    from orvanta_platform.cli.client.remaining_uses import say_uses

    api = session.api
    found = api.get(api.in_workspace("git/incoming"))
    choices = [
        *_choices(found["items"], keep or (), "workspace"),
        *_choices(found["items"], take or (), "repository"),
    ]
    body = {"plan_hash": plan or found["plan_hash"], "choices": choices, "message": message}
    if only or excluded:
        chosen = _chosen(found["items"], only) if only else found["items"]
        left_out = {(each["kind"], each["path"]) for each in _chosen(found["items"], excluded or ())}
        body["items"] = [
            {"kind": each["kind"], "path": each["path"]}
            for each in chosen
            if (each["kind"], each["path"]) not in left_out
        ]
    elif not session.as_json:
        say_uses(found["items"], truncated=found["uses_truncated"])
    try:
        with in_doubt("`orvanta git status` shows whether it did"):
            done = api.send("POST", api.in_workspace("git/apply"), body=body).json()
    except ServerRefused as error:
        for (kind, path), reason in () if session.as_json else refused_items(error):
            say(terminal_safe(f"{kind} {path}: {reason.message}"))
        raise
    if session.as_json:
        print_json(done)
        return
    if only or excluded:  # what the others change counts if they are applied as well
        say_uses(done["entries"], truncated=done["uses_truncated"])
    changed = [each for each in done["entries"] if each["action"] != "unchanged"]
    for each in changed:
        print_change(each)
    for each in done["entries"]:
        if each["action"] == "unchanged" and each.get("reason"):
            say(terminal_safe(f"{each['kind']} {each['path']}: {each['reason']}"))
    if not changed:
        print("Nothing to do.")


def _chosen(items: Sequence[dict[str, Any]], only: Sequence[str]) -> list[dict[str, str]]:
    """Return the items with these names or in these folders. Raises typer.BadParameter for one without an item."""
    found = []
    for name in only:
        below = f"{name.rstrip('/')}/"
        matching = [
            each for each in items if f"{each['kind']}/{each['path']}" == name or each["path"].startswith(below)
        ]
        if not matching:
            raise typer.BadParameter(
                f"{name} is neither KIND/PATH of an item of the plan nor a folder with such items."
            )
        found += [{"kind": each["kind"], "path": each["path"]} for each in matching]
    return found


@command(app, "orvanta git unbind")
def unbind(session: Session) -> None:
    """Delete the binding. Items of the workspace and commits of the repository remain. Admins only."""
    session.api.delete(session.api.in_workspace("git/unbind"))
    session.print_state(session.api.connection.workspace, "unbound")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _is_later(text: str | None, than: datetime) -> bool:
    return text is not None and _time(text) > than


def _binding(session: Session) -> dict[str, Any] | None:
    found: dict[str, Any] | None = session.api.get(session.api.in_workspace("git/get"))
    return found


def _choices(items: Sequence[dict[str, Any]], names: Sequence[str], choice: str) -> list[dict[str, str]]:
    """Return the decisions about items of the plan. Raises typer.BadParameter for one without an item."""
    found = []
    for name in names:
        kind, _, path = name.partition("/")
        if not path:
            raise typer.BadParameter(f"{name} is not KIND/PATH, such as flow/f/team/report.")
        if not any((each["kind"], each["path"]) == (kind, path) for each in items):
            raise typer.BadParameter(f"{name} is no item of the plan; `orvanta git status` lists them.")
        found.append({"kind": kind, "path": path, "choice": choice})
    return found


def _state_of(binding: dict[str, Any], plan: dict[str, Any]) -> str:
    """Return the state of the synchronisation, and of the changes that are not applied."""
    from orvanta_platform.units import count_text

    state: str = binding["state"]
    count = len(plan["items"]) + plan["hidden"]
    if state != "synchronised" or not count:
        return state
    conflicts = sum(each["action"] == "conflict" for each in plan["items"])
    return f"{count_text(count, 'change')} to apply" + (f", {count_text(conflicts, 'conflict')}" if conflicts else "")


def _print_binding(binding: dict[str, Any], plan: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import local_time, say, terminal_safe

    source = f"{binding['url']} {binding['branch']}" + (f" {binding['folder']}/" if binding["folder"] else "")
    print(
        terminal_safe(f"{source}: {_state_of(binding, plan)}, fetched {local_time(binding['fetched_at']) or 'never'}")
    )
    if binding["error"]:
        say(terminal_safe(f"{binding['error']['code']}: {binding['error']['message']}"))
    for each in binding["findings"]:
        say(terminal_safe(f"{each['name']}: ignored, {each['reason']}"))


def _print_incoming(plan: dict[str, Any]) -> None:
    from orvanta_platform.cli.client.output import print_change, say, terminal_safe
    from orvanta_platform.cli.client.remaining_uses import say_uses

    for each in plan["items"]:
        note = " (merged)" if each["merged"] and each["places"] is None else ""
        if each["places"] is not None:
            note = ": changed on both sides" + (f" at {', '.join(each['places'])}" if any(each["places"]) else "")
        if each["moved_to"]:
            note += f", moved to {each['moved_to']} in the workspace"
        print_change(each, note)
        if each["reason"]:
            say(terminal_safe(f"    {each['reason']}"))
        if each["secrets"]:
            places = ", ".join(each["secrets"])
            say(terminal_safe(f"    warning: secret in clear ({places}), which remains readable in the repository"))
    say_uses(plan["items"], truncated=plan["uses_truncated"])
    if plan["items"]:
        print(f"plan: {plan['plan_hash']}")
    if any(each["action"] == "conflict" and each["reason"] for each in plan["items"]):
        say("Correct the files that cannot be read, or apply the others with `orvanta git apply --except KIND/PATH`.")
    if any(each["action"] == "conflict" and not each["reason"] for each in plan["items"]):
        say("Select a side of each conflict with `orvanta git apply --keep KIND/PATH` or `--take KIND/PATH`.")
