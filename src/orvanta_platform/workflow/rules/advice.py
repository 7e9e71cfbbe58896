"""Warnings about constructs that are allowed but probably unintended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.languages import deno_only_import, hub_substitute, runtime_fault
from orvanta_platform.workflow.placeholders import find_unresolved
from orvanta_platform.workflow.requirements import lock_fault
from orvanta_platform.workflow.subject import VALUE_PATH, Subject, diagnostic

_NOT_COMPUTING: Final = frozenset({"condition", "identity", "delay", "approval"})
"""Kinds of nodes that compute nothing, so that they are neither retried nor cached."""


def advice(subject: Subject) -> Iterator[Diagnostic]:
    """mock_enabled, {retry,cache,debouncing}_no_effect, no_runtime, hub_unavailable, runs_on_bun, import_unavailable,
    lock_not_used, early_return_never, placeholder_unresolved.
    """
    early_return = subject.value.get("early_return")
    top_ids = {node.id for node in subject.graph.top.nodes}
    if isinstance(early_return, str) and early_return and early_return not in top_ids:
        message = f"no top-level node is named {early_return!r}: callers get the result at the end of the run"
        yield diagnostic("early_return_never", "warning", None, f"{VALUE_PATH}/early_return", message)
    ids = {listed.node.id for listed in subject.listed_nodes}
    for listed in subject.listed_nodes:
        node, path = listed.node, listed.path
        mock = node.tree.get("mock")
        if isinstance(mock, dict) and mock.get("enabled") is True:
            message = "it returns its pinned output instead of running"
            yield diagnostic("mock_enabled", "warning", listed, f"{path}/mock", message)
        if node.tree.get("retry") and node.kind in _NOT_COMPUTING:
            message = f"nodes of kind {node.kind} are not retried"
            yield diagnostic("retry_no_effect", "warning", listed, f"{path}/retry", message)
        if node.tree.get("cache_ttl") and node.kind in _NOT_COMPUTING:
            message = f"nodes of kind {node.kind} compute nothing that could be cached"
            yield diagnostic("cache_no_effect", "warning", listed, f"{path}/cache_ttl", message)
        if node.tree.get("debouncing") and listed.list_index is None:
            message = "the failure module and the preprocessor are never debounced"
            yield diagnostic("debouncing_no_effect", "warning", listed, f"{path}/debouncing", message)
        text = node.value.get("message")
        if node.kind == "approval" and isinstance(text, str) and (gap := find_unresolved(text, ids)) is not None:
            message = f"{gap} cannot be resolved: write a path such as results.node.items[0].name"
            yield diagnostic("placeholder_unresolved", "warning", listed, f"{path}/value/message", message)
        language = node.value.get("language")
        if node.kind == "rawscript" and language == "deno":
            message = "on workers without Deno, Bun runs it, without the Deno object and imports of jsr: and URLs"
            yield diagnostic("runs_on_bun", "warning", listed, f"{path}/value/language", message)
        if node.kind == "rawscript" and isinstance(language, str) and (fault := runtime_fault(language)):
            message = f"{fault}; a run fails at this node"
            yield diagnostic("no_runtime", "warning", listed, f"{path}/value/language", message)
        if node.kind == "rawscript" and (foreign := deno_only_import(str(language), str(node.value.get("content")))):
            message = f"line {foreign[0]} imports {foreign[1]!r}, which only the language deno can import"
            yield diagnostic("import_unavailable", "warning", listed, f"{path}/value/content", message)
        script = node.value.get("path")
        if node.kind == "script" and isinstance(script, str) and (substitute := hub_substitute(script)) is not None:
            message = f"scripts of the hub are not fetched: without a script {substitute}, a run fails at this node"
            yield diagnostic("hub_unavailable", "warning", listed, f"{path}/value/path", message)
        lock = node.value.get("lock")
        if node.kind == "rawscript" and isinstance(language, str) and isinstance(lock, str) and lock:
            fault = lock_fault(language, lock)
            if fault is not None:
                message = f"its lock is not used, since {fault}; its packages are locked at the deployment"
                yield diagnostic("lock_not_used", "warning", listed, f"{path}/value/lock", message)
