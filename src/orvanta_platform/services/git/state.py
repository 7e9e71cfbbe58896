"""Comparison of a workspace, its branch, and the state in which both were equal last."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import msgspec

from orvanta_platform.db.git import ItemRow
from orvanta_platform.errors import OrvantaError
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.workflow.tree.item import KINDS, Item, Key, Kind
from orvanta_platform.workflow.tree.paths import Located, locate
from orvanta_platform.workflow.tree.plan import COMPLETE_KINDS, is_same, normal_tree, with_removals
from orvanta_platform.workflow.tree.reading import read
from orvanta_platform.workflow.tree.writing import write_item

Files: TypeAlias = Mapping[str, bytes]

TO_COMMIT = ""
"""Digest of an item whose files in the workspace are to be committed."""


class CorruptItem(ValueError):
    """The stored files of an item cannot be read."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"The state of the {key[0]} {key[1]} at the last synchronisation cannot be read.")


class Mine(msgspec.Struct, frozen=True):
    """Item of the workspace, with its files as `orvanta pull` writes them."""

    item: Item
    files: Files
    digest: str
    version: str | None


class Base(msgspec.Struct, frozen=True):
    """Item at the time when workspace and branch were last equal, and its files in the branch if changed since."""

    digest: str | None = None
    files: Files | None = None
    incoming: Files | None = None
    is_incoming: bool = False

    @property
    def theirs(self) -> Files | None:
        """Files in the branch; None: the item does not exist there."""
        return self.incoming if self.is_incoming else self.files


@dataclass(slots=True)
class Reconciled:
    """Outcome of a comparison."""

    bases: dict[Key, Base] = field(default_factory=dict)
    outgoing: list[Key] = field(default_factory=list)
    """Items that changed in the workspace alone."""


def render(key: Key, present: Present) -> Mine | None:
    """Return an item of the workspace with its files; None if it has no form as files."""
    item = Item(*key, present.content)
    try:
        files = write_item(item)
    except OrvantaError:
        return None
    return Mine(item, files, digest_files(files), present.version)


def group_by_item(files: Files) -> dict[Key, Files]:
    """Return the files of each item of a tree. Of two forms of an item, the first by name counts."""
    found: dict[Key, Files] = {}
    for each in locate(files):
        found.setdefault(each.key, {name: files[name] for name in each.files})
    return found


def reconcile(
    bases: Mapping[Key, Base], mine: Mapping[Key, Mine], theirs: Mapping[Key, Files], ignored: Collection[str]
) -> Generator[None, None, Reconciled]:
    """Compare one item after the other.

    `ignored`: names in the branch that are not read; items with such files stay as they are.
    """
    done = Reconciled()
    for key in sorted({*bases, *mine, *theirs}, key=lambda key: (KINDS.index(key[0]), key[1])):
        yield
        base = bases.get(key, Base())
        if ignored and _is_ignored(key, base, mine.get(key), theirs.get(key), ignored):
            done.bases[key] = base
            continue
        found, is_outgoing = _compare(base, mine.get(key), theirs.get(key))
        if is_outgoing:
            done.outgoing.append(key)
        if found is not None:
            done.bases[key] = found
    return done


def _compare(base: Base, mine: Mine | None, theirs: Files | None) -> tuple[Base | None, bool]:
    """Return the new base, None for an item that neither side has, and whether the workspace's is to be committed."""
    digest = None if mine is None else mine.digest
    if theirs == base.files:
        plain = Base(base.digest, base.files)
        return (None if digest is None and theirs is None else plain), digest != base.digest
    if mine is None and theirs is None:
        return None, False
    if mine is not None and theirs is not None:
        if mine.files == theirs:
            return Base(digest, theirs), False
        if is_equal(mine.item, theirs, base.files, notation=digest == base.digest):
            lacks_lock = bool(mine.item.content.get("lock")) and not item_of(*mine.item.key, theirs).content.get("lock")
            return Base(TO_COMMIT if lacks_lock else digest, theirs), lacks_lock
    return Base(base.digest, base.files, theirs, is_incoming=True), False


def is_equal(mine: Item, theirs: Files, before: Files | None, *, notation: bool) -> bool:
    """Return whether files contain an item. `before`: files that they replace, whose settings they may lack.

    `notation`: comments and order of keys of a workflow count.
    """
    try:
        content = content_of(mine.key, theirs, before)
        return is_same(mine.kind, content, mine.content, normal_tree, notation=notation)
    except OrvantaError:
        return False


def content_of(key: Key, files: Files, before: Files | None) -> Mapping[str, Any]:
    """Return the content of an item in its files; settings that only those before have are null.

    Raises BadRequest, InvalidWorkflow.
    """
    old = None if before is None or key[0] in COMPLETE_KINDS else item_of(*key, before).content
    return with_removals(key[0], old, item_of(*key, files).content)


def item_of(kind: Kind, path: str, files: Files) -> Item:
    """Return the item in its files. Raises BadRequest, InvalidWorkflow, TooLarge."""
    return read(located_of(kind, path, files), files, limited=True)


def located_of(kind: Kind, path: str, files: Files) -> Located:
    """Return the names of the files of an item, the first of which is its main file."""
    found = next((each for each in locate(files) if each.key == (kind, path)), None)
    return found or Located(kind, path, tuple(files))


def _is_ignored(key: Key, base: Base, mine: Mine | None, theirs: Files | None, ignored: Collection[str]) -> bool:
    names = {*(base.files or ()), *(theirs or ()), *(() if mine is None else mine.files)}
    return any(
        name == each or name.startswith(f"{each}/") or _is_beside(name, each) for name in names for each in ignored
    )


def _is_beside(name: str, ignored: str) -> bool:
    """Return whether an ignored file belongs to the folder of the same workflow."""
    folder = name.rpartition("/")[0]
    return ".flow" in folder and ignored.startswith(f"{folder}/")


def digest_files(files: Files) -> str:
    """Return a digest of names and contents."""
    found = hashlib.sha256()
    for name, body in sorted(files.items()):
        found.update(f"{name}\0{len(body)}\0".encode())
        found.update(body)
    return found.hexdigest()


def pack(files: Files | None) -> bytes | None:
    """Return files as they are stored; the same files yield the same bytes."""
    return None if files is None else zlib.compress(msgspec.msgpack.encode(dict(sorted(files.items()))))


def unpack(body: bytes | None) -> Files | None:
    """Return stored files. Raises ValueError if they cannot be read."""
    try:
        return None if body is None else msgspec.msgpack.decode(zlib.decompress(body), type=dict[str, bytes])
    except zlib.error as error:
        raise ValueError(str(error)) from None


def key_of(row: ItemRow) -> Key:
    """Return kind and path of a stored item."""
    return cast(Kind, row.kind), row.path


def base_of(row: ItemRow) -> tuple[Key, Base]:
    """Return a stored item. Raises CorruptItem."""
    key = key_of(row)
    try:
        return key, Base(row.digest, unpack(row.files), unpack(row.incoming), row.is_incoming)
    except ValueError:
        raise CorruptItem(key) from None


def row_of(key: Key, base: Base) -> ItemRow:
    """Return an item to store."""
    return ItemRow(*key, base.digest, pack(base.files), pack(base.incoming), base.is_incoming)


def changed_rows(before: Mapping[Key, Base], after: Mapping[Key, Base]) -> tuple[list[ItemRow], list[tuple[str, str]]]:
    """Return the items to store and those to delete."""
    stored = [row_of(key, base) for key, base in after.items() if before.get(key) != base]
    return stored, [key for key in before if key not in after]


def bases_of(rows: Iterable[ItemRow]) -> dict[Key, Base]:
    """Return stored items by kind and path. Raises CorruptItem."""
    return dict(map(base_of, rows))
