"""Preflight: what a workspace lacks for the items of a release, and what forbids them there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.instance_settings import QUEUE_RULES
from orvanta_platform.control.permissions import readable
from orvanta_platform.control.queue_rules import refusal
from orvanta_platform.db import deployments as rows
from orvanta_platform.db.items import Filter
from orvanta_platform.db.pool import Connection
from orvanta_platform.errors import IdentityDisabled
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.reasons import BLOCKER, Reason
from orvanta_platform.services.catalog import policies
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.releases.bundle import Bundle, Requirement
from orvanta_platform.workflow.releases.queues import queues_of
from orvanta_platform.workflow.tree.item import Key


class Blocker(msgspec.Struct, frozen=True):
    """Something that prevents a deployment."""

    code: str
    message: str
    hint: str | None = None
    kind: str | None = None
    path: str | None = None
    resource_type: str | None = None
    """Type that a resource must have."""
    values: Mapping[str, str | int] = {}
    """Values that the message and the hint name in addition, for a message in another language."""

    def as_reason(self) -> Reason:
        """Return the message as a reason that can be stored."""
        named = {"kind": self.kind or "", "path": self.path or "", "type": self.resource_type or ""}
        return Reason(self.message, f"{BLOCKER}{self.code}", {**self.values, **named})


async def list_blockers(
    platform: Platform, actor: Actor, workspace: str, bundle: Bundle, written: Sequence[Key]
) -> list[Blocker]:
    """Return what is missing in a workspace for the items of a release, or forbids them there.

    `written`: items that the deployment adds or changes, also those in conflict.
    """
    queues = await document_threads.run_in_thread(workspace, queues_of, bundle.items)
    rules = await platform.instance.get(QUEUE_RULES)
    async with platform.db.acquire() as conn:
        missing = await _missing_requirements(conn, actor, workspace, bundle)
        unserved = await rows.list_unserved_queues(conn, sorted(queues))
        inactive = await rows.list_inactive_owners(conn, workspace, written)
    violated = await policies.list_blocking(platform, actor, workspace, bundle.items)
    return [
        *missing,
        *(_owner_blocker(key, owner, workspace) for key, owner in sorted(inactive.items())),
        *(_queue_blocker(queue, queues[queue]) for queue in unserved),
        *(
            Blocker(
                "queue_reserved",
                refusal(workspace, queue),
                "Use another tag in a new release.",
                *key,
                values={"queue": queue[:100], "workspace": workspace},
            )
            for queue, key in sorted(queues.items())
            if not rules.permits(workspace, queue)
        ),
        *(
            Blocker(
                "policy_violation",
                each.diagnostic().message,
                "Correct it in a new release.",
                kind,
                path,
                values={"policy": each.policy, "reason": each.message},
            )
            for kind, path, each in violated
        ),
    ]


async def _missing_requirements(conn: Connection, actor: Actor, workspace: str, bundle: Bundle) -> list[Blocker]:
    if not bundle.requirements:
        return []
    named: dict[str, list[str]] = {"variable": [], "resource": []}
    for each in bundle.requirements:
        named[each.kind].append(each.path)
    found: dict[tuple[str, str], str | None] = {}
    for kind, paths in named.items():
        who = Filter(**readable(actor, kind).conditions())
        found |= await rows.list_requirements(
            conn, workspace, paths if kind == "variable" else [], paths if kind == "resource" else [], who
        )
    blockers = (_requirement_blocker(each, found, workspace) for each in bundle.requirements)
    return [each for each in blockers if each is not None]


def _requirement_blocker(
    each: Requirement, found: Mapping[tuple[str, str], str | None], workspace: str
) -> Blocker | None:
    key = (each.kind, each.path)
    if key not in found:
        of_type = f" of the type {each.resource_type}" if each.resource_type else ""
        return Blocker(
            f"{each.kind}_missing",
            f"The {each.kind} {each.path}{of_type} does not exist in {workspace}, or you may not read it.",
            f"Create it in {workspace}, with the value of this environment.",
            *key,
            each.resource_type,
            values={"workspace": workspace},
        )
    if each.resource_type is not None and found[key] != each.resource_type:
        return Blocker(
            "resource_type_differs",
            f"The resource {each.path} has the type {found[key]} in {workspace}, not {each.resource_type}.",
            f"Change it in {workspace}.",
            *key,
            values={"workspace": workspace, "present": found[key] or "", "required": each.resource_type},
        )
    return None


def _queue_blocker(queue: str, key: Key) -> Blocker:
    message = f"No live worker serves the queue {queue}, which the {key[0]} {key[1]} needs."
    return Blocker("queue_without_worker", message, "Start a worker that serves it.", *key, values={"queue": queue})


def _owner_blocker(key: tuple[str, str], owner: str, workspace: str) -> Blocker:
    message = f"The {key[0]} {key[1]} acts for {owner}, who was disabled or removed in {workspace}."
    hint = "An admin of the workspace can give it another owner."
    return Blocker(IdentityDisabled.code, message, hint, *key, values={"owner": owner, "workspace": workspace})
