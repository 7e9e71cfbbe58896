"""`orvanta workspace settings`: settings of the workspace."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import typer

from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.errors import BadRequest

app = typer.Typer(no_args_is_help=True, help="Settings of the workspace.", cls=CommandGroup, rich_markup_mode=None)

_CALLS: Final = {
    "error_handler": "edit_error_handler",
    "retention_days": "edit_retention",
    "search_run_data": "edit_search_run_data",
    "secrets_readable": "edit_secrets_readable",
    "token_max_age_days": "edit_token_max_age",
    "webhook": "edit_webhook",
}
"""Calls that change the settings, by name."""


def _known(name: str) -> str:
    if name not in _CALLS:
        raise typer.BadParameter(f"There is no setting {name}. The settings are {', '.join(_CALLS)}.")
    return name


Name = Annotated[str, typer.Argument(help=f"{', '.join(_CALLS)}.", metavar="NAME", callback=_known)]
Value = Annotated[str, typer.Argument(help="Value, JSON; null is the default.")]


@app.callback()
def settings() -> None:
    """Settings of the workspace."""


@command(app, "orvanta workspace settings list")
def _list(session: Session) -> None:
    """List the settings with their values."""
    from orvanta_platform.cli.client.output import print_json, print_table

    found = _read(session)
    if session.as_json:
        print_json([{"name": name, "value": value} for name, value in found.items()])
        return
    print_table(["NAME", "VALUE"], [[name, json.dumps(value, ensure_ascii=False)] for name, value in found.items()])


@command(app, "orvanta workspace settings get retention_days")
def get(session: Session, name: Name) -> None:
    """Print the value of a setting as JSON."""
    from orvanta_platform.cli.client.output import print_json

    print_json(_read(session)[name])


@command(
    app,
    "orvanta workspace settings set token_max_age_days 90",
    """orvanta workspace settings set error_handler '"flow/f/team/report"'""",
)
def _set(session: Session, name: Name, value: Value) -> None:
    """Set a setting. Admins only."""
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise BadRequest(f"The value is not JSON: {error}.", hint="Text needs quotes: '\"text\"'.") from error
    session.change(f"workspaces/{_CALLS[name]}", {name: parsed}, name, "changed")


def _read(session: Session) -> dict[str, Any]:
    """Return the values of the settings by name; None: the default."""
    found = session.api.get(session.api.in_workspace("workspaces/get_settings"))
    if handler := found.get("error_handler"):
        found["error_handler"] = handler["path"]
    return {name: found.get(name) for name in _CALLS}
