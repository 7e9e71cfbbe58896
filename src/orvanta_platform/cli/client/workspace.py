"""`orvanta workspace`: creation, name, settings, archive, deletion, usage and export of workspaces."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote

import typer

from orvanta_platform.cli.client import options, workspace_settings
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Manage workspaces.", cls=CommandGroup, rich_markup_mode=None)
app.add_typer(workspace_settings.app, name="settings")

Id = Annotated[str, typer.Argument(help="Id of the workspace.", metavar="WORKSPACE")]
NewId = Annotated[str, typer.Argument(help="Id of the new workspace, which cannot be changed.", metavar="WORKSPACE")]
DisplayName = Annotated[str | None, typer.Option("--name", help="Display name; by default the id.")]
Name = Annotated[str, typer.Argument(help="Display name.", metavar="NAME")]
Archived = Annotated[bool, typer.Option("--archived", help="Archived workspaces instead.")]
Confirm = Annotated[str | None, typer.Option("--confirm", help="Id of the workspace, instead of the prompt for it.")]
ExportFile = Annotated[Path, typer.Argument(help="New file that ends in .zip or .tar.", metavar="FILE")]
Secrets = Annotated[
    Literal["blank", "encrypted", "plain"],
    typer.Option("--secrets", help="Values of secret variables: none, under the key of the workspace, or in clear."),
]
Replace = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
SetKey = Annotated[bool, typer.Option("--set", help="Set the key, which is prompted for.")]
KeyStdin = Annotated[bool, typer.Option("--key-stdin", help="With --set: read the key from stdin instead of a prompt.")]
Last = Annotated[str, typer.Option("--last", help="Time span: 7d, 30d or 90d.")]

_PARTS: Final = ("schedules", "triggers", "groups", "tests")


@app.callback()
def workspace() -> None:
    """Manage workspaces."""


@command(app, "orvanta workspace list", "orvanta workspace list --archived")
def _list(session: Session, archived: Archived = False) -> None:
    """List your workspaces; of archived ones, those that you administer."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = session.api.get(f"/api/workspaces/{'list_archived' if archived else 'list'}")
    if session.as_json:
        print_json(found)
        return
    print_table(["WORKSPACE", "NAME", "OWNER"], [[each["id"], each["name"], each["owner"]] for each in found])


@command(app, "orvanta workspace create live --name Production")
def create(session: Session, id: NewId, name: DisplayName = None) -> None:
    """Create a workspace, with you as its admin. Superadmins only."""
    session.api.post("/api/workspaces/create", {"id": id, "name": name})
    session.print_state(id, "created")


@command(app, "orvanta workspace rename 'Sales and marketing'")
def rename(session: Session, name: Name) -> None:
    """Change the display name of the workspace of the profile. Its id does not change. Admins only."""
    workspace = session.api.connection.workspace
    session.change("workspaces/change_workspace_name", {"new_name": name}, workspace, "renamed")


@command(app, "orvanta workspace archive --workspace old")
def archive(session: Session) -> None:
    """Archive the workspace of the profile: it starts no runs and can only be read. Admins only."""
    session.change("workspaces/archive", {}, session.api.connection.workspace, "archived")


@command(app, "orvanta workspace unarchive --workspace old")
def unarchive(session: Session) -> None:
    """Unarchive the workspace of the profile. Admins only."""
    session.change("workspaces/unarchive", {}, session.api.connection.workspace, "unarchived")


@command(app, "orvanta workspace delete old")
def delete(session: Session, id: Id, confirm: Confirm = None) -> None:
    """Delete an archived workspace with its items, runs and files. Superadmins only. It cannot be undone.

    Prompts for the id of the workspace. After an interruption, the command continues the deletion.
    """
    from orvanta_platform.cli.client.prompts import prompt

    typed = confirm if confirm is not None else prompt(f"Id of the workspace to delete ({id})")
    session.api.delete(f"/api/workspaces/delete/{quote(id, safe='')}?confirm={quote(typed, safe='')}")
    session.print_state(id, "deleted")


@command(app, "orvanta workspace usage", "orvanta workspace usage --last 90d")
def usage(session: Session, last: Last = "30d") -> None:
    """Print runs and run time of the workspace by workflow, script and member. Admins only."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("usage"), last=last)
    if session.as_json:
        print_json(found)
        return
    lines = [[f"{each.get('kind', 'other')} {each.get('path', '')}".strip(), each] for each in found["items"]]
    lines += [[each["permissioned_as"], each] for each in found["members"]]
    rows = [[name, str(each["runs"]), str(each["failed"]), f"{each['job_s']:.0f} s"] for name, each in lines]
    print_table(["NAME", "RUNS", "FAILED", "RUN TIME"], rows)


@command(app, "orvanta workspace export sales.zip", "orvanta workspace export sales.zip --secrets encrypted")
def export(
    session: Session,
    file: ExportFile,
    secrets: Secrets = "blank",
    force: Replace = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Export the items of the workspace into an archive, which `orvanta import archive` reads.

    Encrypted values of secrets require an admin, and values in clear a setting of the workspace.
    """
    from orvanta_platform.cli.client.tree_status import included

    archive_type = file.suffix.removeprefix(".")
    if archive_type not in ("zip", "tar"):
        raise typer.BadParameter(f"{file} must end in .zip or .tar.")
    if file.exists() and not force:
        raise typer.BadParameter(f"{file} exists already; --force replaces it.")
    api, parts = session.api, {f"include_{name}": "true" for name in _PARTS}
    optional = options.optional_kinds(include_users, include_settings)
    query = {"archive_type": archive_type, "secret_mode": secrets, **parts, **included(optional)}
    body = api.send("GET", api.in_workspace("workspaces/tarball"), query=query).content
    # Only the user may read it: it can contain secrets.
    target = file.with_name(f".{file.name}.new") if force else file
    try:
        if force:
            target.unlink(missing_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(body)
        target.replace(file)
    except OSError as error:
        raise BadRequest(f"{file} cannot be written: {error.strerror}.") from None
    session.print_state(str(file), "written")


@command(app, "orvanta workspace key", "orvanta workspace key --set")
def key(session: Session, set_key: SetKey = False, key_stdin: KeyStdin = False) -> None:
    """Print or set the key of the encrypted secrets in archives. Admins only.

    A workspace imports the secrets of an archive if it has the key of the workspace that the archive is from.
    """
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.cli.client.prompts import prompt_secret

    api = session.api
    if set_key:
        new = sys.stdin.readline().strip() if key_stdin else prompt_secret("Key of the workspace")
        session.change("workspaces/encryption_key", {"new_key": new}, api.connection.workspace, "changed")
        return
    found = api.get(api.in_workspace("workspaces/encryption_key"))
    if session.as_json:
        print_json(found)
    else:
        print(found["key"])
