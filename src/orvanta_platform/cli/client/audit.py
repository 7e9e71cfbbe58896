"""`orvanta audit`: the audit trail of a workspace, or of the instance."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Read the audit trail.", cls=CommandGroup, rich_markup_mode=None)

User = Annotated[str | None, typer.Option("--user", help="Only entries of this username.")]
Operation = Annotated[
    str | None, typer.Option("--operation", help="Only this operation (users.create), or its first part (users).")
]
Resource = Annotated[str | None, typer.Option("--resource", help="Only entries about this path, name or address.")]
ResourcePrefix = Annotated[
    str | None,
    typer.Option("--resource-prefix", help="Only entries about a path, name or address that begins with this text."),
]
Kind = Annotated[
    Literal["created", "updated", "deleted", "executed"] | None,
    typer.Option("--kind", help="Only entries of this kind: created, updated, deleted or executed."),
]
Since = Annotated[str | None, typer.Option("--since", help="Only entries from this time on (2026-01-31T12:00:00Z).")]
Until = Annotated[str | None, typer.Option("--until", help="Only entries before this time.")]
Anchor = Annotated[
    str | None, typer.Option("--anchor", help="Earlier head, <links>:<hash>, or a file with it.", metavar="ANCHOR")
]
Instance = Annotated[
    bool, typer.Option("--instance", help="Entries of the instance: accounts and logins. Superadmins only.")
]

_KINDS: Final = {"created": "Created", "updated": "Updated", "deleted": "Delete", "executed": "Execute"}
"""Kinds of entries as the API names them."""


@app.callback()
def audit() -> None:
    """Read the audit trail."""


@command(
    app,
    "orvanta audit list --operation users",
    "orvanta audit list --resource-prefix f/finance/",
    "orvanta audit list --instance --user admin",
)
def _list(
    session: Session,
    user: User = None,
    operation: Operation = None,
    kind: Kind = None,
    resource: Resource = None,
    resource_prefix: ResourcePrefix = None,
    since: Since = None,
    until: Until = None,
    instance: Instance = False,
    limit: options.Limit = 100,
) -> None:
    """List entries of the audit trail, newest first. Admins only.

    Calls from one address within ten minutes are one entry of the trail.
    """
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    filters = _filters(user, operation, kind, resource, resource_prefix, since, until)
    found = session.api.get(_path(session, "list", instance), **filters, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            str(each["id"]),
            local_time(each["timestamp"]),
            each["username"],
            each["operation"],
            each.get("resource", ""),
            json.dumps(each["parameters"]) if "parameters" in each else "",
        ]
        for each in found
    ]
    print_table(["ID", "TIME", "USER", "OPERATION", "RESOURCE", "PARAMETERS"], rows)


@command(app, "orvanta audit export > audit.ndjson", "orvanta audit export --since 2026-01-01 > year.ndjson")
def export(
    session: Session,
    user: User = None,
    operation: Operation = None,
    kind: Kind = None,
    resource: Resource = None,
    resource_prefix: ResourcePrefix = None,
    since: Since = None,
    until: Until = None,
    instance: Instance = False,
) -> None:
    """Print the audit trail as NDJSON, one entry per line, oldest first. Admins only. The call itself is recorded."""
    from orvanta_platform.cli.client.api import accepted, reaching
    from orvanta_platform.cli.client.output import print_bytes

    api = session.api
    filters = _filters(user, operation, kind, resource, resource_prefix, since, until)
    filters = {name: value for name, value in filters.items() if value}
    path = _path(session, "export", instance)
    with reaching(api.connection.url), api.client.stream("GET", path, params=filters) as answer:
        if not answer.is_success:
            answer.read()
        for piece in accepted(answer, api.connection).iter_bytes():
            print_bytes(piece)


@command(app, "orvanta audit verify", "orvanta audit verify --anchor 1200:9f86d081…")
def verify(session: Session, anchor: Anchor = None, instance: Instance = False) -> None:
    """Verify that no entry was changed, deleted or inserted afterwards. Admins only.

    Prints the number of links and the hash of the last one. Store them elsewhere, and pass them as --anchor later, to
    detect that the end of the chain was cut off. Fails if the chain is broken, or if the time of an entry after the
    anchor is more than an hour before that of an earlier entry: it was inserted afterwards.
    """
    from orvanta_platform.cli.client.output import print_json

    if anchor is not None and Path(anchor).is_file():
        anchor = _anchor_of(Path(anchor), "" if instance else session.api.connection.workspace)
    found = session.api.get(_path(session, "verify", instance), anchor=anchor)
    broken, inserted = found.get("broken"), found.get("inserted")
    if session.as_json:
        print_json(found)
    else:
        print(f"{found['links']}:{found['head']}")
        if found["unlinked"]:
            first = found["first_unlinked"]
            print(f"{found['unlinked']} entries older than 10 seconds are not linked; the first is entry {first}.")
        if broken:
            print(_sentence(broken))
        if inserted:
            print(f"Inserted at link {inserted['n']}, entry {inserted['audit_id']}: earlier entries have a later time.")
    if broken or inserted:
        raise typer.Exit(1)


def _sentence(broken: Mapping[str, Any]) -> str:
    reason = str(broken["reason"])
    if not broken["audit_id"]:
        return f"{reason[:1].upper()}{reason[1:]}."
    return f"Broken at link {broken['n']}, entry {broken['audit_id']}: {reason}."


def _anchor_of(file: Path, workspace: str) -> str:
    """Return the anchor in a file: a line or document of this command, or heads of the object storage by workspace."""
    text = file.read_text(encoding="utf-8").strip()
    if not text.startswith("{"):
        return text.splitlines()[0] if text else text
    try:
        found = json.loads(text)
        return str(found[workspace]) if "links" not in found else f"{found['links']}:{found['head']}"
    except (ValueError, KeyError) as error:
        raise BadRequest(f"{file} contains no head of this chain.") from error


def _path(session: Session, call: str, instance: bool) -> str:
    return f"/api/audit/{call}" if instance else session.api.in_workspace(f"audit/{call}")


def _filters(
    user: str | None,
    operation: str | None,
    kind: str | None,
    resource: str | None,
    resource_prefix: str | None,
    since: str | None,
    until: str | None,
) -> dict[str, Any]:
    filters = {"username": user, "operation": operation, "resource": resource, "resource_prefix": resource_prefix}
    filters |= {"after": since, "before": until}
    return filters | ({} if kind is None else {"action_kind": _KINDS[kind]})
