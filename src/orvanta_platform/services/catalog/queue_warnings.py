"""Warnings about tags of a workflow that name queues which its workspace may not use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from orvanta_platform.control.instance_settings import QUEUE_RULES
from orvanta_platform.control.queue_rules import QueueRules, refusal
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.queue import dynamic_tags
from orvanta_platform.services.catalog import flows
from orvanta_platform.services.catalog.flows import NewFlow
from orvanta_platform.services.catalog.scripts import NewScript
from orvanta_platform.services.platform import Platform
from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import build
from orvanta_platform.workflow.normal import normalise


async def diagnostics(platform: Platform, workspace: str, tree: Mapping[str, Any], tag: Any) -> list[Diagnostic]:
    """Return a warning for each tag that names a queue which the workspace may not use; runs are refused for it.

    `tag`: that of the workflow, or its JSON text. Tags with arguments are known, and checked, only when a run starts.
    """
    rules = await platform.instance.get(QUEUE_RULES)
    if not rules.restrict:
        return []
    return await document_threads.run_in_thread(workspace, _find, rules, workspace, tree, tag)


async def of_deployed(platform: Platform, workspace: str, new: NewFlow | NewScript) -> list[Diagnostic]:
    """Return the same warnings for a workflow or script that has been deployed."""
    rules = await platform.instance.get(QUEUE_RULES)
    if not rules.restrict:
        return []
    if isinstance(new, NewScript):
        return _refused(rules, workspace, [(None, "/tag", _text(new.settings.get("tag")))])
    return await document_threads.run_in_thread(workspace, _find_in_document, rules, workspace, new)


def _find_in_document(rules: QueueRules, workspace: str, new: NewFlow) -> list[Diagnostic]:
    tree = flows.examine_document(new)[2]
    return _find(rules, workspace, tree, new.settings.get("tag", tree.get("tag")))


def _find(rules: QueueRules, workspace: str, tree: Mapping[str, Any], tag: Any) -> list[Diagnostic]:
    return _refused(rules, workspace, _tags(tree, tag))


def _refused(rules: QueueRules, workspace: str, tags: Iterable[tuple[str | None, str, str | None]]) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for node, path, tag in tags:
        queue = dynamic_tags.in_workspace(tag, workspace)
        if queue and not dynamic_tags.names(queue) and not rules.permits(workspace, queue):
            found.append(Diagnostic("queue_reserved", "warning", node, path, refusal(workspace, queue)))
    return found


def _text(tag: Any) -> str | None:
    """Return a tag that may be JSON text, or None if it is no text."""
    own = msgspec.json.decode(tag) if isinstance(tag, msgspec.Raw) else tag
    return own if isinstance(own, str) else None


def _tags(tree: Mapping[str, Any], tag: Any) -> Iterator[tuple[str | None, str, str | None]]:
    """Yield each tag with the id of its node and its JSON pointer."""
    yield None, "/tag", _text(tag)
    for node in build(normalise(dict(tree))["value"]).nodes():
        for key in ("tag", "tag_override"):
            if isinstance(each := node.value.get(key), str):
                yield node.id, f"/value{node.path}/value/{key}", each
