"""Users of a script, workflow, variable or resource, which a change or deletion affects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, readable, require, require_workspace
from orvanta_platform.db import items, resources, uses, variables
from orvanta_platform.db.pool import Connection
from orvanta_platform.db.uses import Readers, ReferenceRow, Use, UserRow
from orvanta_platform.errors import Forbidden
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.access.items import require_item
from orvanta_platform.services.catalog import deploy
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs.imports import Imported
from orvanta_platform.workflow.references import references

MOST_SHOWN = 1000
"""Maximum number of users returned."""

PAGE = 50
"""Number of documents that are searched at once."""

_LONGEST: Final = 1 << 20
_PREFIXES: Final = {"variable": rb"\$var:|variables?", "resource": rb"\$res:|resources?|connections?"}
_READ: Final = rb"(?:/(?:get|get_value|get_value_interpolated))?[\s\\(\"'`=:,/]{0,40}"
_END: Final = rb"(?![\w/\x80-\xff-])"


async def used_by(platform: Platform, actor: Actor, workspace: str, kind: Kind, path: str) -> list[UserRow]:
    """Return the readable users of an item, at most MOST_SHOWN: nodes of current workflows, scripts that import it,
    schedules, HTTP triggers.

    Raises NotFound.
    """
    require_workspace(actor, workspace)
    who = _readers(actor)
    async with platform.db.acquire() as conn:
        head = await items.get_head(conn, workspace, kind, path)
        found = await uses.list_users(conn, workspace, kind, path, who, MOST_SHOWN)
    if head is None:
        raise deploy.missing(kind, path)
    require(actor, "read", Target(workspace, kind, path, head.created_by, head.extra_perms))
    return found


async def list_references(
    platform: Platform, actor: Actor, workspace: str, kind: Literal["variable", "resource"], path: str
) -> list[ReferenceRow]:
    """Return the readable items that refer to a variable or resource, at most MOST_SHOWN: current workflows and
    scripts, schedules, HTTP triggers, resources.

    A path that code composes while it runs is not found. A document of more than 1 MiB that contains the path counts as
    a reference. Raises NotFound, Forbidden.
    """
    require_workspace(actor, workspace)
    who = _readers(actor)
    reference = f'"${"var" if kind == "variable" else "res"}:{path}"'
    async with platform.db.acquire() as conn:
        row = await (variables if kind == "variable" else resources).get(conn, workspace, path)
        require_item(actor, "read", workspace, kind, path, row)
        found = await uses.list_references(conn, workspace, kind, path, reference, who, MOST_SHOWN, longest=_LONGEST)
    pattern = re.compile(rb"(?i:%b)%b%b%b" % (_PREFIXES[kind], _READ, re.escape(path.encode()), _END))
    hashes = list({each.document for each in found if each.document is not None})
    referring: set[bytes | None] = {None}
    for start in range(0, len(hashes), PAGE):
        async with platform.db.acquire() as conn:
            page = await uses.list_documents(conn, hashes[start : start + PAGE])
        referring |= await document_threads.run_in_thread(workspace, _matching, page, pattern)
    return [each for each in found if each.document in referring]


def _matching(documents: Mapping[bytes, bytes], pattern: re.Pattern[bytes]) -> set[bytes]:
    return {digest for digest, body in documents.items() if pattern.search(body)}


async def record(conn: Connection, actor: Actor, workspace: str, version: int, tree: Mapping[str, Any]) -> None:
    """Store the items that the nodes of a workflow version run, in the transaction that deploys it."""
    require_workspace(actor, workspace)
    await uses.record(conn, version, workspace, [Use(**asdict(each)) for each in references(tree)])


async def record_imports(
    conn: Connection, actor: Actor, workspace: str, version: int, imported: Mapping[str, Imported]
) -> None:
    """Store the scripts that a version imports itself, in the transaction that deploys it.

    `imported` is by node, with "" for a script.
    """
    require_workspace(actor, workspace)
    found = [Use(node, "script", path, digest) for node, each in imported.items() for path, digest in each.direct]
    await uses.record(conn, version, workspace, found)


def _readers(actor: Actor) -> Readers:
    who = readable(actor, "flow") if _limit(actor, "flow") != [] else readable(actor, "script")
    return Readers(
        everything=who.everything,
        patterns=who.patterns,
        principals=who.principals,
        flows=_limit(actor, "flow"),
        scripts=_limit(actor, "script"),
        schedules=_limit(actor, "schedule"),
        http_triggers=_limit(actor, "http_trigger"),
        resources=_limit(actor, "resource"),
    )


def _limit(actor: Actor, kind: str) -> list[str] | None:
    """Return the paths of a kind that the token covers, or an empty list if it covers none."""
    try:
        return readable(actor, kind).scope
    except Forbidden:
        return []
