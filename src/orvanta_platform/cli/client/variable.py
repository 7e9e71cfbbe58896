"""`orvanta variable`: values and secrets that scripts and workflows read by path."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.client.prompts import prompt_secret
from orvanta_platform.cli.help_text import CommandGroup

app = typer.Typer(
    no_args_is_help=True, help="Read and write variables and secrets.", cls=CommandGroup, rich_markup_mode=None
)

Value = Annotated[str | None, typer.Argument(help="Value; by default read from stdin, or prompted for on a terminal.")]
Secret = Annotated[bool | None, typer.Option("--secret/--not-secret", help="Encrypt the value and mask it in logs.")]
Description = Annotated[str | None, typer.Option("--description", help="Purpose of the variable.")]


@app.callback()
def variable() -> None:
    """Read and write variables and secrets."""


@command(app, "orvanta variable list", "orvanta variable list f/sales/ --json")
def _list(session: Session, prefix: options.Prefix = None, limit: options.Limit = 100) -> None:
    """List variables. The values of secrets are not shown."""
    from orvanta_platform.cli.client.output import print_json, print_table

    api = session.api
    found = api.get(api.in_workspace("variables/list"), path_start=prefix, per_page=limit)
    if session.as_json:
        print_json(found)
        return
    rows = [
        [each["path"], "(secret)" if each["is_secret"] else _line(each.get("value")), each.get("description") or ""]
        for each in found
    ]
    print_table(["PATH", "VALUE", "DESCRIPTION"], rows)


@command(app, "orvanta variable get f/sales/region")
def get(session: Session, path: options.ItemPath) -> None:
    """Print the value of a variable. Only jobs can read secrets."""
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.errors import Forbidden

    api = session.api
    found = api.get(api.item("variables/get", path))
    if session.as_json:
        print_json(found)
    elif found.get("value") is None:
        raise Forbidden(
            f"The variable {path} is a secret.",
            hint="Only jobs can read it; set a new value with `orvanta variable set`.",
        )
    else:
        print(found["value"])


@command(
    app,
    "orvanta variable set f/sales/region north",
    "orvanta variable set f/sales/api_key --secret < key.txt",
)
def _set(
    session: Session,
    path: options.ItemPath,
    value: Value = None,
    secret: Secret = None,
    description: Description = None,
) -> None:
    """Create a variable or change its value.

    A secret is never an argument, because other users of the machine could read it: write it to standard input, or
    enter it at the prompt. One line break at the end of standard input is removed.
    """
    from orvanta_platform.cli.client.output import print_json

    if secret and value is not None:
        raise typer.BadParameter("A secret cannot be an argument: write it to stdin, or omit it to be prompted.")
    api = session.api
    exists = api.get(api.item("variables/exists", path))
    body: dict[str, Any] = {"value": _read(path) if value is None else value}
    body |= {"is_secret": secret} if secret is not None else {}
    body |= {"description": description} if description is not None else {}
    if exists:
        api.post(api.item("variables/update", path), body)
    else:
        api.post(api.in_workspace("variables/create"), {"is_secret": False, "description": "", **body, "path": path})
    state = "updated" if exists else "created"
    if session.as_json:
        print_json({"path": path, "state": state})
    else:
        print(f"{path}: {state}")


@command(app, "orvanta variable delete f/sales/region")
def delete(session: Session, path: options.ItemPath) -> None:
    """Delete a variable."""
    from orvanta_platform.cli.client.output import print_json

    api = session.api
    api.delete(api.item("variables/delete", path))
    if session.as_json:
        print_json({"path": path, "state": "deleted"})
    else:
        print(f"{path}: deleted")


def _read(path: str) -> str:
    if sys.stdin.isatty():
        return prompt_secret(f"Value of {path}")
    text = sys.stdin.buffer.read().decode("utf-8-sig", "surrogateescape")
    return text.removesuffix("\n").removesuffix("\r")


def _line(value: str | None) -> str:
    text = " ".join((value or "").split())
    return text if len(text) <= 60 else text[:59] + "…"
