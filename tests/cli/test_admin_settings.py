"""`orvanta admin settings` on a running installation."""

from __future__ import annotations

import subprocess

import pytest
from tests.e2e.installation import ORVANTA, Installation

pytestmark = pytest.mark.extended


def settings(installation: Installation, *arguments: str, text: str = "", code: int = 0) -> str:
    command = [str(ORVANTA), "admin", "settings", *arguments]
    done = subprocess.run(command, env=installation.environ, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_setting_is_set_shown_and_unset(installation: Installation) -> None:
    settings(installation, "set", "min_password_length", "-", text="12")
    assert settings(installation, "get", "min_password_length") == "12\n"
    assert "orvanta" in settings(installation, "list")
    assert "not valid" in settings(installation, "set", "min_password_length", "3", code=1)
    settings(installation, "unset", "min_password_length")
    assert settings(installation, "get", "min_password_length") == "8\n"
