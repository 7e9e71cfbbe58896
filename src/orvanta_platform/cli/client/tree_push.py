"""`orvanta push`: everything under a folder, in the order of references."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from orvanta_platform.cli.client import flow_files, script_files, tree_files
from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.deploy import Options, Pushed, State, push_script
from orvanta_platform.cli.client.file_order import dependencies_first
from orvanta_platform.cli.client.output import say
from orvanta_platform.cli.client.places import needed, say_left_out
from orvanta_platform.cli.client.push import Push, push_each, push_flow_file
from orvanta_platform.cli.client.tree_files import TreeFile, is_same
from orvanta_platform.errors import BadRequest, OrvantaError

_TYPE = ("schema", "description", "format_extension")
_VARIABLE = ("value", "is_secret", "description", "labels")
_RESOURCE = ("value", "resource_type", "description", "labels")
_SCHEDULE = (
    *("schedule", "timezone", "args", "missed", "tag", "retry", "no_flow_overlap", "paused_until", "dynamic_skip"),
    *("on_failure", "on_failure_times", "on_failure_exact", "on_failure_extra_args", "on_recovery"),
    *("on_recovery_times", "on_recovery_extra_args", "on_success", "on_success_extra_args", "summary", "description"),
)
_TRIGGER = (
    *("script_path", "is_flow", "route_path", "http_method", "request_type", "authentication_method", "mode"),
    *("authentication_resource_path", "workspaced_route", "wrap_body", "raw_string", "summary", "description", "retry"),
)


def push_tree(session: Session, root: Path, options: Options) -> None:
    """Deploy all items under a folder; see `_items` for their order."""
    say_left_out([root])
    if unsupported := tree_files.count_unsupported(root):
        say(f"{unsupported} triggers of other kinds than HTTP are left out.")
    push_each(session, [*_items(session, root, options)], options)


def _items(session: Session, root: Path, options: Options) -> Iterator[tuple[Path, Push]]:
    """Yield folders, types, variables, resources, scripts, workflows, schedules and triggers with their deployments."""
    files = tree_files.find(root)
    before = [each for each in files if each.kind not in ("schedule", "http_trigger")]
    yield from ((each.file, _push_of(session, each, options)) for each in before)
    scripts = [file for file in script_files.find(root) if script_files.path_in_folders(file)]
    yield from ((file, partial(_script, session, file, options)) for file in script_files.in_import_order(scripts))
    flows = _in_call_order([place for place in flow_files.find(root) if flow_files.path_in_folders(place)])
    yield from ((place, partial(push_flow_file, session, place, None, options)) for place in flows)
    yield from ((each.file, _push_of(session, each, options)) for each in files if each not in before)


def _script(session: Session, file: Path, options: Options) -> Pushed:
    script = script_files.read(file)
    return push_script(session.api, script, needed(script.path, file), options)


def _push_of(session: Session, item: TreeFile, options: Options) -> Push:
    return lambda: Pushed(item.name, str(item.file), _WRITERS[item.kind](session.api, item, options))


def _in_call_order(files: list[Path]) -> list[Path]:
    """Return the workflows so that each follows those that it runs."""
    trees: dict[str, tuple[Path, Any]] = {}
    for file in files:
        try:
            flow = flow_files.read(file)
        except OrvantaError:  # its push reports the error
            continue
        if flow.path is not None:
            trees[flow.path] = file, flow.tree
    called = {file: [trees[path][0] for path in _called(tree) if path in trees] for file, tree in trees.values()}
    return dependencies_first(files, lambda file: list(called.get(file, [])))


def _called(tree: Any) -> Iterator[str]:
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            if value.get("type") == "flow" and isinstance(value.get("path"), str):
                yield value["path"]
            pending += value.values()


def _folder(api: Api, item: TreeFile, options: Options) -> State:
    settings = item.read()
    owners, perms = settings.get("owners") or [], settings.get("extra_perms") or {}
    summary = settings.get("summary")
    present = api.get_or_none(api.in_workspace(f"folders/get/{item.name}"))
    if present is None:
        body = {"name": item.name, "summary": summary, "owners": owners, "extra_perms": perms}
        return _send(api, "created", options, api.in_workspace("folders/create"), body)
    all_owners = list(dict.fromkeys([*present["owners"], *owners]))
    all_perms = {**present["extra_perms"], **perms}
    unchanged = is_same(settings, present, ["summary"])
    if unchanged and all_owners == present["owners"] and all_perms == present["extra_perms"]:
        return "unchanged"
    body = {"summary": summary, "owners": all_owners, "extra_perms": all_perms}
    return _send(api, "updated", options, api.in_workspace(f"folders/update/{item.name}"), body)


def _resource_type(api: Api, item: TreeFile, options: Options) -> State:
    settings = {"name": item.name, **item.read()}
    present = api.get_or_none(api.in_workspace(f"resources/type/get/{item.name}"))
    if present is None:
        return _send(api, "created", options, api.in_workspace("resources/type/create"), settings)
    if is_same(settings, present, _TYPE):
        return "unchanged"
    return _send(api, "updated", options, api.in_workspace(f"resources/type/update/{item.name}"), settings)


def _variable(api: Api, item: TreeFile, options: Options) -> State:
    settings = {"value": "", "is_secret": False, **item.read(), "path": item.name}
    present = api.get_or_none(api.item("variables/get", item.name))
    if present is None:
        if settings["is_secret"]:
            say(f"{item.name}: warning secret_from_file: its value is the text of the file, which is not decrypted")
        return _send(api, "created", options, api.in_workspace("variables/create"), settings)
    if settings["is_secret"] and present["is_secret"]:  # its value cannot be compared, and may have been set by hand
        settings.pop("value")
    if is_same(settings, present, _VARIABLE):
        return "unchanged"
    return _send(api, "updated", options, api.item("variables/update", item.name), settings)


def _resource(api: Api, item: TreeFile, options: Options) -> State:
    settings = {**item.read(), "path": item.name}
    present = api.get_or_none(api.item("resources/get", item.name))
    if present is None:
        return _send(api, "created", options, api.in_workspace("resources/create"), settings)
    if is_same(settings, present, _RESOURCE):
        return "unchanged"
    return _send(api, "updated", options, api.item("resources/update", item.name), settings)


def _schedule(api: Api, item: TreeFile, options: Options) -> State:
    settings = {**item.read(), "path": item.name}
    present = api.get_or_none(api.item("schedules/get", item.name))
    if present is None:
        return _send(api, "created", options, api.in_workspace("schedules/create"), settings)
    if not is_same(settings, present, ["script_path", "is_flow"]):
        raise BadRequest(
            f"The schedule {item.name} runs {present['script_path']}, which a push cannot change.",
            hint="Delete the schedule, then push it again.",
        )
    state: State = "unchanged"
    if not is_same(settings, present, _SCHEDULE):
        state = _send(api, "updated", options, api.item("schedules/update", item.name), settings)
    if "enabled" in settings and bool(settings["enabled"]) != present["enabled"]:
        body = {"enabled": bool(settings["enabled"])}
        state = _send(api, "updated", options, api.item("schedules/setenabled", item.name), body)
    return state


def _http_trigger(api: Api, item: TreeFile, options: Options) -> State:
    settings = {**item.read(), "path": item.name}
    present = api.get_or_none(api.item("http_triggers/get", item.name))
    if present is None:
        return _send(api, "created", options, api.in_workspace("http_triggers/create"), settings)
    if "enabled" in settings and "mode" not in settings:
        settings["mode"] = "enabled" if settings["enabled"] else "disabled"
    if is_same(settings, present, _TRIGGER):
        return "unchanged"
    return _send(api, "updated", options, api.item("http_triggers/update", item.name), settings)


def _send(api: Api, state: State, options: Options, call: str, body: dict[str, Any]) -> State:
    if not options.dry_run:
        api.post(call, body)
    return state


_WRITERS: dict[str, Callable[[Api, TreeFile, Options], State]] = {
    "folder": _folder,
    "resource-type": _resource_type,
    "variable": _variable,
    "resource": _resource,
    "schedule": _schedule,
    "http_trigger": _http_trigger,
}
