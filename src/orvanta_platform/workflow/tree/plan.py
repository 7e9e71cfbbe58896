"""Plans: the differences between wanted and present items, and the order in which they are applied."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence, Set
from functools import cache
from hashlib import sha256
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from orvanta_platform.errors import InvalidWorkflow
from orvanta_platform.workflow import document
from orvanta_platform.workflow.hashes import hash_json
from orvanta_platform.workflow.mask import MASK, match_entries, text_of_entry
from orvanta_platform.workflow.requirements import usable_lock
from orvanta_platform.workflow.tree.item import FIELDS, ORDER, Item, Key, Kind

Action: TypeAlias = Literal["add", "change", "unchanged", "remove", "conflict"]
Imports: TypeAlias = Mapping[str, Sequence[str]]
"""Paths that each script imports, by its path. A parser may take minutes, so another process reads the code."""

T = TypeVar("T")

_DEFAULTS: Final = {"summary": "", "description": "", "kind": "script", "is_template": False}
_NOT_REMOVABLE: Final[Mapping[Kind, tuple[str, ...]]] = {
    "resource_type": ("schema", "format_extension", "is_fileset"),
    "variable": ("value", "is_secret"),
    "resource": ("value", "resource_type"),
    "schedule": ("schedule", "timezone", "enabled", "script_path", "is_flow"),
    "http_trigger": (
        *("script_path", "is_flow", "route_path", "http_method", "workspaced_route", "mode", "request_type"),
        *("authentication_method", "authentication_resource_path"),
    ),
    "user": ("username", "role"),
}
"""Settings that cannot be removed: an item needs them, or they are its state. Null leaves them unchanged."""
COMPLETE_KINDS: Final[tuple[Kind, ...]] = ("script", "flow", "workflow_test")
"""Kinds whose content has all that an item has."""
_GRANTS: Final = ("owners", "extra_perms")
_SETTING_DEFAULTS: Final = {"missed": "once"}
_RUNS_A_FLOW: Final = re.compile(r"""type["']?\s*:\s*["']?flow\b""")
_TRIGGERS: Final = ("schedule", "http_trigger")
_IN_FOLDERS: Final = ("variable", "resource", "script", "flow", "workflow_test", *_TRIGGERS)

ConflictCode: TypeAlias = Literal["out_of_scope", "deleted", "moved", "exists", "changed", "invalid"]
"""Cause of a conflict. invalid: the content is not valid, whatever the workspace contains."""
_OCCUPIED: Final = "It is not deleted, because the workspace has items in this folder after the change set."
_REASONS: Final[Mapping[ConflictCode, str]] = {
    "out_of_scope": "The change set removes it, but `prune` does not cover its path.",
    "deleted": "It was deleted in the workspace in the meantime.",
    "exists": "It already exists in the workspace.",
    "changed": "It was changed in the workspace in the meantime.",
}


class Wanted(msgspec.Struct, frozen=True):
    """Item as it should be after the change."""

    kind: Kind
    path: str
    base: str | None
    """Hash that the change is based on; None: the item should not exist yet."""
    content: Mapping[str, Any] | None
    """Content as in `Item`; None: the item is removed."""

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path


class Stored(msgspec.Struct, frozen=True):
    """Item as it is."""

    hash: str
    content: Mapping[str, Any]
    """Content as in `Item`. flow: its document as `tree`, and its YAML as `text`, or as the function `write_text` if
    writing it takes long. A workflow that was deployed as JSON has no YAML, and one of an older version no `tree`.
    """


class Use(msgspec.Struct, frozen=True):
    """Item that uses another one."""

    kind: str
    """flow, script, schedule, http_trigger, resource, error_handler or environment."""
    path: str
    node: str | None = None
    """Node of a workflow, if it is known."""


class Entry(msgspec.Struct, frozen=True):
    """Effect of a change set on one item."""

    kind: Kind
    path: str
    action: Action
    base: str | None
    present: str | None
    """Hash of the present content; None: the item does not exist."""
    wanted: str | None
    """Hash of the new content; None: the item is removed."""
    reason: str | None = None
    """Sentence that explains a conflict, or an effect that the caller may not see."""
    code: ConflictCode | None = None
    """Cause of the conflict; None: there is none."""
    used_by: Sequence[Use] = ()
    """Items that use the item that is removed, and remain."""
    hidden_uses: int = 0
    """Number of further such items, which the caller may not read."""
    moved_to: str | None = None
    """Path that the item has now, if it was moved."""

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return self.kind, self.path

    @property
    def overwrites(self) -> bool:
        """Return whether it replaces a change that was made since its base."""
        return self.action in ("add", "change", "remove") and self.base != self.present


class Plan(msgspec.Struct, frozen=True):
    """Effect of a change set, in the order in which it is applied."""

    entries: tuple[Entry, ...]
    prune: tuple[str, ...] | None
    """Starts of the paths at which items may be removed; None: no item is removed."""
    hash: str
    uses_truncated: bool = False
    """Removed items may have more uses than the entries name."""

    def of(self, *actions: Action) -> list[Entry]:
        """Return the entries with these actions."""
        return [entry for entry in self.entries if entry.action in actions]


class ParsedWorkflow(msgspec.Struct, frozen=True):
    """A parsed workflow."""

    normal: str
    """Digest of its normal form for comparisons; that of the text if it cannot be parsed."""
    calls: Sequence[str] = ()
    """Paths of the workflows that it runs."""


class Planner:
    """A change set in order, which is compared with present items several times.

    Each document is parsed once, and each state of an item is compared once. To parse a document may take a second, so
    `sort` and `compare` have steps.
    """

    def __init__(
        self,
        wanted: Sequence[Wanted],
        prune: Sequence[str] | None,
        imports: Imports,
        *,
        force: bool,
        faults: Sequence[tuple[Wanted, str]] = (),
        parse: Callable[[str], ParsedWorkflow] | None = None,
    ) -> None:
        """Create a planner, which `sort` completes. `force`: the change replaces what was changed since its base.

        `faults`: further changes whose content is not valid, with the reasons, which become conflicts. `parse`: as
        `parse_limited`, with what other planners have parsed; None: each text is parsed once.
        """
        self._wanted = {each.key: each for each in wanted}
        self._imports = imports
        self._hashes: dict[Key, str | None] = {}
        """Hashes of the wanted contents, in the order in which they are applied."""
        self._entries: dict[Key, Entry] = {}
        """Effect on each item as it was last compared."""
        self._faults = [
            Entry(each.kind, each.path, "conflict", each.base, None, hash_json(each.content), reason, "invalid")
            for each, reason in faults
        ]
        self._prune = None if prune is None else frozenset(prune)
        self._force = force
        self._parse = parse or cache(parse_limited)

    def sort(self) -> Generator[None, None, None]:
        """Compute the order."""
        needs: dict[Key, list[Key]] = {}
        for each in self._wanted.values():
            needs[each.key] = self._references(each)
            yield
        for each in in_order([*self._wanted.values()], needs):
            self._hashes[each.key] = None if each.content is None else hash_json(each.content)
            yield

    def _references(self, wanted: Wanted) -> list[Key]:
        """Return the scripts of the change set that a script imports, or the workflows that a workflow runs."""
        if wanted.kind == "script":
            found: list[Key] = [("script", path) for path in self._imports.get(wanted.path, ())]
        elif wanted.kind == "flow" and wanted.content is not None and _RUNS_A_FLOW.search(wanted.content["text"]):
            found = [("flow", path) for path in self._parse(wanted.content["text"]).calls]
        else:
            return []
        return [key for key in found if key in self._wanted]

    @property
    def keys(self) -> Set[Key]:
        """Return the items of the change set."""
        return self._wanted.keys()

    def stores(self, key: Key) -> bool:
        """Return whether the change set has a content for an item, rather than to remove it."""
        wanted = self._wanted.get(key)
        return wanted is not None and wanted.content is not None

    def knows(self, key: Key, hash: str) -> bool:
        """Return whether an item was compared in the state with this hash."""
        known = self._entries.get(key)
        return known is not None and known.present == hash

    def changes(self, key: Key) -> bool:
        """Return whether the content of an item changes, as it was last compared."""
        known = self._entries.get(key)
        return known is not None and known.action == "change"

    def compare(self, present: Mapping[Key, Stored]) -> Generator[None, None, None]:
        """Compute the effect of the change set on some of the present items. Their contents are not stored."""
        for key, stored in present.items():
            wanted = self._wanted.get(key)
            if wanted is not None and not self.knows(key, stored.hash):
                self._entries[key] = self._entry(wanted, stored)
            yield

    def plan(
        self,
        hashes: Mapping[Key, str],
        fault: Callable[[Entry], str | None] = lambda _: None,
        occupied: Collection[str] = (),
    ) -> Plan:
        """Return the effect of the change set. `hashes`: those of the present items, each of which was compared.

        `fault` returns the reason for which a change is not valid, which then becomes a conflict; None if it is valid.
        `occupied`: folders that have items which the change set does not remove. They remain, as do those in which it
        stores items.
        """
        entries = []
        occupied = {*occupied, *self._stored_folders()}
        for key, wanted in self._wanted_in_order():
            entry = self._entries[key] if key in hashes else self._entry(wanted, None)
            assert entry.present == hashes.get(key), key
            if entry.action == "remove" and entry.kind == "folder" and entry.path in occupied:
                entry = replace(entry, action="unchanged", reason=_OCCUPIED)
            reason = fault(entry) if entry.action != "conflict" else None
            if reason is not None:
                entry = replace(entry, action="conflict", reason=reason, code="invalid")
            entries.append(entry)
        entries += self._faults
        scope = None if self._prune is None else tuple(sorted(self._prune))
        rows = [[each.kind, each.path, each.action, each.base, each.present, each.wanted] for each in entries]
        return Plan(tuple(entries), scope, hash_json([rows, scope]))

    def removed(self, hashes: Mapping[Key, str]) -> list[Key]:
        """Return the items that the change set is to remove, of the present ones."""
        return [key for key in self._wanted if key in hashes and not self.stores(key)]

    def _stored_folders(self) -> Iterator[str]:
        """Yield the names of the folders in which the change set stores items."""
        for kind, path in self._wanted:
            if kind in _IN_FOLDERS and path.startswith("f/") and self.stores((kind, path)):
                yield path.split("/")[1]

    def _wanted_in_order(self) -> Iterator[tuple[Key, Wanted]]:
        return ((key, self._wanted[key]) for key in self._hashes)

    def _entry(self, wanted: Wanted, stored: Stored | None) -> Entry:
        return _entry(wanted, self._hashes[wanted.key], stored, self._prune, self._tree, force=self._force)

    def _tree(self, text: str) -> str:
        return self._parse(text).normal


def _entry(
    wanted: Wanted,
    digest: str | None,
    stored: Stored | None,
    prune: Collection[str] | None,
    tree: Callable[[str], Any],
    *,
    force: bool,
) -> Entry:
    current = None if stored is None else stored.hash
    entry = Entry(wanted.kind, wanted.path, "unchanged", wanted.base, current, digest)
    if wanted.content is None:
        if stored is None:
            return entry
        if not in_scope(wanted.key, prune):
            return _conflict(entry, "out_of_scope")
        return _checked(replace(entry, action="remove"), force=force)
    if stored is None:
        if wanted.base is not None and not force:
            return _conflict(entry, "deleted")
        return replace(entry, action="add")
    if is_same(wanted.kind, wanted.content, stored.content, tree, notation=wanted.base == current):
        return entry
    # A workspace has settings from the start: those that have their defaults are no change of somebody else.
    is_initial = wanted.kind == "settings" and wanted.base is None and not any(stored.content.values())
    return _checked(replace(entry, action="change"), force=force or is_initial)


def _checked(entry: Entry, *, force: bool) -> Entry:
    if force or entry.base == entry.present:
        return entry
    return _conflict(entry, "exists" if entry.base is None else "changed")


def _conflict(entry: Entry, code: ConflictCode) -> Entry:
    return replace(entry, action="conflict", reason=_REASONS[code], code=code)


def add_moved_path(entry: Entry, path: str) -> Entry:
    """Return the entry of an item that does not exist, because it was moved to another path."""
    if entry.code != "deleted":
        return replace(entry, moved_to=path)
    reason = f"It was moved to {path} in the workspace in the meantime."
    return replace(entry, moved_to=path, reason=reason, code="moved")


def in_scope(key: Key, prune: Collection[str] | None) -> bool:
    """Return whether a removal is within the scope of a prune: its path is equal to a start, or below it."""
    if prune is None:
        return False
    kind, path = key
    parts = (f"f/{path}" if kind == "folder" else path).split("/")
    return "" in prune or any("/".join(parts[:end]) in prune for end in range(1, len(parts) + 1))


def is_same(
    kind: Kind,
    wanted: Mapping[str, Any],
    stored: Mapping[str, Any],
    tree: Callable[[str], Any],
    *,
    notation: bool = False,
) -> bool:
    """Return whether a content changes nothing. Absent keys leave values unchanged, and null removes them.

    `tree` parses the text of a workflow. `notation`: other comments or another order of keys change a workflow.
    """
    match kind:
        case "flow":
            return _is_same_flow(wanted["text"], stored, tree, notation=notation)
        case "script":
            return _is_same_script(wanted, stored)
        case "workflow_test":  # absent keys are empty
            return _equal(_set(wanted), _set(stored))
        case _:
            secret = bool(kind == "variable" and stored.get("is_secret") and wanted.get("is_secret", True))
            names = [name for name in wanted if not (secret and name == "value")]
            names = [name for name in names if has_effect(kind, name, wanted[name])]
            if kind == "folder":  # an empty list grants nothing, and leaves the owners that a folder has
                names = [name for name in names if wanted[name] not in ([], {}) or name not in _GRANTS]
            if kind == "resource":
                wanted = {**wanted, "value": masked(wanted.get("value"), stored.get("value"))}
            return all(_equal(_setting(wanted, name), _setting(stored, name)) for name in names)


def _setting(content: Mapping[str, Any], name: str) -> Any:
    """Return a setting; None for an empty one and a default. Empty values of variables and resources differ."""
    value = content.get(name)
    if name == "value":
        return value
    return None if _is_empty(value) or value == _SETTING_DEFAULTS.get(name) else value


def has_effect(kind: Kind, name: str, value: Any) -> bool:
    """Return whether a setting of a content has an effect: null removes a setting, or is the value of a resource."""
    return value is not None or (kind, name) == ("resource", "value") or _can_be_removed(kind, name)


def _can_be_removed(kind: Kind, name: str) -> bool:
    return kind not in COMPLETE_KINDS and name not in _NOT_REMOVABLE.get(kind, ())


def with_removals(kind: Kind, base: Mapping[str, Any] | None, new: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new content with null for each setting that the base has, and that the new content lacks or empties.

    An absent key of a change leaves the setting of the item unchanged, and null removes it: without the base, a file
    that lacks a key does not tell whether it was deleted. The contents of scripts, workflows and their tests are
    complete and returned as they are, as are settings that cannot be removed. `base`: None if it is not known.
    """
    if base is None or kind in COMPLETE_KINDS:
        return dict(new)
    removed = [
        name
        for name in FIELDS[kind]
        if not _is_empty(base.get(name)) and _is_empty(new.get(name)) and _can_be_removed(kind, name)
    ]
    return {**new, **dict.fromkeys(removed)}


def _is_empty(value: Any) -> bool:
    """Return whether a setting has the value that it has without being set. Zero is none: it may be out of range."""
    return value is None or value is False or value in ("", [], {})


def without_untouched(
    kind: Kind, stored: Mapping[str, Any], wanted: Mapping[str, Any], base: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a stored content without the settings that the new content lacks and leaves as they are.

    `base`: content that the new one is based on; None if it is not known.
    """
    match kind:
        case "flow":
            return dict(stored)
        case "script":
            settings, own = stored.get("settings"), wanted.get("settings")
            return dict(stored) if not settings or own is None else {**stored, "settings": _named(settings, own)}
        case "workflow_test":
            return _named(stored, wanted)
        case _:
            named = with_removals(kind, base, wanted)
            return {name: value for name, value in stored.items() if name in named}


def _named(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored settings without those that have their defaults and that the new ones lack."""
    changed = _set(stored)
    return {name: value for name, value in stored.items() if name in wanted or name in changed}


def masked(wanted: Any, stored: Any) -> Any:
    """Return a value with the masks of the stored one: secret fields keep their values, which no file contains."""
    if stored == MASK or (wanted == MASK and stored == ""):
        return stored
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return {name: masked(value, stored.get(name)) for name, value in wanted.items()}
    if isinstance(wanted, list) and isinstance(stored, list):
        places = match_entries([text_of_entry(each) for each in wanted], [text_of_entry(each) for each in stored])
        return [each if at is None else masked(each, stored[at]) for at, each in zip(places, wanted, strict=True)]
    return wanted


def without_masks(value: Any) -> Any:
    """Return the value with empty texts in place of masks: secrets of a new resource are empty until they are set."""
    if isinstance(value, dict):
        return {name: without_masks(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_masks(each) for each in value]
    return "" if value == MASK else value


def _is_same_flow(text: str, stored: Mapping[str, Any], tree: Callable[[str], Any], *, notation: bool) -> bool:
    if "text" in stored and (notation or text == stored["text"]):
        return bool(text == stored["text"])
    if "tree" not in stored:
        return bool(tree(text) == tree(stored["text"]))
    is_equal = bool(tree(text) == _normal(stored["tree"]))
    if is_equal and notation and "write_text" in stored:
        return bool(text == stored["write_text"]())
    return is_equal


def _is_same_script(wanted: Mapping[str, Any], stored: Mapping[str, Any]) -> bool:
    if (wanted["content"], wanted["language"]) != (stored["content"], stored["language"]):
        return False
    settings = wanted.get("settings")
    if settings is not None and not _equal(_set(settings), _set(stored["settings"])):
        return False
    lock = usable_lock(wanted["language"], wanted.get("lock"))
    return lock is None or lock == stored.get("lock")


def _set(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a script, or the parts of a test, that differ from their defaults."""
    return {name: value for name, value in settings.items() if value not in (None, _DEFAULTS.get(name))}


def _equal(one: Any, other: Any) -> bool:
    """Return whether two parts of contents are equal: their hashes are, by which changed items are recognised."""
    return hash_json(one) == hash_json(other)


def normal_tree(text: str) -> str:
    """Return a digest of the document of a workflow for comparisons; that of the text if it cannot be parsed."""
    return _parse(text).normal


def parse_limited(text: str) -> ParsedWorkflow:
    """Parse a workflow. One beyond the limits of a deployment is not parsed."""
    return _parse(text, limited=True)


def _parse(text: str, *, limited: bool = False) -> ParsedWorkflow:
    """Parse a workflow. `limited`: one beyond the limits of a deployment is not parsed."""
    try:
        tree = document.parse(text.encode(), "yaml", limit_yaml=limited).tree
    except InvalidWorkflow:  # its deployment reports the error
        return ParsedWorkflow(f"text {sha256(text.encode()).hexdigest()}")
    return ParsedWorkflow(_normal(tree), list(dict.fromkeys(called_flows(tree))))


def _normal(tree: Mapping[str, Any]) -> str:
    return hash_json({name: value for name, value in tree.items() if value not in (None, "")})


def in_order(wanted: Sequence[Wanted], references: Mapping[Key, Sequence[Key]]) -> list[Wanted]:
    """Return changes so that each follows those that it refers to.

    Removed schedules and triggers come first, as they may hold a route; other removals come last, in reverse order.
    Admins come before other users, as a workspace always has one.
    """
    ranked = sorted(wanted, key=lambda each: (ORDER.index(each.kind), not _is_admin(each), each.path))
    removed = [each for each in ranked if each.content is None]
    stored = [each for each in ranked if each.content is not None]
    by_key = {each.key: each for each in stored}
    needs = {each.key: [by_key[key] for key in references[each.key] if key in by_key] for each in stored}
    ordered = dependencies_first(stored, lambda each: [*needs[each.key]])
    first = [each for each in removed if each.kind in _TRIGGERS]
    last = [each for each in reversed(removed) if each.kind not in _TRIGGERS]
    return [*first, *ordered, *last]


def _is_admin(wanted: Wanted) -> bool:
    return wanted.kind == "user" and wanted.content is not None and wanted.content.get("role") == "admin"


def called_flows(tree: Any) -> Iterator[str]:
    """Yield the paths of the workflows that a document runs."""
    pending = [tree]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            if value.get("type") == "flow" and isinstance(value.get("path"), str):
                yield value["path"]
            pending += value.values()


def dependencies_first(values: Sequence[T], needs: Callable[[T], list[T]]) -> list[T]:
    """Return the values so that each follows those that `needs` returns for it; otherwise in the order of `values`.

    Values are compared by identity. Cycles remain for the deployment to report.
    """
    ordered: dict[int, T] = {}
    for value in values:
        chain = [(value, needs(value))]
        seen = {id(value)}
        while chain:
            current, rest = chain[-1]
            if rest:
                following = rest.pop()
                if id(following) not in ordered and id(following) not in seen:
                    seen.add(id(following))
                    chain.append((following, needs(following)))
            else:
                ordered.setdefault(id(current), current)
                chain.pop()
    return list(ordered.values())


def item_of(wanted: Wanted) -> Item:
    """Return the item that a change stores."""
    return Item(wanted.kind, wanted.path, wanted.content or {})
