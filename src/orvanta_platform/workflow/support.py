"""Features that this version can run. A node with another one is deployed with a warning, and fails when it runs.

A feature is removed from these tables once the engine supports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.graph import Node
from orvanta_platform.workflow.kinds import KINDS
from orvanta_platform.workflow.languages import UNSUPPORTED
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

RUNNABLE_KINDS: Final = frozenset(
    {
        *("rawscript", "script", "identity", "condition", "delay", "webhook", "approval"),
        *("forloopflow", "whileloopflow", "branchone", "branchall", "flow"),
    }
)

_PREPROCESSORS: Final = frozenset({"rawscript", "script", "identity", "webhook"})
_CALLED: Final = frozenset({"rawscript", "script", "flow"})
_HAS_INPUTS: Final = "/value/input_transforms/"


def support(subject: Subject) -> Iterator[Diagnostic]:
    """not_yet_supported."""
    for listed in subject.listed_nodes:
        feature = unsupported(listed.node)
        if feature is not None and not _is_agent_filled(listed.node):
            yield _not_yet(listed, f"{listed.path}/value/type", feature)
    for node, path in subject.agent_filled:
        if node is not None and node.node.kind == _AGENT:
            continue  # the whole node cannot run
        if node is not None and node.node.kind in _CALLED and path.startswith(f"{node.path}{_HAS_INPUTS}"):
            yield _not_yet(node, path, _AGENT_FILLED)
        else:
            message = f"{_AGENT_FILLED} is not supported by this version"
            yield diagnostic("not_yet_supported", "error", node, path, message)


_AGENT: Final = "aiagent"
_AGENT_FILLED: Final = "an input of type ai"


def _not_yet(listed: ListedNode, path: str, feature: str) -> Diagnostic:
    message = f"{feature} is not supported by this version; a run fails at this node"
    return diagnostic("not_yet_supported", "warning", listed, path, message)


def unsupported(node: Node) -> str | None:
    """Return the feature because of which a node of a valid document cannot run; None if it can."""
    if node.kind in KINDS and node.kind not in RUNNABLE_KINDS:
        return f"the kind {node.kind}"
    if node.id == "preprocessor" and node.kind not in _PREPROCESSORS:
        return f"a preprocessor of the kind {node.kind}"
    return _AGENT_FILLED if _is_agent_filled(node) else None


def _is_agent_filled(node: Node) -> bool:
    inputs = node.value.get("input_transforms") if node.kind in _CALLED else None
    values = inputs.values() if isinstance(inputs, dict) else ()
    return any(isinstance(each, dict) and each.get("type") == "ai" for each in values)


def failing_value(feature: str) -> dict[str, Any]:
    """Return the value that stands for that of an unsupported node in plans: a script without a runtime."""
    return {"type": "rawscript", "language": UNSUPPORTED, "content": feature, "input_transforms": {}}
