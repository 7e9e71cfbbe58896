"""Folder that contains the tree of a workspace, and the state of its last synchronisation."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orvanta_platform.cli.client.folder_workspace import STATE, base_of
from orvanta_platform.cli.client.item_names import check_name
from orvanta_platform.cli.client.item_paths import items_under, path_of
from orvanta_platform.cli.client.tree_files import write_file
from orvanta_platform.cli.client.tree_settings import TreeSettings, read_settings
from orvanta_platform.errors import BadRequest, InvalidWorkflow, OrvantaError, TooLarge
from orvanta_platform.workflow.tree.advice import CODE_UNUSED, Advice, of_alike, of_misplaced
from orvanta_platform.workflow.tree.item import OPTIONAL_KINDS, Item, Key, Kind, parts_of_test
from orvanta_platform.workflow.tree.paths import (
    DOCUMENTS,
    FLOW_FOLDERS,
    SCRIPT_SETTINGS,
    Located,
    folder_of,
    locate,
    may_belong,
    with_runtime,
)
from orvanta_platform.workflow.tree.reading import (
    file_names,
    included_names,
    lock_in,
    read,
    settings_in,
    unused_files,
)
from orvanta_platform.workflow.tree.sizes import MAX_CONTENT_SIZE, item_too_large, size_of
from orvanta_platform.workflow.tree.writing import first_names, write_item
from orvanta_platform.workflow.yaml_text import INLINE

_DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(10))})
"""Names that Windows reserves for devices, with any extension."""
_ATTEMPTS: Final = 5
"""Maximum number of times that a folder is listed whose files are deleted meanwhile."""


class FileDeleted(BadRequest):
    """A file of the folder was deleted since the folder was listed."""


@dataclass(slots=True)
class Folder:
    """Items in the files under a folder."""

    root: Path
    """Folder that the command works on."""
    base: Path
    """Folder that contains f and u, and the state."""
    located: dict[Key, Located]
    files: dict[str, Path]
    """Name in the tree → file."""
    is_deno: bool = False
    """Files `.ts` are scripts for Deno. Their names in the tree are `.deno.ts`, and those for Bun are `.bun.ts`."""
    duplicates: dict[Key, tuple[str, str]] = field(default_factory=dict)
    """Names of two files of the same item, which cannot be read."""
    shadowed: dict[str, Path] = field(default_factory=dict)
    """Further file of a name in the tree, from another tree below the folder."""
    settings: TreeSettings = field(default_factory=TreeSettings)
    secrets: set[Key] = field(default_factory=set)
    """Variables of the folder that are left out because they are secret."""
    ambiguous: set[Key] = field(default_factory=set)
    """Items with files of their own for branches, none of which is known to be checked out. They are left out."""
    optional: Collection[Kind] = ()
    """Optional kinds whose items belong to the folder."""
    flow_folders: Mapping[str, Path] = field(default_factory=dict)
    """Folders that end like those of workflows, by their names in the tree."""
    _read: dict[str, bytes] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Start of the paths of the items in the folder; empty for all."""
        if self.root == self.base:
            return ""
        return (path_of(self.root / "x", ()) or "").removesuffix("/x")

    def covers(self, key: Key) -> bool:
        """Return whether an item belongs to the folder, and the settings of the tree do not leave it out.

        If that depends on its content (`may_leave_out`), it is covered.
        """
        is_left_out = key[0] in OPTIONAL_KINDS and key[0] not in self.optional
        if key in self.secrets or key in self.ambiguous or is_left_out:
            return False
        return self._contains(key) and (key in self.located or not all(self._choices(key)))

    def _contains(self, key: Key) -> bool:
        kind, path = key
        if (workflow := _workflow_in(self.root, self.base)) is not None:
            return key == ("flow", workflow) or (kind == "workflow_test" and parts_of_test(path)[0] == workflow)
        below = f"f/{path}" if kind == "folder" else path
        return not self.prefix or below == self.prefix or below.startswith(f"{self.prefix}/")

    def may_leave_out(self, key: Key) -> bool:
        """Return whether the content of an item that the folder lacks determines if it is left out."""
        is_open = key[0] == "variable" and self.settings.skips_secrets
        return key not in self.located and (is_open or any(self._choices(key)))

    def _choices(self, key: Key) -> Iterator[bool]:
        """Yield for each name that the item may have whether it is left out; False if it has none."""
        try:
            names = first_names(key)
        except BadRequest:
            yield False
        else:
            yield from (self.settings.leaves_out(key[0], name) for name in names)

    def leaves_out(self, item: Item) -> bool:
        """Return whether the settings of the tree leave an item out."""
        if self.settings.skips_secrets and item.kind == "variable" and item.content.get("is_secret"):
            return True
        try:
            return self.settings.leaves_out(item.kind, next(iter(write_item(item))))
        except BadRequest:
            return False

    def bytes_of(self, located: Located) -> dict[str, bytes]:
        """Return the contents of the files of an item by name. Raises BadRequest."""
        return {name: self._bytes(name) for name in located.files}

    def read_files(self) -> None:
        """Read the files of all items. Raises FileDeleted; others that cannot be read are reported with their items."""
        for located in self.located.values():
            for name in located.files:
                try:
                    self._bytes(name)
                except FileDeleted:
                    raise
                except BadRequest:
                    continue

    def _with_included(self, located: Located) -> dict[str, bytes]:
        """Return the contents of the files of an item and of those that it includes from other folders."""
        own = self.bytes_of(located)
        names = {name: with_runtime(name, "deno") if self.is_deno else name for name in included_names(located, own)}
        for name, source in names.items():
            if source not in self.files and (file := self._file_above(located, name)) is not None:
                self.files[source] = file
        return own | {name: self._bytes(source) for name, source in names.items() if source in self.files}

    def _file_above(self, located: Located, name: str) -> Path | None:
        """Return a file of the tree outside of the folder, which a workflow includes; None if there is none.

        As below the folder, hidden files and links out of the tree are excluded.
        """
        document = located.files[0]
        top = self.files[document].parents[document.count("/")]
        file = top / name
        hidden = any(part.startswith(".") for part in name.split("/"))
        if file.is_relative_to(self.root) or hidden or not may_belong(name) or not file.is_file():
            return None
        areas = [top.resolve() / area for area in ("f", "u")]
        return file if any(map(file.resolve().is_relative_to, areas)) else None

    def _bytes(self, name: str) -> bytes:
        if name not in self._read:
            try:
                self._read[name] = self.files[name].read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise FileDeleted(
                    f"{self.shown(name)} was deleted while it was read.",
                    hint="Run the command again when no other program changes the folder.",
                ) from None
            except OSError as error:
                raise BadRequest(f"{self.shown(name)} cannot be read: {error.strerror}.") from None
        return self._read[name]

    def two_files(self, key: Key) -> tuple[Path, Path] | None:
        """Return two files of which each would be that of the item; None if it is clear which one is."""
        if key in self.duplicates:
            first, second = self.duplicates[key]
            return self.shown(first), self.shown(second)
        name = next((each for each in self.located[key].files if each in self.shadowed), None)
        return None if name is None else (self.shown(name), _relative_to_working_folder(self.shadowed[name]))

    def digest(self, key: Key) -> str:
        """Return a digest of the files of an item and of those that it includes. Raises BadRequest."""
        found = hashlib.sha256()
        found.update("\0".join(map(str, self.two_files(key) or ())).encode())
        for name, body in sorted(self._with_included(self.located[key]).items()):
            found.update(f"{name}\0{len(body)}\0".encode())
            found.update(body)
        return found.hexdigest()

    def read(self, key: Key) -> Item:
        """Return an item. Raises BadRequest, InvalidWorkflow, TooLarge; the message names the file or the item."""
        located = self.located[key]
        if (files := self.two_files(key)) is not None:
            both = " and ".join(map(str, files))
            raise BadRequest(f"{both} are both the {key[0]} {key[1]}.", hint="Delete or rename one of them.")
        check_name(key)
        try:
            item = read(located, self._with_included(located))
        except InvalidWorkflow as error:
            file = self.shown(located.files[0])
            raise BadRequest(f"{file} cannot be read: {error.message}.", hint=error.hint) from None
        if size_of(item.path, item.content, MAX_CONTENT_SIZE) > MAX_CONTENT_SIZE:
            large = item_too_large(*key)
            way_out = "A file that should not be an item is left out if `excludes` in wmill.yaml names it."
            raise TooLarge(large.message, hint=f"{large.hint} {way_out}")
        return item

    def missing_lock(self, item: Item) -> str | None:
        """Return the name of the file that the settings of a script name as its lock, if it is missing."""
        if item.kind != "script" or "lock" in item.content:
            return None
        located = self.located[item.key]
        settings = next((name for name in located.files if name.endswith(SCRIPT_SETTINGS)), None)
        lock = None if settings is None else lock_in(settings_in(settings, self.bytes_of(located)))
        return lock.removeprefix(INLINE).strip() if lock is not None and lock.startswith(INLINE) else None

    def file_of(self, key: Key) -> str:
        """Return the first file of an item, or its workflow's folder, relative to the working folder."""
        located = self.located.get(key)
        if located is None:
            return ""
        file = self.files[located.files[0]]
        return str(_relative_to_working_folder(file.parent if file.parent.name.endswith(FLOW_FOLDERS) else file))

    def shown(self, name: str) -> Path:
        """Return the file with this name in the tree, relative to the working folder."""
        return _relative_to_working_folder(self.files[name])

    def files_of(self, item: Item) -> dict[str, bytes]:
        """Return the files of an item by name, with the names that its document in the folder uses for code."""
        located = self.located.get(item.key)
        known = None
        if located is not None and item.kind == "flow":
            try:
                known = file_names(located, self._with_included(located))
            except OrvantaError:
                known = None  # a document that cannot be read, which is replaced as a whole
        return write_item(item, known)

    def unused_files(self) -> list[str]:
        """Return the names of the files of code in the folders of workflows that no workflow refers to."""
        flows = [each for key, each in self.located.items() if key[0] == "flow"]
        found: list[str] = []
        included: set[str] = set()
        for each in flows:
            try:
                files = self.bytes_of(each)
                included.update(included_names(each, files))
                found += unused_files(each, files)
            except OrvantaError:
                continue  # it is reported as an error of the workflow
        return sorted(set(found) - included)

    def warnings(self) -> list[tuple[str, Advice]]:
        """Return the warnings about files that have no effect or names that others resemble, each with its place."""
        unused = [(name, CODE_UNUSED) for name in self.unused_files()]
        misplaced = of_misplaced(self.files, self.flow_folders)
        located = [name for each in self.located.values() for name in each.files]
        places = {**self.flow_folders, **self.files}
        found = (*unused, *misplaced, *of_alike(located))
        return [(str(_relative_to_working_folder(places.get(name, self.base / name))), each) for name, each in found]

    def write(self, item: Item) -> None:
        """Write the files of an item, and delete those that it had before. Raises BadRequest."""
        check_name(item.key)
        new = self.files_of(item)
        if self.is_deno:
            new = {with_runtime(name, "bun"): body for name, body in new.items()}
        old = self.located.get(item.key)
        files = {self._file_for(name, old): body for name, body in new.items()}
        own = set() if old is None else {self.files[name] for name in old.files}
        for file in files:
            if file not in own and file.exists():
                raise BadRequest(
                    f"{file} is not replaced: it is not known as a file of the {item.kind} {item.path}.",
                    hint="Move or rename it, then pull again.",
                )
        for file, body in files.items():
            write_file(file, body)
        if old is not None:
            self._delete(old, files)
        self.files |= dict(zip(new, files, strict=True))
        self._read |= new
        self.located[item.key] = Located(item.kind, item.path, tuple(new))

    def remove(self, key: Key) -> None:
        """Delete the files of an item."""
        self._delete(self.located.pop(key), {})

    def _file_for(self, name: str, old: Located | None) -> Path:
        """Return the file for a name: in the folder that the workflow has, or below the base. Raises BadRequest."""
        parts = name.split("/")
        if not all(map(_is_file_name, parts)):
            raise BadRequest(f"The server sent a name that is no file of a tree: {name[:200]!r}.")
        file = self.base / name
        before = None if old is None else old.files[0]
        if before is None and folder_of(name) is not None and parts[-2] == "tests":
            before = self._flow_of(name)
        if before is not None and (inside := folder_of(before)) is not None and folder_of(name) is not None:
            below = len(inside.split("/"))
            depth = len(before.split("/")) - below
            file = self.files[before].parents[depth - 1].joinpath(*parts[below:])
        elif before is not None and before in self.files and folder_of(name) is None:
            file = self.files[before] if name == before else self.files[before].parent / parts[-1]
        if not file.parent.resolve().is_relative_to(self.base.resolve()) or file.is_symlink():
            raise BadRequest(f"{file} is not written: it leads out of the folder.")
        return file

    def _flow_of(self, name: str) -> str | None:
        """Return the first file of the workflow that a test belongs to."""
        found = next(iter(locate([name])), None)
        flow = None if found is None else self.located.get(("flow", parts_of_test(found.path)[0]))
        return None if flow is None else flow.files[0]

    def _delete(self, old: Located, written: Iterable[Path]) -> None:
        remaining = set(written)
        for name in old.files:
            file = self.files[name]
            own = file.name.startswith("flow.") or ".inline_script." in file.name or old.kind == "workflow_test"
            if file not in remaining and (own or folder_of(name) is None):
                file.unlink(missing_ok=True)
        folder = self.files[old.files[0]].parent
        if folder != self.base and not any(folder.iterdir()):
            folder.rmdir()


def open_whole(root: Path, optional: Collection[Kind] = ()) -> Folder:
    """Return the items under a folder as `open_folder` does, with the contents of their files.

    If files are deleted meanwhile, such as by a checkout, the folder is listed again. Raises BadRequest.
    """
    for _ in range(_ATTEMPTS - 1):
        folder = open_folder(root, optional)
        try:
            folder.read_files()
        except FileDeleted:
            continue
        return folder
    folder = open_folder(root, optional)
    folder.read_files()
    return folder


def open_folder(root: Path, optional: Collection[Kind] = ()) -> Folder:
    """Return the items under a folder, none if it does not exist. `optional`: optional kinds that are read as well.

    A folder inside that of a workflow stands for the workflow with its tests.

    Apps, hidden folders, links out of the folder and excluded files are left out. Raises BadRequest for a folder below
    f or u that cannot be read: its items would seem to be deleted.
    """
    root = root.absolute()
    base = base_of(root)
    if base is not None:
        root = next((each for each in (root, *root.parents) if _workflow_in(each, base) is not None), root)
    settings = read_settings(root)
    is_deno = settings.typescript == "deno"
    files: dict[str, Path] = {}
    shadowed: dict[str, Path] = {}
    specific: set[str] = set()
    of_branch: set[str] = set()
    flow_folders: dict[str, Path] = {}
    entries = items_under(
        root,
        is_wanted=lambda name: may_belong(name) or name.endswith(FLOW_FOLDERS),
        unreadable=lambda *each: _refuse_unreadable(base or root, root, *each),
    )
    _refuse_working_copies(root, entries)
    for file in entries:
        if file.is_file():
            written = name_in_tree(file, root)
            if settings.excludes(written):
                continue
            plain = with_runtime(written, "deno") if is_deno else written
            name = settings.common_name(plain)
            if name is not None:
                is_of_branch = name != plain
                if name not in files or (is_of_branch and name not in of_branch):  # it takes precedence
                    files[name] = file
                    shadowed.pop(name, None)
                elif is_of_branch == (name in of_branch) and file.resolve() != files[name].resolve():
                    shadowed[name] = file
                if is_of_branch:
                    of_branch.add(name)
            elif (common := settings.ambiguous_name(written)) is not None:
                specific.add(common)
        elif file.name.endswith(FLOW_FOLDERS):
            document = name_in_tree(file / DOCUMENTS[0], root)
            if not settings.excludes(document):
                flow_folders[document.rpartition("/")[0]] = file
    found = [each for each in locate(files, optional) if not settings.leaves_out(each.kind, each.files[0])]
    located = {each.key: each for each in reversed(found)}
    duplicates = {
        each.key: (located[each.key].files[0], each.files[0]) for each in found if each is not located[each.key]
    }
    base = base or _top(root, files)
    folder = Folder(
        root,
        base,
        located,
        files,
        is_deno,
        duplicates,
        shadowed,
        settings,
        optional=optional,
        flow_folders=flow_folders,
    )
    for each in locate(specific, optional):
        # On another branch, a common file is that of the item.
        is_open = settings.checked_out is None or each.key not in located
        if is_open and not settings.leaves_out(each.kind, each.files[0]):
            located.pop(each.key, None)
            folder.ambiguous.add(each.key)
    if settings.skips_secrets:
        items, _ = unreadable(folder, [key for key in located if key[0] == "variable"])
        for item in items:
            if item.content.get("is_secret"):
                del located[item.key]
                folder.secrets.add(item.key)
    return folder


def _relative_to_working_folder(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _workflow_in(folder: Path, base: Path) -> str | None:
    """Return the path of the workflow whose files are in a folder below `base`; None for other folders."""
    is_folder = folder.name.endswith(FLOW_FOLDERS) and folder != base and folder.is_relative_to(base)
    return path_of(folder, FLOW_FOLDERS) if is_folder else None


def _top(root: Path, files: Mapping[str, Path]) -> Path:
    """Return the folder above `root` that contains f and u, according to the names of all files; otherwise `root`."""
    tops = {file.parents[name.count("/")] for name, file in files.items()}
    return next(iter(tops)) if len(tops) == 1 and root.is_relative_to(*tops) else root


def _refuse_unreadable(base: Path, root: Path, folder: Path, error: OSError) -> None:
    """Raise BadRequest for a folder that may contain items and cannot be read. The whole tree need not exist, and a
    folder below `root` was deleted since it was listed.
    """
    if (folder == base or folder != root) and isinstance(error, FileNotFoundError):
        return
    if folder == base or {"f", "u"} & set(folder.relative_to(base).parts):
        raise BadRequest(f"The folder {folder} cannot be read: {error.strerror}.")


def _refuse_working_copies(root: Path, entries: Iterable[Path]) -> None:
    """Raise BadRequest if an entry is in a working copy below `root`, which may be one of another workspace."""
    checked = {root}
    for entry in entries:
        folder = entry.parent
        while folder not in checked:
            if (folder / STATE).is_file():
                shown = _relative_to_working_folder(folder)
                raise BadRequest(f"{shown} is a working copy of its own.", hint="Run the command in that folder.")
            checked.add(folder)
            folder = folder.parent


def _is_windows() -> bool:
    return os.name == "nt"


def _is_file_name(part: str) -> bool:
    """Return whether a part of a name is an ordinary file name on this system."""
    reserved = _is_windows() and part.partition(".")[0].lower() in _DEVICES
    return part.isprintable() and part == part.strip(" .") != "" and not reserved and not set('\\:<>"|?*') & set(part)


def name_in_tree(file: Path, root: Path) -> str:
    """Return the name of a file in the tree: from f or u on, below the folder if it contains them."""
    parts = file.relative_to(root).parts
    start = next((n for n, part in enumerate(parts[:-2]) if part in ("f", "u")), None)
    if start is None:
        return path_of(file, ()) or "/".join(parts)
    return unicodedata.normalize("NFC", "/".join(parts[start:]))


def unreadable(folder: Folder, keys: Iterable[Key]) -> tuple[list[Item], list[tuple[Key, OrvantaError]]]:
    """Return the items that can be read, and the errors of the others."""
    items, failed = [], []
    for key in keys:
        try:
            items.append(folder.read(key))
        except OrvantaError as error:
            failed.append((key, error))
    return items, failed
