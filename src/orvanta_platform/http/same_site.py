"""Protection of sign-in and sign-out calls against requests from pages of other sites.

A page that signs a browser in to an account of its own could read what the user enters afterwards (login CSRF). These
calls need no cookie, so the header that protects calls with a cookie does not protect them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from orvanta_platform.errors import BadRequest, Forbidden

_OWN = ("same-origin", "none")


def require_same_site(headers: Mapping[str, str], origins: Sequence[str]) -> None:
    """Check a call that sets a cookie. `origins` are those of this server and of others that serve the editor.

    Programs send neither Origin nor Sec-Fetch-Site. Raises Forbidden for a page of another site, and BadRequest for a
    body that is not JSON, as forms of such a page cannot send JSON.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if not _is_own(origin, site, headers.get("host", ""), origins):
        raise Forbidden("A page of another site cannot sign users in or out.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and _has_body(headers):
        raise BadRequest("The body must be JSON.", hint="Send `Content-Type: application/json`.")


def _is_own(origin: str | None, site: str | None, host: str, origins: Sequence[str]) -> bool:
    if origin is not None and origin.lower() in {_origin_of(each) for each in origins}:
        return True
    if site is not None:
        return site.lower() in _OWN
    return origin is None or (bool(host) and urlsplit(origin).netloc.lower() == host.lower())


def _origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _has_body(headers: Mapping[str, str]) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
