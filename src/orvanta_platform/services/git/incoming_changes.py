"""Incoming changes of single items: what the files of the repository make of the item of the workspace.

To read a file of 40 kB may take two seconds of processor time. A review, the differences of its items and their
application read the same files, so that outcomes are remembered, and one call reads for a limited time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from orvanta_platform import clock, errors
from orvanta_platform.db.git import ItemRow
from orvanta_platform.errors import BadRequest, OrvantaError
from orvanta_platform.orchestrator.recent_results import RecentResults
from orvanta_platform.services.changes import change_sets, writers
from orvanta_platform.services.changes.contents import Present
from orvanta_platform.services.git.state import CorruptItem, base_of, content_of, item_of, key_of, located_of, render
from orvanta_platform.workflow.tree.item import Item, Key
from orvanta_platform.workflow.tree.merge import loses_comments, merge_content
from orvanta_platform.workflow.tree.plan import Wanted, with_removals
from orvanta_platform.workflow.tree.sizes import item_too_large
from orvanta_platform.workflow.tree.stored_text import edit_stored_text, is_json

MAX_READ_S: Final = 60.0
"""Processor time in seconds after which one call reads no further files. A thousand ordinary workflows with their code
in files of their own take less.
"""


class Change(msgspec.Struct, frozen=True):
    """Incoming change of an item."""

    row: ItemRow
    present: Present | None
    """Item of the workspace, without its content; if the repository has a workflow as JSON, with its text."""
    content: Mapping[str, Any] | None = None
    """Content to store; None: the item is removed."""
    merged: bool = False
    places: Sequence[str] | None = None
    fault: OrvantaError | None = None
    size: int = 0
    """Size of the content, as change sets count it."""
    comments_lost: bool = False
    """The content replaces a YAML text with comments, which cannot be edited."""

    @property
    def key(self) -> Key:
        """Return kind and path, which identify the item."""
        return key_of(self.row)


class ChangeReader:
    """Reader of the changes of one call, which is used by one thread at a time."""

    def __init__(self, known: RecentResults, workspace: str) -> None:
        self._known = known
        self._workspace = workspace
        self._used_s = 0.0

    def read(self, row: ItemRow, present: Present | None) -> Change:
        """Return the change of an item, with the reason if it cannot be applied."""
        return self._read("change", _change, row, present)

    def read_theirs(self, row: ItemRow, present: Present | None) -> Change:
        """Return the change to what the repository has, without a merge; with the reason if it cannot be applied."""
        return self._read("theirs", _theirs, row, present)

    def _read(
        self,
        variant: str,
        compute: Callable[[ItemRow, Present | None], Change],
        row: ItemRow,
        present: Present | None,
    ) -> Change:
        digest = _digest_of(self._workspace, variant, row, present)
        found = self._known.get(digest)
        if found is not None:
            return _decoded(found, row, present)
        if self._used_s >= MAX_READ_S:
            return Change(row, without_content(present), fault=_not_read())
        begin = clock.processor_time()
        try:
            change = _computed(compute, row, present)
        finally:
            self._used_s += max(clock.processor_time() - begin, 1e-9)
        if change.fault is None or getattr(errors, type(change.fault).__name__, None) is type(change.fault):
            self._known.put(digest, _encoded(change))
        return change


def without_content(present: Present | None) -> Present | None:
    """Return an item of the workspace without its content."""
    return None if present is None else replace(present, content={})


def _not_read() -> BadRequest:
    return BadRequest(
        "It was not read yet, because the files of the other items take long to read.",
        hint="Review the plan again to read further items, or apply those that were read first.",
    )


def _digest_of(workspace: str, variant: str, row: ItemRow, present: Present | None) -> bytes:
    """Return the digest of all that a change depends on."""
    content = None if present is None else json.dumps(present.content)
    found = hashlib.sha256(json.dumps([workspace, variant, *key_of(row), row.digest, content]).encode())
    for body in (row.files, row.incoming):
        found.update(b"-" if body is None else b"%d " % len(body))
        found.update(body or b"")
    return found.digest()


def _encoded(change: Change) -> bytes:
    """Return a change as it is remembered, without its row and the item of the workspace."""
    fault = change.fault
    error = None if fault is None else [type(fault).__name__, fault.message, fault.hint, fault.details]
    keeps_text = change.present is not None and bool(change.present.content)
    rest = [change.merged, change.places, error, change.size, change.comments_lost, keeps_text]
    return json.dumps([change.content, *rest]).encode()


def _decoded(body: bytes, row: ItemRow, present: Present | None) -> Change:
    content, merged, places, error, size, comments_lost, keeps_text = json.loads(body)
    fault = None
    if error is not None:
        name, message, hint, details = error
        fault = getattr(errors, name)(message, hint=hint, details=details)
    kept = with_text(present) if keeps_text else without_content(present)
    return Change(row, kept, content, merged, places, fault, size, comments_lost)


def _computed(compute: Callable[[ItemRow, Present | None], Change], row: ItemRow, present: Present | None) -> Change:
    try:
        return _checked(compute(row, present))
    except OrvantaError as error:
        return Change(row, without_content(present), fault=error)
    except CorruptItem as error:
        fault = BadRequest(str(error), hint="Unbind the workspace and bind it again.")
        return Change(row, without_content(present), fault=fault)


def _change(row: ItemRow, present: Present | None) -> Change:
    key = key_of(row)
    mine = None if present is None else render(key, present)
    changed = (None if mine is None else mine.digest) != row.digest
    return _merge(row, present) if changed else _theirs(row, present)


def _checked(change: Change) -> Change:
    """Return the change with its size. Raises BadRequest, TooLarge for a content that no change set can have."""
    wanted = Wanted(*change.key, None, change.content)
    writers.check(wanted)
    size = writers.size_of(wanted, change_sets.MAX_CONTENT_SIZE)
    if size > change_sets.MAX_CONTENT_SIZE:
        raise item_too_large(*change.key)
    return replace(change, size=size)


def _theirs(row: ItemRow, present: Present | None) -> Change:
    key, base = base_of(row)
    if base.incoming is None:
        return Change(row, without_content(present))
    content = content_of(key, base.incoming, base.files)
    if present is None or "text" not in present.content or not is_json(located_of(*key, base.incoming)):
        return Change(row, without_content(present), content)
    edited = edit_stored_text(present.content, content)
    return Change(row, with_text(present), edited.content, comments_lost=edited.comments_lost)


def with_text(present: Present | None) -> Present | None:
    """Return a workflow of the workspace with its text only."""
    return None if present is None else replace(present, content={"text": present.content["text"]})


def _merge(row: ItemRow, present: Present | None) -> Change:
    """Return the merge of an item that both sides changed; in conflict if one removed it or both added it."""
    theirs = _theirs(row, present)
    if present is None or theirs.content is None:
        return replace(theirs, places=[""])
    key, base = base_of(row)
    before: Mapping[str, Any] = {} if base.files is None else item_of(*key, base.files).content
    if not before:
        return replace(theirs, places=[""])
    mine, files = Item(*key, present.content).content, base.incoming or {}
    incoming = item_of(*key, files).content
    if is_json(located_of(*key, files)):  # which has no comments: those of the text before it are not removed
        incoming = edit_stored_text({"text": before["text"]}, incoming).content
    content, places = merge_content(key[0], before, mine, incoming)
    content = with_removals(key[0], mine, content)
    lost = not places and loses_comments(key[0], mine, content)
    return replace(theirs, content=content, merged=True, places=places or None, comments_lost=lost)
