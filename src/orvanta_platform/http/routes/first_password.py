"""The page behind the one-time link, which asks for the first password. All other pages belong to the editor."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from litestar import Response, get

from orvanta_platform.control.instance_settings import MIN_PASSWORD_LENGTH
from orvanta_platform.http.html_page import language_of, page, script_policy
from orvanta_platform.http.requests import AnyRequest, platform_of
from orvanta_platform.services.access.one_time_links import LINK_PATH

_SCRIPT: Final = """
const form = document.querySelector("form"), status = document.querySelector("[role=status]");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/api/auth/first_password", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Orvanta": "1" },
    body: JSON.stringify({ token: location.hash.slice(1), password: document.querySelector("input").value }),
  });
  const texts = form.dataset;
  status.textContent = texts["on" + answer.status] ?? (answer.ok ? "" : (await answer.json()).error.message);
  if (answer.ok) location.replace("/");
});
"""

_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "title": "Choose a password",
        "label": "New password",
        "rule": "{minimum} characters or more",
        "button": "Set the password",
        "on200": "The password is set.",
    },
    "de": {
        "title": "Passwort wählen",
        "label": "Neues Passwort",
        "rule": "Mindestens {minimum} Zeichen",
        "button": "Passwort setzen",
        "on200": "Das Passwort ist gesetzt.",
        "on400": "Dieses Passwort ist nicht zulässig. Wählen Sie ein längeres.",
        "on401": "Der Link ist abgelaufen oder wurde bereits verwendet. Bitten Sie um einen neuen.",
        "on429": "Zu viele Versuche. Versuchen Sie es später erneut.",
    },
}
"""Texts by language. `on<status>` is shown for a response with this status, otherwise the message of the response."""

_FORM: Final = """<form {shown}><label for="password">{label}</label>
<small id="rule">{rule}</small>
<input id="password" type="password" autocomplete="new-password" aria-describedby="rule"
  minlength="{minimum}" maxlength="1000" required>
<button class="primary">{button}</button></form><p role="status"></p>
<script>{script}</script>
"""

_POLICY: Final = script_policy(_SCRIPT)


@get(LINK_PATH)
async def first_password_page(request: AnyRequest) -> Response[bytes]:
    """Show the form for the first password. The link's token is in the fragment, which no server or log receives."""
    minimum = await platform_of(request).instance.get(MIN_PASSWORD_LENGTH)
    language = language_of(request.headers.get("accept-language", ""))
    texts = _TEXTS[language]
    form = _FORM.format(
        shown=" ".join(f'data-{key}="{escape(text)}"' for key, text in texts.items() if key.startswith("on")),
        label=texts["label"],
        rule=texts["rule"].format(minimum=minimum),
        minimum=minimum,
        button=texts["button"],
        script=_SCRIPT,
    )
    headers = {"Content-Security-Policy": _POLICY, "Vary": "Accept-Language"}
    return Response(page(texts["title"], form, language, narrow=True), media_type="text/html", headers=headers)


ROUTES = [first_password_page]
