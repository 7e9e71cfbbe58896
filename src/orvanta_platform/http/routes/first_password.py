"""The page behind the one-time link, which asks for the first password. All other pages belong to the editor."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from orvanta_platform.http.html_page import page, script_policy
from orvanta_platform.services.access.one_time_links import LINK_PATH

_SCRIPT: Final = """
const status = document.querySelector("[role=status]");
document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/auth/first_password", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Orvanta": "1" },
    body: JSON.stringify({ token: location.hash.slice(1), password: document.querySelector("input").value }),
  });
  status.textContent = answer.ok ? "The password is set." : (await answer.json()).error.message;
  if (answer.ok) location.replace("/");
});
"""

_FORM: Final = f"""<form><label for="password">New password</label>
<small id="rule">8 characters or more</small>
<input id="password" type="password" autocomplete="new-password" aria-describedby="rule"
  minlength="8" maxlength="1000" required>
<button class="primary">Set the password</button></form><p role="status"></p>
<script>{_SCRIPT}</script>
"""

_PAGE: Final = page("Choose a password", _FORM)
_POLICY: Final = script_policy(_SCRIPT)


@get(LINK_PATH)
async def first_password_page() -> Response[bytes]:
    """Show the form for the first password. The link's token is in the fragment, which no server or log receives."""
    return Response(_PAGE, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


ROUTES = [first_password_page]
