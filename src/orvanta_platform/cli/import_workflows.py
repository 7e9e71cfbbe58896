"""`orvanta import`: workflows of other products, converted without a server, and archives of a workspace."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from orvanta_platform.cli.client import options
from orvanta_platform.cli.client.command import Session, command
from orvanta_platform.cli.help_text import CommandGroup
from orvanta_platform.units import count_text

if TYPE_CHECKING:
    from orvanta_platform.workflow.importers.findings import Conversion

app = typer.Typer(
    no_args_is_help=True,
    help="Convert workflows of other products into files, and import archives.",
    cls=CommandGroup,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(help="File that the other product exported.")]
PathOption = Annotated[
    str | None, typer.Option("--path", help="Path of the workflow, such as f/sales/report; derived from the file.")
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="Folder that contains f and u; the current one by default.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace files of an earlier import.")]
Archive = Annotated[Path, typer.Argument(help="Zip or tar archive.")]
BaseArchive = Annotated[
    Path | None, typer.Option("--base", help="Archive of the state that the workspace and the archive started from.")
]
Plan = Annotated[bool, typer.Option("--plan", help="Print the plan only; exit with 1 if something prevents it.")]
ForceImport = Annotated[bool, typer.Option("--force", help="Replace items of the workspace that differ.")]
_FOLDER = "imported"
_INTEGRATIONS: Final = Path("examples", "integrations")
_PLACES: Final = (Path(__file__).parents[3] / _INTEGRATIONS, Path(sys.prefix) / "share" / "orvanta" / _INTEGRATIONS)
"""Folder of a checkout, then that of an installed distribution."""


@app.callback()
def group() -> None:
    """Convert workflows of other products into files, and import archives."""


@command(
    app, "orvanta import n8n orders.json", "orvanta import n8n orders.json --path f/sales/orders --json", server=False
)
def n8n(session: Session, file: File, path: PathOption = None, output: Output = Path(), force: Force = False) -> None:
    """Convert a workflow that n8n exported as JSON.

    Writes the workflow, its schedules and HTTP triggers into a folder, for `orvanta push`. Prints each part that needs
    attention, with its node. The exit code is 1 if parts could not be converted; they fail when they run.
    """
    from orvanta_platform.workflow.importers.n8n import convert

    _import(session, file, path, output, convert, force=force)


@command(app, "orvanta import kestra report.yaml", "orvanta import kestra report.yaml -o repo --json", server=False)
def kestra(
    session: Session, file: File, path: PathOption = None, output: Output = Path(), force: Force = False
) -> None:
    """Convert a flow of Kestra from its YAML.

    Writes the workflow, its schedules and HTTP triggers into a folder, for `orvanta push`. Prints each part that needs
    attention, with its task. The exit code is 1 if parts could not be converted; they fail when they run.
    """
    from orvanta_platform.workflow.importers.kestra import convert

    _import(session, file, path, output, convert, force=force)


@command(
    app, "orvanta import archive sales.zip --plan", "orvanta import archive new.zip --base old.zip -m 'From the branch'"
)
def archive(
    session: Session,
    file: Archive,
    base: BaseArchive = None,
    message: options.Message = None,
    plan: Plan = False,
    no_wait: options.NoWait = False,
    force: ForceImport = False,
    include_users: options.Users = False,
    include_settings: options.Settings = False,
) -> None:
    """Store the items of an archive in the workspace: all of them in one transaction, or none.

    The archive is one of `workspaces/tarball`, of a folder of `orvanta pull`, or of the branch of a repository. Items
    that differ in the workspace are conflicts, and nothing is imported, with exit code 1. With --base, items that
    changed on one side only since that archive take its changes, and items that changed on both are merged: workflows
    by node, other items by key. Items that are only in the workspace remain.
    """
    from orvanta_platform.cli.client.archive_import import ImportOptions, import_archive

    optional = options.optional_kinds(include_users, include_settings)
    import_archive(session, file, ImportOptions(base, message, plan, not no_wait, force, optional))


def _import(
    session: Session,
    file: Path,
    path: str | None,
    output: Path,
    convert: Callable[[Any, str, Mapping[str, str]], Conversion],
    *,
    force: bool,
) -> None:
    from orvanta_platform.cli.client.errors import FAILED
    from orvanta_platform.control.names import check_path
    from orvanta_platform.workflow.importers.findings import slug

    tree = read_export(file)
    path = path or f"f/{_FOLDER}/{slug(file.name.partition('.')[0])}"
    check_path(path)
    found = convert(tree, path, read_integrations())
    written = _write(found, output, force=force)
    _print(session, found, written)
    if not found.complete:
        raise typer.Exit(FAILED)


def read_integrations() -> dict[str, str]:
    """Return the code of the integrations that the editor offers, by name."""
    folder = next((each for each in _PLACES if each.is_dir()), _PLACES[0])
    return {file.stem: file.read_text(encoding="utf-8") for file in folder.glob("*.py")}


def read_export(file: Path) -> Any:
    """Return the content of a file, JSON or YAML. Raises BadRequest, InvalidWorkflow, which name the file."""
    from orvanta_platform.errors import BadRequest, InvalidWorkflow
    from orvanta_platform.workflow import document

    try:
        source = file.read_bytes()
    except OSError as error:
        raise BadRequest(f"The file {file} cannot be read: {error.strerror}.") from None
    try:
        if file.suffix == ".json":
            return document.parse_json(source)
        return document.parse(source, "yaml", limit_yaml=True).tree
    except InvalidWorkflow as error:
        raise InvalidWorkflow(f"The file {file} cannot be read: {error.message}", details=error.details) from None


def _write(found: Conversion, output: Path, *, force: bool) -> list[str]:
    """Write the items into a folder and return the names of their files. Raises Conflict, BadRequest."""
    from orvanta_platform.cli.client.tree_folder import open_folder
    from orvanta_platform.errors import Conflict
    from orvanta_platform.workflow.tree.writing import write_item

    output.mkdir(parents=True, exist_ok=True)
    folder = open_folder(output)
    present = [item.path for item in found.items if item.key in folder.located]
    if present and not force:
        raise Conflict(f"{present[0]} exists in the folder.", hint="Use another --path, or replace it with --force.")
    for item in found.items:
        folder.write(item)
    return [name for item in found.items for name in write_item(item)]


def _print(session: Session, found: Conversion, written: list[str]) -> None:
    from orvanta_platform.cli.client.output import print_json, terminal_safe

    if session.as_json:
        findings = [each.as_dict() for each in found.findings]
        shown = {"path": found.path, "nodes": found.nodes, "complete": found.complete}
        print_json({**shown, "files": written, "findings": findings})
        return
    for name in written:
        print(terminal_safe(f"A {name}"))
    for each in found.findings:
        prefix = f"{each.node}: " if each.node else ""
        print(terminal_safe(f"{each.level.replace('_', ' ')}: {prefix}{each.message}"))
        print(terminal_safe(f"    {each.hint}"))
    left = sum(each.level == "not_converted" for each in found.findings)
    print(f"{count_text(found.nodes, 'node')}, {count_text(left, 'part')} not converted.")
