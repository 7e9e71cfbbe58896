"""Cookies of sessions, and of logins by a provider that are in progress. Scripts of pages cannot read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from litestar.datastructures import Cookie

SESSION: Final = "token"
"""Cookie with the token of a session."""

LOGIN: Final = "orvanta_login"
"""Cookie with the secret of the browser that started a login by a provider."""

OWN: Final = "orvanta_own"
"""Cookie with the token of an admin's own session while the admin acts as somebody else."""

_BLANKS = " \t"


def full_name(name: str, base_url: str) -> str:
    """Return the name under which a server at this URL sets a cookie.

    Browsers accept the prefix only from this host itself over HTTPS, so that neither another host of the domain nor a
    plain connection can replace the cookie.
    """
    return f"__Host-{name}" if _is_encrypted(base_url) else name


def cookie(name: str, value: str, max_age_s: int, base_url: str) -> Cookie:
    """Return a cookie of a server at this URL; a maximum age of 0 seconds removes it."""
    return Cookie(
        full_name(name, base_url),
        value=value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_encrypted(base_url),
    )


def value_of(headers: Mapping[str, str], name: str) -> str | None:
    """Return the value of this cookie in the header Cookie; the last one if there are several.

    Only blanks and tabs around a name are ignored. To a browser, a name that starts with another space of Unicode, such
    as U+00A0, does not have the prefix `__Host-`, so that another host of the domain can set it.

    `http.cookies` is not used: before Python 3.11.10 a value with many backslashes takes it quadratic time.
    """
    found = None
    for pair in (headers.get("cookie") or "").split(";"):
        found_name, _, value = pair.partition("=")
        if found_name.strip(_BLANKS) == name:
            found = value.strip(_BLANKS).strip('"')
    return found or None


def _is_encrypted(base_url: str) -> bool:
    return base_url.startswith("https:")
