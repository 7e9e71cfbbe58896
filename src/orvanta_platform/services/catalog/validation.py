"""Validation for the editor: diagnostics of workflows, and input schemas of scripts. Nothing is run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from orvanta_platform.control import names
from orvanta_platform.control.actor import Actor
from orvanta_platform.control.permissions import Target, require
from orvanta_platform.errors import BadRequest, InvalidWorkflow, RateLimited, TooLarge
from orvanta_platform.evaluate.scripts import Script
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.services.catalog import deploy, deploy_tests, flows, policies, queue_warnings, signatures
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.platform import Platform
from orvanta_platform.services.runs import imports, script_access
from orvanta_platform.services.runs.package_policies import codes_of_flow
from orvanta_platform.workflow.diagnostics import Diagnostic, errors
from orvanta_platform.workflow.policies.defaults import AppliedDefault
from orvanta_platform.workflow.policies.subject import TestStates
from orvanta_platform.workflow.positions import Position, position_in_message, positions
from orvanta_platform.workflow.signature.fault import Fault

MAX_SIGNED_LENGTH = 1 << 20
"""Maximum length in characters of a script whose signature is parsed."""

_TEST_SECONDS = 2.0
"""Maximum duration of the tests of an edited workflow."""

_WITHOUT_POSITIONS = frozenset({"document_too_large", "document_too_deep"})
"""Diagnostics of documents that are not parsed completely, which have no positions."""


class Finding(msgspec.Struct, frozen=True):
    """A diagnostic and its position in the text."""

    diagnostic: Diagnostic
    position: Position | None


class FlowCheck(msgspec.Struct, frozen=True):
    """Result of a check of a workflow."""

    findings: list[Finding]
    defaults: Sequence[AppliedDefault] = ()
    """Values that policies give to absent fields when it is deployed."""


async def check_flow(platform: Platform, actor: Actor, workspace: str, new: NewFlow) -> FlowCheck:
    """Return all diagnostics that deploying a document would report, and warnings about the code and the inputs of its
    nodes; errors first, with positions if it is sent as `source`. Also return the defaults that policies would set.

    Raises NotFound, Forbidden, BadRequest, EvaluatorUnavailable.
    """
    require(actor, "check_flow", Target(workspace, "preview"))
    try:
        body, _, tree, seen = await document_threads.run_in_thread(workspace, flows.examine_document, new)
    except InvalidWorkflow as error:
        return FlowCheck(
            await document_threads.run_in_thread(
                workspace, _placed, new, [Diagnostic(**each) for each in error.details], is_read=False
            )
        )
    defaults: list[AppliedDefault] = []
    found = await flows.diagnostics(platform, workspace, tree, seen)
    if not errors(found):
        async with platform.db.acquire() as conn:
            found = [*await script_access.unreadable(conn, actor, workspace, tree), *found]
        if names.is_path(new.path):  # relative imports of a document without a path cannot be checked
            _, faults = await imports.examine_inline(platform, actor, workspace, new.path, tree)
            found = [*faults, *found]
        settings = {"schema": tree.get("schema"), **tree, **new.settings}
        settings.pop("value", None)
        subject = flows.policy_subject(new, seen.value, settings)
        tests = await _test_states(platform, actor, workspace, new.path, body)
        subject = replace(subject, tests=tests)
        codes = partial(codes_of_flow, tree, None)
        violated, defaults = await policies.examine(platform, actor, workspace, subject, codes)
        found = [*violated, *found]
        found += await queue_warnings.diagnostics(platform, workspace, tree, settings.get("tag"))
    if seen.value:
        found += await signatures.diagnostics(platform, actor, workspace, seen.value)
    return FlowCheck(await document_threads.run_in_thread(workspace, _placed, new, found, is_read=True), defaults)


async def _test_states(platform: Platform, actor: Actor, workspace: str, path: str, body: bytes) -> TestStates | None:
    """Return the states of the tests that policies require of a deployed workflow, as far as they are run in time."""
    if not (names.is_path(path) and await deploy.exists(platform, actor, workspace, "flow", path)):
        return None
    try:
        outcomes = await deploy_tests.run_required(platform, actor, workspace, path, path, body.decode(), _TEST_SECONDS)
    except (BadRequest, RateLimited):
        return None
    async with platform.db.acquire() as conn:
        found = await deploy_tests.states_of(conn, workspace, path, outcomes, is_first=False)
    return found and replace(found, not_run=())


async def schema(
    platform: Platform, actor: Actor, workspace: str, language: str, content: str
) -> tuple[dict[str, Any] | None, Fault | None]:
    """Return the JSON Schema of a script's inputs, derived from its signature; None with the reason if it cannot be
    parsed.

    Raises NotFound, Forbidden, TooLarge, CodeTooComplex, EvaluatorUnavailable.
    """
    require(actor, "check_script", Target(workspace, "preview"))
    if len(content) > MAX_SIGNED_LENGTH:
        raise TooLarge(f"The signature of a script is parsed up to {MAX_SIGNED_LENGTH >> 20} MiB.")
    found = await platform.evaluator.scripts.signature(workspace, Script(language, content))
    return found.schema, found.fault


def _placed(new: NewFlow, found: list[Diagnostic], *, is_read: bool) -> list[Finding]:
    if new.source is None or not found or not {each.code for each in found}.isdisjoint(_WITHOUT_POSITIONS):
        return [Finding(each, None) for each in found]
    # A completely parsed YAML document is within the limits of YAML; a JSON document need not be.
    is_limited = is_read and new.source.format == "yaml" and new.source.text.lstrip()[:1] != "{"
    places = positions(new.source.text, [each.path for each in found], limited=is_limited)
    return [Finding(each, position_in_message(each.message) if not places else places[each.path]) for each in found]
