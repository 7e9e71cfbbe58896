"""`orvanta generate-metadata`: schemas from signatures, and locks from the server, as files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import typer

from orvanta_platform.cli.client import flow_files, script_files
from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.errors import FAILED, ServerRefused
from orvanta_platform.cli.client.item_paths import say_left_out
from orvanta_platform.cli.client.metadata_files import FlowMetadata, LockNeed, ScriptMetadata
from orvanta_platform.cli.client.output import print_json, say, say_error, terminal_safe
from orvanta_platform.cli.client.tree_folder import name_in_tree
from orvanta_platform.cli.client.tree_settings import read_settings
from orvanta_platform.errors import InvalidWorkflow, LockFailed, OrvantaError
from orvanta_platform.workflow.tree.extensions import ending_of
from orvanta_platform.workflow.tree.item import Kind
from orvanta_platform.workflow.tree.paths import DOCUMENTS

_POLL_S: Final = (0.1, 0.2, 0.5, 1.0)


@dataclass(slots=True)
class _Entry:
    """A script or workflow, and the outcome for it."""

    kind: Kind
    file: Path
    item: ScriptMetadata | FlowMetadata | None = None
    needs: list[LockNeed] = field(default_factory=list)
    jobs: list[str | None] = field(default_factory=list)
    """Runs that lock the needs; None for a script that cannot be locked yet."""
    written: dict[Path, str] = field(default_factory=dict)
    created: bool = False
    failed: list[tuple[str, OrvantaError]] = field(default_factory=list)
    """Location (file, or file:line:column) and error."""

    @property
    def state(self) -> str:
        """Return created, updated or unchanged, for the files."""
        return "unchanged" if not self.written else "created" if self.created else "updated"


def generate(session: Session, sources: Sequence[Path], *, dry_run: bool) -> None:
    """Write the metadata. Raises typer.BadParameter if there is no script or workflow, typer.Exit after errors."""
    say_left_out(sources)
    entries = _find(sources)
    for entry in entries:
        _guarded(entry, _read)
    for entry in entries:
        _guarded(entry, lambda each: _start(session.api, each))
    for entry in entries:
        _guarded(entry, lambda each: _finish(session.api, each, dry_run=dry_run))
    _report(session, entries, dry_run=dry_run)
    if any(entry.failed for entry in entries):
        raise typer.Exit(FAILED)


def _find(sources: Sequence[Path]) -> list[_Entry]:
    found: dict[Path, _Entry] = {}
    for source in sources:
        if not source.exists():
            raise typer.BadParameter(f"{source} does not exist.")
        if source.is_file() and script_files.path_in_folders(source) and ending_of(source.name):
            found.setdefault(source.absolute(), _Entry("script", source))
        elif flow_files.is_workflow(source):
            found.setdefault(source.absolute(), _Entry("flow", source))
        else:
            scripts = [file for file in script_files.find(source) if script_files.path_in_folders(file)]
            flows = [file for file in flow_files.find(source) if flow_files.path_in_folders(file)]
            kinds: list[tuple[Kind, list[Path]]] = [("script", scripts), ("flow", flows)]
            for kind, files in kinds:
                for file in _without_left_out(kind, files, source):
                    found.setdefault(file.absolute(), _Entry(kind, file))
    if not found:
        raise typer.BadParameter("There is no script or workflow in a folder f/<folder> or u/<user>.")
    return list(found.values())


def _without_left_out(kind: Kind, files: Sequence[Path], source: Path) -> Iterator[Path]:
    """Yield the scripts or workflows below a folder that the settings of its tree do not leave out."""
    settings = read_settings(source)
    for file in files:
        if not settings.leaves_out(kind, name_in_tree(file / DOCUMENTS[0] if file.is_dir() else file, source)):
            yield file


def _guarded(entry: _Entry, work: Callable[[_Entry], None]) -> None:
    """Execute a part of the work for an entry that has not failed, and record its error."""
    if entry.failed:
        return
    try:
        work(entry)
    except script_files.UnreadableSettings as error:
        entry.failed += _located(error.file, error.reason)
    except InvalidWorkflow as error:
        entry.failed += _located(entry.file, error)
    except OrvantaError as error:
        entry.failed.append((str(entry.file), error))


def _located(file: Path, error: InvalidWorkflow) -> list[tuple[str, OrvantaError]]:
    found = flow_files.error_locations(file, error)
    return [(location, InvalidWorkflow(each.message)) for location, each in found] or [(str(file), error)]


def _read(entry: _Entry) -> None:
    entry.item = ScriptMetadata(entry.file) if entry.kind == "script" else FlowMetadata(entry.file)
    entry.failed += entry.item.faults()
    entry.needs = [] if entry.failed else entry.item.needs()


def _start(api: Api, entry: _Entry) -> None:
    """Start the runs that lock packages. Those of all entries run at the same time."""
    assert entry.item is not None
    for need in entry.needs:
        script = {"raw_code": need.content, "language": need.language, "path": entry.item.path}
        try:
            job = api.post(api.in_workspace("jobs/run/dependencies_async"), {"raw_scripts": [script]})
        except ServerRefused as error:
            if not _imports_unknown(error):
                entry.failed.append((need.location, error))
                return
            say(terminal_safe(f"{need.location}: not locked: {error.message} A push locks it."))
            job = None
        entry.jobs.append(job)


def _imports_unknown(error: ServerRefused) -> bool:
    """Return whether a script cannot be locked because it imports one that is not deployed yet."""
    details = error.details if isinstance(error.details, dict) else {}
    return any(each.get("code") == "import_not_found" for each in details.get("diagnostics", []))


def _finish(api: Api, entry: _Entry, *, dry_run: bool) -> None:
    assert entry.item is not None
    locks: dict[str, str] = {}
    for need, job in zip(entry.needs, entry.jobs, strict=True):
        if job is not None:
            try:
                locks[need.place] = _lock(api, job)
            except LockFailed as error:
                entry.failed.append((need.location, error))
    if entry.failed:
        return
    files = entry.item.files(locks)
    entry.created = bool(files) and not any(file.exists() for file in files)
    entry.written = files
    for file, text in {} if dry_run else files.items():
        file.write_text(text, encoding="utf-8", newline="")


def _lock(api: Api, job: str) -> str:
    """Return the lock that a run has created, when it has ended. Raises LockFailed."""
    intervals = iter(_POLL_S)
    pause = next(intervals)
    while not (found := api.get(api.item("jobs_u/completed/get_result_maybe", job)))["completed"]:
        time.sleep(pause)
        pause = next(intervals, pause)
    result = found.get("result") or {}
    if not found.get("success") or not isinstance(result.get("lock"), str):
        reason = (result.get("error") or {}).get("message")
        raise LockFailed("Its packages cannot be locked.", hint=f"{reason or 'The run was cancelled.'}", details=result)
    return str(result["lock"])


def _report(session: Session, entries: Sequence[_Entry], *, dry_run: bool) -> None:
    rows = [
        {
            "kind": entry.kind,
            "path": None if entry.item is None else entry.item.path,
            "file": str(entry.file),
            "state": entry.state,
            "written": [str(file) for file in entry.written],
        }
        for entry in entries
        if not entry.failed
    ]
    failed = [(entry, location, error) for entry in entries for location, error in entry.failed]
    for _, location, error in failed:
        say_error(f"{location}: error {error.as_dict()['code']}: {error.message}", error.hint)
    if session.as_json:
        errors = [
            {"kind": entry.kind, "file": str(entry.file), "location": location, "error": error.as_dict()}
            for entry, location, error in failed
        ]
        print_json({"generated": rows, "failed": errors, "dry_run": dry_run})
        return
    changed = [file for entry in entries for file in entry.written]
    for file in changed:
        print(terminal_safe(f"{file}: {'would be written' if dry_run else 'written'}"))
    if not changed and not failed:
        print("Nothing to do.")
