"""Deployment of workflows and scripts from files, including waiting for their dependency locks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec.structs import asdict

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused
from orvanta_platform.cli.client.flow_files import FlowFile
from orvanta_platform.cli.client.output import say, terminal_safe
from orvanta_platform.cli.client.script_files import ScriptFile
from orvanta_platform.cli.client.synced_item import SyncedItem, find_synced
from orvanta_platform.errors import BadRequest, Conflict, InvalidWorkflow, LockFailed, OrvantaError
from orvanta_platform.workflow.diagnostics import Diagnostic, errors
from orvanta_platform.workflow.requirements import lock_fault, usable_lock
from orvanta_platform.workflow.tree.advice import of_script

State = Literal["created", "updated", "unchanged"]
Kind = Literal["flow", "script"]

_POLL_S = (0.1, 0.2, 0.5, 1.0)
_SCRIPT_DEFAULTS = {"summary": "", "description": "", "kind": "script", "tag": None, "timeout": None, "priority": None}
"""Settings of a script that its file does not contain, with their defaults. They keep their deployed values."""


class Options(msgspec.Struct, frozen=True):
    """Options of a deployment."""

    message: str | None = None
    base: int | None = None
    """Version that the files are based on."""
    dry_run: bool = False
    wait: bool = True
    policy_bypass_reason: str | None = None
    """Reason for deploying an item in spite of violated policies, also an unchanged one: its lock may be known now."""
    force: bool = False
    """Replace what was changed in the workspace since the folder was synchronised."""

    def fields(self) -> dict[str, str]:
        """Return the fields of the call that deploys an item."""
        values = {"deployment_message": self.message, "policy_bypass_reason": self.policy_bypass_reason}
        return {name: value for name, value in values.items() if value}


class Pushed(msgspec.Struct, frozen=True):
    """Outcome of one file."""

    path: str
    file: str
    state: State
    version: str | None = None
    """Version id of a workflow, hash of a script; None in a dry run of a new item."""
    number: int | None = None
    """Number of the version in the history of its path, as the editor shows it."""
    waiting: list[dict[str, Any]] = []
    """Versions of the item that others do not run until they are accepted, one entry per member."""

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as a JSON object."""
        return asdict(self)


def push_flow(api: Api, flow: FlowFile, path: str, options: Options) -> Pushed:
    """Deploy a workflow.

    In a synchronised folder, the base is what was pulled or pushed last. Raises InvalidWorkflow after printing the
    diagnostics, Conflict if the workspace has something newer than the base,
    LockFailed, and the errors of API calls.
    """
    body = _flow_body(flow, path)
    present = api.get_or_none(api.item("flows/get", path))
    state: State = "created" if present is None else "updated"
    if present is not None and options.policy_bypass_reason is None and _same_flow(body, present):
        state = "unchanged"
    newest = None if present is None else str(present["version_id"])
    number = None if present is None else _newest_number(api, "flow", path)
    _refuse_stale("flow", path, options.base, number)
    # After `present` was read, which the deployment replaces: what is deployed from here on is refused.
    synced = _synced(api, "flow", path, flow.file, options)
    if options.dry_run or state == "unchanged":
        return Pushed(path, str(flow.file), state, newest, number)
    body |= options.fields()
    try:
        if present is None:
            api.post(api.in_workspace("flows/create"), body)
        else:
            api.post(api.item("flows/update", path), body | {"base_version": present["version_id"]})
    except ServerRefused as error:
        raise _translate_error(error, flow, path) from None
    if options.wait:
        await_lock(api, api.item("flows/deployment_status/p", path), path)
    if synced is not None:
        synced.remember(api)
    deployed = api.get(api.item("flows/get_latest_version", path))
    return Pushed(path, str(flow.file), state, str(deployed["id"]), _newest_number(api, "flow", path))


def push_script(api: Api, script: ScriptFile, path: str, options: Options) -> Pushed:
    """Deploy a script. Raises like `push_flow`."""
    present = api.get_or_none(api.item("scripts/get/p", path))
    newest = None if present is None else str(present["hash"])
    number = None if present is None else _newest_number(api, "script", path)
    _refuse_stale("script", path, options.base, number)
    synced = _synced(api, "script", path, script.file, options)
    body = {"path": path, "content": script.content, "language": script.language, **_script_settings(script, present)}
    body |= _script_lock(script, path)
    for code, message in of_script(script.language, script.content, script.settings or {}):
        say(terminal_safe(f"{path}: warning {code}: {message}"))
    if options.dry_run:
        same = present is not None and all(present.get(name) == value for name, value in body.items())
        state: State = "unchanged" if same else "updated" if present else "created"
        return Pushed(path, str(script.file), state, newest, number)
    body |= options.fields()
    body |= {"parent_hash": newest} if newest else {}
    try:
        noop = options.policy_bypass_reason is None
        digest = api.post(api.in_workspace("scripts/create"), body, skip_if_noop=noop)
    except ServerRefused as error:
        if error.server_code == "version_conflict":
            raise _conflict("script", path, error.message) from None
        raise
    if options.wait:
        await_lock(api, api.in_workspace(f"scripts/deployment_status/h/{quote(digest, safe='')}"), path)
    if synced is not None:
        synced.remember(api)
    state = "created" if present is None else _moved(newest, digest)
    return Pushed(path, str(script.file), state, digest, _newest_number(api, "script", path))


def _synced(api: Api, kind: Kind, path: str, file: Path, options: Options) -> SyncedItem | None:
    """Return the item if its folder is synchronised. Raises Conflict if the workspace has something newer."""
    synced = find_synced(api, (kind, path), file)
    if synced is not None and options.base is None and not options.force:
        synced.require_current(api)
    return synced


def await_lock(api: Api, status: str, path: str) -> None:
    """Wait until the dependencies of a deployed item are locked. Raises LockFailed with the log of the lock."""
    intervals = iter(_POLL_S)
    pause = next(intervals)
    announced = False
    while True:
        found = api.get(status)
        if found.get("lock_error_logs"):
            raise LockFailed(
                f"The dependencies of {path} cannot be locked.",
                hint=str(found["lock_error_logs"]).strip(),
                details=found,
            )
        if found.get("lock") is not None:
            return
        if not announced:
            job = f", job {found['job_id']}" if found.get("job_id") else ""
            say(f"{path}: locking its dependencies{job} …")
            announced = True
        time.sleep(pause)
        pause = next(intervals, pause)


def show_diagnostics(flow: FlowFile, found: list[Diagnostic]) -> None:
    """Print each diagnostic with its file, line, node and path."""
    print_located([(flow.location(each.path), each) for each in found])


def print_located(found: Sequence[tuple[str, Diagnostic]], *, pointers: bool = True) -> None:
    """Print diagnostics with known locations. `pointers`: also their places in the document."""
    for location, each in found:
        say(terminal_safe(f"{location}: {each.severity} {each.code}: {each.message}"))
        if each.path and pointers:
            say(terminal_safe(f"    at {each.path}"))


def read_flow(given: Path) -> FlowFile:
    """Return the workflow in a folder or file. Raises InvalidWorkflow after printing its diagnostics, BadRequest."""
    try:
        return flow_files.read(given)
    except InvalidWorkflow as error:
        print_located(flow_files.error_locations(given, error))
        raise


def _flow_body(flow: FlowFile, path: str) -> dict[str, Any]:
    if flow.format == "yaml":
        return {"path": path, "source": {"format": "yaml", "text": flow.text}}
    if "value" not in flow.tree:
        raise BadRequest(f"The document {flow.file} has no value.", hint="A workflow is {summary, value: {modules}}.")
    return {**flow.tree, "path": path}


def _same_flow(body: dict[str, Any], present: dict[str, Any]) -> bool:
    if present.get("archived"):
        return False
    return all(present.get(name) == value for name, value in body.items())


def _script_settings(script: ScriptFile, present: dict[str, Any] | None) -> dict[str, Any]:
    if script.settings is not None or present is None:
        return {"summary": "", **(script.settings or {})}
    deployed = {name: present.get(name, nothing) for name, nothing in _SCRIPT_DEFAULTS.items()}
    return {"summary": "", **{name: value for name, value in deployed.items() if value != _SCRIPT_DEFAULTS[name]}}


def _script_lock(script: ScriptFile, path: str) -> dict[str, str]:
    """Return the lock as sent, without one that cannot be used, of which it warns."""
    if script.lock and (fault := lock_fault(script.language, script.lock)) is not None:
        say(f"{path}: warning lock_not_used: its lock is not used, since {fault}; its packages are locked again")
    lock = usable_lock(script.language, script.lock)
    return {} if lock is None else {"lock": lock}


def _moved(before: str | None, after: str) -> State:
    return "unchanged" if before == after else "updated"


def _translate_error(error: ServerRefused, flow: FlowFile, path: str) -> OrvantaError:
    """Return the error of the server in terms of the files, and print the diagnostics in its details."""
    if error.server_code == "version_conflict":
        return _conflict("flow", path, error.message)
    if error.server_code == "invalid_workflow" and isinstance(error.details, list):
        show_diagnostics(flow, errors([Diagnostic(**each) for each in error.details]))
        return InvalidWorkflow(f"{path} was not deployed: {error.message}", details=error.details)
    return error


def _newest_number(api: Api, kind: Kind, path: str) -> int | None:
    found = api.get(api.item(f"versions/list/{kind}", path), per_page=1)
    return found[0]["number"] if found else None


def _refuse_stale(kind: Kind, path: str, base: int | None, newest: int | None) -> None:
    """Raise Conflict if the base of the files is not the newest version."""
    if base is not None and base != newest:
        if newest is None:
            raise _conflict(kind, path, f"{path} no longer exists.")
        raise _conflict(kind, path, f"The newest version of {path} is version {newest}, not version {base}.")


def _conflict(kind: Kind, path: str, sentence: str) -> Conflict:
    return Conflict(
        sentence,
        hint=f"View it with `orvanta {kind} show {path}` and merge the changes, then push again with --base set to "
        "the newest version, or without --base to replace it.",
    )
