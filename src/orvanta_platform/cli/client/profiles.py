"""File of profiles: servers that this user works with, each with its token.

`$XDG_CONFIG_HOME/orvanta/profiles.toml` is readable only by its owner:

    current = "prod"

    [profile.prod]
    url = "https://orvanta.example.org"
    workspace = "main"
    token = "…"
"""

from __future__ import annotations

import json
import os
import re
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from orvanta_platform.errors import SettingsError

LOCAL = "local"
"""Profile of the installation of this machine, created by `orvanta up`. It is never in the file."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Profile:
    """Server and workspace."""

    name: str
    url: str
    workspace: str
    token: str | None = field(default=None, repr=False)
    """None if the profile is logged out."""


class Profiles(msgspec.Struct, frozen=True):
    """All profiles of the file, by name."""

    file: Path
    current: str | None = None
    """Name of the profile that commands use."""
    profiles: Mapping[str, Profile] = msgspec.field(default_factory=dict)

    def with_profile(self, profile: Profile) -> Profiles:
        """Return a copy with this profile added as the current one."""
        return replace(self, current=profile.name, profiles={**self.profiles, profile.name: profile})

    def without(self, name: str) -> Profiles:
        """Return a copy without this profile."""
        rest = {each: profile for each, profile in self.profiles.items() if each != name}
        return replace(self, current=None if self.current == name else self.current, profiles=rest)

    def save(self) -> None:
        """Replace the file atomically, readable only by its owner. Raises SettingsError."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = self.file.with_name(f".{self.file.name}.{secrets.token_hex(8)}")
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as text:
                text.write(self._text())
            draft.replace(self.file)
        except OSError as error:
            raise _unusable(self.file, error) from None

    def _text(self) -> str:
        blocks = [f"current = {_quoted(self.current)}\n"] if self.current else []
        for profile in self.profiles.values():
            lines = [f"[profile.{profile.name}]", f"url = {_quoted(profile.url)}"]
            lines.append(f"workspace = {_quoted(profile.workspace)}")
            if profile.token:
                lines.append(f"token = {_quoted(profile.token)}")
            blocks.append("\n".join(lines) + "\n")
        return "\n".join(blocks)


def load(environ: Mapping[str, str] = os.environ) -> Profiles:
    """Return the profiles of this user, or none if the file does not exist.

    Removes the access of other users to the file. Raises SettingsError if it cannot be read.
    """
    file = _folder(environ) / "profiles.toml"
    try:
        text = file.read_text(encoding="utf-8")
        if file.stat().st_mode & 0o077:
            file.chmod(0o600)
        tree = tomllib.loads(text)
        found = {name: _profile(name, table) for name, table in tree.get("profile", {}).items()}
        current = tree.get("current")
    except FileNotFoundError:
        return Profiles(file)
    except OSError as error:
        raise _unusable(file, error) from None
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"The profile file {file} cannot be read: {error}.", hint="Correct it, or remove it and log in again."
        ) from None
    return Profiles(file, current if isinstance(current, str) else None, found)


def check_name(name: str) -> str:
    """Return `name` if it is valid for a profile of the file. Raises SettingsError."""
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name[:100]!r} is not a valid profile name.", hint="Use letters, digits, _ and -.")
    if name == LOCAL:
        raise SettingsError(
            "The profile local is reserved for the installation of this machine.",
            hint="Use another name with --profile.",
        )
    return name


def _profile(name: str, table: Mapping[str, str]) -> Profile:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid profile name")
    values = {key: table[key] for key in ("url", "workspace")} | {"token": table.get("token") or ""}
    if not all(isinstance(value, str) for value in values.values()):
        raise ValueError(f"the values of the profile {name} must be strings")
    return Profile(name, values["url"], values["workspace"], values["token"] or None)


def _folder(environ: Mapping[str, str]) -> Path:
    config = environ.get("XDG_CONFIG_HOME")
    return (Path(config) if config else Path.home() / ".config") / "orvanta"


def _quoted(text: str) -> str:
    """Return a TOML string. The character DEL, which JSON allows and TOML forbids, is escaped as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _unusable(file: Path, error: OSError) -> SettingsError:
    return SettingsError(f"The profile file {file} cannot be used: {error.strerror}.")
