"""Frame of the pages that the server renders itself: one style, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

LANGUAGES: Final = ("en", "de")
"""Languages of pages; the first is the default."""

_STYLE: Final = """
:root { color-scheme: light dark; --bg: #f6f7f9; --surface: #fff; --line: #dcdfe5; --strong: #8a92a0; --text: #191c22;
  --soft: #565e6c; --accent: #4f46e5; --bad: #c22a2f }
@media (prefers-color-scheme: dark) { :root { --bg: #101216; --surface: #171a20; --line: #2d323c; --strong: #6d7685;
  --text: #e7eaf0; --soft: #a3abb8; --accent: #5f57e8; --bad: #ff8a8c } }
@media (forced-colors: active) { :root { --line: CanvasText; --strong: CanvasText; --soft: CanvasText } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; padding: 1rem; background: var(--bg); color: var(--text);
  overflow-wrap: anywhere }
main { box-sizing: border-box; max-width: 38rem; margin: 0 auto; padding: 1.75rem; border: 1px solid var(--line);
  border-radius: 12px; background: var(--surface) }
main.narrow { max-width: 22rem; margin-top: 20vh }
header { display: flex; align-items: center; gap: .6rem }
header svg { flex: none }
h1 { font-size: 1.25rem; margin: 0 }
small { color: var(--soft) }
dt { font-weight: 600 } dd { margin: 0 0 .5rem }
pre { white-space: pre-wrap; font: inherit; border-inline-start: .25rem solid; padding-inline-start: .75rem }
fieldset { border: 1px solid var(--strong); border-radius: 6px; margin: 1rem 0; padding: .5rem 1rem }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600 }
input, select, textarea { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; min-height: 2.75rem;
  border: 1px solid var(--strong); border-radius: 6px; background: var(--surface); color: var(--text) }
input[type=checkbox] { width: 1.5rem; min-height: 1.5rem }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.5rem; margin: 1rem 1rem 0 0;
  border: 1px solid var(--strong); border-radius: 6px; background: var(--surface); color: var(--text); cursor: pointer }
button.primary, button[value=approved] { background: var(--accent); border-color: var(--accent); color: #fff }
.narrow button { width: 100% }
summary { font-weight: 600; padding: .6rem 0; margin-top: 1rem; cursor: pointer }
[role=alert] { border: 2px solid; border-radius: 6px; padding: .5rem 1rem; color: var(--bad) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
"""

_LOGO: Final = (
    '<svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">'
    '<rect width="32" height="32" rx="8" fill="#4f46e5"/><g fill="none" stroke="#fff" stroke-width="2.4">'
    '<path d="M10 10.5v4a4 4 0 0 0 4 4h4a4 4 0 0 1 4 4M22 12v10"/><circle cx="22" cy="8.5" r="3.2"/></g>'
    '<g fill="#fff"><circle cx="10" cy="8.5" r="3.2"/><circle cx="22" cy="23.5" r="3.2"/></g></svg>'
)
"""Logo of the product, as in `editor/src/icon.svg`."""


def _source(text: str) -> str:
    """Return the source expression that allows exactly this inline style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE_SOURCE: Final = f"default-src 'none'; style-src {_source(_STYLE)}; "

POLICY: Final = f"{_STYLE_SOURCE}form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of pages with forms: no scripts, no other sites, a single style."""


def script_policy(script: str) -> str:
    """Return the Content-Security-Policy of a page with this inline script, which may call the API."""
    return (
        f"{_STYLE_SOURCE}script-src {_source(script)}; connect-src 'self'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


def language_of(accepted: str) -> str:
    """Return the language of a page for a header Accept-Language: the first that is English or German, or English.

    Browsers list languages in the order of preference, so that their weights are not read.
    """
    tags = (each.partition(";")[0].strip().lower().partition("-")[0] for each in accepted.split(","))
    return next((tag for tag in tags if tag in LANGUAGES), LANGUAGES[0])


def page(title: str, body: str, language: str = LANGUAGES[0], *, narrow: bool = False) -> bytes:
    """Return a complete page; `body` is HTML, `title` is text. `narrow`: the page is as wide as the login page."""
    width = ' class="narrow"' if narrow else ""
    return (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main{width}><header>{_LOGO}<h1>{escape(title)}</h1></header>\n"
        f"{body}</main></body></html>\n"
    ).encode()
