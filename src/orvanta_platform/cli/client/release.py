"""`orvanta release`: immutable bundles of items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import BadRequest

app = typer.Typer(
    no_args_is_help=True, help="Create, show and exchange releases.", cls=CommandGroup, rich_markup_mode=None
)

Items = Annotated[
    list[str] | None,
    typer.Argument(help="Items to release: flow/<path>, script/<path>, schedule/<path>, http_trigger/<path>."),
]
Notes = Annotated[str, typer.Option("--notes", "-m", help="Notes that the release shows.")]
Enable = Annotated[
    list[str] | None,
    typer.Option(
        "--enable", help="schedule/<path>=<environment>: a new schedule or HTTP trigger is enabled there. Repeatable."
    ),
]
Remove = Annotated[
    list[str] | None,
    typer.Option(
        "--remove",
        help="<kind>/<path> of an item that was deleted in the workspace; a deployment removes it. Repeatable.",
    ),
]
Number = Annotated[int, typer.Argument(help="Number of the release.", metavar="RELEASE")]
Target = Annotated[Path | None, typer.Argument(help="File to write; standard output by default.")]
File = Annotated[Path, typer.Argument(help="File of an exported release.")]


@app.callback()
def release() -> None:
    """Create, show and exchange releases."""


@command(app, "orvanta release list")
def _list(session: Session, limit: options.Limit = 100) -> None:
    """List the releases of the workspace, newest first."""
    from orvanta_platform.cli.client.output import local_time, print_json, print_table

    found = session.api.get(session.api.in_workspace("releases/list"), per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [
            str(each["number"]),
            each["digest"][:12],
            each["created_by"],
            local_time(each["created_at"]),
            each["notes"].partition("\n")[0],
        ]
        for each in found
    ]
    print_table(["RELEASE", "DIGEST", "BY", "CREATED", "NOTES"], rows)


@command(app, "orvanta release create flow/f/sales/report schedule/f/sales/daily -m 'Weekly totals'")
def create(
    session: Session, items: Items = None, notes: Notes = "", enable: Enable = None, remove: Remove = None
) -> None:
    """Create a release of items and everything that they reference. Print its number.

    Variables and resources become requirements: a release contains no values.
    """
    enabled: dict[tuple[str, str], list[str]] = {}
    for each in enable or []:
        name, equals, environment = each.rpartition("=")
        if not equals:
            raise BadRequest(f"{each[:200]!r} is not <kind>/<path>=<environment>.")
        enabled.setdefault(item_of(name), []).append(environment)
    body = {
        "items": [{"kind": kind, "path": path} for kind, path in map(item_of, items or [])],
        "removed": [{"kind": kind, "path": path} for kind, path in map(item_of, remove or [])],
        "notes": notes,
        "enabled": [{"kind": kind, "path": path, "environments": names} for (kind, path), names in enabled.items()],
    }
    _print_made(session, session.api.post(session.api.in_workspace("releases/create"), body))


@command(app, "orvanta release show 3")
def show(session: Session, number: Number) -> None:
    """Print the items and requirements of a release."""
    from orvanta_platform.cli.client.output import print_json, print_origin, terminal_safe

    found = session.api.get(session.api.in_workspace(f"releases/get/{number}"))
    if session.as_json:
        print_json(found)
        return
    print(f"release: {found['workspace']}/{found['number']}\ndigest: {found['digest']}")
    # Notes that control the terminal could hide the items below them from those who approve the release.
    notes = "\n       ".join(map(terminal_safe, found["notes"].splitlines()))
    print(f"notes: {notes}")
    print_origin(found["imported"])
    for each in found["items"]:
        print(f"item: {each['kind']} {each['path']}")
    for each in found["removed"]:
        print(f"removes: {each['kind']} {each['path']}")
    for each in found["requirements"]:
        kind = f" ({each['resource_type']})" if each["resource_type"] else ""
        print(f"needs: {each['kind']} {each['path']}{kind}")
    for each in found["enabled"]:
        print(f"enabled: {each['kind']} {each['path']} in {', '.join(each['environments'])}")


@command(app, "orvanta release export 3 report-3.json")
def export(session: Session, number: Number, target: Target = None) -> None:
    """Write a release as a file, signed with the key of the instance."""
    import json

    found = session.api.get(session.api.in_workspace(f"releases/export/{number}"))
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    if target is None:
        print(text, end="")
        return
    target.write_text(text, encoding="utf-8")
    session.print_state(str(target), "written")


@command(app, "orvanta release import report-3.json")
def _import(session: Session, file: File) -> None:
    """Store a release from a file as the next release of the workspace. Print its number.

    The file must be signed with the key of this instance, or with a key of the setting `trusted_release_keys`, to which
    superadmins add the keys of other instances.
    """
    import json

    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"The file {file} cannot be read: {error}.") from None
    _print_made(session, session.api.post(session.api.in_workspace("releases/import"), {"file": content}))


@command(app, "orvanta release key")
def key(session: Session) -> None:
    """Print the public key with which other instances verify releases that this one exports."""
    from orvanta_platform.cli.client.output import print_json

    found = session.api.get("/api/releases/key")
    if session.as_json:
        print_json(found)
    else:
        print(found["public_key"])


def item_of(name: str) -> tuple[str, str]:
    """Return kind and path of `<kind>/<path>`. Raises BadRequest."""
    kind, _, path = name.partition("/")
    if not path:
        raise BadRequest(f"{name[:200]!r} is not <kind>/<path>.", hint="For example flow/f/sales/report.")
    return kind, path


def _print_made(session: Session, answer: str) -> None:
    import json

    from orvanta_platform.cli.client.output import print_json

    made: Any = json.loads(answer)
    if session.as_json:
        print_json(made)
    else:
        print(made["number"])
