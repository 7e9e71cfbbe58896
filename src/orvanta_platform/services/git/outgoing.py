"""Commits for deployments: one for each transaction that changed items, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from orvanta_platform.db.changes import ChangeRow
from orvanta_platform.outbound.git.messages import Change
from orvanta_platform.services.changes.operations import CHANGE_SETS, key_of, parameters_of
from orvanta_platform.services.git.state import TO_COMMIT, Base, Files, Mine, Reconciled
from orvanta_platform.workflow.tree.item import Key, parts_of_test

_TITLES: Final = {"flow": "workflow", "resource_type": "resource type", "http_trigger": "HTTP trigger"}
_VERBS: Final = {"create": "Create", "delete": "Delete", "archive": "Archive", "keep": "Keep", "move": "Move"}
_WITH_TESTS: Final = ("move", "delete", "archive", "unarchive")
"""Operations of a workflow that change its tests as well."""
MAX_COMMITS: Final = 200
"""Maximum number of commits of a push."""


@dataclass(slots=True)
class TransactionChanges:
    """Changes of one transaction."""

    xid: int
    at: datetime
    author: str
    email: str
    message: str | None = None
    title: str = ""
    keys: dict[Key, int | None] = field(default_factory=dict)
    """Items, and the ids of the versions that were deployed."""
    flows: set[str] = field(default_factory=set)
    """Paths of workflows that were moved, deleted, archived or restored, with their tests."""


@dataclass(slots=True)
class Outgoing:
    """Commits to make, and the state after them."""

    changes: list[Change] = field(default_factory=list)
    items: list[list[Key]] = field(default_factory=list)
    """Items of each commit."""
    bases: dict[Key, Base] = field(default_factory=dict)


def group_by_transaction(rows: Sequence[ChangeRow]) -> list[TransactionChanges]:
    """Return the changes of each transaction, in order."""
    found: dict[int, TransactionChanges] = {}
    for row in rows:
        each = found.setdefault(row.xid, TransactionChanges(row.xid, row.at, row.name, row.email))
        parameters = parameters_of(row)
        noun, _, verb = row.operation.partition(".")
        message = parameters.get("message")
        if noun == CHANGE_SETS:
            each.message = message or each.message
            continue
        each.message = each.message or message
        key = key_of(row, parameters)
        if key is None:
            continue
        kind, path = key
        each.title = each.title or f"{_VERBS.get(verb, 'Update')} the {_TITLES.get(kind, kind)} {path}"
        each.keys[key] = parameters.get("version")
        if kind == "flow" and verb in _WITH_TESTS:
            each.flows.add(path)
        for moved in (parameters.get("to"), parameters.get("path")):
            if isinstance(moved, str) and noun != "acls":
                each.keys.setdefault((kind, moved), None)
        for other in parameters.get("moved", ()):
            each.keys.setdefault((other["kind"], other["to"]), None)
            if other["kind"] == "flow":
                each.flows.add(other["to"])
    return list(found.values())


def plan_commits(
    done: Reconciled,
    mine: Mapping[Key, Mine],
    deployed: Sequence[TransactionChanges],
    versions: Mapping[int, Files],
    *,
    rest: TransactionChanges | None,
) -> Outgoing:
    """Return the commits for the items that changed in the workspace alone.

    `versions`: files of versions that are not the newest. `rest`: author of what no deployment explains; None: such
    changes wait.
    """
    held = set(done.outgoing)
    named = {key for each in deployed for key in each.keys}
    tests = [key for key in done.outgoing if key[0] == "workflow_test" and key not in named]
    current = {key: done.bases.get(key, Base()).files for key in done.outgoing}
    made = Outgoing()
    for each in [*deployed, *([] if rest is None else [rest])]:
        own = done.outgoing if each is rest else [key for key in each.keys if key in held]
        keys = own if each is rest else [*own, *(key for key in tests if parts_of_test(key[1])[0] in each.flows)]
        remove: list[str] = []
        write: dict[str, bytes] = {}
        for key in keys:
            version = each.keys.get(key)
            wanted = versions.get(version) if version is not None else None
            if wanted is None:
                wanted = mine[key].files if key in mine else None
            before = current[key] or {}
            remove += [name for name in before if name not in (wanted or {})]
            write |= {name: body for name, body in (wanted or {}).items() if before.get(name) != body}
            current[key] = wanted
        if remove or write:
            made.changes.append(_change(each, remove, write, len(own)))
            made.items.append(list({*each.keys, *keys}))
    for key, files in current.items():
        present = mine.get(key)
        is_complete = files == (None if present is None else present.files)
        digest = None if present is None else present.digest
        made.bases[key] = Base(digest if is_complete else TO_COMMIT, files)
    return made


def _change(each: TransactionChanges, remove: Sequence[str], write: Mapping[str, bytes], count: int) -> Change:
    title = each.title if count <= 1 or not each.title else f"Change {count} items"
    return Change(
        author=each.author,
        email=each.email,
        at=int(each.at.timestamp()),
        message=each.message or title or "Update items",
        remove=[name for name in remove if name not in write],
        write=dict(write),
    )
