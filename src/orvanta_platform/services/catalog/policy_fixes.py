"""Corrections of items that violate a policy, deployed as their next version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, can, require, require_workspace
from orvanta_platform.db import items
from orvanta_platform.db.items import ItemRow
from orvanta_platform.errors import BadRequest
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import deploy, flows, package_locks, policies, scripts
from orvanta_platform.services.catalog.deploy import Kind
from orvanta_platform.services.catalog.flows import NewFlow, Source
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import package_policies
from orvanta_platform.workflow import document
from orvanta_platform.workflow.policies.check import Violation, violations
from orvanta_platform.workflow.policies.fixes import Fix, apply_fixes
from orvanta_platform.workflow.policies.policy import Policy
from orvanta_platform.workflow.policies.subject import LockedCode, Subject, subject_of_flow, subject_of_script
from orvanta_platform.workflow.yaml_edit import edit_yaml


class _Corrected(msgspec.Struct, frozen=True):
    """An item with all mechanical corrections."""

    new: NewFlow | NewScript
    left: list[Violation]


async def fix(
    platform: Platform, actor: Actor, workspace: str, name: str, kind: Kind, path: str, *, instance: bool = False
) -> list[Violation]:
    """Correct the violations of a policy that can be corrected mechanically in the newest version of an item, and
    deploy the result; return the violations that remain.

    Raises NotFound, Forbidden, BadRequest if nothing can be corrected, and the errors of deploying it.
    """
    require_workspace(actor, workspace)
    policy = await policies.get_any_mode(platform, actor, workspace, name, instance=instance)
    row = await deploy.get(platform, actor, workspace, kind, path)
    require(actor, "write", deploy.target_of(row))
    code = await _read_packages(platform, row, policy)
    found = await document_threads.run_in_thread(workspace, _find, kind, row, policy, code)
    hashes = await _hashes(platform, actor, workspace, [each.fix for each in found if each.fix is not None])
    made = await document_threads.run_in_thread(workspace, _correct, kind, row, policy, found, hashes, code)
    if made is None:
        raise BadRequest(
            f"Nothing in {path} can be corrected without a decision.", hint="Change it in the editor, and deploy it."
        )
    if isinstance(made.new, NewFlow):
        await flows.update(platform, actor, workspace, path, made.new)
    else:
        await scripts.create(platform, actor, workspace, made.new)
    return made.left


async def _read_packages(platform: Platform, row: ItemRow, policy: Policy) -> Sequence[LockedCode]:
    """Return the packages of a version, which no correction changes; empty if the policy does not restrict them."""
    if not policy.restricts_packages():
        return ()
    async with platform.db.acquire() as conn:
        return await package_policies.read(conn, row.workspace, partial(package_locks.of_version, row))


def _find(kind: Kind, row: ItemRow, policy: Policy, code: Sequence[LockedCode]) -> list[Violation]:
    subject = policies.subject_of_stored(kind, row.path, row, row.body)
    return violations(replace(subject, code=code), [policy])


async def _hashes(platform: Platform, actor: Actor, workspace: str, fixes: Sequence[Fix]) -> dict[str, str]:
    """Return the hashes of the current versions of the scripts to pin, as far as the actor may read them."""
    found: dict[str, str] = {}
    async with platform.db.acquire() as conn:
        for path in sorted({each.pinned for each in fixes if each.pinned is not None}):
            row = await items.get(conn, workspace, "script", path)
            if row is None or row.id != row.current or row.archived:
                continue
            if can(actor, "read", Target(workspace, "script", path, row.created_by, row.extra_perms)):
                found[path] = row.hash
    return found


def _correct(
    kind: Kind,
    row: ItemRow,
    policy: Policy,
    found: Sequence[Violation],
    hashes: Mapping[str, str],
    code: Sequence[LockedCode],
) -> _Corrected | None:
    """Return the corrected item, None if nothing can be corrected."""
    fixes = [each.fix for each in found if each.fix is not None]
    message = f"Corrected for the policy {policy.name}"
    correct = _correct_script if kind == "script" else _correct_flow
    try:
        new, subject = correct(row, fixes, hashes, message)
    except (KeyError, IndexError, ValueError, AttributeError):  # it is written in another form than it is checked in
        return None
    left = violations(replace(subject, code=code), [policy])
    return _Corrected(new, left) if len(left) < len(found) else None


def _correct_script(
    row: ItemRow, fixes: Sequence[Fix], hashes: Mapping[str, str], message: str
) -> tuple[NewFlow | NewScript, Subject]:
    settings = msgspec.json.decode(row.settings)
    apply_fixes(settings, fixes, hashes)
    text, language = scripts.text_of(row), row.language or ""
    new = NewScript(
        row.path,
        text,
        language,
        _raw(settings),
        parent=row.hash,
        lock=row.lock,
        message=message,
        keeps_settings=True,
    )
    return new, subject_of_script(row.path, language, text, settings)


def _correct_flow(
    row: ItemRow, fixes: Sequence[Fix], hashes: Mapping[str, str], message: str
) -> tuple[NewFlow | NewScript, Subject]:
    settings = msgspec.json.decode(row.settings)
    settings.pop("schema", None)
    if row.format == "yaml":
        before = row.body.decode()
        tree: dict[str, Any] = document.parse(row.body, "yaml").tree
        # The document determines its own keys; the others were sent beside it.
        beside = {name: each for name, each in settings.items() if name not in tree}
        apply_fixes(tree, fixes, hashes)
        source, value, schema = Source("yaml", edit_yaml(before, tree).source.decode()), None, None
    else:
        tree = {**settings, **document.parse(row.body, "json").tree}
        apply_fixes(tree, fixes, hashes)
        beside = {name: each for name, each in tree.items() if name not in ("value", "schema")}
        source, value = None, msgspec.Raw(msgspec.json.encode(tree["value"]))
        schema = msgspec.Raw(msgspec.json.encode(tree["schema"])) if tree.get("schema") is not None else None
    new = NewFlow(
        row.path,
        value,
        schema,
        _raw(beside),
        source,
        base_version=row.id,
        message=message,
        keeps_settings=True,
    )
    return new, subject_of_flow(row.path, {**beside, **tree})


def _raw(settings: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(each)) for name, each in settings.items()}
