"""How programs on this machine reach its own installation: what `orvanta up` leaves in ORVANTA_HOME for them."""

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
    """Where the installation of a home was started last, and its first workspace."""

    url: str
    workspace: str


def write(settings: Settings) -> None:
    """Leave the address of the installation that starts now, in place of an earlier one."""
    address = Address(_direct(settings), settings.workspace)
    draft = settings.home / f".{_ADDRESS_FILE}.{os.getpid()}"
    draft.write_text(json.dumps(asdict(address)) + "\n", encoding="utf-8")
    draft.replace(settings.home / _ADDRESS_FILE)


def read(settings: Settings) -> Address:
    """The address that was left in the home of these settings, else the one the settings name."""
    try:
        return Address(**json.loads((settings.home / _ADDRESS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Address(_direct(settings), settings.workspace)


def token(home: Path) -> str | None:
    """The first administrator's token, None where there is none or this user may not read it."""
    try:
        return (home / _TOKEN_FILE).read_text(encoding="ascii").strip() or None
    except (OSError, ValueError):
        return None


def _direct(settings: Settings) -> str:
    """The server's own address: the base URL may be that of a proxy which this machine does not reach."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
