"""What is allowed and most likely not meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.languages import EXTENSIONS
from orvanta_platform.workflow.subject import VALUE_PATH, Subject, diagnostic

_NEVER_RETRIED: Final = frozenset({"condition", "identity", "delay", "approval"})
"""Kinds that compute nothing: neither is one of them cached."""


def advice(subject: Subject) -> Iterator[Diagnostic]:
    """mock_enabled, {retry,cache,debouncing}_no_effect, no_runtime, runs_on_bun, early_return_never."""
    early = subject.value.get("early_return")
    if isinstance(early, str) and early and early not in {node.id for node in subject.graph.top.nodes}:
        message = f"no node of the top level is named {early!r}: the end of the run answers"
        yield diagnostic("early_return_never", "warning", None, f"{VALUE_PATH}/early_return", message)
    for place in subject.places:
        node, path = place.node, place.path
        mock = node.tree.get("mock")
        if isinstance(mock, dict) and mock.get("enabled") is True:
            message = "it answers with its mock and does not run"
            yield diagnostic("mock_enabled", "warning", place, f"{path}/mock", message)
        if node.tree.get("retry") and node.kind in _NEVER_RETRIED:
            message = f"nodes of kind {node.kind} are not retried"
            yield diagnostic("retry_no_effect", "warning", place, f"{path}/retry", message)
        if node.tree.get("cache_ttl") and node.kind in _NEVER_RETRIED:
            message = f"nodes of kind {node.kind} compute nothing that could be kept"
            yield diagnostic("cache_no_effect", "warning", place, f"{path}/cache_ttl", message)
        if node.tree.get("debouncing") and place.list_index is None:
            message = "neither the failure module nor the preprocessor waits for later ones"
            yield diagnostic("debouncing_no_effect", "warning", place, f"{path}/debouncing", message)
        language = node.value.get("language")
        if node.kind == "rawscript" and language == "deno":
            message = "Deno is not here: Bun runs it, without the Deno object and imports by URL"
            yield diagnostic("runs_on_bun", "warning", place, f"{path}/value/language", message)
        if node.kind == "rawscript" and isinstance(language, str) and language not in EXTENSIONS:
            message = f"there is no runtime for the language {language!r}; a run fails here"
            yield diagnostic("no_runtime", "warning", place, f"{path}/value/language", message)
