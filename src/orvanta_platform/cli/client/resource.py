"""`orvanta resource`: connections and other structured values, by path."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(no_args_is_help=True, help="Read and write resources.", cls=CommandGroup, rich_markup_mode=None)

OfType = Annotated[str | None, typer.Option("--type", help="Only resources of this type.")]
NewType = Annotated[
    str | None, typer.Option("--type", help="Type, required for a new resource; see `orvanta resource-type list`.")
]
Value = Annotated[
    str | None,
    typer.Option("--value", help="Value as JSON. Store secrets in variables and refer to them by $var:path."),
]
ValueFile = Annotated[str | None, typer.Option("--input", help="File with the value as JSON; - is stdin.")]
Description = Annotated[str | None, typer.Option("--description", help="Purpose of the resource.")]
Resolved = Annotated[
    bool, typer.Option("--resolved", help="Resolve references $var: and $res:; recorded in the audit trail.")
]


@app.callback()
def resource() -> None:
    """Read and write resources."""


@command(app, "orvanta resource list", "orvanta resource list --type postgresql --json")
def _list(session: Session, prefix: options.Prefix = None, of_type: OfType = None, limit: options.Limit = 100) -> None:
    """List resources, without their values."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("resources/list"), path_start=prefix, resource_type=of_type, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [[each["path"], each["resource_type"], each.get("description") or ""] for each in found]
    print_table(["PATH", "TYPE", "DESCRIPTION"], rows)


@command(app, "orvanta resource get f/sales/database", "orvanta resource get f/sales/database --resolved | jq .host")
def get(session: Session, path: options.ItemPath, resolved: Resolved = False) -> None:
    """Print the value of a resource as JSON; --json prints the whole resource.

    Secret fields are masked. --resolved refuses a resource that contains a secret, because only jobs can read secrets.
    """
    import msgspec

    from orvanta_platform.cli.client.output import print_json_text

    api = session.api
    if resolved:
        print_json_text(api.send("GET", api.item("resources/get_value_interpolated", path)).content)
        return
    whole = api.send("GET", api.item("resources/get", path)).content
    value = msgspec.json.decode(whole, type=dict[str, msgspec.Raw]).get("value", msgspec.Raw(b"null"))
    print_json_text(whole if session.as_json else bytes(value))


@command(
    app,
    "orvanta resource set f/sales/database --type postgresql --input database.json",
    """orvanta resource set f/sales/api --value '{"url": "https://api.example.org", "key": "$var:f/sales/api_key"}'""",
)
def _set(
    session: Session,
    path: options.ItemPath,
    of_type: NewType = None,
    value: Value = None,
    input_file: ValueFile = None,
    description: Description = None,
) -> None:
    """Create a resource or change its value. A new one needs --type."""
    from orvanta_platform.cli.client.output import print_json

    if (value is None) == (input_file is None):
        raise typer.BadParameter("Pass the value with either --value or --input.")
    api = session.api
    exists = api.get(api.item("resources/exists", path))
    if not exists and of_type is None:
        raise typer.BadParameter("A new resource needs --type.")
    given: dict[str, Any] = {"resource_type": of_type, "description": description}
    body = _body({"path": path, **{name: each for name, each in given.items() if each is not None}}, value, input_file)
    api.send("POST", api.item("resources/update", path) if exists else api.in_workspace("resources/create"), body=body)
    state = "updated" if exists else "created"
    if session.as_json:
        print_json({"path": path, "state": state})
    else:
        print(f"{path}: {state}")


@command(app, "orvanta resource test f/sales/database")
def test(session: Session, path: options.ItemPath) -> None:
    """Test the connection of a resource: the server connects to its host and logs in.

    For the types postgresql, mysql, s3, http_basic, http_bearer and smtp.
    """
    from orvanta_platform.cli.client.output import print_json

    found = json.loads(session.api.post(session.api.item("resources/test", path)))
    if session.as_json:
        print_json(found)
    else:
        print(found["message"])
    if not found["success"]:
        raise typer.Exit(1)


@command(app, "orvanta resource delete f/sales/database")
def delete(session: Session, path: options.ItemPath) -> None:
    """Delete a resource."""
    from orvanta_platform.cli.client.output import print_json

    api = session.api
    api.delete(api.item("resources/delete", path))
    if session.as_json:
        print_json({"path": path, "state": "deleted"})
    else:
        print(f"{path}: deleted")


def _body(members: dict[str, Any], value: str | None, file: str | None) -> bytes:
    """Return the body of the call, in which the numbers of the value keep their digits."""
    import msgspec

    from orvanta_platform.cli.client import run_input

    text = value if value is not None else run_input.text_of(file or "-", "The value file")
    return msgspec.json.encode({**members, "value": msgspec.Raw(run_input.json_of(text, "The value"))})
