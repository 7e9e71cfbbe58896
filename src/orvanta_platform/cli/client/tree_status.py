"""Comparison of a folder, the workspace, and their state at the last synchronisation."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from orvanta_platform.cli.client.api import Api, in_doubt
from orvanta_platform.cli.client.errors import ServerRefused
from orvanta_platform.cli.client.tree_folder import Folder, unreadable
from orvanta_platform.cli.client.tree_state import State, Synced
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.tree.item import ORDER, Item, Key, Kind
from orvanta_platform.workflow.tree.plan import with_removals
from orvanta_platform.workflow.tree.stored_text import comments_lost, edit_stored_text, is_json

SyncStatus: TypeAlias = Literal[
    "unchanged", "added", "modified", "deleted", "remote added", "remote modified", "remote deleted", "conflict"
]
INCLUDED: Final[Mapping[Kind, str]] = {"user": "include_users", "settings": "include_settings"}
"""Parameters of calls that include the optional kinds."""
_GONE = ("remote deleted", "conflict")
_BATCH = 200
_CHARACTERS = 1 << 20
"""Size of the contents that are compared in one call, unless a single one is larger."""


@dataclass(slots=True)
class Comparison:
    """Status of each item of the folder or the workspace, in the order of kinds and paths."""

    folder: Folder
    state: State
    remote: dict[Key, str]
    """Hashes of the items of the workspace."""
    statuses: dict[Key, SyncStatus]
    failed: list[tuple[Key, OrvantaError]]
    """Changed items that cannot be read, or whose content is not valid."""
    hidden: list[Key]
    """Items that the caller may no longer read in the workspace. They are left out."""
    equal: list[tuple[Item, str]]
    """Items that changed since the last synchronisation and are equal, with their hashes in the workspace."""
    moved: Mapping[Key, str]
    """Paths that items have in the workspace now, of those that were moved there."""

    def note_of(self, key: Key) -> str:
        """Return the end of a line about an item: the path that it was moved to in the workspace."""
        return f" (moved to {self.moved[key]} in the workspace)" if key in self.moved else ""

    def of(self, *wanted: SyncStatus) -> list[Key]:
        """Return the items with one of these statuses."""
        return [key for key, each in self.statuses.items() if each in wanted]

    def remember_equal(self) -> None:
        """Record items that both sides changed to the same as synchronised, in a command that saves the state."""
        for item, hash in self.equal:
            self.state.remember(item, hash, self.folder.digest(item.key))

    @property
    def in_sync(self) -> bool:
        """Return whether the folder and the workspace have the same items."""
        return not self.failed and all(each == "unchanged" for each in self.statuses.values())


def compare(api: Api, folder: Folder, state: State) -> Comparison:
    """Compare a folder with the workspace. Only items that changed in the folder are read and sent."""
    remote = {
        (each["kind"], each["path"]): each["hash"]
        for each in api.get(api.in_workspace("changes/items"), **included(folder.optional))
        if folder.covers((each["kind"], each["path"]))
    }
    remote, left_out = _without_left_out(api, folder, remote)
    known = [key for key in state.items if folder.covers(key) and key not in left_out]
    keys = {*folder.located, *known, *remote}
    statuses: dict[Key, SyncStatus] = {}
    for key in sorted(keys, key=lambda key: (ORDER.index(key[0]), key[1])):
        digest = folder.digest(key) if key in folder.located else None
        found = sync_status_of(digest, state.items.get(key), remote.get(key))
        if found is not None:
            statuses[key] = found
    hidden, moved = _missing(api, [key for key, each in statuses.items() if key not in remote and each in _GONE])
    unreadable = set(hidden)
    statuses = {key: each for key, each in statuses.items() if key not in unreadable}
    comparison = Comparison(folder, state, remote, statuses, [], hidden, [], moved)
    _refine(api, comparison)
    return comparison


def _without_left_out(api: Api, folder: Folder, remote: dict[Key, str]) -> tuple[dict[Key, str], set[Key]]:
    """Return the items of the workspace without those that are left out because of their content, and these."""
    unclear = fetch(api, [key for key in remote if folder.may_leave_out(key)])
    left_out = {key for key, (item, _) in unclear.items() if folder.leaves_out(item)}
    return {key: each for key, each in remote.items() if key not in left_out}, left_out


def included(kinds: Collection[Kind]) -> dict[str, str]:
    """Return the query that includes these optional kinds."""
    return {INCLUDED[kind]: "true" for kind in kinds}


def _missing(api: Api, keys: Iterable[Key]) -> tuple[list[Key], dict[Key, str]]:
    """Return those of the items missing in the workspace that the caller may not read, so that they may exist; and
    the present paths of those that were moved.
    """
    removals = [{"kind": kind, "path": path, "base": None, "content": None} for kind, path in keys]
    entries = [entry for part in parts(removals) for entry in plan(api, part)["entries"]]
    hidden = [(each["kind"], each["path"]) for each in entries if each["action"] == "unchanged" and each.get("reason")]
    moved = {(each["kind"], each["path"]): each["moved_to"] for each in entries if each.get("moved_to")}
    return [key for key in hidden if key not in moved], moved


def sync_status_of(digest: str | None, synced: Synced | None, remote: str | None) -> SyncStatus | None:
    """Return the status of an item; None if neither side has it."""
    if synced is None:
        here, there = digest is not None, remote is not None
        return "conflict" if here and there else "added" if here else "remote added" if there else None
    here, there = digest != synced.digest, remote != synced.hash
    if not here and not there:
        return "unchanged"
    if here and there:
        return None if digest is None and remote is None else "conflict"
    if here:
        return "deleted" if digest is None else "modified"
    return "remote deleted" if remote is None else "remote modified"


def _refine(api: Api, comparison: Comparison) -> None:
    """Find the items that changed on both sides, or only in their notation, and are equal."""
    folder, state = comparison.folder, comparison.state
    candidates = [key for key in comparison.of("modified", "conflict") if key in folder.located]
    candidates = [key for key in candidates if key in comparison.remote]
    items, comparison.failed = unreadable(folder, candidates)
    if not items:
        return
    items, _ = edit_stored_texts(api, folder, items, comparison.remote)
    read = {item.key: item for item in items}
    bases = {key: each.hash for key, each in state.items.items()}
    for changes in parts([change_of(item, bases.get(item.key), state.base_of(item.key)) for item in items]):
        for entry in plan(api, changes)["entries"]:
            key = entry["kind"], entry["path"]
            if entry.get("code") == "invalid":
                comparison.failed.append((key, BadRequest(entry["reason"])))
            elif entry["action"] == "unchanged":
                comparison.statuses[key] = "unchanged"
                comparison.equal.append((read[key], entry["hash"]))


def edit_stored_texts(
    api: Api, folder: Folder, items: Sequence[Item], remote: Collection[Key]
) -> tuple[list[Item], list[Diagnostic]]:
    """Return items with the YAML text of the workspace in workflows whose files are in JSON, edited to contain their
    values, and warnings about those whose text cannot be edited. `remote`: items of the workspace.
    """
    keys = [item.key for item in items if item.key in remote and is_json(folder.located[item.key])]
    stored = fetch(api, keys)
    found: list[Item] = []
    lost: list[Diagnostic] = []
    for item in items:
        if item.key in stored:
            edited = edit_stored_text(stored[item.key][0].content, item.content)
            lost += [comments_lost(item.path)] if edited.comments_lost else []
            item = Item(item.kind, item.path, edited.content)
        found.append(item)
    return found, lost


def parts(changes: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield changes in parts that the server compares in one call each."""
    part: list[dict[str, Any]] = []
    size = 0
    for change in changes:
        length = len(json.dumps(change, ensure_ascii=False))
        if part and (size + length > _CHARACTERS or len(part) == _BATCH):
            yield part
            part, size = [], 0
        part.append(change)
        size += length
    if part:
        yield part


def change_of(item: Item, base: str | None, before: Item | None) -> dict[str, Any]:
    """Return the change that stores an item. `base`: hash of what it is based on; `before`: that item, if known."""
    content = with_removals(item.kind, None if before is None else before.content, item.content)
    return {"kind": item.kind, "path": item.path, "base": base, "content": content}


def plan(api: Api, changes: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the plan of a change set."""
    found: dict[str, Any] = api.send(
        "POST", api.in_workspace("changes/plan"), body={"items": list(changes), **more}
    ).json()
    return found


def apply_changes(api: Api, body: Mapping[str, Any], way_out: str) -> dict[str, Any]:
    """Apply a change set, or only check it. `way_out`: command that shows whether a lost request was executed.

    Raises ServerRefused, ServerUnreachable.
    """
    with nullcontext() if body["check_only"] else in_doubt(way_out):
        done: dict[str, Any] = api.send("POST", api.in_workspace("changes/apply"), body=body).json()
    return done


def conflict_hint(entry: Mapping[str, Any]) -> str:
    """Return the hint for an item that the workspace changed too, by its entry of a plan."""
    if entry.get("moved_to"):
        return (
            f"`orvanta pull` writes its files at {entry['moved_to']}: repeat your changes there and delete the old "
            "files. With --force, the item is created again at the old path."
        )
    return "Merge it with `orvanta pull`, or replace the workspace's with --force."


def fetch(api: Api, keys: Iterable[Key]) -> dict[Key, tuple[Item, str]]:
    """Return items of the workspace with their hashes."""
    wanted = list(keys)
    found: dict[Key, tuple[Item, str]] = {}
    for start in range(0, len(wanted), _BATCH):
        for each in _read(api, wanted[start : start + _BATCH]):
            item = Item(each["kind"], each["path"], each["content"])
            found[item.key] = item, each["hash"]
    return found


def _read(api: Api, keys: Sequence[Key]) -> list[dict[str, Any]]:
    """Return items with their contents, in halves if they are too large for one call. Raises ServerRefused."""
    body = {"items": [{"kind": kind, "path": path} for kind, path in keys]}
    try:
        found: list[dict[str, Any]] = api.send("POST", api.in_workspace("changes/read"), body=body).json()
    except ServerRefused as error:
        if error.server_code != "too_large" or len(keys) == 1:
            raise
        half = len(keys) // 2
        return [*_read(api, keys[:half]), *_read(api, keys[half:])]
    return found
