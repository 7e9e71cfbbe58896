"""Nodes that call a deployed script or workflow by its path."""

from __future__ import annotations

from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.subject import Subject, diagnostic

_CALLED = {"script": "script", "flow": "workflow"}


def calls(subject: Subject) -> Iterator[Diagnostic]:
    """empty_path."""
    for place in subject.places:
        target = _CALLED.get(place.node.kind)
        path = place.node.value.get("path")
        if target is not None and isinstance(path, str) and not path.strip():
            yield diagnostic("empty_path", "error", place, f"{place.path}/value/path", f"it names no {target} to run")
