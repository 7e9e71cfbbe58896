"""`orvanta admin` on the machine of a running installation: settings, and recovery when nobody can log in."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx
import pyotp
import pytest
from tests.e2e.installation import ORVANTA, Installation

pytestmark = pytest.mark.extended


def settings(installation: Installation, *arguments: str, text: str = "", code: int = 0, **environ: str) -> str:
    return admin(installation, "settings", *arguments, text=text, code=code, **environ)


def admin(installation: Installation, *arguments: str, text: str = "", code: int = 0, **environ: str) -> str:
    command = [str(ORVANTA), "admin", *arguments]
    env = {**installation.environ, **environ}
    done = subprocess.run(command, env=env, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_setting_is_set_shown_and_unset(installation: Installation) -> None:
    settings(installation, "set", "min_password_length", "-", text="12")
    assert settings(installation, "get", "min_password_length") == "12\n"
    assert "orvanta" in settings(installation, "list")
    assert "not valid" in settings(installation, "set", "min_password_length", "3", code=1)
    settings(installation, "unset", "min_password_length")
    assert settings(installation, "get", "min_password_length") == "8\n"
    branding: dict[str, Any] = {"ORVANTA_BRANDING_COLOR": "#00aa77"}
    assert "environment variable ORVANTA_BRANDING_COLOR" in settings(installation, "list", **branding)
    assert "#00aa77" in settings(installation, "get", "branding_color", **branding)
    assert "ORVANTA_BRANDING_COLOR" in settings(installation, "set", "branding_color", '"#123456"', code=1, **branding)
    assert settings(installation, "get", "branding_color") == "null\n"


def test_settings_are_exported_and_applied_as_a_file(installation: Installation) -> None:
    smtp = {"host": "mail.example.org", "sender": "orvanta@example.org", "user": "orvanta", "password": "a secret"}
    before = settings(installation, "export")
    settings(installation, "set", "smtp", "-", text=json.dumps(smtp))
    try:
        written = settings(installation, "export")
        assert "password: '***'" in written and "a secret" not in written
        assert settings(installation, "apply", "-", text=written) == "Nothing to change.\n"
        changed = "min_password_length: 12\n" + written.replace("orvanta@example.org", "noreply@example.org")
        assert settings(installation, "apply", "-", text=changed) == "Changed min_password_length.\nChanged smtp.\n"
        assert settings(installation, "export") == changed
        # A value that is not valid, an unknown name and text that is not an object change nothing.
        for refused in ("min_password_length: 3", "no_such_setting: 1", "- 1"):
            wrong = f"branding_color: '#123456'\n{refused}\n" if ":" in refused else refused
            settings(installation, "apply", "-", text=wrong, code=1)
        assert settings(installation, "get", "branding_color") == "null\n"
        assert "noreply@example.org" in settings(installation, "get", "smtp")
    finally:
        settings(installation, "apply", "-", text="smtp: null\nmin_password_length: null\n")
    assert settings(installation, "export") == before


def test_mail_servers_and_issuers_are_tried(installation: Installation) -> None:
    """A test mail shows the answer of the mail server. An issuer that cannot be used is stored with a warning."""
    assert "The instance has no mail server." in settings(installation, "test-mail", "ada@example.org", code=1)
    server = {"host": "127.0.0.1", "port": 9, "sender": "orvanta@example.org", "tls": "none"}
    provider = {"label": "Corp", "issuer": "https://127.0.0.1:9", "client_id": "orvanta"}
    try:
        settings(installation, "set", "smtp", "-", text=json.dumps({**server, "networks": ["127.0.0.0/8"]}))
        assert "nothing listens on the port" in settings(installation, "test-mail", "ada@example.org", code=1)
        set_providers = settings(installation, "set", "oidc_providers", "-", text=json.dumps({"corp": provider}))
        assert "Set oidc_providers." in set_providers and "corp: The discovery document" in set_providers
    finally:
        settings(installation, "apply", "-", text="smtp: null\noidc_providers: null\n")


def test_last_superadmin_who_is_locked_out_recovers(installation: Installation) -> None:
    """Others cannot use passwords, and the only account that can has lost its password and its second factor."""
    keeper, clerk, forgotten = "keeper@example.org", "clerk@example.org", "a forgotten password"
    admin(installation, "create-user", keeper, "--superadmin", text=forgotten)
    admin(installation, "create-user", clerk, text="the clerk's password")
    with httpx.Client(base_url=installation.base, timeout=60) as client:

        def log_in(email: str, password: str) -> tuple[int, str]:
            client.cookies.clear()
            answer = client.post("/api/auth/login", json={"email": email, "password": password})
            return answer.status_code, answer.text if answer.is_success else answer.json()["error"]["code"]

        client.headers["Authorization"] = f"Bearer {log_in(keeper, forgotten)[1]}"
        secret = client.post("/api/users/totp/enrol", json={"password": forgotten}).json()["secret"]
        code = {"code": pyotp.TOTP(secret).now()}
        client.post("/api/users/totp/confirm", json=code).raise_for_status()
        del client.headers["Authorization"]
        settings(installation, "set", "break_glass_account", f'"{keeper}"')
        settings(installation, "set", "require_totp", "true")
        try:
            assert log_in(clerk, "the clerk's password")[0] == 403
            admin(installation, "reset-password", keeper, text="a new password")
            assert log_in(keeper, "a new password") == (401, "second_factor_required")
        finally:
            settings(installation, "unset", "break_glass_account")
            settings(installation, "unset", "require_totp")
            admin(installation, "reset-totp", keeper)
        assert log_in(keeper, "a new password")[0] == 200
        assert log_in(clerk, "the clerk's password")[0] == 200
    operations = [each["operation"] for each in installation.client.get("/api/audit/list?per_page=20").json()]
    assert {"users.reset_password", "users.totp.reset", "settings.set", "settings.unset"} <= set(operations)
