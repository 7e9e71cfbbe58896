"""Who may decide: what the node says of its approvers, checked for the one who speaks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from orvanta_platform.control import permissions, scopes
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Thing
from orvanta_platform.db.approvals import DecisionRow, OpenApproval
from orvanta_platform.db.job_views import JobRow
from orvanta_platform.engine.plan import Consent, Kind, Node
from orvanta_platform.errors import Forbidden, InvalidInput, Unauthenticated
from orvanta_platform.services import inputs, on_behalf
from orvanta_platform.services.interpolation import references

_RESUME_ID_BYTES = 4
_SCOPE = "jobs:run"


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, and what came along: `name` is what a link says where there is no `actor`. `payload`: JSON text."""

    name: str
    actor: Actor | None = None
    payload: bytes = b"{}"
    reason: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a node asks, and of whose run; `opened` is None before it does."""

    node: Node
    consent: Consent
    opened: OpenApproval | None
    created_by: str
    permissioned_as: str

    @property
    def groups(self) -> list[str] | None:
        """The groups whose members may decide; None: no such condition."""
        if self.consent.groups is None:
            return None
        raw = self.opened.groups if self.opened else None
        named = msgspec.json.decode(raw) if raw is not None else None
        return [f"g/{str(name).removeprefix('g/')}" for name in named] if isinstance(named, list) else []


def admits(actor: Actor, thing: Thing, consent: Consent | None) -> bool:
    """Whether the actor may decide without a link: a named approver, or whoever may run the workflow."""
    if consent is None or not consent.approvers:
        return permissions.can(actor, "decide", thing)
    return names(actor, consent.approvers) and scopes.allow(actor.scopes, _SCOPE, thing.path)


def require(actor: Actor, thing: Thing, consent: Consent | None) -> None:
    """Nothing where `admits`. Raises NotFound, Forbidden."""
    if consent is None or not consent.approvers:
        permissions.require(actor, "decide", thing)
    elif not admits(actor, thing, consent):
        permissions.require(actor, "read", thing)
        raise Forbidden("You are not among those who may decide this.", hint=f"These are {_listed(consent)}.")


def check(asked: Asked, voice: Voice, row: JobRow, *, approved: bool) -> None:
    """Nothing where this voice may decide and what it sends fits the form.

    Raises Unauthenticated, Forbidden, InvalidInput.
    """
    if asked.consent.needs_login:
        actor = voice.actor
        if actor is None or actor.workspace != row.workspace or actor.role is None:
            raise Unauthenticated("This decision needs a login.", hint="Log in as a member of the workspace first.")
        _check_member(asked, actor)
    if approved and asked.consent.form is not None:
        inputs.check(asked.consent.form, voice.payload)
    chooses = voice.actor is not None and on_behalf.may_choose(voice.actor, asked.permissioned_as)
    if not chooses and references(voice.payload):
        raise InvalidInput(
            "An answer names no variable and no resource: they would be read as whom the run acts for.",
            hint="Name them in the workflow.",
        )


def may(asked: Asked, actor: Actor | None) -> bool:
    """Whether this person, or whoever holds a link, may decide."""
    if not asked.consent.needs_login:
        return True
    if actor is None or actor.role is None:
        return False
    try:
        _check_member(asked, actor)
    except Forbidden:
        return False
    return True


def names(actor: Actor, approvers: Sequence[str]) -> bool:
    """Whether one of `approvers` (u/…, g/…, role/…) means the actor."""
    return not (actor.principals | {f"role/{actor.role}"}).isdisjoint(approvers)


def earlier_voice(asked: Asked, voice: Voice, said: Sequence[DecisionRow]) -> DecisionRow | None:
    """What this person has said of the same thing already: where several must agree, each has one voice."""
    if voice.actor is None or asked.opened is None or asked.node.kind is not Kind.APPROVAL:
        return None
    job = asked.opened.job
    return next((each for each in said if each.job == job and each.member and each.approver == voice.name), None)


def resume_id_of(actor: Actor) -> int:
    """The resume id of a person who decides without a link: the same each time."""
    return int.from_bytes(hashlib.sha256(f"voice of {actor.username}".encode()).digest()[:_RESUME_ID_BYTES], "big")


def conditions(asked: Asked) -> dict[str, Any]:
    """What is asked of approvers, for people to read."""
    return {
        "user_auth_required": asked.consent.needs_login,
        "user_groups_required": [name.removeprefix("g/") for name in asked.groups or []],
        "self_approval_disabled": not asked.consent.self_approval,
    }


def _check_member(asked: Asked, actor: Actor) -> None:
    if actor.kind == "job":
        raise Forbidden("A job decides nothing that needs a person.")
    approvers, groups = asked.consent.approvers, asked.groups
    if approvers and not names(actor, approvers):
        raise Forbidden("You are not among those who may decide this.", hint=f"These are {_listed(asked.consent)}.")
    if groups is not None and actor.principals.isdisjoint(groups):
        raise Forbidden(
            "You are in none of the groups that may decide this.", hint=f"These are {', '.join(groups) or 'none'}."
        )
    if not asked.consent.self_approval and f"u/{actor.username}" in (f"u/{asked.created_by}", asked.permissioned_as):
        raise Forbidden("Nobody decides about a run of one's own here.", hint="Ask somebody else.")


def _listed(consent: Consent) -> str:
    return ", ".join(consent.approvers)
