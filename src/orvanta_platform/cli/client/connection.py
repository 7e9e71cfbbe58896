"""Which server, workspace and token a command uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from orvanta_platform import settings as settings_module
from orvanta_platform.cli.client import profiles
from orvanta_platform.cli.client.errors import NotLoggedIn
from orvanta_platform.cli.client.profiles import LOCAL, Profile, Profiles
from orvanta_platform.embedded import local
from orvanta_platform.errors import SettingsError
from orvanta_platform.settings import Settings

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LOG_IN = "Log in with `orvanta login <address>`, or start a platform on this machine with `orvanta up`."


@dataclass(frozen=True, slots=True)
class Connection:
    """A server, a workspace on it and the token to send. `profile` names where they came from."""

    url: str
    workspace: str
    token: str = field(repr=False)
    profile: str


def choose(profile: str | None, workspace: str | None, environ: Mapping[str, str] = os.environ) -> Connection:
    """The connection of a command that was given `--profile` and `--workspace`, or not.

    A profile named on the command line stands above everything in the environment; then ORVANTA_URL with
    ORVANTA_TOKEN, ORVANTA_PROFILE, the current profile, this machine's installation. A token never goes to
    another address than the one it was given for. Raises SettingsError, NotLoggedIn.
    """
    settings = settings_module.load(environ)
    found = _named(profile, settings, environ) if profile else _from_environment(settings, environ)
    asked = workspace or (None if profile else environ.get("ORVANTA_WORKSPACE") or None)
    return replace(found, workspace=asked) if asked else found


def all_profiles(settings: Settings, known: Profiles) -> list[Profile]:
    """The profiles of the file and this machine's installation, by name."""
    found = dict(known.profiles)
    if (own := _local(settings)) is not None:
        found[LOCAL] = own
    return [found[name] for name in sorted(found)]


def current_name(settings: Settings, known: Profiles) -> str | None:
    """The profile that commands use where nothing else is said."""
    if settings.client_profile or known.current:
        return settings.client_profile or known.current
    return LOCAL if _local(settings) is not None else None


def server_url(text: str) -> str:
    """The address of a server in the one form it is kept in, without a trailing slash or /api.

    Raises SettingsError for what is none; one with a user or password in it would be shown by every message.
    """
    url = text if "://" in text else f"https://{text}"
    parts = urlsplit(url)
    try:
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError("The address of the server is not one.", hint="Write it as https://orvanta.example.org.")
    return url.rstrip("/").removesuffix("/api").rstrip("/")


def in_the_clear(url: str) -> bool:
    """Whether what is sent to this address can be read on the way."""
    parts = urlsplit(url)
    return parts.scheme == "http" and parts.hostname not in _LOOPBACK


def is_loopback(url: str) -> bool:
    """Whether the address is this machine's own."""
    return urlsplit(url).hostname in _LOOPBACK


def _from_environment(settings: Settings, environ: Mapping[str, str]) -> Connection:
    if settings.client_url is not None:
        url = server_url(settings.client_url)
        if settings.client_token is None:
            raise NotLoggedIn(
                "ORVANTA_URL is set without ORVANTA_TOKEN.",
                hint="Set both, or neither and choose a profile with --profile.",
            )
        return Connection(url, settings.workspace, settings.client_token, "ORVANTA_URL")
    if settings.client_token is not None:
        raise NotLoggedIn(
            "ORVANTA_TOKEN is set without ORVANTA_URL.", hint="Say with ORVANTA_URL which server it is for."
        )
    known = profiles.load(environ)
    name = current_name(settings, known)
    if name is None:
        raise NotLoggedIn("There is no profile to work with.", hint=_LOG_IN)
    return _named(name, settings, environ)


def _named(name: str, settings: Settings, environ: Mapping[str, str]) -> Connection:
    known = profiles.load(environ)
    found = {profile.name: profile for profile in all_profiles(settings, known)}
    if name == LOCAL and LOCAL not in found:
        raise NotLoggedIn(
            f"There is no installation in {settings.home} that this user may use.",
            hint="Start it with `orvanta up`, set ORVANTA_HOME, or log in with `orvanta login`.",
        )
    if name not in found:
        names = ", ".join(found) or "none"
        raise SettingsError(f"There is no profile {name[:100]}.", hint=f"Profiles: {names}.")
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
