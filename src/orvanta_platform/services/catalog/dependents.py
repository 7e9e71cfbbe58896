"""Dependents of an item: everything in its workspace that uses it, and so is affected by its change or deletion."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from orvanta_platform import clock
from orvanta_platform.control import scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, readable, require, require_workspace
from orvanta_platform.db import items, resources, variables, version_references
from orvanta_platform.db.job_lists import Visible
from orvanta_platform.db.version_references import Readers, ReferenceRow, RunCount, Sought
from orvanta_platform.errors import Forbidden
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access import groups
from orvanta_platform.services.access.items import require_item
from orvanta_platform.services.catalog import deploy, policies
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.secrets import resource_types
from orvanta_platform.workflow import value_references

Kind: TypeAlias = Literal["script", "flow", "variable", "resource", "resource_type", "queue", "group", "policy"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

MAX_SHOWN = 1000
"""Maximum number of references in a response."""

MAX_RUNS = 10_000
"""Maximum number of runs that are counted."""

MAX_SEARCHED = 100
"""Maximum number of items for which documents are searched in one call."""

MAX_SECONDS = 20.0
"""Maximum duration of the search of one call."""

MAX_DISTANCE = 10

PAGE = 50
"""Number of documents that are searched at once."""

Key: TypeAlias = tuple[str, str]
"""Kind and path."""
_Check: TypeAlias = Callable[[bytes], bool]

_MAX_BYTES: Final = 1 << 20
_FOLLOWED: Final = frozenset({"script", "flow", "resource"})
"""Kinds of referring items that other items refer to."""

_BY_PATH: Final = ("script", "flow", "schedule", "http_trigger", "resource", "variable", "folder")
_BY_ROLE: Final = {"error_handler": "workspace", "policy": "policy", "environment": "deployment"}
"""Kinds that every reader of the workspace sees, with the kind of the permission."""


class Dependent(msgspec.Struct, frozen=True):
    """A readable item that refers to an item, directly or through others."""

    kind: str
    path: str
    node: str | None
    pinned: str | None
    enabled: bool | None
    distance: int
    """1: a direct reference."""
    through: Key | None
    """Item (kind, path) that it refers to, if this is not the item itself and the caller may read it."""
    runs: int
    """Number of visible runs in progress."""


class Dependents(msgspec.Struct, frozen=True):
    """Everything that uses an item, as far as it is known."""

    references: list[Dependent]
    hidden: int
    """Number of further items that the caller may not read."""
    runs: int
    """Number of visible runs in progress of the item itself, or with a job in the queue."""
    hidden_runs: int
    """Number of runs in progress, of all of these items, that the caller may not read."""
    truncated: bool
    """True if there are more references than the response contains."""


@dataclass(slots=True)
class _Found:
    rows: dict[tuple[str, str, str | None], tuple[int, ReferenceRow]] = field(default_factory=dict)
    """Distance and reference by kind, path and node."""
    distances: dict[Key, int] = field(default_factory=dict)
    truncated: bool = False

    def add(self, rows: Iterable[ReferenceRow], distance: int, origin: Key) -> list[Key]:
        """Add references at a distance; returns the items that were not known."""
        new: dict[Key, None] = {}
        for row in rows:
            key = (row.kind, row.path)
            if key == origin or self.distances.setdefault(key, distance) < distance:
                continue
            if self.rows.setdefault((*key, row.node), (distance, row))[1] is row:
                new[key] = None
        return list(new)


async def list_dependents(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> Dependents:
    """Return at most MAX_SHOWN items that use an item, directly or through workflows, scripts and resources.

    `path` is the name of a queue, group, policy or resource type. A policy is used by the scripts and workflows in its
    scope, in any mode. Paths that code composes while it runs are not found. A document of more than 1 MiB that
    contains the path counts as a reference. Raises NotFound, Forbidden, RateLimited.
    """
    require_workspace(actor, workspace)
    await _require_readable(platform, actor, workspace, kind, path)
    origin, found = (kind, path), _Found()
    async with platform.turns.take("references", workspace, actor.email):
        try:
            async with asyncio.timeout(MAX_SECONDS):
                await _search(platform, workspace, _readers(actor, workspace), origin, found)
        except TimeoutError:
            found.truncated = True
        counted = [each for each in (origin, *found.distances) if each[0] in ("script", "flow", "queue")]
        return _result(found, origin, await _runs(platform, actor, workspace, counted))


class DirectUses(msgspec.Struct, frozen=True):
    """References to some items, also by items that the caller may not read."""

    rows: Sequence[ReferenceRow]
    truncated: bool
    """True if there may be more."""
    hidden_truncated: bool
    """True if there are more by items that the caller may not read."""


async def list_direct(platform: Platform, actor: Actor, workspace: str, keys: Sequence[Key]) -> DirectUses:
    """Return direct references to some items: at most MAX_SHOWN to scripts and workflows, and as many to other kinds.

    Each is one query, and the one that needs no search in documents is first. If the time is over, what was found until
    then is returned. Rows of items that the caller may not read are marked: their names are not for the caller. Raises
    NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    sought = Searches(MAX_SEARCHED).of(keys)
    until = clock.monotonic() + MAX_SECONDS
    who = _readers(actor, workspace)
    found: list[ReferenceRow] = []
    truncated, hidden_truncated = len(sought) < len(keys), False
    try:
        async with asyncio.timeout(MAX_SECONDS):
            for part in _indexed_first(sought):
                async with platform.db.acquire() as conn:
                    rows = await version_references.list_references(
                        conn, workspace, part, who, MAX_SHOWN + 1, longest=_MAX_BYTES
                    )
                if len(rows) > MAX_SHOWN:  # readable ones are first
                    truncated, hidden_truncated = truncated or rows[-1].readable, True
                    rows = rows[:MAX_SHOWN]
                found += [row for row in rows if row.document is None]
                candidates = [row for row in rows if row.document is not None]
                found += await _confirm(platform, workspace, candidates, until)
    except TimeoutError:
        truncated = True
    return DirectUses(found, truncated or clock.monotonic() >= until, hidden_truncated)


def _indexed_first(sought: Sequence[Sought]) -> Iterator[list[Sought]]:
    """Yield the items whose references have an index, and those for which documents are searched."""
    for is_searched in (False, True):
        part = [each for each in sought if (each.text is not None) == is_searched]
        if part:
            yield part


async def _search(platform: Platform, workspace: str, who: Readers, origin: Key, found: _Found) -> None:
    searches, until = Searches(MAX_SEARCHED), clock.monotonic() + MAX_SECONDS
    frontier: list[Key] = [origin]
    for distance in range(1, MAX_DISTANCE + 1):
        sought = searches.of(frontier)
        async with platform.db.acquire() as conn:
            rows = await version_references.list_references(
                conn, workspace, sought, who, MAX_SHOWN + 1, longest=_MAX_BYTES
            )
        found.truncated |= len(rows) > MAX_SHOWN or len(sought) < len(frontier)
        rows = await _confirm(platform, workspace, rows[:MAX_SHOWN], until)
        new = found.add(rows, distance, origin)
        if origin[0] == "policy":  # it applies to these items, not to those that use them
            return
        frontier = [each for each in new if each[0] in _FOLLOWED]
        if not frontier or len(found.rows) >= MAX_SHOWN:
            break
    found.truncated |= bool(frontier)


class Searches:
    """The searches of documents that one call may still make: each reads all documents of the workspace."""

    def __init__(self, most: int) -> None:
        self._left = most

    def of(self, keys: Sequence[Key]) -> list[Sought]:
        """Return the items to search references for; the number of those that need document searches is limited."""
        sought = []
        for kind, path in keys:
            text = (
                None
                if kind in ("script", "flow", "policy")
                else f"resource-{path}"
                if kind == "resource_type"
                else path
            )
            if text is None or self._left > 0:
                sought.append(Sought(kind, path, text))
                self._left -= text is not None
        return sought


async def _confirm(platform: Platform, workspace: str, rows: list[ReferenceRow], until: float) -> list[ReferenceRow]:
    """Return the references without those whose document does not refer to the item."""
    checks = {key: check_of(*key) for key in {(row.of_kind, row.of_path) for row in rows if row.document is not None}}
    searched: dict[bytes, list[Key]] = {}
    for row in rows:
        if row.document is not None:
            searched.setdefault(row.document, []).append((row.of_kind, row.of_path))
    referring: set[tuple[bytes, Key]] = set()
    hashes = list(searched)
    for start in range(0, len(hashes), PAGE):
        async with platform.db.acquire() as conn:
            page = await version_references.list_documents(conn, hashes[start : start + PAGE])
        referring |= await document_threads.run_in_thread(workspace, _match, page, searched, checks, until)
    return [row for row in rows if row.document is None or (row.document, (row.of_kind, row.of_path)) in referring]


def _match(
    documents: Mapping[bytes, bytes],
    searched: Mapping[bytes, Sequence[Key]],
    checks: Mapping[Key, _Check],
    until: float,
) -> set[tuple[bytes, Key]]:
    """Return the pairs of a document and an item to which it refers, of those that are searched in time."""
    pairs = ((digest, key) for digest in documents for key in searched[digest])
    in_time = itertools.takewhile(lambda _: clock.monotonic() < until, pairs)
    return {(digest, key) for digest, key in in_time if checks[key](documents[digest])}


def check_of(kind: str, path: str) -> _Check:
    """Return the test of a document for references to an item. It takes linear time."""
    name = re.escape(path.encode())
    match kind:
        case "queue":
            text = rb"\b(?:tag|tag_override)[\"']?\s*:\s*[\"']?%b(?=[\"'\s,}]|$)" % name
        case "group":
            return _check_of_group(name)
        case "resource_type":
            text = rb"\bresource-%b%b" % (name, value_references.END)
        case _:
            text = value_references.pattern(kind, path).pattern
    pattern = re.compile(text)
    return lambda body: pattern.search(body) is not None


def _check_of_group(name: bytes) -> _Check:
    principal = re.compile(rb"[\"'\s\[]g/%b%b" % (name, value_references.END))
    member = re.compile(rb"[\"'\s\[,]%b[\"'\s\],]" % name)
    return lambda body: principal.search(body) is not None or any(map(member.search, lists_of_groups(body)))


def lists_of_groups(body: bytes) -> Iterator[bytes]:
    """Return the parts of a document that may list groups: from the name of the field to the end of its list."""
    for part in body.split(b"user_groups_required")[1:]:
        yield part[: part.find(b"]") + 1 or len(part)]


async def _runs(platform: Platform, actor: Actor, workspace: str, keys: Sequence[Key]) -> list[RunCount]:
    try:
        who = readable(actor)
    except Forbidden:
        return []
    visible = Visible(who.everything, who.patterns, who.principals, who.username, who.scope)
    async with platform.db.acquire() as conn:
        return await version_references.count_runs(conn, workspace, keys, visible, MAX_RUNS)


def _result(found: _Found, origin: Key, counts: Sequence[RunCount]) -> Dependents:
    named = {(row.kind, row.path) for _, row in found.rows.values() if row.readable}
    visible = {(each.kind, each.path): each.visible for each in counts if (each.kind, each.path) in {origin, *named}}
    references = [
        Dependent(
            kind=row.kind,
            path=row.path,
            node=row.node,
            pinned=row.pinned,
            enabled=row.enabled,
            distance=distance,
            through=(row.of_kind, row.of_path) if (row.of_kind, row.of_path) in named else None,
            runs=visible.get((row.kind, row.path), 0),
        )
        for distance, row in found.rows.values()
        if row.readable
    ]
    return Dependents(
        references=sorted(references, key=lambda each: (each.distance, each.kind, each.path, each.node or "")),
        hidden=len(found.distances.keys() - named),
        runs=visible.get(origin, 0),
        hidden_runs=sum(each.visible + each.hidden for each in counts) - sum(visible.values()),
        truncated=found.truncated,
    )


def _readers(actor: Actor, workspace: str) -> Readers:
    limits = [(kind, "%") for kind, of in _BY_ROLE.items() if can(actor, "read", Target(workspace, of))]
    limits += [(kind, pattern) for kind in _BY_PATH for pattern in _patterns(actor, kind)]
    who = readable(scopes.without_limits(actor))
    return Readers(who.everything, who.patterns, who.principals, limits)


def _patterns(actor: Actor, kind: str) -> list[str]:
    """Return patterns of the paths of a kind that the token covers."""
    try:
        scope = readable(actor, kind).scope
    except Forbidden:
        return []
    return ["%"] if scope is None else scope


async def _require_readable(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> None:
    """Check that the actor may read an item that exists. Raises NotFound, Forbidden."""
    match kind:
        case "queue":
            require(actor, "read", Target(workspace, "workspace"))
        case "group":
            await groups.get(platform, actor, workspace, path)
        case "policy":
            await policies.get(platform, actor, workspace, path)
        case "resource_type":
            await resource_types.get(platform, actor, workspace, path)
        case "script" | "flow":
            async with platform.db.acquire() as conn:
                head = await items.get_head(conn, workspace, kind, path)
            if head is None:
                raise deploy.missing(kind, path)
            require(actor, "read", Target(workspace, kind, path, head.created_by, head.extra_perms))
        case "variable" | "resource":
            async with platform.db.acquire() as conn:
                row = await (variables if kind == "variable" else resources).get(conn, workspace, path)
            require_item(actor, "read", workspace, kind, path, row)
