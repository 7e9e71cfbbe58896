"""Files of a commit, read with limits, and trees with changed files."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dulwich.object_store import BaseObjectStore
from dulwich.objects import Blob, Commit, ObjectID, Tree, parse_tree

from orvanta_platform.outbound.git import limits
from orvanta_platform.outbound.git.messages import Finding
from orvanta_platform.workflow.tree.paths import folded, locate

_SHA: Final = 20
_FILE: Final = 0o100644
_FOLDER: Final = 0o040000
_SUBMODULE: Final = 0o160000
_MAX_FINDINGS: Final = 100


@dataclass(slots=True)
class Listing:
    """Files below a folder."""

    files: dict[str, ObjectID] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read_items(store: BaseObjectStore, head: ObjectID, folder: str) -> tuple[dict[str, bytes], list[Finding]]:
    """Return the files of items below a folder of a commit, and the files that are ignored. Raises GitFault."""
    root = _folder(store, _tree_of(store, head), folder)
    listing = Listing()
    if root is not None:
        _list(store, root, listing)
    names = [name for each in locate(listing.files) for name in each.files]
    files: dict[str, bytes] = {}
    total = 0
    for name in names:
        blob = _read_object(store, listing.files[name], Blob)
        size = blob.raw_length()
        total += size
        if size > limits.FILE:
            raise limits.too_large(f"The file {limits.line_of(name, 200)} is too large", limits.FILE)
        if total > limits.ITEMS:
            raise limits.too_large("The files of all items are too large", limits.ITEMS)
        files[name] = blob.as_raw_string()
    return files, listing.findings


def _read_object(store: BaseObjectStore, id: ObjectID, kind: Any) -> Any:
    try:
        found = store[id]
    except KeyError:
        raise limits.refused("The repository lacks an object that it refers to.") from None
    if not isinstance(found, kind):
        raise limits.refused("An object of the repository is of another type than it is used as.")
    return found


def _tree_of(store: BaseObjectStore, head: ObjectID) -> ObjectID:
    return ObjectID(_read_object(store, head, Commit).tree)


def _entries(store: BaseObjectStore, id: ObjectID) -> list[tuple[bytes, int, ObjectID]]:
    """Return the entries of a tree. Raises GitFault for one that is malformed."""
    tree: Tree = _read_object(store, id, Tree)
    try:
        return [(name, mode, ObjectID(sha)) for name, mode, sha in parse_tree(tree.as_raw_string(), _SHA)]
    except Exception:
        raise limits.refused("A tree of the repository cannot be read.") from None


def _folder(store: BaseObjectStore, root: ObjectID, folder: str) -> ObjectID | None:
    """Return the tree of a folder, or None. Raises GitFault if a part of its path is not a folder."""
    current = root
    for part in folder.split("/") if folder else ():
        found = [(mode, sha) for name, mode, sha in _entries(store, current) if name == part.encode()]
        if not found:
            return None
        if len(found) > 1 or not stat.S_ISDIR(found[0][0]):
            raise limits.refused(f"{folder} is no folder in the repository.")
        current = found[0][1]
    return current


def _list(store: BaseObjectStore, root: ObjectID, listing: Listing) -> None:
    pending = [("", root, 1)]
    count = 0
    while pending:
        prefix, id, level = pending.pop()
        if level > limits.LEVELS:
            raise limits.too_large("The folders of the repository are too deep", limits.LEVELS, size=False)
        seen: dict[str, str] = {}
        for raw, mode, sha in _entries(store, id):
            count += 1
            if count > limits.FILES:
                raise limits.too_large("The repository has too many files", limits.FILES, size=False)
            part = limits.name_of(raw)
            name = prefix + part
            if len(name) > limits.NAME:
                raise limits.too_large("A name in the repository is too long", limits.NAME, size=False)
            other = seen.get(folded(part))
            if other is not None:
                raise limits.alike(other, name)
            seen[folded(part)] = name
            if stat.S_ISDIR(mode):
                pending.append((f"{name}/", sha, level + 1))
            elif stat.S_ISREG(mode):
                listing.files[name] = sha
            elif stat.S_ISLNK(mode):
                _ignore(listing, name, "symbolic link")
            elif mode == _SUBMODULE:
                _ignore(listing, name, "submodule")
            else:
                raise limits.refused(f"The entry {limits.shown(raw)} has an unknown type.")


def _ignore(listing: Listing, name: str, reason: str) -> None:
    if len(listing.findings) >= _MAX_FINDINGS:
        raise limits.too_large("The repository has too many links and submodules", _MAX_FINDINGS, size=False)
    listing.findings.append(Finding(name=name, reason=reason))


class TreeBuilder:
    """Trees of new commits on top of the stored ones. New objects are collected in `made`."""

    def __init__(self, store: BaseObjectStore, folder: str) -> None:
        self._store = store
        self._folder = [part.encode() for part in folder.split("/") if part]
        self.made: dict[ObjectID, Any] = {}

    def add(self, new: Any) -> ObjectID:
        """Add an object, unless it has been added, and return its id."""
        self.made.setdefault(new.id, new)
        return ObjectID(new.id)

    def changed(self, root: ObjectID | None, remove: Iterable[str], write: Mapping[str, bytes]) -> ObjectID:
        """Return the root tree with changed files. Raises GitFault if a folder of a file is something else."""
        edits: dict[bytes, Any] = {}
        for name in remove:
            _put(edits, [*self._folder, *name.encode().split(b"/")], None)
        for name, body in write.items():
            _put(edits, [*self._folder, *name.encode().split(b"/")], self.add(Blob.from_string(body)))
        return self._apply(root, edits) or self.add(Tree())

    def _apply(self, id: ObjectID | None, edits: Mapping[bytes, Any]) -> ObjectID | None:
        entries = {name: (mode, sha) for name, mode, sha in self._read(id)} if id is not None else {}
        for name, edit in edits.items():
            present = entries.get(name)
            if isinstance(edit, dict):
                if present is not None and not stat.S_ISDIR(present[0]):
                    raise limits.refused(f"{limits.shown(name)} is no folder in the repository.")
                edit, mode = self._apply(present[1] if present else None, edit), _FOLDER
            else:
                mode = _FILE
                if present is not None and not stat.S_ISREG(present[0]):
                    raise limits.refused(f"{limits.shown(name)} is no file in the repository.")
            if edit is None:
                entries.pop(name, None)
            else:
                entries[name] = (present[0] if present and mode == _FILE else mode, edit)
        if not entries:
            return None
        tree = Tree()
        for name, (mode, sha) in entries.items():
            tree.add(name, mode, sha)
        return self.add(tree)

    def _read(self, id: ObjectID) -> list[tuple[bytes, int, ObjectID]]:
        made = self.made.get(id)
        if made is not None:
            return [(each.path, each.mode, each.sha) for each in made.items()]
        return _entries(self._store, id)


def _put(edits: dict[bytes, Any], parts: list[bytes], value: ObjectID | None) -> None:
    """Add the edit of a file to those of its folders, which are nested by name; None deletes the file."""
    for part in parts[:-1]:
        inner = edits.setdefault(part, {})
        if not isinstance(inner, dict):
            raise limits.refused("A file has the name of a folder.")
        edits = inner
    edits[parts[-1]] = value
