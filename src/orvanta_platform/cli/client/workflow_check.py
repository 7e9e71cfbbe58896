"""Workflows of files, checked without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.deploy import show_places
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.diagnostics import Diagnostic


def chosen(given: Sequence[Path]) -> list[Path]:
    """The workflows that are meant: each given one, or all under a folder that is none itself.

    Raises typer.BadParameter where there is none.
    """
    found = []
    for place in given:
        if not place.exists():
            raise typer.BadParameter(f"There is no {place}.")
        found += [place] if flow_files.is_one(place) else flow_files.find(place)
    if not found:
        raise typer.BadParameter("There is no workflow under the folder.")
    return found


def check(given: Path) -> list[tuple[str, Diagnostic]]:
    """Place and diagnostic of everything that is wrong with a workflow, printed as well. Raises BadRequest."""
    try:
        flow = flow_files.read(given)
    except InvalidWorkflow as error:
        found = flow_files.told(given, error)
    else:
        found = [(flow.place(each.path), each) for each in flow.diagnostics()]
    show_places(found)
    return found
