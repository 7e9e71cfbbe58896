"""State of the last synchronisation of a folder with a workspace."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from orvanta_platform.cli.client.connection import Connection
from orvanta_platform.cli.client.folder_workspace import STATE
from orvanta_platform.cli.client.tree_files import read_file, write_file
from orvanta_platform.errors import BadRequest
from orvanta_platform.workflow.tree.item import ORDER, Item, Key

BASES: Final = ".orvanta/bases"
_IGNORED: Final = "# State of this working copy: not shared.\n*\n"


class Synced(msgspec.Struct, frozen=True):
    """Item as it was when it was last pushed or pulled."""

    hash: str
    """Hash of its content on the server."""
    digest: str
    """Digest of its files."""


@dataclass(slots=True)
class State:
    """Items of a workspace as they were last synchronised with a folder."""

    base: Path
    remote: str
    items: dict[Key, Synced]
    _whole: dict[str, Any]

    def remember(self, item: Item, hash: str, digest: str) -> None:
        """Record that an item is the same here and in the workspace, with its content as the base of later merges."""
        self.items[item.key] = Synced(hash, digest)
        content = {name: value for name, value in item.content.items() if not (name == "value" and _is_secret(item))}
        file = self._base_file(item.key)
        _check_links(self.base)
        write_file(file, json.dumps({"hash": hash, "content": content}).encode())

    def forget(self, key: Key) -> None:
        """Remove the state of an item that no longer exists, and its base."""
        self.items.pop(key, None)
        _check_links(self.base)
        file = self._base_file(key)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise BadRequest(f"{file} cannot be deleted: {error.strerror}.") from None

    def base_of(self, key: Key) -> Item | None:
        """Return an item as it was when it was last synchronised; None if that is not known."""
        file = self._base_file(key)
        try:
            found = json.loads(read_file(file))
        except (OSError, ValueError):
            return None
        known = self.items.get(key)
        return Item(*key, found["content"]) if known is not None and found.get("hash") == known.hash else None

    def _base_file(self, key: Key) -> Path:
        name = hashlib.sha256(f"{self.remote} {key[0]} {key[1]}".encode()).hexdigest()
        return self.base / BASES / f"{name[:40]}.json"

    def require_writable(self) -> None:
        """Check that the state can be written, without changing it. Raises BadRequest."""
        _check_links(self.base)
        file = self.base / STATE
        for each in (file, file.parent / ".gitignore"):
            if each.exists() and not (each.is_file() and os.access(each, os.W_OK)):
                reason = os.strerror(errno.EACCES if each.is_file() else errno.EISDIR)
                raise BadRequest(f"{each} cannot be written: {reason}.")
        for folder in (file.parent, self.base / BASES):
            probe = folder / f".orvanta-{os.getpid()}.probe"
            try:
                write_file(probe, b"\0")
            finally:
                with suppress(OSError):
                    probe.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the state into the folder."""
        rows = {f"{kind} {path}": [each.hash, each.digest] for (kind, path), each in sorted(self.items.items())}
        remotes = {**self._whole.get("remotes", {}), self.remote: rows}
        file = self.base / STATE
        _check_links(self.base)
        write_file(file.parent / ".gitignore", _IGNORED.encode())
        write_file(file, (json.dumps({"version": 1, "remotes": remotes}, indent=1) + "\n").encode())


def open_state(base: Path, connection: Connection) -> State:
    """Return the state of a folder for the workspace of a connection, initially an empty one. Raises BadRequest."""
    whole: dict[str, Any] = {}
    file = base / STATE
    _check_links(base)
    try:
        whole = json.loads(read_file(file)) if file.is_file() else {}
        remote = f"{connection.url.rstrip('/')} {connection.workspace}"
        rows: Mapping[str, list[str]] = whole.get("remotes", {}).get(remote, {})
        items = {_key(name): Synced(*row) for name, row in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"{file} cannot be read: {error}.", hint="Delete it; the next push or pull compares everything."
        ) from None
    return State(base, remote, items, whole)


def _is_secret(item: Item) -> bool:
    return item.kind == "variable" and bool(item.content.get("is_secret"))


def _key(name: str) -> Key:
    kind, _, path = name.partition(" ")
    found = next((each for each in ORDER if each == kind), None)
    if found is None:
        raise ValueError(f"{kind} is not a kind of item")
    return found, path


def _check_links(base: Path) -> None:
    """Check that the state is in the folder itself, as a copied tree may contain links. Raises BadRequest."""
    file = base / STATE
    for path in (file.parent, base / BASES, file, file.parent / ".gitignore"):
        if path.is_symlink():
            raise BadRequest(f"{path} is a link, which is not followed.", hint="Delete it, then try again.")
