"""`flow push` and `script push`, for one item or for everything under a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
import typer

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.deploy import (
    Kind,
    Options,
    Pushed,
    print_located,
    push_flow,
    push_script,
    read_flow,
    show_diagnostics,
)
from orvanta_platform.cli.client.errors import FAILED, NotLoggedIn, ServerUnreachable
from orvanta_platform.cli.client.item_check import script_warnings, setting_faults, workflow_faults
from orvanta_platform.cli.client.item_paths import needed, say_left_out
from orvanta_platform.cli.client.output import print_json, say_error
from orvanta_platform.cli.client.waiting_versions import list_waiting, say_waiting
from orvanta_platform.errors import OrvantaError
from orvanta_platform.workflow import item_settings
from orvanta_platform.workflow.diagnostics import errors, invalid, warnings

Push = Callable[[], Pushed]
"""Deployment of one file."""


def push_flows(session: Session, source: Path | None, path: str | None, options: Options, *, everything: bool) -> None:
    """Deploy the workflow at `source`, or all workflows under it."""
    session.folder = root = _root(source, everything)
    single = flow_files.is_workflow(root)
    if single:
        _print_outcome(session, "flow", [push_flow_file(session, root, path, options)], options, single=True)
        return
    say_left_out([root])
    _refuse_for_folders(path, options)
    files = flow_files.find(root)
    push_each(
        session, "flow", [(file, partial(push_flow_file, session, file, None, options)) for file in files], options
    )


def push_flow_file(session: Session, file: Path, path: str | None, options: Options) -> Pushed:
    """Deploy one workflow after printing the warnings about it; with `dry_run`, report its diagnostics only.

    Raises the errors of `push_flow`.
    """
    flow = read_flow(file)
    print_located(workflow_faults(flow, "warning"), pointers=False)
    if options.dry_run:
        from orvanta_platform.cli.client.expressions import Expressions

        with Expressions() as expressions:
            found = expressions.diagnostics(flow)
        show_diagnostics(flow, found)
        if errors(found):
            raise invalid(found)
    else:
        show_diagnostics(flow, warnings(flow.diagnostics()))
    return push_flow(session.api, flow, needed(path or flow.path, file), options)


def push_scripts(
    session: Session, source: Path | None, path: str | None, options: Options, *, everything: bool, language: str | None
) -> None:
    """Deploy the script in `source`, or all scripts under it that are in a folder f or u."""
    session.folder = root = _root(source, everything)

    def push(file: Path, path: str | None) -> Pushed:
        script = script_files.read(file, language)
        if faults := setting_faults(script):
            print_located(faults)
            item_settings.check_script(script.settings or {})
        print_located(script_warnings(script), pointers=False)
        return push_script(session.api, script, needed(path or script.path, file), options)

    if root.is_file():
        _print_outcome(session, "script", [push(root, path)], options, single=True)
        return
    say_left_out([root])
    _refuse_for_folders(path, options)
    files = script_files.in_import_order(_scripts_in_folders(root))
    push_each(session, "script", [(file, partial(push, file, None)) for file in files], options)


def _scripts_in_folders(root: Path) -> list[Path]:
    return [file for file in script_files.find(root) if script_files.path_in_folders(file)]


def _refuse_for_folders(path: str | None, options: Options) -> None:
    if path is not None or options.base is not None or options.policy_bypass_reason is not None:
        raise typer.BadParameter(
            "A path, --base and --policy-bypass-reason apply to a single item, not to a whole folder."
        )


def push_each(session: Session, kind: Kind, pushes: Sequence[tuple[Path, Push]], options: Options) -> None:
    """Deploy files one after the other, collect their errors and print the outcome. Raises typer.Exit after errors."""
    if not pushes:
        raise typer.BadParameter("The folder contains nothing to push.")
    done: list[Pushed] = []
    failed: list[dict[str, object]] = []
    for file, push in pushes:
        try:
            done.append(push())
        except (ServerUnreachable, NotLoggedIn):
            raise
        except OrvantaError as error:
            failed.append({"file": str(file), "error": error.as_dict()})
            say_error(f"{file}: {error.message}", error.hint)
    _print_outcome(session, kind, done, options, single=False, failed=failed)
    if failed:
        raise typer.Exit(FAILED)


def _print_outcome(
    session: Session,
    kind: Kind,
    done: list[Pushed],
    options: Options,
    *,
    single: bool,
    failed: list[dict[str, object]] | None = None,
) -> None:
    if not options.dry_run:
        waiting = list_waiting(session.api, [(kind, each.path) for each in done])
        done = [msgspec.structs.replace(each, waiting=waiting.get((kind, each.path), [])) for each in done]
    if session.as_json:
        one = {**done[0].as_dict(), "dry_run": options.dry_run} if single else None
        print_json(one or {"pushed": [each.as_dict() for each in done], "failed": failed, "dry_run": options.dry_run})
        return
    for each in done:
        would = "would be " if options.dry_run and each.state != "unchanged" else ""
        version = f" (version {each.number})" if each.number and not would else ""
        print(f"{each.path}: {would}{each.state}{version}", flush=True)
        for row in each.waiting:
            say_waiting(row)
    if failed:
        print(f"{len(done)} pushed, {len(failed)} failed.")


def _root(source: Path | None, everything: bool) -> Path:
    if source is None and not everything:
        raise typer.BadParameter("Name a file or a folder, or push everything under the current folder with --all.")
    root = source or Path()
    if not root.exists():
        raise typer.BadParameter(f"{root} does not exist.")
    return root
