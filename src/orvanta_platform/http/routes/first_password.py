"""The page behind the one-time link, which asks for the first password. All other pages belong to the editor."""

from __future__ import annotations

from typing import Final

from litestar import Response, get

from orvanta_platform.control.instance_settings import MIN_PASSWORD_LENGTH
from orvanta_platform.http.html_page import page, script_policy
from orvanta_platform.http.requests import AnyRequest, platform_of
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

_FORM: Final = """<form><label for="password">New password</label>
<small id="rule">{minimum} characters or more</small>
<input id="password" type="password" autocomplete="new-password" aria-describedby="rule"
  minlength="{minimum}" maxlength="1000" required>
<button class="primary">Set the password</button></form><p role="status"></p>
<script>{script}</script>
"""

_POLICY: Final = script_policy(_SCRIPT)


@get(LINK_PATH)
async def first_password_page(request: AnyRequest) -> Response[bytes]:
    """Show the form for the first password. The link's token is in the fragment, which no server or log receives."""
    minimum = await platform_of(request).instance.get(MIN_PASSWORD_LENGTH)
    shown = page("Choose a password", _FORM.format(minimum=minimum, script=_SCRIPT))
    return Response(shown, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


ROUTES = [first_password_page]
