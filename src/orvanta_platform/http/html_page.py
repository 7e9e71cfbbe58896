"""Frame of the pages that the server renders itself: one style, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

_STYLE: Final = """
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.4rem }
dt { font-weight: 600 } dd { margin: 0 0 .5rem }
pre { white-space: pre-wrap; font: inherit; border-inline-start: .25rem solid; padding-inline-start: .75rem }
fieldset { border: 1px solid; border-radius: .4rem; margin: 1rem 0; padding: .5rem 1rem }
label { display: block; margin: .75rem 0 .25rem; font-weight: 600 }
input, select, textarea { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; min-height: 2.75rem;
  border: 1px solid; border-radius: .4rem; background: Field; color: FieldText }
input[type=checkbox] { width: 1.5rem; min-height: 1.5rem }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.5rem; margin: 1rem 1rem 0 0;
  border: 1px solid; border-radius: .4rem; background: Canvas; color: CanvasText }
button.primary, button[value=approved] { background: #4f46e5; border-color: #4f46e5; color: #fff }
[role=alert] { border: 2px solid; border-radius: .4rem; padding: .5rem 1rem }
:focus-visible { outline: 3px solid; outline-offset: 2px }
"""


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


def page(title: str, body: str) -> bytes:
    """Return a complete page; `body` is HTML, `title` is text."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>\n{body}</main></body></html>\n"
    ).encode()
