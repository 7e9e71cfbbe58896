"""Workflows and scripts that are archived or restored together, in one transaction."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from orvanta_platform import clock
from orvanta_platform.control.actor import Actor
from orvanta_platform.db.pool import Connection, JoinedDatabase
from orvanta_platform.errors import LimitExceeded, OrvantaError, TooLarge
from orvanta_platform.services.catalog import flows, scripts, stored_policies
from orvanta_platform.services.catalog.stored_policies import TestedVersion
from orvanta_platform.services.catalog.workflow_tests import MAX_SECONDS
from orvanta_platform.services.changes import change_sets
from orvanta_platform.services.platform import Platform

Name: TypeAlias = tuple[Literal["flow", "script"], str]
"""Kind and path of an item that can be archived."""


async def set_archived(
    platform: Platform, actor: Actor, workspace: str, names: Sequence[Name], *, archived: bool
) -> None:
    """Archive or restore all of the items, or none.

    Raises NotFound, Forbidden, TooLarge, LimitExceeded, RateLimited, ChangesRefused with the error of each item that
    cannot be changed.
    """
    change_sets.require_writer(actor, workspace)
    if len(names) > change_sets.MAX_ITEMS:
        raise TooLarge(
            f"At most {change_sets.MAX_ITEMS} items can be changed at once.", hint="Change them in several calls."
        )
    ordered = sorted(set(names))  # concurrent calls lock the items in the same order
    async with platform.turns.take("changes", workspace, actor.email):
        tested = {} if archived else await _run_tests(platform, actor, workspace, ordered)

        async def write(conn: Connection) -> None:
            joined = dataclasses.replace(platform, db=JoinedDatabase(platform.db, conn))
            await _set_all(joined, conn, actor, workspace, ordered, tested, archived=archived)

        await platform.db.retrying(write)


async def _run_tests(
    platform: Platform, actor: Actor, workspace: str, names: Sequence[Name]
) -> Mapping[Name, TestedVersion | None]:
    """Run the tests that policies require of the workflows, before the transaction, for MAX_SECONDS in all.

    Raises ChangesRefused, LimitExceeded.
    """
    tested, refused = {}, []
    until = clock.monotonic() + MAX_SECONDS
    for kind, path in names:
        left_s = until - clock.monotonic()
        if left_s <= 0:
            raise LimitExceeded(
                f"The tests of the workflows take longer than {MAX_SECONDS:g} s.", hint="Restore them in parts."
            )
        try:
            tested[kind, path] = await stored_policies.run_tests(platform, actor, workspace, kind, path, path, left_s)
        except OrvantaError as error:
            refused.append(_refused((kind, path), error))
    if refused:
        raise change_sets.refusal(refused)
    return tested


async def _set_all(
    platform: Platform,
    conn: Connection,
    actor: Actor,
    workspace: str,
    names: Sequence[Name],
    tested: Mapping[Name, TestedVersion | None],
    *,
    archived: bool,
) -> None:
    """Archive or restore each item in a savepoint. Raises ChangesRefused."""
    refused = []
    for kind, path in names:
        try:
            async with conn.transaction():
                if kind == "flow":
                    test = tested.get((kind, path))
                    await flows.set_archived(platform, actor, workspace, path, archived=archived, tested=test)
                else:
                    await scripts.archive(platform, actor, workspace, path, archived=archived)
        except OrvantaError as error:
            refused.append(_refused((kind, path), error))
    if refused:
        raise change_sets.refusal(refused)


def _refused(name: Name, error: OrvantaError) -> dict[str, Any]:
    return {"kind": name[0], "path": name[1], "error": error.as_dict()}
