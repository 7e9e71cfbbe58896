"""Single item of a folder that was pulled or pushed as a whole, deployed without overwriting what is newer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orvanta_platform.cli.client.api import Api
from orvanta_platform.cli.client.folder_workspace import base_of
from orvanta_platform.cli.client.tree_folder import Folder, open_folder
from orvanta_platform.cli.client.tree_state import State, open_state
from orvanta_platform.cli.client.tree_status import change_of, conflict_hint, plan
from orvanta_platform.errors import Conflict
from orvanta_platform.workflow.tree.item import Key


@dataclass(slots=True)
class SyncedItem:
    """Item with the state of its folder at the last synchronisation."""

    key: Key
    folder: Folder
    state: State

    def require_current(self, api: Api) -> None:
        """Check that the workspace has the item as the folder had it last. Raises Conflict."""
        known = self.state.items.get(self.key)
        change = change_of(
            self.folder.read(self.key), None if known is None else known.hash, self.state.base_of(self.key)
        )
        entry = plan(api, [change])["entries"][0]
        if entry["action"] == "conflict":
            raise Conflict(f"{self.key[1]}: {entry['reason']}", hint=conflict_hint(entry))

    def remember(self, api: Api) -> None:
        """Record the item as synchronised if the workspace has it as the folder does."""
        item = self.folder.read(self.key)
        entry = plan(api, [change_of(item, None, None)])["entries"][0]
        if entry["action"] == "unchanged":
            self.state.remember(item, entry["hash"], self.folder.digest(self.key))
            self.state.save()


def find_synced(api: Api, key: Key, file: Path) -> SyncedItem | None:
    """Return the item in a file of a synchronised folder; None if the folder has no state of the workspace.

    Raises BadRequest.
    """
    base = base_of(file.parent)
    if base is None:
        return None
    state = open_state(base, api.connection)
    if not state.items:
        return None
    folder = open_folder(file.parent)
    located = folder.located.get(key)
    if located is None or file.absolute() not in {folder.files[name] for name in located.files}:
        return None
    return SyncedItem(key, folder, state)
