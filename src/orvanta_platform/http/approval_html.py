"""The approval page as HTML, rendered on the server without scripts. Every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, Final

from orvanta_platform.control.links import Action
from orvanta_platform.db.approvals import DecisionRow
from orvanta_platform.http.html_page import page
from orvanta_platform.services.approvals import forms
from orvanta_platform.services.approvals.decisions import LinkView
from orvanta_platform.services.approvals.forms import Field, FieldKind

FIELD: Final = "form."
"""Prefix of the names of the form's own fields."""


def message(title: str, text: str, hint: str | None = None) -> bytes:
    """Return a page with a single message."""
    more = f"<p>{escape(hint)}</p>" if hint else ""
    return page(title, f'<p role="status">{escape(text)}</p>{more}')


def question(
    seen: LinkView,
    name: str | None,
    *,
    error: str | None = None,
    sent: Mapping[str, str] | None = None,
    hints: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the page of an approval, with the buttons that the link permits.

    `name` is the name of the logged-in user, `sent` the form's fields as submitted.
    """
    asked = seen.request
    title = "Approval"
    if asked is None:
        status = '<p role="status">This run is not waiting for a decision here.</p>'
        return page(title, f"{_facts(seen)}{status}{_decisions(seen)}")
    parts = [_facts(seen)]
    if asked.opened and asked.opened.message:
        parts.append(f"<pre>{escape(asked.opened.message)}</pre>")
    if error:
        parts.append(f'<p role="alert">{escape(error)}</p>')
    if asked.consent.needs_login and name is None:
        parts.append('<p role="status">This decision needs a login. Log in, then open this link again.</p>')
        return page(title, "".join(parts))
    fields = _fields(asked.consent.form, sent or {}, hints or {})
    buttons = _buttons(seen, hide_no=asked.consent.hide_cancel)
    who = f"<p>You decide as <strong>{escape(name)}</strong>.</p>" if name else ""
    reason = escape((sent or {}).get("reason", ""), quote=True)
    parts.append(
        f'<form method="post" accept-charset="utf-8">{fields}'
        '<label for="reason">Reason for the decision (optional)</label>'
        f'<textarea id="reason" name="reason" rows="2" maxlength="2000">{reason}</textarea>{who}{buttons}</form>'
    )
    return page(title, "".join(parts) + _decisions(seen))


def submitted_values(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the submitted values of the form's own fields, by field name."""
    return {name.removeprefix(FIELD): text for name, text in fields.items() if name.startswith(FIELD)}


def _facts(seen: LinkView) -> str:
    run, asked = seen.run, seen.request
    facts = [("Workflow", run.run_path or "a preview"), ("Started by", run.created_by), ("Run", str(run.id))]
    if asked is not None:
        facts.append(("Step", asked.node.id))
        if asked.opened and asked.opened.due_at:
            facts.append(("Answer until", _moment(asked.opened.due_at)))
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts) + "</dl>"


def _decisions(seen: LinkView) -> str:
    if not seen.decisions:
        return ""
    lines = "".join(
        f"<li>{'Approved' if each.approved else 'Rejected'} by {_approver(each)}, {_moment(each.at)}</li>"
        for each in seen.decisions
    )
    return f"<h2>So far</h2><ul>{lines}</ul>"


def _approver(decision: DecisionRow) -> str:
    """Return the approver's name as HTML; an unauthenticated one is marked."""
    return escape(decision.approver) + ("" if decision.account is not None else " (not signed in)")


def _buttons(seen: LinkView, *, hide_no: bool) -> str:
    both = Action.PAGE in seen.actions
    yes = '<button name="decision" value="approved">Approve</button>' if both or Action.RESUME in seen.actions else ""
    may_reject = (both and not hide_no) or Action.CANCEL in seen.actions
    return yes + (_reject(confirmed=not yes) if may_reject else "")


def _reject(*, confirmed: bool) -> str:
    """Return the button to reject. Beside the one to approve, it appears in a second step, after a link to reject."""
    button = '<button name="decision" value="rejected">Reject</button>'
    if confirmed:
        return button
    hint = "<p>A rejection cannot be undone. It ends the run, unless the workflow continues after it.</p>"
    return f"<details><summary>Reject…</summary>{hint}{button}</details>"


_INPUT_TYPES = {
    FieldKind.TEXT: "text",
    FieldKind.DATE: "date",
    FieldKind.EMAIL: "email",
    FieldKind.URL: "url",
}


def _fields(schema: Any, sent: Mapping[str, str], hints: Mapping[str, Any]) -> str:
    shown = "".join(_field(each, sent.get(FIELD + each.name), bool(sent)) for each in forms.fields(schema, hints))
    return f"<fieldset><legend>Please fill in</legend>{shown}</fieldset>" if shown else ""


def _field(field: Field, sent: str | None, submitted: bool) -> str:
    """Return a field as HTML. `submitted`: the form was submitted, with the value `sent` in this field."""
    key, label = escape(FIELD + field.name, quote=True), escape(field.label)
    more = f"<small>{escape(field.help)}</small>" if field.help else ""
    need = " required" if field.required else ""
    head = f'<label for="{key}">{label}{"" if field.required else " (optional)"}</label>{more}'
    text = sent if sent is not None else field.value
    if field.kind is FieldKind.BOOLEAN:
        ticked = " checked" if sent is not None or (field.value and not submitted) else ""
        return f'<label for="{key}">{label}</label>{more}<input type="checkbox" id="{key}" name="{key}"{ticked}>'
    if field.kind is FieldKind.CHOICE:
        options = "".join(
            f"<option{' selected' if each == text else ''}>{escape(each)}</option>" for each in field.choices
        )
        empty = "" if field.required else "<option></option>"
        return f'{head}<select id="{key}" name="{key}"{need}>{empty}{options}</select>'
    value = escape(text, quote=True)
    if field.kind in (FieldKind.NUMBER, FieldKind.INTEGER):
        step = "1" if field.kind is FieldKind.INTEGER else "any"
        return f'{head}<input type="number" step="{step}" id="{key}" name="{key}" value="{value}"{need}>'
    if field.kind in _INPUT_TYPES:
        return f'{head}<input type="{_INPUT_TYPES[field.kind]}" id="{key}" name="{key}" value="{value}"{need}>'
    return f'{head}<textarea id="{key}" name="{key}" rows="4"{need}>{escape(text)}</textarea>'


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
