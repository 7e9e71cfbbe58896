"""Fields of single nodes: the path of a call, the form of an approval, the method and credentials of a webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.limits import MAX_FORM_BYTES
from orvanta_platform.workflow.secret_schemas import declares
from orvanta_platform.workflow.subject import ListedNode, Subject, diagnostic

_FORM_PASSWORD = (
    "the form of an approval cannot ask for a password, which would be stored in clear text: use a secret variable, or "
    "an input of the workflow with `format: password`"
)
_CALLED = {"script": "script", "flow": "workflow"}

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REFERENCE: Final = re.compile(r"\$res:[uf](?:/[\w.@-]+)+")


def webhooks(subject: Subject) -> Iterator[Diagnostic]:
    """webhook_method, webhook_auth."""
    for listed in subject.listed_nodes:
        if listed.node.kind != "webhook":
            continue
        value, path = listed.node.value, f"{listed.path}/value"
        method, auth = value.get("method"), value.get("auth")
        if isinstance(method, str) and method.upper() not in _METHODS:
            message = f"the method {method!r} is not one of {', '.join(sorted(_METHODS))}"
            yield diagnostic("webhook_method", "error", listed, f"{path}/method", message)
        if isinstance(auth, str) and not _REFERENCE.fullmatch(auth):
            message = "auth must reference a resource, $res:<path>: credentials do not belong in a workflow"
            yield diagnostic("webhook_auth", "error", listed, f"{path}/auth", message)


def forms(subject: Subject) -> Iterator[Diagnostic]:
    """form_password, form_too_large."""
    for listed in subject.listed_nodes:
        if listed.node.kind == "approval":
            yield from _form(listed, "value/form", listed.node.value.get("form"))
        suspend = listed.node.tree.get("suspend")
        if isinstance(suspend, dict):
            yield from _form(listed, "suspend/resume_form", suspend.get("resume_form"))


def _form(listed: ListedNode, at: str, form: Any) -> Iterator[Diagnostic]:
    if declares(form):
        yield diagnostic("form_password", "error", listed, f"{listed.path}/{at}", _FORM_PASSWORD)
    size = len(msgspec.json.encode(form))
    if size > MAX_FORM_BYTES:
        message = f"the form of an approval has {size:,} bytes; at most {MAX_FORM_BYTES:,} are allowed"
        yield diagnostic("form_too_large", "error", listed, f"{listed.path}/{at}", message)


def calls(subject: Subject) -> Iterator[Diagnostic]:
    """empty_path."""
    for listed in subject.listed_nodes:
        target = _CALLED.get(listed.node.kind)
        path = listed.node.value.get("path")
        if target is not None and isinstance(path, str) and not path.strip():
            yield diagnostic("empty_path", "error", listed, f"{listed.path}/value/path", f"it names no {target} to run")
