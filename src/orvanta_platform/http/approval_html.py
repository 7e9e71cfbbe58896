"""The approval page as HTML: made on the server, without a script, every value escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any, Final

from orvanta_platform.control.links import Action
from orvanta_platform.services.approvals import Seen

_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem }
pre { white-space: pre-wrap; font: inherit; border-inline-start: .25rem solid; padding-inline-start: .75rem }
fieldset { border: 1px solid; border-radius: .4rem; margin: 1rem 0; padding: .5rem 1rem }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600 }
input, select, textarea { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; min-height: 2.75rem }
input[type=checkbox] { width: 1.5rem; min-height: 1.5rem }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.5rem; margin: 1rem 1rem 0 0 }
[role=alert] { border: 2px solid; border-radius: .4rem; padding: .5rem 1rem }
:focus-visible { outline: 3px solid; outline-offset: 2px }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every approval page: no script, no other site, one style."""

FIELD: Final = "form."
"""What the names of the form's own fields begin with."""

_LONG_TEXT = frozenset({"textarea", "multiline"})


def page(title: str, body: str) -> bytes:
    """A whole page; `body` is HTML, `title` is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>\n{body}</main></body></html>\n"
    ).encode()


def message(title: str, text: str, hint: str | None = None) -> bytes:
    """A page that says one thing."""
    more = f"<p>{escape(hint)}</p>" if hint else ""
    return page(title, f'<p role="status">{escape(text)}</p>{more}')


def question(
    seen: Seen,
    name: str | None,
    *,
    error: str | None = None,
    given: Mapping[str, str] | None = None,
    hints: Mapping[str, Any] | None = None,
) -> bytes:
    """What is asked, with the buttons that the link is good for. `name`: who is logged in; `given`: fields as sent."""
    asked = seen.asked
    title = "Approval"
    if asked is None:
        return page(title, f'{_facts(seen)}<p role="status">Nothing is asked here any more.</p>{_said(seen)}')
    parts = [_facts(seen)]
    if asked.opened and asked.opened.message:
        parts.append(f"<pre>{escape(asked.opened.message)}</pre>")
    if error:
        parts.append(f'<p role="alert">{escape(error)}</p>')
    if asked.consent.needs_login and name is None:
        parts.append('<p role="status">This decision needs a login. Log in, then open this link again.</p>')
        return page(title, "".join(parts))
    fields = _fields(asked.consent.form, given or {}, hints or {})
    buttons = _buttons(seen, hide_no=asked.consent.hide_cancel)
    who = f"<p>You decide as <strong>{escape(name)}</strong>.</p>" if name else ""
    reason = escape((given or {}).get("reason", ""), quote=True)
    parts.append(
        f'<form method="post" accept-charset="utf-8">{fields}'
        '<label for="reason">Reason (optional)</label>'
        f'<textarea id="reason" name="reason" rows="2" maxlength="2000">{reason}</textarea>{who}{buttons}</form>'
    )
    return page(title, "".join(parts) + _said(seen))


def form_of(schema: Any, sent: Mapping[str, str]) -> dict[str, Any]:
    """The values of the form's fields as their schema means them; what cannot be read stays text."""
    values: dict[str, Any] = {}
    for name, about in _properties(schema).items():
        text = sent.get(FIELD + name)
        kind = about.get("type") if isinstance(about, dict) else None
        if kind == "boolean":
            values[name] = text is not None
        elif text:
            values[name] = _read(kind, text)
    return values


def _facts(seen: Seen) -> str:
    run, asked = seen.run, seen.asked
    facts = [("Workflow", run.run_path or "a preview"), ("Started by", run.created_by), ("Run", str(run.id))]
    if asked is not None:
        facts.append(("Step", asked.node.id))
        if asked.opened and asked.opened.due_at:
            facts.append(("Answer until", _moment(asked.opened.due_at)))
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in facts) + "</dl>"


def _said(seen: Seen) -> str:
    if not seen.said:
        return ""
    lines = "".join(
        f"<li>{'Approved' if each.approved else 'Rejected'} by {escape(each.approver)}, {_moment(each.at)}</li>"
        for each in seen.said
    )
    return f"<h2>So far</h2><ul>{lines}</ul>"


def _buttons(seen: Seen, *, hide_no: bool) -> str:
    both = Action.PAGE in seen.actions
    yes = '<button name="decision" value="approved">Approve</button>' if both or Action.RESUME in seen.actions else ""
    may_say_no = (both and not hide_no) or Action.CANCEL in seen.actions
    return yes + ('<button name="decision" value="rejected">Reject</button>' if may_say_no else "")


def _fields(schema: Any, given: Mapping[str, str], hints: Mapping[str, Any]) -> str:
    properties = _properties(schema)
    if not properties:
        return ""
    required = set(schema.get("required") or ()) if isinstance(schema, dict) else set()
    shown = "".join(
        _field(name, about, name in required, given.get(FIELD + name), hints)
        for name, about in properties.items()
        if isinstance(about, dict)
    )
    return f"<fieldset><legend>Please fill in</legend>{shown}</fieldset>"


def _field(name: str, about: dict[str, Any], required: bool, sent: str | None, hints: Mapping[str, Any]) -> str:
    key, label = escape(FIELD + name, quote=True), escape(str(about.get("title") or name))
    more = f"<small>{escape(str(about['description']))}</small>" if about.get("description") else ""
    need = " required" if required else ""
    head = f'<label for="{key}">{label}{"" if required else " (optional)"}</label>{more}'
    default = _of(hints.get("default_args"), name, about.get("default"))
    text = sent if sent is not None else _text(default)
    kind, choices = about.get("type"), _of(hints.get("enums"), name, about.get("enum"))
    if kind == "boolean":
        ticked = " checked" if (sent is not None or default is True) else ""
        return f'<label for="{key}">{label}</label>{more}<input type="checkbox" id="{key}" name="{key}"{ticked}>'
    if isinstance(choices, list):
        options = "".join(
            f"<option{' selected' if _text(each) == text else ''}>{escape(_text(each))}</option>" for each in choices
        )
        empty = "" if required else "<option></option>"
        return f'{head}<select id="{key}" name="{key}"{need}>{empty}{options}</select>'
    value = escape(text, quote=True)
    if kind in ("number", "integer"):
        step = "1" if kind == "integer" else "any"
        return f'{head}<input type="number" step="{step}" id="{key}" name="{key}" value="{value}"{need}>'
    if kind in ("string", None) and about.get("format") not in _LONG_TEXT:
        return f'{head}<input id="{key}" name="{key}" value="{value}"{need}>'
    return f'{head}<textarea id="{key}" name="{key}" rows="4"{need}>{escape(text)}</textarea>'


def _properties(schema: Any) -> dict[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _of(named: Any, name: str, otherwise: Any) -> Any:
    return named[name] if isinstance(named, dict) and name in named else otherwise


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _read(kind: Any, text: str) -> Any:
    if kind in ("string", None):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
