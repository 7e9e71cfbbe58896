"""Validation of workflows in files without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.deploy import print_located
from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow.diagnostics import Diagnostic


def find_workflows(source: Sequence[Path]) -> list[Path]:
    """Return the selected workflows: each workflow of `source`, and all workflows under its folders.

    Raises typer.BadParameter if there is none.
    """
    found = []
    for place in source:
        if not place.exists():
            raise typer.BadParameter(f"{place} does not exist.")
        found += [place] if flow_files.is_workflow(place) else flow_files.find(place)
    if not found:
        raise typer.BadParameter("The folder contains no workflow.")
    return found


def check(source: Path) -> list[tuple[str, Diagnostic]]:
    """Print and return the location and diagnostic of each problem of a workflow. Raises BadRequest."""
    try:
        flow = flow_files.read(source)
    except InvalidWorkflow as error:
        found = flow_files.error_locations(source, error)
    else:
        found = [(flow.place(each.path), each) for each in flow.diagnostics()]
    print_located(found)
    return found
