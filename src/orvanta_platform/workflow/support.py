"""Features that this version can run; other features that change the meaning of a workflow are rejected at deploy.

A feature is removed from these tables once the engine supports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.kinds import KINDS
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

RUNNABLE_KINDS: Final = frozenset(
    {
        *("rawscript", "script", "identity", "condition", "delay", "webhook", "approval"),
        *("forloopflow", "whileloopflow", "branchone", "branchall", "flow"),
    }
)

_PREPROCESSORS: Final = frozenset({"rawscript", "script", "identity", "webhook"})


def support(subject: Subject) -> Iterator[Diagnostic]:
    """not_yet_supported."""
    for listed in subject.listed_nodes:
        yield from _node(listed)
    yield from _transforms(subject)


def _not_yet(listed: ListedNode | None, path: str, feature: str) -> Diagnostic:
    return diagnostic("not_yet_supported", "error", listed, path, f"{feature} is not supported by this version")


def _node(listed: ListedNode) -> Iterator[Diagnostic]:
    node, path = listed.node, listed.path
    if node.kind in KINDS and node.kind not in RUNNABLE_KINDS:
        yield _not_yet(listed, f"{path}/value/type", f"the kind {node.kind}")
    if listed.list_index is None and node.id == "preprocessor" and node.kind not in _PREPROCESSORS:
        yield _not_yet(listed, f"{path}/value/type", f"a preprocessor of the kind {node.kind}")


def _transforms(subject: Subject) -> Iterator[Diagnostic]:
    for listed, path in subject.agent_filled:
        yield _not_yet(listed, path, "an input of type ai")
