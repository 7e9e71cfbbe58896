"""Selection of the server, the workspace and the token of a command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from orvanta_platform import settings as settings_module
from orvanta_platform.cli.client import profiles
from orvanta_platform.cli.client.errors import NotLoggedIn
from orvanta_platform.cli.client.folder_workspace import workspace_of
from orvanta_platform.cli.client.profiles import LOCAL, Profile, Profiles
from orvanta_platform.embedded import local
from orvanta_platform.errors import BadRequest, SettingsError
from orvanta_platform.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LOG_IN = "Log in with `orvanta login <address>`, or start a platform on this machine with `orvanta up`."


@dataclass(frozen=True, slots=True)
class Connection:
    """Server, workspace and token of a command."""

    url: str
    workspace: str
    token: str = field(repr=False)
    profile: str
    """Name of the profile, or of the environment variable, that provided them."""
    is_default: bool = False
    """The workspace is the default one, because neither the command nor the environment names it."""


def choose(
    profile: str | None, workspace: str | None, environ: Mapping[str, str] = os.environ, folder: Path | None = None
) -> Connection:
    """Return the connection for the options `--profile` and `--workspace`.

    Unless an option or a variable selects a server or a workspace, it is the workspace that the current folder belongs
    to. `folder`: where the files of the command are, if it uses files; then another server is refused.

    A profile on the command line overrides the environment; then ORVANTA_URL with ORVANTA_TOKEN, ORVANTA_PROFILE, the
    current profile and the installation of this machine apply, in this order. A token is only sent to the address that
    it belongs to. Raises SettingsError, NotLoggedIn, BadRequest.
    """
    settings = settings_module.load(environ)
    found = _named(profile, settings, environ) if profile else _from_environment(settings, environ)
    selected_workspace = workspace or (None if profile else environ.get("ORVANTA_WORKSPACE") or None)
    if selected_workspace:
        return replace(found, workspace=selected_workspace, is_default=False)
    if profile or settings.client_url or settings.client_profile:
        return found
    return _of_folder(found, folder)


def _of_folder(found: Connection, folder: Path | None) -> Connection:
    owner = workspace_of(folder or Path())
    is_other_server = owner is not None and owner.url != found.url.rstrip("/")
    if owner is None or (is_other_server and folder is None):
        return found
    if is_other_server:
        raise BadRequest(
            f"The folder belongs to the workspace {owner.workspace} of {owner.url}; the profile {found.profile} is of "
            f"{found.url}.",
            hint="Select a profile with --profile, or a workspace of this server with --workspace.",
        )
    return replace(found, workspace=owner.workspace)


def all_profiles(settings: Settings, known: Profiles) -> list[Profile]:
    """Return the profiles of the file and the installation of this machine, sorted by name."""
    found = dict(known.profiles)
    if (own := _local(settings)) is not None:
        found[LOCAL] = own
    return [found[name] for name in sorted(found)]


def current_name(settings: Settings, known: Profiles) -> str | None:
    """Return the profile that commands use by default, or None."""
    if settings.client_profile or known.current:
        return settings.client_profile or known.current
    return LOCAL if _local(settings) is not None else None


def server_url(text: str) -> str:
    """Return the address of a server in normal form, without a trailing slash or /api.

    Raises SettingsError if the text is not such an address. A user or password in it is refused, because every message
    would show it.
    """
    url = text if "://" in text else f"https://{text}"
    parts = urlsplit(url)
    try:
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("The address of the server is invalid.", hint="Write it as https://orvanta.example.org.")
    return url.rstrip("/").removesuffix("/api").rstrip("/")


def is_unencrypted(url: str) -> bool:
    """Return whether data sent to this address is unencrypted on the network."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def is_loopback(url: str) -> bool:
    """Return whether the address is a loopback address of this machine."""
    return urlsplit(url).hostname in _LOOPBACK


def _from_environment(settings: Settings, environ: Mapping[str, str]) -> Connection:
    if settings.client_url is not None:
        url = server_url(settings.client_url)
        if settings.client_token is None:
            raise NotLoggedIn(
                "ORVANTA_URL is set without ORVANTA_TOKEN.",
                hint="Set both, or unset both and select a profile with --profile.",
            )
        return Connection(url, settings.workspace, settings.client_token, "ORVANTA_URL", is_default=True)
    if settings.client_token is not None:
        raise NotLoggedIn(
            "ORVANTA_TOKEN is set without ORVANTA_URL.", hint="Set ORVANTA_URL to the address of its server."
        )
    known = profiles.load(environ)
    name = current_name(settings, known)
    if name is None:
        raise NotLoggedIn("No profile exists.", hint=_LOG_IN)
    return _named(name, settings, environ)


def _named(name: str, settings: Settings, environ: Mapping[str, str]) -> Connection:
    known = profiles.load(environ)
    found = {profile.name: profile for profile in all_profiles(settings, known)}
    if name == LOCAL and LOCAL not in found:
        raise NotLoggedIn(
            f"{settings.home} contains no installation that this user can access.",
            hint="Start it with `orvanta up`, set ORVANTA_HOME, or log in with `orvanta login`.",
        )
    if name not in found:
        names = ", ".join(found) or "none"
        raise SettingsError(f"The profile {name[:100]} does not exist.", hint=f"Profiles: {names}.")
    profile = found[name]
    if profile.token is None:
        raise NotLoggedIn(f"The profile {name} is logged out.", hint=f"Log in with `orvanta login --profile {name}`.")
    return Connection(profile.url, profile.workspace, profile.token, name)


def _local(settings: Settings) -> Profile | None:
    token = local.token(settings.home)
    if token is None:
        return None
    address = local.read(settings)
    return Profile(LOCAL, address.url, address.workspace, token)
