"""Forms of approvals, whose data is stored and shown in clear text."""

from __future__ import annotations

from collections.abc import Iterator

from orvanta_platform.workflow.diagnostics import Diagnostic
from orvanta_platform.workflow.secret_schemas import declares
from orvanta_platform.workflow.subject import Subject, diagnostic

_MESSAGE = (
    "the form of an approval cannot ask for a password, which would be stored in clear text: use a secret variable, or "
    "an input of the workflow with `format: password`"
)


def forms(subject: Subject) -> Iterator[Diagnostic]:
    """form_password."""
    for place in subject.places:
        form = place.node.value.get("form") if place.node.kind == "approval" else None
        if declares(form):
            yield diagnostic("form_password", "error", place, f"{place.path}/value/form", _MESSAGE)
        suspend = place.node.tree.get("suspend")
        resume = suspend.get("resume_form") if isinstance(suspend, dict) else None
        if declares(resume):
            yield diagnostic("form_password", "error", place, f"{place.path}/suspend/resume_form", _MESSAGE)
