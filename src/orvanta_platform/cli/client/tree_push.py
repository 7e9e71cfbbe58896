"""`orvanta push`: the changes of a folder, applied to the workspace as one change set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import typer

from orvanta_platform.cli.client import flow_files, secret_warnings
from orvanta_platform.cli.client.api import Api, note_if_interrupted
from orvanta_platform.cli.client.command import Session
from orvanta_platform.cli.client.deploy import await_lock, print_located, show_diagnostics
from orvanta_platform.cli.client.errors import FAILED, ServerRefused, refused_items, unknown_users
from orvanta_platform.cli.client.folder_owners import warn_of_unknown
from orvanta_platform.cli.client.item_check import push_warnings
from orvanta_platform.cli.client.item_failures import failures, show_failures
from orvanta_platform.cli.client.item_paths import say_left_out
from orvanta_platform.cli.client.output import print_json, say, terminal_safe
from orvanta_platform.cli.client.remaining_uses import say_uses
from orvanta_platform.cli.client.tree_folder import Folder, open_whole, unreadable
from orvanta_platform.cli.client.tree_pull import say_ambiguous, say_hidden, say_unused, say_workspace
from orvanta_platform.cli.client.tree_state import open_state
from orvanta_platform.cli.client.tree_status import (
    Comparison,
    apply_changes,
    change_of,
    compare,
    conflict_hint,
    edit_stored_texts,
    fetch,
    plan,
)
from orvanta_platform.cli.client.waiting_versions import list_waiting, say_waiting
from orvanta_platform.errors import BadRequest, ChangesConflict, InvalidWorkflow, LockFailed, OrvantaError
from orvanta_platform.units import count_text
from orvanta_platform.workflow.diagnostics import Diagnostic, errors, invalid, warnings
from orvanta_platform.workflow.releases.dependencies import dependencies_of
from orvanta_platform.workflow.requirements import lock_fault
from orvanta_platform.workflow.tree import advice
from orvanta_platform.workflow.tree.item import SETTINGS_PATH, Item, Key, Kind, parts_of_test
from orvanta_platform.workflow.tree.paths import alike, place_of
from orvanta_platform.workflow.tree.reading import settings_in, trigger_warnings
from orvanta_platform.workflow.tree.writing import has_files

_OTHER = tuple(
    f".{name}_trigger{format}"
    for name in ("websocket", "kafka", "nats", "postgres", "mqtt", "sqs", "gcp", "azure", "email")
    for format in (".yaml", ".yml", ".json")
)
"""Endings of files of triggers that the platform does not have."""
_NAMES = {"flow": "workflow", "script": "script"}
_NOWHERE = "neither in the folder nor in the workspace"
_STATE_KEYS: dict[str, tuple[str, str]] = {
    "schedule": ("enabled", "enabled: true"),
    "http_trigger": ("mode", "mode: enabled"),
}
"""Keys by which files enable new triggers."""
_STATES = {"add": "created", "change": "updated", "remove": "deleted", "unchanged": "unchanged"}
_ATTEMPTS = 3
_PUSHED = "The items were pushed; it is not known whether their dependencies can be locked."


class PushOptions(msgspec.Struct, frozen=True):
    """Options of a push."""

    message: str | None = None
    dry_run: bool = False
    wait: bool = True
    prune: bool = False
    """Delete the items of the workspace whose files were deleted."""
    force: bool = False
    """Replace what was changed in the workspace since the last synchronisation."""
    optional: Collection[Kind] = ()
    """Optional kinds of items that are pushed as well."""


def push_tree(session: Session, root: Path, options: PushOptions) -> None:
    """Apply the changes of a folder, all of them or none. Raises typer.Exit after conflicts and errors."""
    say_workspace(session)
    say_left_out([root])
    folder = open_whole(root, options.optional)
    if unsupported := sum(name.endswith(_OTHER) for name in folder.files):
        triggers = f"{count_text(unsupported, 'trigger')} of another kind than HTTP"
        say(f"{triggers} {'is' if unsupported == 1 else 'are'} left out.")
    say_ambiguous(folder)
    found = compare(session.api, folder, open_state(folder.base, session.api.connection))
    say_hidden(found)
    if not folder.located and not found.state.items:
        raise typer.BadParameter("The folder contains nothing to push.")
    push = _Push(session, found, options)
    changes = push.changes()
    if push.failed and not options.dry_run:
        push.end({"entries": []})
    made = plan(session.api, changes, **push.scope())
    push.check(made)
    if not push.failed and any(each["action"] in ("add", "change", "remove") for each in made["entries"]):
        made = push.apply(changes, made)
    push.end(made)


class _Push:
    def __init__(self, session: Session, found: Comparison, options: PushOptions) -> None:
        self.session = session
        self.found = found
        self.folder: Folder = found.folder
        self.options = options
        self.failed: list[tuple[Key, OrvantaError]] = list(found.failed)
        self.unlocked: list[tuple[Key, OrvantaError]] = []
        """Pushed items whose dependencies cannot be locked."""
        self.unknown: list[tuple[Key, OrvantaError]] = []
        """Users that were left out, because they have no account."""
        self.waiting: list[dict[str, Any]] = []
        """Versions of pushed items that others do not run until they are accepted."""
        self.items: dict[Key, Item] = {}
        self.warned: set[Key] = set()
        """Items whose uses were printed if they are deleted, or the reasons for which they are not."""
        self.validated: set[Key] = set()
        """Workflows whose diagnostics were printed."""

    def scope(self) -> dict[str, Any]:
        """Return the parts of the change set beside its items."""
        prune = [self.folder.prefix] if self.options.prune else None
        return {"prune": prune, "force": self.options.force}

    def changes(self) -> list[dict[str, Any]]:
        """Return the changes of the folder, with the hashes that they are based on."""
        known = self.found.state.items
        broken = {key for key, _ in self.failed}
        here = [key for key in self.found.of("added", "modified", "conflict") if key in self.folder.located]
        if self.options.force:
            here += self._tests_of_restored(here)
        items, failed = unreadable(self.folder, [key for key in here if key not in broken])
        self.failed += failed
        items, lost = edit_stored_texts(self.session.api, self.folder, items, self.found.remote)
        for warning in lost:
            say(terminal_safe(f"warning {warning.code}: {warning.message}"))
        self.items = {item.key: item for item in items}
        bases = {key: each.hash for key, each in known.items()}
        changes = [change_of(item, bases.get(item.key), self.found.state.base_of(item.key)) for item in items]
        gone = [key for key in self.found.of("deleted", "conflict") if key not in self.folder.located]
        if ("settings", SETTINGS_PATH) in gone:
            gone.remove(("settings", SETTINGS_PATH))
            say("The settings remain, because a workspace always has them.")
        if self.options.prune and self.options.force and not known:
            gone += self._left_out()
        if self.options.prune:
            changes += [{"kind": kind, "path": path, "base": bases.get((kind, path))} for kind, path in gone]
        elif gone:
            say(f"{len(gone)} deleted {'item remains' if len(gone) == 1 else 'items remain'}; --prune deletes them.")
        for name, (code, message) in advice.of_unused(self.folder.files):
            say(terminal_safe(f"{name}: warning {code}: {message}"))
        say_unused(self.folder)
        for item in items:
            if (lock := self.folder.missing_lock(item)) is not None:
                say(terminal_safe(f"{item.path}: warning lock_missing: its lock {lock} is missing; it is locked again"))
            _warn(item, is_new=item.key not in self.found.remote)
            print_located(push_warnings(self.folder, item), pointers=False)
            self._warn_of_missing(item)
            if item.kind == "http_trigger":
                self._warn_of_trigger(item)
        self._say_moves()
        self._warn_of_alike()
        self._warn_of_secrets(items, gone if self.options.prune else [])
        warn_of_unknown(self.session.api, self.folder, items)
        return changes

    def _tests_of_restored(self, keys: Sequence[Key]) -> list[Key]:
        """Return the unchanged tests of workflows that are created again, because the workspace moved or deleted them
        with their tests.
        """
        flows = {path for kind, path in keys if kind == "flow" and (kind, path) not in self.found.remote}
        gone = self.found.of("remote deleted")
        return [key for key in gone if key[0] == "workflow_test" and parts_of_test(key[1])[0] in flows]

    def _warn_of_alike(self) -> None:
        """Warn of items whose names differ only in case from those of items that only the workspace has."""
        pushed = {place_of(key): item for key, item in self.items.items()}
        here = [place_of(key) for key in self.folder.located]
        paths = {place_of(key): place_of(key) if key[0] == "folder" else key[1] for key in self.found.remote}
        for one, other in alike([*here, *paths]):
            for mine, theirs in ((one, other), (other, one)):
                item = next((each for place, each in pushed.items() if _is_at(place, mine)), None)
                if item is not None and not any(_is_at(each, theirs) for each in here):
                    _say_advice(item, advice.alike_warning(paths.get(theirs, theirs)))

    def _warn_of_secrets(self, items: Sequence[Item], removed: Iterable[Key]) -> None:
        """Warn of secrets in clear, also of those that change nothing, and of new items whose secrets are missing."""
        equal = [item for item, _ in self.found.equal]
        every = [each for each in [*items, *equal] if each.kind in secret_warnings.KINDS]
        if not every:
            return
        named = sorted({str(each.content.get("resource_type") or "") for each in every if each.kind == "resource"})
        remote, located = self.found.remote, self.folder.located
        keys: list[Key] = [("resource_type", name) for name in named if name]
        fetched = fetch(self.session.api, [key for key in keys if key in remote and key not in located])
        types = {item.path: item for item, _ in fetched.values()}
        clear = [(each, at) for each in every if (at := secret_warnings.in_clear(self.folder, each, types))]
        stored = fetch(self.session.api, [each.key for each, _ in clear if each.key in remote])
        for item, at in clear:
            before = stored[item.key][0] if item.key in stored else None
            effect = secret_warnings.effect_on(before, item, at)
            if item.kind != "variable" or item.content.get("is_secret") or effect == "ignored":
                _say_advice(item, secret_warnings.clear_warning(item, at, effect))
        lacking = [each for each in every if each.key not in remote and secret_warnings.lacks_secret(each)]
        if not lacking:
            return
        gone = fetch(self.session.api, [key for key in removed if key[0] in secret_warnings.KINDS and key in remote])
        for item in lacking:
            _say_advice(item, secret_warnings.without_value(item, [each for each, _ in gone.values()]))

    def _warn_of_trigger(self, item: Item) -> None:
        """Warn of settings in the file of a trigger that its item does not have."""
        located = self.folder.located[item.key]
        for warning in trigger_warnings(settings_in(located.files[0], self.folder.bytes_of(located))):
            say(terminal_safe(f"{item.path}: warning {warning}"))

    def _warn_of_missing(self, item: Item) -> None:
        """Warn of what a workflow or a trigger refers to and neither the folder nor the workspace has."""
        if item.kind == "flow":
            names = [f"the {_NAMES[key[0]]} {key[1]}" for key in self._missing(dependencies_of(item).items)]
            if names:
                which = f"{', '.join(names)}, which {'is' if len(names) == 1 else 'are'}"
                say(f"{item.path}: warning script_missing: it runs {which} {_NOWHERE}; its runs fail")
        elif item.kind == "http_trigger" and (secret := item.content.get("authentication_resource_path")):
            for _, path in self._missing([("resource", secret)]):
                say(f"{item.path}: warning resource_missing: the resource {path} is {_NOWHERE}; its requests get 401")

    def _missing(self, keys: Iterable[Key]) -> list[Key]:
        """Return the items that are certainly missing; of those outside of a pushed subfolder, nothing is known."""
        known = {*self.found.remote, *self.folder.located}
        return sorted(key for key in keys if key not in known and self.folder.covers(key))

    def _left_out(self) -> list[Key]:
        """Return the items that the folder lacks, of those that files can contain and that can be deleted.

        A folder without a state, such as the checkout of a pipeline, does not tell which of them it once had.
        """
        keys = [key for key in self.found.of("remote added") if key[0] != "settings"]
        remote = fetch(self.session.api, keys)
        return [key for key, (item, _) in remote.items() if has_files(item)]

    def check(self, made: Mapping[str, Any]) -> None:
        """Collect conflicts, print the warnings about workflows and deletions, and in a dry run collect the errors of
        workflows.
        """
        entries = [each for each in made["entries"] if (each["kind"], each["path"]) not in self.warned]
        say_uses(entries, truncated=bool(made.get("uses_truncated")) and not self.warned)
        for kind, path, reason in self._remaining(entries):
            say(terminal_safe(f"{kind} {path}: {reason}"))
        self.warned |= {(each["kind"], each["path"]) for each in entries}
        for entry in made["entries"]:
            key = entry["kind"], entry["path"]
            if entry.get("code") == "invalid":
                self.failed.append((key, BadRequest(entry["reason"])))
            elif entry["action"] == "conflict":
                self.failed.append((key, ChangesConflict(entry["reason"], hint=conflict_hint(entry))))
            elif key[0] == "flow" and key in self.items:
                self._validate(key)
        if self.failed and not self.options.dry_run:
            self.end({"entries": []})

    def _remaining(self, entries: Iterable[Mapping[str, Any]]) -> list[tuple[Kind, str, str]]:
        """Return kind, path and reason of the items that the plan does not delete although their files were deleted."""
        return [
            (each["kind"], each["path"], each["reason"])
            for each in entries
            if each["action"] == "unchanged" and each.get("reason") and (each["kind"], each["path"]) not in self.items
        ]

    def _validate(self, key: Key) -> None:
        """Print the warnings about a workflow, and in a dry run its errors, which otherwise the server reports."""
        if key in self.validated:
            return
        self.validated.add(key)
        flow = flow_files.read(Path(self.folder.file_of(key)))
        found = flow.diagnostics()
        show_diagnostics(flow, found if self.options.dry_run else warnings(found))
        if self.options.dry_run and errors(found):
            self.failed.append((key, invalid(found)))

    def apply(self, changes: Sequence[Mapping[str, Any]], made: Mapping[str, Any]) -> dict[str, Any]:
        """Apply the change set, and remember the new hashes; in a dry run, only check it.

        Raises ServerRefused, typer.Exit.
        """
        api = self.session.api
        more = {"message": self.options.message, "check_only": self.options.dry_run}
        if not self.options.dry_run:
            self.found.state.require_writable()
        for attempt in range(_ATTEMPTS):
            body = {"items": changes, **self.scope(), "plan_hash": made["plan_hash"], **more}
            try:
                done = apply_changes(api, body, "`orvanta status` shows whether it did")
                break
            except ServerRefused as error:
                if error.server_code == "stale_plan" and attempt + 1 < _ATTEMPTS:
                    made = plan(api, changes, **self.scope())
                    self.check(made)
                    continue
                if self._refused(error):
                    return dict(made)
                raise
        self.unknown = [*unknown_users(done)]
        if self.options.dry_run:
            self._name_folders(done)
            return done
        with note_if_interrupted(_PUSHED):
            try:
                self._remember(done)
                self._write_folders(done)
            except BadRequest as error:
                hint = "Correct this, then run `orvanta pull`, which records what was pushed."
                raise BadRequest(f"The items were pushed, but {error.message}", hint=hint) from None
            if self.options.wait:
                self.unlocked = await_locks(api, done["entries"])
            self.waiting = _list_waiting(api, done["entries"])
        return done

    def _refused(self, error: ServerRefused) -> bool:
        """Collect the reasons of the items; return False if there are none. Raises typer.Exit unless in a dry run."""
        refused = refused_items(error)
        for key, reason in refused:
            if reason.server_code == "invalid_workflow" and isinstance(reason.details, list):
                flow = flow_files.read(Path(self.folder.file_of(key)))
                found = [Diagnostic(**one) for one in reason.details]
                show_diagnostics(flow, errors(found) if key in self.validated else found)
                self.failed.append((key, InvalidWorkflow(reason.message, details=reason.details)))
            else:
                self.failed.append((key, reason))
        if refused and not self.options.dry_run:
            self.end({"entries": []})
        return bool(refused)

    def _remember(self, done: Mapping[str, Any]) -> None:
        state = self.found.state
        for each in done["entries"]:
            state.forget((each["kind"], each["path"]))
        for each in done["items"]:
            key = each["kind"], each["path"]
            if key in self.items:
                state.remember(self.items[key], each["hash"], self.folder.digest(key))
        state.save()

    def _new_folders(self) -> list[Key]:
        """Return the folders that the server creates for the items, as far as the caller may see that they are new."""
        names = sorted({path.split("/")[1] for _, path in self.items if path.startswith("f/")})
        known = {*self.found.remote, *self.folder.located}
        keys: list[Key] = [("folder", name) for name in names if (self.folder.base / "f" / name).is_dir()]
        return [key for key in keys if key not in known and self.folder.covers(key)]

    def _write_folders(self, done: dict[str, Any]) -> None:
        """Write the files of folders that the server created for the items, and add them to the outcome."""
        for key, (item, hash) in fetch(self.session.api, self._new_folders()).items():
            self.folder.write(item)
            self.found.state.remember(item, hash, self.folder.digest(key))
            done["entries"].insert(0, {"kind": key[0], "path": key[1], "action": "add"})

    def _name_folders(self, done: dict[str, Any]) -> None:
        """Add the folders that a push would create to the outcome of a dry run, unless one has an item already."""
        used = {path.split("/")[1] for _, path in self.found.remote if path.startswith("f/")}
        for key in reversed(self._new_folders()):
            if key[1] not in used:
                done["entries"].insert(0, {"kind": key[0], "path": key[1], "action": "add"})

    def _say_moves(self) -> None:
        """Print how to move the scripts and workflows that have the content of a deleted one."""
        state = self.found.state
        gone = [state.base_of(key) for key in self.found.of("deleted") if key[0] in _NAMES]
        moved = {code: item.path for item in gone if item is not None and (code := _code_of(item)) is not None}
        for key in self.found.of("added"):
            old = moved.get(code) if key in self.items and (code := _code_of(self.items[key])) is not None else None
            if old is not None:
                way_out = f"to keep it, run `orvanta {key[0]} move {old} {key[1]}` before the push"
                text = f"it has the content of {old}, whose file was deleted, and not its history; {way_out}"
                _say_advice(self.items[key], ("maybe_moved", text))

    def end(self, made: Mapping[str, Any]) -> None:
        """Print the outcome. Raises typer.Exit after errors."""
        if not self.options.dry_run:
            self._remember_equal(made["entries"])
        hidden = self._hidden(made)
        for each in hidden:
            say(terminal_safe(f"{each['kind']} {each['path']}: {each['reason']}"))
        done = self._rows({"entries": [each for each in made["entries"] if each not in hidden]})
        failed = failures(self.folder, self.failed + self.unlocked + self.unknown)
        if self.session.as_json:
            print_json({"pushed": done, "waiting": self.waiting, "failed": failed, "dry_run": self.options.dry_run})
        else:
            self._print(done)
        if self.failed or self.unlocked or self.unknown:
            raise typer.Exit(FAILED)

    def _remember_equal(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Record the items that the workspace has already, also those that it got since it was compared, for example
        from an interrupted push that the server completed.
        """
        state = self.found.state
        if self.failed and not self.found.equal:
            return
        if self.failed and self.options.prune and self.options.force and not state.items:
            return  # the next attempt prunes what the folder lacks, too
        self.found.remember_equal()
        for each in entries:
            key = each["kind"], each["path"]
            if each["action"] == "unchanged" and each.get("hash") and key in self.items:
                state.remember(self.items[key], each["hash"], self.folder.digest(key))
        if not self.failed:
            for kind, path, _ in self._remaining(entries):
                state.forget((kind, path))  # the next pull writes their files
        state.save()

    def _hidden(self, made: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the entries of a plan that was not applied for new items that the caller may not read, and which
        therefore may exist.
        """
        refused = {key for key, _ in self.failed}
        new = [each for each in made["entries"] if each["action"] == "add" and each.get("reason")]
        return [each for each in new if (each["kind"], each["path"]) not in refused]

    def _rows(self, made: Mapping[str, Any]) -> list[dict[str, Any]]:
        refused = {key for key, _ in self.failed + self.unknown}
        entries = [((each["kind"], each["path"]), each["action"]) for each in made["entries"]]
        states = {key: action for key, action in entries if key not in refused}
        unchanged = dict.fromkeys(self.found.of("unchanged"), "unchanged") if not self.failed else {}
        return [
            {"kind": key[0], "path": key[1], "file": self.folder.file_of(key), "state": _STATES[action]}
            for key, action in {**states, **{key: each for key, each in unchanged.items() if key not in states}}.items()
            if action in _STATES
        ]

    def _print(self, done: Sequence[Mapping[str, Any]]) -> None:
        changed = [each for each in done if each["state"] != "unchanged"]
        for each in changed:
            change = f"{'would be ' if self.options.dry_run else ''}{each['state']}"
            print(terminal_safe(f"{each['kind']} {each['path']}: {change}"), flush=True)
        for row in self.waiting:
            say_waiting(row)
        show_failures(self.folder, self.failed + self.unlocked + self.unknown)
        if self.failed:
            print(f"{len(self.failed)} failed; nothing was pushed.")
        elif self.unlocked:
            print(f"Everything was pushed; runs of {len(self.unlocked)} fail until their dependencies can be locked.")
        elif not changed and not self.unknown:
            print("Nothing to do.")


def _is_at(place: str, start: str) -> bool:
    """Return whether a place is equal to another one, or below it."""
    return place == start or place.startswith(f"{start}/")


def _warn(item: Item, *, is_new: bool) -> None:
    content = item.content
    state = _STATE_KEYS.get(item.kind)
    if is_new and state is not None and state[0] not in content:
        say(f"{item.path}: warning created_disabled: its file has no `{state[0]}`; write `{state[1]}` to enable it")
    for found in advice.of_item(item):
        _say_advice(item, found)
    lock = content.get("lock") if item.kind == "script" else None
    if lock and (fault := lock_fault(content["language"], lock)) is not None:
        say(f"{item.path}: warning lock_not_used: its lock is not used, since {fault}; its packages are locked again")


def _code_of(item: Item) -> tuple[str, str] | None:
    """Return the kind and the text of a script or workflow, by which a moved one is recognised."""
    text = item.content.get({"script": "content", "flow": "text"}.get(item.kind, ""))
    return (item.kind, text) if isinstance(text, str) and text.strip() else None


def _say_advice(item: Item, found: advice.Advice) -> None:
    say(terminal_safe(f"{item.path}: warning {found[0]}: {found[1]}"))


def _list_waiting(api: Api, entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    pushed = [
        (each["kind"], each["path"])
        for each in entries
        if each["action"] in ("add", "change") and each["kind"] in ("flow", "script")
    ]
    return [row for rows in list_waiting(api, pushed).values() for row in rows]


def await_locks(api: Api, entries: Sequence[Mapping[str, Any]]) -> list[tuple[Key, OrvantaError]]:
    """Wait until the dependencies of the deployed scripts and workflows are locked; return the errors of the others."""
    failed: list[tuple[Key, OrvantaError]] = []
    for each in entries:
        path = each["path"]
        if each["action"] not in ("add", "change") or each["kind"] not in ("flow", "script"):
            continue
        if each["kind"] == "flow":
            status = api.item("flows/deployment_status/p", path)
        else:
            digest = api.get(api.item("scripts/get/p", path))["hash"]
            status = api.in_workspace(f"scripts/deployment_status/h/{quote(digest, safe='')}")
        try:
            await_lock(api, status, path)
        except LockFailed as error:
            failed.append(((each["kind"], path), error))
    return failed
