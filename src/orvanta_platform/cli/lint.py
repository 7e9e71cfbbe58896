"""`orvanta lint`: validation of the items of a tree without a server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orvanta_platform.cli.client.command import Session, command

if TYPE_CHECKING:
    from orvanta_platform.workflow.diagnostics import Diagnostic

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders NAME.flow or NAME__flow, documents, files of scripts and other items, or folders that contain "
        "them; the current folder by default.",
        metavar="[PATH]...",
    ),
]
Policies = Annotated[
    Path | None, typer.Option("--policies", help="File with a policy or a list of policies, as YAML or JSON.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")]


def register(app: typer.Typer) -> None:
    """Register the command with the root application."""
    command(
        app, "orvanta lint f/sales/report.flow", "orvanta lint f/sales/total.py", "orvanta lint --json", server=False
    )(lint)


def lint(session: Session, files: Files = None, strict: Strict = False, policies: Policies = None) -> None:
    """Validate workflows, scripts and other items without a server and without running anything.

    Prints each problem with file and line. The exit code is 1 if anything has errors. Scripts are found below f and u.

    Two kinds of problems are errors. A push refuses workflows, paths and settings that are not valid. Code with markers
    of merge conflicts, or with syntax errors in Python, TypeScript, JavaScript and SQL comments, cannot run; a push
    deploys it with a warning, because workers may know newer syntax. Everything else is a warning: unknown keys and
    inputs, outdated locks and schemas, scripts without main, secrets in clear, unused files.

    With --policies, violations of active policies by workflows are errors, and those of evaluated policies are
    warnings. The values that active policies give to absent fields are listed.
    """
    from orvanta_platform.cli.client.deploy import print_located
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.cli.client.expressions import Expressions
    from orvanta_platform.cli.client.item_check import check_item, check_script, select
    from orvanta_platform.cli.client.item_paths import say_left_out
    from orvanta_platform.cli.client.output import print_json
    from orvanta_platform.cli.client.workflow_check import check, read_policies
    from orvanta_platform.units import count_text

    chosen = files or [Path()]
    say_left_out(chosen)
    applied = read_policies(policies) if policies is not None else ()
    selection = select(chosen)
    with Expressions() as expressions:
        found = {str(file): check(file, expressions, applied) for file in selection.workflows}
    scripts = {str(file): check_script(file) for file in selection.scripts}
    others = [(key[0], folder.file_of(key), check_item(folder, key)) for folder, key in selection.items]
    print_located(selection.unused)
    located = [*(each for each, _ in found.values()), *scripts.values(), *(each for _, _, each in others)]
    located.append(selection.unused)
    every = [each for diagnostics in located for _, each in diagnostics]
    errors = sum(each.severity == "error" or strict for each in every)
    if session.as_json:
        shown = [
            {
                "file": file,
                "diagnostics": _as_json(diagnostics),
                "defaults": [
                    {"policy": each.policy, "node": each.node, "field": each.field, "value": each.value}
                    for each in defaults
                ],
            }
            for file, (diagnostics, defaults) in found.items()
        ]
        print_json(
            {
                "workflows": shown,
                "scripts": [{"file": file, "diagnostics": _as_json(each)} for file, each in scripts.items()],
                "items": [{"kind": kind, "file": file, "diagnostics": _as_json(each)} for kind, file, each in others],
                "unused": _as_json(selection.unused),
                "errors": errors,
                "warnings": len(every) - errors,
            }
        )
    else:
        counts = [(len(found), "workflow"), (len(scripts), "script"), (len(others), "other item")]
        checked = [count_text(*each) for each in counts if each[0]]
        checked += [count_text(errors, "error"), count_text(len(every) - errors, "warning")]
        print(f"{', '.join(checked)}.")
    if errors:
        raise typer.Exit(FAILED)


def _as_json(found: Sequence[tuple[str, Diagnostic]]) -> list[dict[str, str | None]]:
    return [{**each.as_dict(), "place": place} for place, each in found]
