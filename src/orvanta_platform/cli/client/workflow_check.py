"""Validation of workflows in files without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import typer
from msgspec.structs import replace

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.call_inputs import input_warnings
from orvanta_platform.cli.client.deploy import print_located
from orvanta_platform.cli.client.item_check import workflow_faults
from orvanta_platform.cli.client.item_names import name_fault
from orvanta_platform.cli.client.output import say
from orvanta_platform.errors import BadRequest, InvalidWorkflow
from orvanta_platform.workflow import yaml_text
from orvanta_platform.workflow.diagnostics import Diagnostic, errors
from orvanta_platform.workflow.policies.check import violations
from orvanta_platform.workflow.policies.defaults import AppliedDefault, find_defaults
from orvanta_platform.workflow.policies.policy import Policy, parse
from orvanta_platform.workflow.policies.subject import TestStates, subject_of_flow

if TYPE_CHECKING:
    from orvanta_platform.cli.client.expressions import Expressions


def find_workflows(source: Sequence[Path]) -> list[Path]:
    """Return the selected workflows: each workflow of `source`, and all workflows under its folders.

    Raises typer.BadParameter if there is none.
    """
    found = []
    for path in source:
        if not path.exists():
            raise typer.BadParameter(f"{path} does not exist.")
        found += [path] if flow_files.is_workflow(path) else flow_files.find(path)
    if not found:
        raise typer.BadParameter("The folder contains no workflow.")
    return found


def read_policies(file: Path) -> tuple[Policy, ...]:
    """Return the policies of a file, which contains one or a list. Raises BadRequest, InvalidWorkflow."""
    try:
        tree = yaml_text.read(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"The policies {file} cannot be read: {error}.") from None
    return tuple(parse(each) for each in (tree if isinstance(tree, list) else [tree]))


def check(
    source: Path, expressions: Expressions, policies: Sequence[Policy] = ()
) -> tuple[list[tuple[str, Diagnostic]], list[AppliedDefault]]:
    """Print and return the location and diagnostic of each problem of a workflow, and the defaults of policies.

    Raises BadRequest.
    """
    defaults: list[AppliedDefault] = []
    try:
        flow = flow_files.read(source)
    except InvalidWorkflow as error:
        found = flow_files.error_locations(source, error)
    else:
        diagnostics = expressions.diagnostics(flow)
        if policies and not errors(diagnostics):
            tests = TestStates(flow_files.count_tests(source))
            subject = replace(subject_of_flow(flow.path or "", flow.tree), tests=tests)
            defaults = find_defaults(subject, policies)
            diagnostics += [each.diagnostic() for each in violations(subject, policies)]
        diagnostics += input_warnings(flow)
        if flow.path is not None and (fault := name_fault(("flow", flow.path))) is not None:
            diagnostics.insert(0, fault)
        found = [(flow.location(each.path), each) for each in diagnostics] + workflow_faults(flow, "error")
    print_located(found)
    for each in defaults:
        place = flow.location(each.path)
        value = msgspec.json.encode(each.value).decode()
        what = f"node {each.node}: " if each.node is not None else ""
        say(f"{place}: default: {what}`{each.field}` is set to {value} (policy {each.policy})")
    return found, defaults
