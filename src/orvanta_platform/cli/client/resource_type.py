"""`orvanta resource-type`: types of resources."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Read and write the types of resources.", cls=CommandGroup, rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="Name of the type.", metavar="NAME")]
Schema = Annotated[
    str | None,
    typer.Option("--schema", help="JSON Schema of the values. `password: true` at a property makes it a secret."),
]
SchemaFile = Annotated[str | None, typer.Option("--input", help="File with the JSON Schema; - is stdin.")]
Description = Annotated[str | None, typer.Option("--description", help="Purpose of the type.")]


@app.callback()
def resource_type() -> None:
    """Read and write the types of resources."""


@command(app, "orvanta resource-type list", "orvanta resource-type list --json | jq '.[].name'")
def _list(session: Session) -> None:
    """List the types of resources. --json includes their schemas."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = _types(session.api)
    if session.as_json:
        print_json(found)
        return
    print_table(["NAME", "DESCRIPTION"], [[each["name"], each.get("description") or ""] for each in found])


@command(app, "orvanta resource-type get postgresql")
def get(session: Session, name: Name) -> None:
    """Print the JSON Schema of a type; --json prints the whole type."""
    import msgspec

    from orvanta_platform.cli.client.output import print_json_text

    whole = session.api.send("GET", _at(session.api, "get", name)).content
    schema = msgspec.json.decode(whole, type=dict[str, msgspec.Raw]).get("schema", msgspec.Raw(b"null"))
    print_json_text(whole if session.as_json else bytes(schema))


@command(
    app,
    "orvanta resource-type set shop --input shop.schema.json",
    """orvanta resource-type set shop --description 'Access to a shop'""",
)
def _set(
    session: Session,
    name: Name,
    schema: Schema = None,
    input_file: SchemaFile = None,
    description: Description = None,
) -> None:
    """Create a type, or change its schema or description. Only admins change types.

    The workspace gets a copy of its own if a built-in type is changed.
    """
    import msgspec

    from orvanta_platform.cli.client import run_input

    if schema is not None and input_file is not None:
        raise typer.BadParameter("Pass the schema with either --schema or --input.")
    api = session.api
    exists = any(each["name"] == name for each in _types(api))
    body: dict[str, Any] = {} if description is None else {"description": description}
    if schema is not None or input_file is not None:
        text = schema if schema is not None else run_input.text_of(input_file or "-", "The schema file")
        body["schema"] = msgspec.Raw(run_input.json_of(text, "The schema"))
    elif not exists:
        raise typer.BadParameter("A new type needs a schema: --schema or --input.")
    if exists:
        api.send("POST", _at(api, "update", name), body=msgspec.json.encode(body))
    else:
        api.send("POST", api.in_workspace("resources/type/create"), body=msgspec.json.encode({"name": name, **body}))
    session.print_state(name, "updated" if exists else "created")


@command(app, "orvanta resource-type delete shop")
def delete(session: Session, name: Name) -> None:
    """Delete a type of the workspace. Admins only."""
    session.api.delete(_at(session.api, "delete", name))
    session.print_state(name, "deleted")


def _types(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(api.in_workspace("resources/type/list"))
    return found


def _at(api: Api, call: str, name: str) -> str:
    return api.in_workspace(f"resources/type/{call}/{quote(name, safe='')}")
