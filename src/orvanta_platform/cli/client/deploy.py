"""Deploying what lies in files: created, updated or left as it is, then waited for until its locks are made."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from orvanta_platform.cli.client import flow_files
from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.errors import ServerRefused
from orvanta_platform.cli.client.flow_files import FlowFile
from orvanta_platform.cli.client.output import say
from orvanta_platform.cli.client.script_files import ScriptFile
from orvanta_platform.errors import BadRequest, Conflict, InvalidWorkflow, LockFailed, OrvantaError
from orvanta_platform.workflow.diagnostics import Diagnostic

State = Literal["created", "updated", "unchanged"]
Kind = Literal["flow", "script"]

_LOOK_S = (0.1, 0.2, 0.5, 1.0)
_KEPT_OF_SCRIPT = {"summary": "", "description": "", "kind": "script", "tag": None, "timeout": None, "priority": None}
"""What a file alone does not say of a script, and what counts as nothing: it stays as it is deployed."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to deploy. `base`: the version it was edited from."""

    message: str | None = None
    base: str | None = None
    dry_run: bool = False
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one file. `version`: a workflow's version id, a script's hash; None in a dry run."""

    path: str
    file: str
    state: State
    version: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON documents have it."""
        return asdict(self)


def push_flow(api: Api, flow: FlowFile, path: str, options: Options) -> Pushed:
    """Deploy a workflow.

    Raises InvalidWorkflow after its diagnostics were printed, Conflict where a newer version is deployed than the
    one it builds on, LockFailed, and what calls raise.
    """
    body = _flow_body(flow, path)
    present = api.get_or_none(api.item("flows/get", path))
    state: State = "created" if present is None else "updated"
    if present is not None and _same_flow(body, present):
        state = "unchanged"
    newest = None if present is None else str(present["version_id"])
    _refuse_stale("flow", path, options.base, newest)
    if options.dry_run or state == "unchanged":
        return Pushed(path, str(flow.file), state, newest)
    body |= {"deployment_message": options.message} if options.message else {}
    try:
        if present is None:
            api.post(api.in_workspace("flows/create"), body)
        else:
            api.post(api.item("flows/update", path), body | {"base_version": present["version_id"]})
    except ServerRefused as error:
        raise _told(error, flow, path) from None
    if options.wait:
        await_lock(api, api.item("flows/deployment_status/p", path), path)
    deployed = api.get(api.item("flows/get_latest_version", path))
    return Pushed(path, str(flow.file), state, str(deployed["id"]))


def push_script(api: Api, script: ScriptFile, path: str, options: Options) -> Pushed:
    """Deploy a script. Raises as `push_flow`."""
    present = api.get_or_none(api.item("scripts/get/p", path))
    newest = None if present is None else str(present["hash"])
    _refuse_stale("script", path, options.base, newest)
    body = {"path": path, "content": script.content, "language": script.language, **_script_settings(script, present)}
    if options.dry_run:
        same = present is not None and all(present.get(name) == value for name, value in body.items())
        return Pushed(path, str(script.file), "unchanged" if same else "updated" if present else "created", newest)
    body |= {"deployment_message": options.message} if options.message else {}
    body |= {"parent_hash": newest} if newest else {}
    try:
        digest = api.post(api.in_workspace("scripts/create"), body, skip_if_noop=True)
    except ServerRefused as error:
        if error.server_code == "version_conflict":
            raise _conflict("script", path, error.message) from None
        raise
    if options.wait:
        await_lock(api, api.in_workspace(f"scripts/deployment_status/h/{quote(digest, safe='')}"), path)
    return Pushed(path, str(script.file), "created" if present is None else _moved(newest, digest), digest)


def await_lock(api: Api, status: str, path: str) -> None:
    """Wait until the dependencies of what was just deployed are locked. Raises LockFailed with what was logged."""
    looks = iter(_LOOK_S)
    pause = next(looks)
    told = False
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
        if not told:
            job = f", job {found['job_id']}" if found.get("job_id") else ""
            say(f"{path}: locking its dependencies{job} …")
            told = True
        time.sleep(pause)
        pause = next(looks, pause)


def show_diagnostics(flow: FlowFile, found: list[Diagnostic]) -> None:
    """Print each with its file, line, node and path."""
    show_places([(flow.place(each.path), each) for each in found])


def show_places(found: list[tuple[str, Diagnostic]]) -> None:
    """Print diagnostics whose places are known."""
    for place, each in found:
        say(f"{place}: {each.severity} {each.code}: {each.message}" + (f"\n    at {each.path}" if each.path else ""))


def read_flow(given: Path) -> FlowFile:
    """The workflow in a folder or file. Raises InvalidWorkflow after its diagnostics were printed, BadRequest."""
    try:
        return flow_files.read(given)
    except InvalidWorkflow as error:
        show_places(flow_files.told(given, error))
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
    kept = {name: present.get(name, nothing) for name, nothing in _KEPT_OF_SCRIPT.items()}
    return {"summary": "", **{name: value for name, value in kept.items() if value != _KEPT_OF_SCRIPT[name]}}


def _moved(before: str | None, after: str) -> State:
    return "unchanged" if before == after else "updated"


def _told(error: ServerRefused, flow: FlowFile, path: str) -> OrvantaError:
    """The server's error as a person at the files needs it; prints the diagnostics among its details."""
    if error.server_code == "version_conflict":
        return _conflict("flow", path, error.message)
    if error.server_code == "invalid_workflow" and isinstance(error.details, list):
        show_diagnostics(flow, [Diagnostic(**each) for each in error.details])
        return InvalidWorkflow(f"{path} was not deployed: {error.message}", details=error.details)
    return error


def _refuse_stale(kind: Kind, path: str, base: str | None, newest: str | None) -> None:
    """Raises Conflict where the version that the files build on is not the newest."""
    if base is not None and base != newest:
        now = f"is {newest}, not {base}" if newest else "is gone"
        raise _conflict(kind, path, f"The newest version of {path} {now}.")


def _conflict(kind: Kind, path: str, sentence: str) -> Conflict:
    return Conflict(
        sentence,
        hint=f"Somebody else deployed it. See it with `orvanta {kind} show {path}`, take over what you need, then "
        "push again with --base set to the newest version, or without --base to replace whatever is there.",
    )
