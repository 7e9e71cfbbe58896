"""`orvanta lint`: validation of workflows without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orvanta_platform.cli.client.command import Session, command

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders NAME.flow or NAME__flow, documents, or folders that contain them; the current folder by default.",
        metavar="[PATH]...",
    ),
]
Policies = Annotated[
    Path | None, typer.Option("--policies", help="File with a policy or a list of policies, as YAML or JSON.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    command(app, "orvanta lint f/sales/report.flow", "orvanta lint --json", server=False)(lint)


def lint(session: Session, files: Files = None, strict: Strict = False, policies: Policies = None) -> None:
    """Validate workflows like a deploy does, without a server and without running anything.

    Prints each problem with file, line, node and path. The exit code is 1 if a workflow has errors. With --policies,
    violations of active policies are errors, and those of evaluated ones are warnings; the values that active
    policies give to absent fields are listed.
    """
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.expressions import Expressions
    from orvanta_platform.cli.client.item_paths import say_left_out
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.cli.client.workflow_check import check, find_workflows, read_policies
    from orvanta_platform.units import count_text

    chosen = files or [Path()]
    say_left_out(chosen)
    applied = read_policies(policies) if policies is not None else ()
    with Expressions() as expressions:
        found = {str(file): check(file, expressions, applied) for file in find_workflows(chosen)}
    every = [each for diagnostics, _ in found.values() for _, each in diagnostics]
    errors = sum(each.severity == "error" or strict for each in every)
    if session.as_json:
        shown = [
            {
                "file": file,
                "diagnostics": [{**each.as_dict(), "place": place} for place, each in diagnostics],
                "defaults": [
                    {"policy": each.policy, "node": each.node, "field": each.field, "value": each.value}
                    for each in defaults
                ],
            }
            for file, (diagnostics, defaults) in found.items()
        ]
        print_json({"workflows": shown, "errors": errors, "warnings": len(every) - errors})
    else:
        counts = (len(found), "workflow"), (errors, "error"), (len(every) - errors, "warning")
        print(f"{', '.join(count_text(*each) for each in counts)}.")
    if errors:
        raise typer.Exit(FAILED)
