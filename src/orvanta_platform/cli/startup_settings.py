"""Settings of a command, without the libraries of logging and of the database, which `orvanta up` does not need."""

from __future__ import annotations

import os

from orvanta_platform import settings as settings_module
from orvanta_platform.embedded.child_processes import read_secrets
from orvanta_platform.settings import Settings


def take(secrets_fd: int | None = None) -> Settings:
    """Return the settings, and remove the secrets from the environment of this process.

    `secrets_fd` is the pipe into which `orvanta up` writes the secrets. Raises SettingsError.
    """
    secrets = read_secrets(secrets_fd) if secrets_fd is not None else {}
    settings = settings_module.load({**os.environ, **secrets})
    for name in settings_module.secret_names():
        os.environ.pop(name, None)
    return settings
