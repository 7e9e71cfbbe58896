"""Webhook nodes: their method and their credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.subject import Subject, diagnostic

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFERENCE: Final = re.compile(r"\$res:[uf](?:/[\w.@-]+)+")


def webhooks(subject: Subject) -> Iterator[Diagnostic]:
    """webhook_method, webhook_auth."""
    for place in subject.places:
        if place.node.kind != "webhook":
            continue
        value, path = place.node.value, f"{place.path}/value"
        method, auth = value.get("method"), value.get("auth")
        if isinstance(method, str) and method.upper() not in _METHODS:
            message = f"the method {method!r} is not one of {', '.join(sorted(_METHODS))}"
            yield diagnostic("webhook_method", "error", place, f"{path}/method", message)
        if isinstance(auth, str) and not _REFERENCE.fullmatch(auth):
            message = "auth must reference a resource, $res:<path>: credentials do not belong in a workflow"
            yield diagnostic("webhook_auth", "error", place, f"{path}/auth", message)
