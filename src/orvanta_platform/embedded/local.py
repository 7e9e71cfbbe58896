"""Files in ORVANTA_HOME by which programs on this machine find the installation that `orvanta up` starts."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from orvanta_platform.settings import Settings

_ADDRESS_FILE = "local.json"
_TOKEN_FILE = "token"


@dataclass(frozen=True, slots=True)
class Address:
    """Last address of the installation of a home, and its first workspace."""

    url: str
    workspace: str


def write(settings: Settings) -> None:
    """Store the address of the installation that starts now, replacing an earlier one."""
    address = Address(_direct(settings), settings.workspace)
    draft = settings.home / f".{_ADDRESS_FILE}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(address)) + "\n", encoding="utf-8")
    draft.replace(settings.home / _ADDRESS_FILE)


def read(settings: Settings) -> Address:
    """Return the address stored in the home of these settings, otherwise that of the settings."""
    try:
        return Address(**json.loads((settings.home / _ADDRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Address(_direct(settings), settings.workspace)


def token(home: Path) -> str | None:
    """Return the token of the first administrator, or None if it does not exist or is not readable."""
    try:
        return (home / _TOKEN_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def _direct(settings: Settings) -> str:
    """Return the server's own address; the base URL may be that of a proxy that this machine cannot reach."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
