"""Warnings about tags of a workflow that name queues which its workspace may not use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from orvanta_platform.control.instance_settings import QUEUE_RULES
from orvanta_platform.control.queue_rules import QueueRules, refusal
from orvanta_platform.orchestrator import document_threads
from orvanta_platform.queue import dynamic_tags
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


def _find(rules: QueueRules, workspace: str, tree: Mapping[str, Any], tag: Any) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for node, path, each in _tags(tree, tag):
        queue = dynamic_tags.in_workspace(each, workspace)
        if isinstance(queue, str) and queue and not dynamic_tags.names(queue) and not rules.permits(workspace, queue):
            found.append(Diagnostic("queue_reserved", "warning", node, path, refusal(workspace, queue)))
    return found


def _tags(tree: Mapping[str, Any], tag: Any) -> Iterator[tuple[str | None, str, str]]:
    """Yield each tag with the id of its node and its JSON pointer."""
    own = msgspec.json.decode(tag) if isinstance(tag, msgspec.Raw) else tag
    if isinstance(own, str):
        yield None, "/tag", own
    for node in build(normalise(dict(tree))["value"]).nodes():
        for key in ("tag", "tag_override"):
            if isinstance(each := node.value.get(key), str):
                yield node.id, f"/value{node.path}/value/{key}", each
