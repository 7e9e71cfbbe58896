"""The page behind the one-time link, which asks for the first password. All other pages belong to the editor."""

from __future__ import annotations

import secrets

from litestar import Response, get

from orvanta_platform.services.access.setup import LINK_PATH

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Orvanta: choose a password</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style nonce="NONCE">
body { font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 15vh auto; padding: 0 1rem }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit }
input, button { padding: .5rem; margin: .25rem 0 1rem }
</style></head><body>
<h1>Choose a password</h1>
<form><label for="password">Password of the administrator, 8 characters or more</label>
<input id="password" type="password" autocomplete="new-password" minlength="8" maxlength="1000" required>
<button>Set the password</button></form><p role="status"></p>
<script nonce="NONCE">
const status = document.querySelector("[role=status]");
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/auth/first_password", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Orvanta": "1" },
    body: JSON.stringify({ token: location.hash.slice(1), password: document.querySelector("input").value }),
  });
  status.textContent = answer.ok ? "The password is set, and you are logged in."
                                 : (await answer.json()).error.message;
  if (answer.ok) location.replace("/");
});
</script></body></html>
"""


@get(LINK_PATH)
async def first_password_page() -> Response[bytes]:
    """Show the form for the first password. The link's token is in the fragment, which no server or log receives."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Response(
        _PAGE.replace("NONCE", nonce).encode(),
        media_type="text/html",
        headers={"Content-Security-Policy": policy},
    )


ROUTES = [first_password_page]
